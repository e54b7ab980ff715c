// The hub on Bun's own WebSocket: what the fakes of the other tests take for granted about it.
import { afterEach, describe, expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { Metrics, realClock, seededRandom, silentLogger } from '#base'
import { openBroker } from '#broker'
import { DashboardRegistry, LiveHub, type LiveLimits, type LiveSocket, type ServerMessage } from '#dashboards'
import { MemoryLog } from '../broker/memory-log.ts'
import { spec } from './records.ts'

type Session = { live: LiveSocket | null }
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function serve(limits: Partial<LiveLimits> = {}) {
  const clock = realClock()
  const metrics = new Metrics()
  const log = new MemoryLog(() => clock.now())
  const broker = await openBroker({ log, clock, random: seededRandom(1), logger: silentLogger, metrics })
  await broker.createTopic({ name: 'events' })
  const dashboards = new DashboardRegistry()
  const widget = spec('line', { id: 'app.line', topic: 'events', y: 'n', pointsMax: 20_000 })
  dashboards.set('app', [{ id: 'board', title: 'Board', app: 'app', widgets: [widget] }])
  const hub = new LiveHub({
    ...{ broker, clock, dashboards, metrics, limits, logger: silentLogger },
    apps: { list: () => [], onChange: () => () => undefined },
    node: {
      ...{ version: '0', durability: '', recovery: null, memoryBytes: () => 0 },
      disk: () => ({ freeBytes: 1, totalBytes: 1 }),
      logState: () => 'open',
    },
    publish: (channel, text) => void server.publish(channel, text),
  })
  const server = Bun.serve<Session>({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, self) =>
      self.upgrade(request, { data: { live: null } }) ? undefined : new Response('no'),
    websocket: {
      data: { live: null } as Session,
      backpressureLimit: 8 * 2 ** 20,
      open(socket) {
        socket.data.live = {
          send: (text) => socket.send(text) !== 0,
          subscribe: (channel) => socket.subscribe(channel),
          unsubscribe: (channel) => socket.unsubscribe(channel),
          get bufferedBytes() {
            return socket.getBufferedAmount()
          },
          close: (code, reason) => socket.close(code, reason),
        }
        hub.open(socket.data.live)
      },
      message: (socket, text) => hub.message(socket.data.live!, String(text)),
      drain: (socket) => hub.drained(socket.data.live!),
      close: (socket) => hub.closed(socket.data.live!),
    },
  })
  cleanups.push(async () => {
    hub.drain()
    await server.stop(true)
    await broker.close()
  })
  const produce = (from: number, count: number) =>
    broker.produce(
      'events',
      Array.from({ length: count }, (_, n) => ({
        key: null,
        value: new TextEncoder().encode(`{"n":${from + n}}`),
        timestamp: from + n,
      })),
    )
  return { hub, server, produce, metrics }
}

/** A page: resolves `until` when what it received satisfies the condition. */
function page(port: number) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  cleanups.push(() => socket.close())
  const messages: ServerMessage[] = []
  let check = () => undefined as unknown
  socket.onmessage = ({ data }) => {
    messages.push(JSON.parse(String(data)) as ServerMessage)
    check()
  }
  const closed = new Promise<number>((resolve) => {
    socket.onclose = ({ code }) => resolve(code)
  })
  const opened = new Promise<void>((resolve) => {
    socket.onopen = () => resolve()
  })
  const xs = () =>
    messages.flatMap((message) =>
      (message.op === 'snap' || message.op === 'delta') && message.data.kind === 'series'
        ? (message.data.series[0]?.x ?? [])
        : [],
    )
  return {
    messages,
    closed,
    opened,
    xs,
    watch: (ch: string) => socket.send(JSON.stringify({ op: 'sub', ch })),
    until: (condition: () => boolean) =>
      new Promise<void>((resolve) => {
        check = () => condition() && resolve()
        check()
      }),
  }
}

/** A viewer that asks and never reads: a WebSocket handshake by hand on a socket that is then paused. */
async function stuckViewer(port: number): Promise<{ socket: Socket; closed: Promise<void> }> {
  const socket = connect({ port, host: '127.0.0.1' })
  cleanups.push(() => socket.destroy())
  socket.on('error', () => socket.destroy())
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  socket.write(
    'GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n' +
      'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await new Promise<void>((resolve) => socket.once('data', () => resolve()))
  socket.pause()
  const body = Buffer.from('{"op":"sub","ch":"widget/app.line"}')
  // A client's frames are masked; a mask of zeros leaves the bytes as they are.
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body]))
  return { socket, closed }
}

describe("on Bun's sockets", () => {
  test('a snapshot is followed by exactly the deltas above it, for pages that come at any moment', async () => {
    const { server, produce } = await serve({ flushMs: 5, readPauseMs: 1 })
    const pages: ReturnType<typeof page>[] = []
    let next = 0
    for (let round = 0; round < 30; round++) {
      await produce(next, 20)
      next += 20
      if (round % 5 !== 0) continue
      const fresh = page(server.port!)
      await fresh.opened
      fresh.watch('widget/app.line')
      pages.push(fresh)
    }
    for (const each of pages) {
      await each.until(() => each.xs().at(-1) === next - 1)
      expect(each.xs()).toEqual(Array.from({ length: next }, (_, n) => n))
    }
  }, 20_000)

  test('a viewer that never reads is closed; the others get everything and memory stays bounded', async () => {
    const limits = { flushMs: 5, readPauseMs: 1, sweepMs: 5, backlogSoftBytes: 64 * 1024, stalledMsMax: 300 }
    const { hub, server, produce, metrics } = await serve(limits)
    const good = page(server.port!)
    await good.opened
    good.watch('widget/app.line')
    await good.until(() => good.messages.some(({ op }) => op === 'snap'))
    const stuck = await stuckViewer(server.port!)
    let next = 0
    while (hub.viewers > 1 && next < 3_000_000) {
      await produce(next, 2_000)
      next += 2_000
      await good.until(() => good.xs().at(-1) === next - 1)
      good.messages.splice(0, good.messages.length - 1)
    }
    expect(hub.viewers).toBe(1)
    expect(metrics.text()).toMatch(/pspf_live_closed_total\{reason="slow"\} 1/)
    stuck.socket.resume()
    await stuck.closed
    await produce(next, 1)
    await good.until(() => good.xs().at(-1) === next)
  }, 30_000)

  test('a stopping hub is heard: bye, then 1001', async () => {
    const { hub, server } = await serve()
    const one = page(server.port!)
    await one.until(() => one.messages.length > 0)
    hub.drain()
    expect(await one.closed).toBe(1001)
    expect(one.messages.at(-1)).toMatchObject({ op: 'bye' })
  })
})
