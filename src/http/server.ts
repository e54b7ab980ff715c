// The HTTP server: one listener for REST, the live socket and the UI.
//
// A request passes the gate (its sender), then the router (its route, token, parameters, body), then a resource. Sockets
// pass the gate and go to the hub.
import { BrokerError, type Metrics, sleep, systemCode, toError } from '#base'
import { problemResponse } from './answer.ts'
import { AssetServer, type Assets } from './assets.ts'
import { BodyReader } from './body.ts'
import { Edge } from './edge.ts'
import { defaultHttpLimits, type HttpLimits } from './limits.ts'
import { bugProblem } from './problem.ts'
import { appRoutes } from './resources/apps.ts'
import { backupRoutes } from './resources/backups.ts'
import { dashboardRoutes } from './resources/dashboards.ts'
import { deadLetterRoutes } from './resources/dead-letters.ts'
import { deploymentRoutes } from './resources/deployments.ts'
import { documentRoute } from './resources/document.ts'
import { groupRoutes } from './resources/groups.ts'
import { nodeRoutes } from './resources/node.ts'
import { produceRoutes } from './resources/produce.ts'
import { recordRoutes } from './resources/records.ts'
import { tableRoutes } from './resources/tables.ts'
import { topicRoutes } from './resources/topics.ts'
import type { Route } from './route.ts'
import { createRouter } from './router.ts'
import { Gate, type Security } from './security.ts'
import type { Services } from './services.ts'
import { type LiveHubPort, LiveSockets, type SocketSession } from './socket.ts'
import { swaggerAssets } from './swagger-page.ts'
import { WaitingRoom } from './waiting.ts'

export type HttpServerOptions = Omit<Services, 'limits'> & {
  readonly hub: LiveHubPort
  readonly assets: Assets
  readonly security: Security
  readonly limits?: Partial<HttpLimits>
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Path below which everything is served, for a proxy that does not take it off: `/pspf`. */
  readonly basePath?: string
  /** A broken invariant came up: the node should stop. */
  onBroken(error: Error): void
}

export interface HttpServer {
  readonly url: string
  readonly port: number
  /** Live connections. */
  readonly sockets: number
  /** Sends one message to every subscriber of a channel. */
  publish(channel: string, text: string): void
  /** Stops listening, says goodbye to viewers, gives requests in flight a moment, then cuts what is left. */
  stop(): Promise<void>
}

const pollMs = 10

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const limits = { ...defaultHttpLimits, ...options.limits }
  const basePath = checkBasePath(options.basePath ?? '')
  const gate = new Gate(options.security, options.host)
  const bodies = new BodyReader(limits)
  const waiting = new WaitingRoom(limits.waitingMax)
  const sockets = new LiveSockets({ ...options, limits })
  const assets = new AssetServer(new Map([...options.assets, ...swaggerAssets]), basePath)
  const routes = allRoutes({ ...options, limits })
  const router = createRouter({
    ...options,
    routes: [...routes, documentRoute(routes, { version: options.version, basePath })],
    gate,
    bodies,
    limits,
    basePath,
    wait: (request) => {
      const { signal, done } = waiting.enter(request)
      // The idle limit would cut a quiet long poll or stream; afterwards it holds for the connection again.
      server.timeout(request, 0)
      const leave = () => {
        done()
        server.timeout(request, limits.idleSecondsMax)
      }
      return { signal, done: leave }
    },
    fallback: (request, path) => assets.answer(request, path),
  })
  const edge = new Edge({ router, gate, bodies, sockets, socketPath: `${basePath}/ws` })
  const server = listen(options, { edge, sockets, limits })
  measure(options.metrics, { bodies, waiting, sockets })

  return {
    url: `http://${urlHost(options.host)}:${server.port}${basePath}`,
    port: server.port ?? 0,
    get sockets() {
      return sockets.count
    },
    publish: (channel, message) => void server.publish(channel, message),
    stop: () => stop(options, { edge, sockets, limits, waiting, server }),
  }
}

/** Waiting for Bun's graceful stop would never end while a viewer is connected, so the end is ours to find. */
async function stop({ hub, clock }: HttpServerOptions, running: Running): Promise<void> {
  const { edge, sockets, limits, waiting, server } = running
  edge.stop()
  waiting.end()
  hub.drain()
  sockets.closeAll()
  const giveUpAt = clock.monotonic() + limits.stopMsMax
  while (server.pendingRequests + sockets.count > 0 && clock.monotonic() < giveUpAt) {
    await sleep(clock, pollMs)
  }
  await server.stop(true)
}

/** Every route but the document, which describes them. */
export function allRoutes(services: Services): Route[] {
  return [
    ...topicRoutes(services),
    ...produceRoutes(services),
    ...recordRoutes(services),
    ...groupRoutes(services),
    ...appRoutes(services),
    ...tableRoutes(services),
    ...deploymentRoutes(services),
    ...deadLetterRoutes(services),
    ...dashboardRoutes(services),
    ...backupRoutes(services),
    ...nodeRoutes(services),
  ]
}

type Running = Inside & { readonly waiting: WaitingRoom; readonly server: Bun.Server<SocketSession> }
type Inside = { readonly edge: Edge; readonly sockets: LiveSockets; readonly limits: HttpLimits }

function listen(options: HttpServerOptions, { edge, sockets, limits }: Inside): Bun.Server<SocketSession> {
  const { host, port, logger } = options
  try {
    return Bun.serve<SocketSession>({
      hostname: host,
      port,
      idleTimeout: limits.idleSecondsMax,
      // Bun's own limit answers without a word; ours is checked before a byte is read.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      // Outside development Bun would let two servers share a port, and requests would go to either.
      reusePort: false,
      fetch: (request, server) => edge.answer(request, server),
      websocket: sockets.handlers(),
      error: (thrown) => {
        logger.error({ err: thrown }, 'a request met a bug outside its route')
        return problemResponse(bugProblem())
      },
    })
  } catch (thrown) {
    throw listenError(thrown, host, port)
  }
}

function listenError(thrown: unknown, host: string, port: number): unknown {
  const cause = toError(thrown)
  switch (systemCode(thrown)) {
    case 'EADDRINUSE':
      return new BrokerError('conflict', `port ${port} on ${host} is taken by another process`, {
        fix: `stop that process, or choose another port: pspf serve --http ${host}:${port + 1}`,
        details: { host, port },
        cause,
      })
    case 'EACCES':
      return new BrokerError('forbidden', `this user may not listen on port ${port}`, {
        fix: `choose a port above 1023: pspf serve --http ${host}:7070`,
        details: { host, port },
        cause,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new BrokerError('invalid_request', `${host} is no address of this machine`, {
        fix: 'listen on 127.0.0.1, on 0.0.0.0 for every address, or on one of its own',
        details: { host, port },
        cause,
      })
    default:
      return thrown
  }
}

function checkBasePath(basePath: string): string {
  const path = basePath.replace(/\/$/, '')
  if (path === '' || /^(?:\/[A-Za-z0-9._~-]+)+$/.test(path)) return path
  throw new BrokerError('invalid_request', `"${basePath}" is not a base path`, { fix: 'write it like /pspf' })
}

/** `'::1' -> '[::1]'`; an address that stands for all is reached under the loopback one. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

type Measured = { readonly bodies: BodyReader; readonly waiting: WaitingRoom; readonly sockets: LiveSockets }

function measure(metrics: Metrics, { bodies, waiting, sockets }: Measured): void {
  const connections = metrics.gauge('pspf_ws_connections', 'Live connections that are open')
  const inFlight = metrics.gauge('pspf_http_bodies_in_flight_bytes', 'Request bodies being worked on')
  const waiters = metrics.gauge('pspf_http_waiting_requests', 'Long polls and record streams that are open')
  metrics.collect(() => {
    connections.set(sockets.count)
    inFlight.set(bodies.inFlightBytes)
    waiters.set(waiting.count)
  })
}
