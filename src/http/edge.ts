// Where requests come in: checks that hold for all of them, then the socket or the router.
import { BrokerError } from '#base'
import { problemResponse } from './answer.ts'
import type { BodyReader } from './body.ts'
import { problemOf } from './problem.ts'
import { parseQuery } from './query.ts'
import type { Router } from './router.ts'
import type { Gate } from './security.ts'
import { type LiveSockets, SocketSession } from './socket.ts'

export type EdgeOptions = {
  readonly router: Router
  readonly gate: Gate
  readonly bodies: BodyReader
  readonly sockets: LiveSockets
  /** Path of the live socket, base path included. */
  readonly socketPath: string
}

/** What of Bun's server a handshake needs. */
type Upgrader = Pick<Bun.Server<SocketSession>, 'upgrade'>

export class Edge {
  readonly #options: EdgeOptions
  #stopping = false

  constructor(options: EdgeOptions) {
    this.#options = options
  }

  /** From now on requests on connections that are still open are refused. */
  stop(): void {
    this.#stopping = true
  }

  /** `undefined` when the connection became a socket. */
  answer(request: Request, upgrader: Upgrader): Response | Promise<Response> | undefined {
    try {
      if (this.#stopping) throw new BrokerError('closed', 'the server is stopping', { retriable: true })
      const { method } = request
      const changes = method !== 'GET' && method !== 'HEAD'
      this.#options.gate.checkSender(request, changes)
      this.#options.bodies.checkClaim(request)
      if (method === 'GET' && isPath(request.url, this.#options.socketPath))
        return this.#upgrade(request, upgrader)
    } catch (thrown) {
      if (thrown instanceof BrokerError) return problemResponse(problemOf(thrown))
      throw thrown
    }
    return this.#options.router(request)
  }

  #upgrade(request: Request, upgrader: Upgrader): undefined {
    const { gate, sockets } = this.#options
    gate.checkSender(request, true)
    sockets.checkPlace(request)
    const protocol = gate.checkSocketToken(request, 'read')
    parseQuery(undefined, request.url)
    const upgraded = upgrader.upgrade(request, {
      data: new SocketSession(),
      ...(protocol === null ? {} : { headers: { 'sec-websocket-protocol': protocol } }),
    })
    if (upgraded) return undefined
    throw new BrokerError('invalid_request', 'the WebSocket handshake is malformed', {
      fix: 'open /ws with a WebSocket client',
    })
  }
}

/** `isPath('http://h:1/ws?a', '/ws') -> true`, without parsing the rest. */
function isPath(url: string, path: string): boolean {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (!url.startsWith(path, start)) return false
  const end = start + path.length
  return end === url.length || url[end] === '?'
}
