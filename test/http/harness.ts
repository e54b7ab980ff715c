// A server on a real socket over fakes, and a raw client for requests that no HTTP client would send.
import { AssertionError, BrokerError, createLogger, Metrics, realClock } from '#base'
import type { DashboardSpec, LiveSocket } from '#dashboards'
import {
  type AppControl,
  type Asset,
  type BackupControl,
  type BackupStatus,
  createHttpServer,
  type DeployControl,
  defaultHttpLimits,
  type Health,
  type HttpServer,
  type HttpServerOptions,
  type LiveHubPort,
  type Overview,
  type Problem,
} from '#http'
import {
  type AppChange,
  type AppState,
  type AppStatus,
  DeadLetters,
  type Deployment,
  NodeTables,
} from '#streams'
import type { Services } from '../../src/http/services.ts'
import { type FakeBroker, fakeBroker } from './fake-broker.ts'

export type Harness = {
  readonly server: HttpServer
  readonly services: Services
  readonly broker: FakeBroker
  readonly hub: FakeHub
  readonly facts: { health: Health; isReady: boolean }
  readonly metrics: Metrics
  /** Broken invariants that were reported. */
  readonly broken: Error[]
  readonly log: string[]
  ask(path: string, init?: RequestInit): Promise<Response>
  [Symbol.asyncDispose](): Promise<void>
}

export const dashboard: DashboardSpec = {
  id: 'sales',
  title: 'Sales',
  app: 'shop',
  widgets: [{ id: 'shop.total', kind: 'stat', title: 'Total', topic: 'totals', y: 'sum' }],
}

export const html = '<!doctype html><html><head><base href="/"></head><body>UI</body></html>'

export const assets = new Map<string, Asset>([
  ['/index.html', bytesAsset(html, 'text/html; charset=utf-8', false)],
  ['/client.js', bytesAsset('export const client = 1', 'text/javascript; charset=utf-8', false)],
  [
    '/assets/main-0123abcd.js',
    {
      ...bytesAsset('const a = 1', 'text/javascript; charset=utf-8', true),
      gzip: Bun.gzipSync('const a = 1'),
    },
  ],
])

function bytesAsset(text: string, contentType: string, hashed: boolean): Asset {
  return { file: new TextEncoder().encode(text), contentType, hashed }
}

export async function startHarness(options: Partial<HttpServerOptions> = {}): Promise<Harness> {
  const broker = fakeBroker()
  const hub = new FakeHub()
  const facts = { health: health(), isReady: true }
  const broken: Error[] = []
  const log: string[] = []
  const metrics = new Metrics()
  const services: Omit<HttpServerOptions, 'hub' | 'assets' | 'security' | 'host' | 'port' | 'onBroken'> = {
    broker,
    apps: fakeApps(),
    backups: fakeBackups(),
    tables: new NodeTables(fakeTables),
    deployer: fakeDeployer(),
    deadLetters: new DeadLetters({ broker, clock: realClock() }),
    dashboards: {
      list: () => [dashboard],
      get: (id) => (id === dashboard.id ? dashboard : undefined),
    },
    widgets: {
      widgetHistory: () => ({
        epoch: 'e1',
        seq: 7,
        data: { kind: 'stat', value: 42, previous: 41, at: 1, spark: [41, 42] },
      }),
    },
    facts: {
      health: ({ withNames }) => (withNames ? facts.health : { ...facts.health, checks: [] }),
      live: () => ({ status: 'ok', detail: 'the event loop turns' }),
      ready: () =>
        facts.isReady ? { status: 'ok', detail: 'ready' } : { status: 'failed', detail: 'draining' },
      started: () => ({ status: 'ok', detail: 'recovered in 3 ms' }),
      overview,
      rates: () => ({ recordsPerSecond: 2.5, bytesPerSecond: 250 }),
      config: () => ({ 'data-dir': './pspf-data', token: '(hidden)' }),
    },
    metrics,
    logger: createLogger({ level: 'debug', format: 'json', write: (line) => log.push(line) }),
    clock: realClock(),
    version: '0.0.0-test',
  }
  const server = await createHttpServer({
    ...services,
    hub,
    assets,
    security: { tokens: [] },
    host: '127.0.0.1',
    port: 0,
    onBroken: (error) => broken.push(error),
    ...options,
  })
  return {
    server,
    services: { ...services, limits: { ...defaultHttpLimits, ...options.limits } },
    broker,
    hub,
    facts,
    metrics,
    broken,
    log,
    ask: (path, init) => fetch(`http://127.0.0.1:${server.port}${path}`, { redirect: 'manual', ...init }),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** Records what sockets do; answers `sub` with a subscription, `boom` with a bug. */
export class FakeHub implements LiveHubPort {
  readonly sockets = new Set<LiveSocket>()
  readonly texts: string[] = []
  drains = 0
  isStopped = false
  /** While set, messages wait for it. */
  gate: Promise<void> | null = null

  open(socket: LiveSocket): boolean {
    this.sockets.add(socket)
    return true
  }

  drained(): void {
    this.drains++
  }

  async message(socket: LiveSocket, text: string): Promise<void> {
    if (this.gate) await this.gate
    this.texts.push(text)
    if (text === 'boom') throw new AssertionError('broken invariant: boom')
    if (text.startsWith('sub ')) {
      socket.subscribe(text.slice(4))
      socket.send(`subscribed ${text.slice(4)}`)
    }
  }

  closed(socket: LiveSocket): void {
    this.sockets.delete(socket)
  }

  drain(): void {
    this.isStopped = true
    for (const socket of this.sockets) {
      socket.send('bye')
      socket.close(1001, 'stopping')
    }
  }
}

/** Begun ones stay as they begin; one at a time. */
function fakeBackups(): BackupControl {
  const backups: BackupStatus[] = []
  return {
    start: async ({ path, kind = 'directory' }) => {
      if (!path.startsWith('/')) throw new BrokerError('invalid_request', `"${path}" is not an absolute path`)
      if (backups.some(({ state }) => state === 'running'))
        throw new BrokerError('conflict', 'another backup is being made')
      backups.push({ ...backup, id: `b${backups.length}`, path, kind })
      return backups.at(-1)!
    },
    list: () => backups.toReversed(),
    get: (id) => backups.find((one) => one.id === id),
    cancel: async (id) => {
      backups.find((one) => one.id === id)!.state = 'cancelled'
    },
  }
}

const backup: BackupStatus = {
  id: 'b0',
  path: '/backups/1',
  kind: 'directory',
  state: 'running',
  startedAt: 1,
  finishedAt: null,
  files: 2,
  filesDone: 1,
  bytes: 10,
  bytesDone: 5,
  frame: null,
  appendTime: null,
  damage: [],
  error: null,
}

function fakeApps(): AppControl {
  const states = new Map<string, AppState>([['shop', 'running']])
  const status = (id: string): AppStatus | undefined => {
    const state = states.get(id)
    return state === undefined ? undefined : { ...app, id, state }
  }
  const move = (id: string, from: AppState, to: AppState) => {
    if (states.get(id) !== from) throw new BrokerError('conflict', `app "${id}" is ${states.get(id)}`)
    states.set(id, to)
  }
  return {
    list: () => [...states.keys()].map((id) => status(id)!),
    get: status,
    pause: async (id) => move(id, 'running', 'paused'),
    resume: async (id) => move(id, 'paused', 'running'),
  }
}

/** No app keeps anything. */
const fakeTables = { list: () => [], ask: () => Promise.reject(new Error('nobody is asked')) }
function fakeDeployer(): DeployControl {
  const change: AppChange = {
    app: 'shop',
    nodes: [
      {
        name: 'totals',
        kind: 'aggregate',
        label: 'n = count',
        what: 'added',
        why: '',
        from: [{ topic: 'orders', partition: 0, offset: 0, records: 3 }],
      },
    ],
    outputs: [{ topic: 'totals', what: 'added' }],
  }
  const deployment: Deployment = {
    app: 'shop',
    version: 1,
    file: 'shop.ts',
    deployedAt: 1,
    sizeBytes: 100,
    sha256: 'abc',
    change,
    rebuild: { names: [], after: 0 },
  }
  return {
    deploy: async ({ dryRun }) => ({ app: 'shop', version: 2, dryRun, unchanged: false, change }),
    rollback: async (id, { dryRun }) => {
      if (id !== 'shop') throw new BrokerError('not_found', `app "${id}" was never deployed`)
      return { app: id, version: 2, dryRun, unchanged: false, change }
    },
    reset: async () => change,
    versions: async (id) => (id === 'shop' ? [deployment] : []),
    remove: async (id) => {
      if (id !== 'shop') throw new BrokerError('not_found', `there is no app "${id}"`)
    },
  }
}

const app: AppStatus = {
  id: 'shop',
  state: 'running',
  file: 'shop.ts',
  version: null,
  graph: {
    app: 'shop',
    nodes: [{ id: 'orders', kind: 'source', label: 'orders', topic: 'orders', stateful: false }],
    edges: [],
    topics: [{ name: 'orders', role: 'source' }],
  },
  nodes: [{ id: 'orders', recordsIn: 3, recordsOut: 3, errors: 0, late: 0, dropped: 0 }],
  tasks: [],
  recordsPerSecond: 1.5,
  lag: 0,
  memoryBytes: 1000,
  restarts: 0,
  error: null,
  startedAt: null,
}

function health(): Health {
  return {
    status: 'ok',
    version: '0.0.0-test',
    uptimeSeconds: 1.5,
    checks: [{ name: 'disk', status: 'pass', detail: '80 % free' }],
    connections: { websocket: 0 },
    topics: { count: 0, records: 0, sizeBytes: 0 },
    apps: { count: 1, running: 1, failed: 0 },
    throughput: { recordsInPerSecond: 0, bytesInPerSecond: 0, recordsOutPerSecond: 0 },
  }
}

function overview(): Overview {
  return {
    verdict: { status: 'ok', text: 'All is well.' },
    version: '0.0.0-test',
    uptimeSeconds: 1.5,
    durability: 'fsync',
    disk: { freeBytes: 10, totalBytes: 20, logBytes: 5, fullInSeconds: null },
    points: [],
    hotTopics: [],
    events: [{ at: 1, level: 'info', text: 'started' }],
  }
}

/** JSON of an answer that must be a problem: the whole form is checked each time. */
export async function problemOf(response: Response): Promise<Problem> {
  const problem = (await response.json()) as Problem
  const type = response.headers.get('content-type')
  if (type !== 'application/problem+json' || problem.status !== response.status) {
    throw new Error(`no problem: ${response.status} ${type} ${JSON.stringify(problem)}`)
  }
  return problem
}

export const postJson = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

export const postLines = (body: string | Uint8Array<ArrayBuffer>): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-ndjson' },
  body,
})

/** Sends bytes as they are and answers everything that came back until the server closed, or `until` was seen. */
export async function sendRaw(
  port: number,
  parts: readonly (string | Uint8Array)[],
  until: (received: string) => boolean = () => false,
): Promise<string> {
  let received = ''
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data: (_, data) => {
        received += data.toString('latin1')
        if (until(received)) resolve()
      },
      close: () => resolve(),
      error: () => resolve(),
    },
  })
  for (const part of parts) socket.write(part)
  socket.flush()
  await promise
  socket.end()
  return received
}
