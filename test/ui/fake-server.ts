// A stand-in for the node: the REST routes and the live socket that the UI uses, with moving data, below any base path.
import type {
  ChannelData,
  ClientMessage,
  Health,
  Problem,
  RecordsPage,
  ServerMessage,
  TopicDetail,
} from '../../src/http/contract.ts'
import type { BuiltFile } from '../../ui/build.ts'
import { appsAt, dashboards, overviewAt, pausedApps, recordAt, topicsAt, version } from './fake-data.ts'
import { deadLetterTopics, lettersPage, replayLetters } from './fake-letters.ts'
import { fakeRows, fakeTables } from './fake-tables.ts'
import { fakeWidgets } from './fake-widgets.ts'

export type FakeOptions = {
  readonly files: readonly BuiltFile[]
  readonly port?: number
  /** `/sub/path`: where a proxy in front would put the server. */
  readonly basePath?: string
  /** How often everything moves. */
  readonly tickMs?: number
  /** A node on which nothing was ever done. */
  readonly empty?: boolean
}

export type FakeServer = {
  readonly url: string
  /** Breaks every connection; they may come back. */
  dropSockets(): void
  /** Answers nothing and says nothing any more, without closing. */
  freeze(frozen: boolean): void
  stop(): Promise<void>
}

/** What the real server sends with pages: nothing inline, nothing from elsewhere. */
const policy =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'self'"

type Session = { readonly channels: Map<string, number> }
type Socket = Bun.ServerWebSocket<Session>

const everySecondMs = 1_000
const heartbeatMs = 5_000

export function startFakeServer(options: FakeOptions): FakeServer {
  const { basePath = '', empty = false } = options
  const startedAt = Date.now()
  const widgets = fakeWidgets(startedAt)
  const sockets = new Set<Socket>()
  const files = new Map(options.files.map((file) => [`/${file.path}`, file]))
  const produced = new Map<string, number>()
  let frozen = false
  let tailOffset = 2_000

  function snapshot(channel: string, at: number): ChannelData | null {
    if (channel === 'overview') return { kind: 'overview', overview: overview(at, 600) }
    if (channel === 'topics') return { kind: 'topics', topics: empty ? [] : topicsAt(at) }
    if (channel === 'apps') return { kind: 'apps', apps: empty ? [] : appsAt(at, startedAt) }
    if (channel === 'dashboards') return { kind: 'dashboards', dashboards: empty ? [] : [...dashboards] }
    if (channel.startsWith('widget/')) return widgets.get(channel.slice(7))?.snapshot(at) ?? null
    if (!channel.startsWith('tail/')) return null
    return { kind: 'tail', records: tail(channel.slice(5), 20), skipped: 0 }
  }

  function delta(channel: string, at: number): ChannelData | null {
    if (channel === 'overview') return { kind: 'overview', overview: overview(at, 1) }
    if (channel === 'dashboards') return null
    if (channel.startsWith('widget/')) return widgets.get(channel.slice(7))?.delta(at) ?? null
    if (channel.startsWith('tail/')) return { kind: 'tail', records: tail(channel.slice(5), 4), skipped: 11 }
    return snapshot(channel, at)
  }

  function overview(at: number, seconds: number) {
    const full = overviewAt(at, seconds, startedAt)
    if (!empty) return full
    return {
      ...full,
      verdict: { status: 'ok' as const, text: 'Everything is ready. Nothing has been sent yet.' },
      hotTopics: [],
      events: full.events.slice(-1),
    }
  }

  function tail(topic: string, count: number) {
    tailOffset += count
    return Array.from({ length: count }, (_, index) => ({
      ...recordAt(topic, 0, tailOffset + index),
      timestamp: Date.now() - (count - index) * 40,
    }))
  }

  function say(socket: Socket, message: ServerMessage): void {
    if (!frozen) socket.send(JSON.stringify(message))
  }

  function hear(socket: Socket, text: string): void {
    const message = JSON.parse(text) as ClientMessage
    if (message.op === 'unsub') {
      socket.data.channels.delete(message.ch)
      return
    }
    const data = snapshot(message.ch, Date.now())
    if (!data) {
      say(socket, {
        op: 'error',
        ch: message.ch,
        code: 'not_found',
        message: `there is no channel "${message.ch}"`,
      })
      return
    }
    socket.data.channels.set(message.ch, 1)
    say(socket, { op: 'snap', ch: message.ch, epoch: 'fake', seq: 1, data })
  }

  function tick(): void {
    const at = Date.now()
    for (const socket of sockets) {
      for (const [channel, seq] of socket.data.channels) {
        const data = delta(channel, at)
        if (!data) continue
        socket.data.channels.set(channel, seq + 1)
        say(socket, { op: 'delta', ch: channel, seq: seq + 1, data })
      }
    }
  }

  function page(path: string): Response | null {
    const file = files.get(path)
    const html = files.get('/index.html')
    if (!file && (/^\/(api|assets)\//.test(path) || !html)) return null
    const served = file ?? html!
    const headers = {
      'content-type': served.contentType,
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'cache-control': served.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    }
    if (served.path !== 'index.html') return new Response(Bun.file(served.file), { headers })
    const rebased = Bun.file(served.file)
      .text()
      .then((text) => text.replace('<base href="/"', `<base href="${basePath}/"`))
    return new Response(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode(await rebased))
          controller.close()
        },
      }),
      { headers },
    )
  }

  function topicDetail(name: string): TopicDetail | null {
    const topic = topicsAt(Date.now()).find((one) => one.name === name)
    if (!topic || empty) return null
    const each = Math.floor(Math.min(topic.records, 40_000) / topic.partitions)
    return {
      ...topic,
      partitionList: Array.from({ length: topic.partitions }, (_, partition) => ({
        partition,
        startOffset: 0,
        endOffset: each === 0 ? 0 : each + partition * 211 + (produced.get(name) ?? 0),
        sizeBytes: Math.round((topic.sizeBytes / topic.partitions) * (1 - partition * 0.06)),
        lastAppendTime: topic.lastAppendTime,
      })),
      readers:
        name === 'orders'
          ? [
              { group: 'quickstart', lag: 12 },
              { group: 'billing-export', lag: 40_211 },
            ]
          : [],
    }
  }

  function records(name: string, query: URLSearchParams): Response {
    const detail = topicDetail(name)
    if (!detail) return notFound(`topic "${name}" does not exist`)
    const partition = Number(query.get('partition') ?? 0)
    const range = detail.partitionList[partition]!
    const from = query.get('from') ?? 'earliest'
    const start = /^\d+$/.test(from)
      ? Number(from)
      : from === 'earliest'
        ? range.startOffset
        : range.endOffset - 40
    const end = Math.min(range.endOffset, start + Number(query.get('limit') ?? 100))
    const page: RecordsPage = {
      records: Array.from({ length: Math.max(0, end - start) }, (_, index) =>
        recordAt(name, partition, start + index),
      ),
      next: Math.max(start, end),
      startOffset: range.startOffset,
      endOffset: range.endOffset,
    }
    return Response.json(page)
  }

  async function api(request: Request, path: string, query: URLSearchParams): Promise<Response> {
    const [, kind, rawName, verb] = path.replace('/api/v1', '').split('/')
    const name = decodeURIComponent(rawName ?? '')
    if (kind === 'topics' && rawName === undefined) {
      if (request.method === 'GET') return Response.json(topicsAt(Date.now()))
      const asked = (await request.json()) as { name: string }
      if (asked.name === 'refused') return problem(409, 'already_exists', 'topic "refused" exists already')
      return Response.json(topicDetail('orders'), { status: 201 })
    }
    if (kind === 'topics' && verb === 'records') {
      if (request.method === 'GET') return records(name, query)
      produced.set(name, (produced.get(name) ?? 0) + 1)
      return Response.json({ count: 1, offsets: [{ partition: 0, offset: 12_345 }] })
    }
    if (kind === 'topics') {
      const detail = topicDetail(name)
      if (!detail) return notFound(`topic "${name}" does not exist`)
      return request.method === 'DELETE' ? new Response(null, { status: 204 }) : Response.json(detail)
    }
    if (kind === 'tables') return Response.json(rawName ? fakeRows(name, query) : fakeTables(empty))
    if (kind === 'dlq') {
      if (rawName === undefined) return Response.json(deadLetterTopics(empty))
      if (verb === 'purge') return Response.json({ topic: name, purged: 42, dryRun: false })
      return Response.json(verb === 'replay' ? replayLetters(await request.json()) : lettersPage(query))
    }
    if (kind === 'apps' && verb) {
      if (verb === 'pause') pausedApps.add(name)
      else pausedApps.delete(name)
      return Response.json(appsAt(Date.now(), startedAt).find((app) => app.id === name))
    }
    return notFound(`nothing is at ${path}`)
  }

  const server = Bun.serve<Session>({
    port: options.port ?? 0,
    hostname: '127.0.0.1',
    async fetch(request, self) {
      const url = new URL(request.url)
      if (!url.pathname.startsWith(`${basePath}/`)) return notFound('outside the base path')
      const path = url.pathname.slice(basePath.length)
      if (path === '/ws') {
        const headers = { 'sec-websocket-protocol': 'pspf' }
        const upgraded = self.upgrade(request, { data: { channels: new Map() }, headers })
        return upgraded ? undefined : notFound('not a socket')
      }
      if (path === '/health') return Response.json(healthNow())
      if (path.startsWith('/api/')) return api(request, path, url.searchParams)
      return page(path) ?? notFound(`nothing is at ${path}`)
    },
    websocket: {
      open: (socket) => {
        sockets.add(socket)
      },
      message: (socket, text) => hear(socket, String(text)),
      close: (socket) => {
        sockets.delete(socket)
      },
    },
  })

  const ticking = setInterval(tick, options.tickMs ?? everySecondMs)
  const beating = setInterval(() => {
    for (const socket of sockets) say(socket, { op: 'hb', now: Date.now() })
  }, heartbeatMs)

  return {
    url: `http://127.0.0.1:${server.port}${basePath}/`,
    dropSockets: () => {
      for (const socket of sockets) socket.terminate()
    },
    freeze: (next) => {
      frozen = next
    },
    async stop() {
      clearInterval(ticking)
      clearInterval(beating)
      for (const socket of sockets) socket.terminate()
      await server.stop(true)
    },
  }
}

function problem(status: number, code: string, detail: string): Response {
  const body: Problem = {
    type: 'about:blank',
    title: code,
    status,
    detail,
    code,
    fix: 'look at the docs',
    retriable: false,
  }
  return Response.json(body, { status, headers: { 'content-type': 'application/problem+json' } })
}

function notFound(detail: string): Response {
  return problem(404, 'not_found', detail)
}

function healthNow(): Health {
  return {
    status: 'degraded',
    version,
    uptimeSeconds: 190_233,
    checks: [
      { name: 'log', status: 'pass', detail: 'durable up to frame 88,120' },
      { name: 'disk', status: 'pass', detail: '412 GB free' },
      { name: 'apps', status: 'warn', detail: 'alarms has failed' },
    ],
    connections: { websocket: 3 },
    topics: { count: 10, records: 15_376_113, sizeBytes: 1.8e9 },
    apps: { count: 3, running: 2, failed: 1 },
    throughput: { recordsInPerSecond: 2_420, bytesInPerSecond: 285_560, recordsOutPerSecond: 3_900 },
  }
}

if (import.meta.main) {
  const { buildUi } = await import('../../ui/build.ts')
  const files = await buildUi(process.argv[3] ?? '/tmp/pspf-ui')
  const server = startFakeServer({ files, port: Number(process.argv[2] ?? 7099) })
  console.log(server.url)
}
