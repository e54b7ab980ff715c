// A node's live side for tests: a real broker on a log in memory, the hub, and viewers over a network that can stall.
// Time moves only when a test says so.
import { Metrics, silentLogger } from '#base'
import type { ProduceRecord } from '#broker'
import {
  type ChannelData,
  DashboardRegistry,
  LiveHub,
  type LiveLimits,
  type LiveSocket,
  type ServerMessage,
  type WidgetData,
  type WidgetSpec,
} from '#dashboards'
import type { AppStatus } from '#streams'
import { memoryBroker } from '../broker/fixture.ts'
import { applyDelta } from './records.ts'

export type Snap = Extract<ServerMessage, { op: 'snap' }>
export type Delta = Extract<ServerMessage, { op: 'delta' }>

/** Delivers what is published to who is subscribed, as Bun does: each message is encoded once. */
class Network {
  readonly sockets = new Set<FakeSocket>()
  published: { channel: string; text: string }[] = []
  publish = (channel: string, text: string): void => {
    this.published.push({ channel, text })
    for (const socket of this.sockets) if (socket.subscriptions.has(channel)) socket.send(text)
  }
}

/** One connection and the page behind it: what it received, and what it shows by the words of the contract. */
export class FakeSocket implements LiveSocket {
  readonly subscriptions = new Set<string>()
  readonly messages: ServerMessage[] = []
  readonly views = new Map<string, { epoch: string; seq: number; data: ChannelData }>()
  readonly specs: Map<string, Partial<WidgetSpec>>
  closing: { code: number; reason: string } | null = null
  /** The most that ever waited. */
  bufferedMax = 0
  #stalled = false
  #unsent: string[] = []
  readonly #network: Network

  constructor(network: Network, specs: Map<string, Partial<WidgetSpec>>) {
    this.#network = network
    this.specs = specs
    network.sockets.add(this)
  }

  get bufferedBytes(): number {
    return this.#unsent.reduce((sum, text) => sum + text.length, 0)
  }

  send(text: string): boolean {
    if (this.closing) return false
    if (this.#stalled) {
      this.#unsent.push(text)
      this.bufferedMax = Math.max(this.bufferedMax, this.bufferedBytes)
    } else this.#receive(JSON.parse(text) as ServerMessage)
    return true
  }
  subscribe(channel: string): void {
    this.subscriptions.add(channel)
  }
  unsubscribe(channel: string): void {
    this.subscriptions.delete(channel)
  }
  close(code: number, reason: string): void {
    this.closing ??= { code, reason }
    this.#network.sockets.delete(this)
  }

  stall(): void {
    this.#stalled = true
  }
  flow(): void {
    this.#stalled = false
    for (const text of this.#unsent.splice(0)) this.#receive(JSON.parse(text) as ServerMessage)
  }

  of<Op extends ServerMessage['op']>(op: Op): Extract<ServerMessage, { op: Op }>[] {
    return this.messages.filter((message): message is Extract<ServerMessage, { op: Op }> => message.op === op)
  }
  shown(channel: string): ChannelData | undefined {
    return this.views.get(channel)?.data
  }
  widget(id: string): WidgetData | undefined {
    return this.shown(`widget/${id}`) as WidgetData | undefined
  }

  #receive(message: ServerMessage): void {
    this.messages.push(message)
    if (message.op === 'snap') {
      const { ch, epoch, seq, data } = message
      this.views.set(ch, { epoch, seq, data })
    }
    if (message.op !== 'delta') return
    const view = this.views.get(message.ch)
    if (!view) throw new Error(`a delta of ${message.ch} came before its snapshot`)
    if (message.seq <= view.seq) return
    const spec = this.specs.get(message.ch.slice('widget/'.length))
    const data = spec ? applyDelta(view.data as WidgetData, message.data as WidgetData, spec) : message.data
    this.views.set(message.ch, { ...view, seq: message.seq, data })
  }
}

export type LiveFixtureOptions = {
  readonly widgets?: readonly WidgetSpec[]
  readonly limits?: Partial<LiveLimits>
  readonly apps?: AppStatus[]
  readonly topics?: Readonly<Record<string, number>>
}

export async function liveFixture(options: LiveFixtureOptions = {}) {
  const { broker, clock, log } = await memoryBroker()
  const dashboards = new DashboardRegistry()
  const specs = new Map<string, Partial<WidgetSpec>>()
  const apps = options.apps ?? []
  const appListeners = new Set<() => void>()
  let metrics = new Metrics()
  let network = new Network()
  const disk = { freeBytes: 50e9, totalBytes: 100e9 }
  const node = {
    version: '0.0.0',
    durability: 'fsync',
    memoryBytes: () => 40e6,
    disk: () => disk,
    logState: () => log.state,
    recovery: null,
  }
  for (const [name, partitions] of Object.entries(options.topics ?? { events: 1 })) {
    await broker.createTopic({ name, partitions })
  }
  const open = () =>
    new LiveHub({
      ...{ broker, clock, dashboards, metrics, node, logger: silentLogger },
      apps: {
        list: () => apps,
        onChange: (listener) => {
          appListeners.add(listener)
          return () => appListeners.delete(listener)
        },
      },
      publish: (channel, text) => network.publish(channel, text),
      ...(options.limits && { limits: options.limits }),
    })
  const fixture = {
    broker,
    clock,
    log,
    apps,
    disk,
    dashboards,
    get network() {
      return network
    },
    get metrics() {
      return metrics
    },
    hub: open(),
    tellApps: () => {
      for (const listener of appListeners) listener()
    },
    define(widgets: readonly WidgetSpec[]) {
      for (const widget of widgets) specs.set(widget.id, widget)
      dashboards.set('app', [{ id: 'board', title: 'Board', app: 'app', widgets }])
    },
    connect() {
      const socket = new FakeSocket(network, specs)
      fixture.hub.open(socket)
      return socket
    },
    /** Sends what a page would: a subscription, resumed if the page has shown the channel before. */
    watch(socket: FakeSocket, channel: string, resume?: { epoch: string; seq: number }) {
      fixture.hub.message(socket, JSON.stringify({ op: 'sub', ch: channel, ...(resume && { resume }) }))
    },
    disconnect(socket: FakeSocket) {
      socket.close(1006, 'gone')
      fixture.hub.closed(socket)
    },
    /** A new connection of the same page: it keeps what it shows. */
    reconnect(before: FakeSocket) {
      fixture.disconnect(before)
      const socket = fixture.connect()
      for (const [channel, view] of before.views) {
        socket.views.set(channel, view)
        fixture.watch(socket, channel, { epoch: view.epoch, seq: view.seq })
      }
      return socket
    },
    /** Another process over the same log: nothing of the old hub is left. */
    restartHub() {
      fixture.hub.drain()
      metrics = new Metrics()
      network = new Network()
      fixture.hub = open()
    },
    produce(topic: string, records: readonly TestRecord[]) {
      return broker.produce(topic, records.map(produceRecord))
    },
    /** Lets time pass in small steps, and everything that waits for nothing else happen in between. */
    async pass(ms: number, stepMs = 20) {
      await turns()
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(stepMs)
        await turns()
      }
    },
    metric(name: string): number {
      const line = metrics
        .text()
        .split('\n')
        .find((each) => each.startsWith(name) && !each.startsWith('#'))
      return Number(line?.split(' ').at(-1) ?? 0)
    },
  }
  if (options.widgets) fixture.define(options.widgets)
  return fixture
}

export type LiveFixture = Awaited<ReturnType<typeof liveFixture>>

export type TestRecord = {
  readonly key?: string | null
  /** A JSON value, or text as it is in `text`; neither is a tombstone. */
  readonly value?: unknown
  readonly text?: string
  readonly timestamp?: number
  readonly partition?: number
}

const encoder = new TextEncoder()

function produceRecord({ key, value, text, timestamp, partition }: TestRecord): ProduceRecord {
  const shown = text ?? (value === undefined ? undefined : JSON.stringify(value))
  return {
    key: key === undefined || key === null ? null : encoder.encode(key),
    value: shown === undefined ? null : encoder.encode(shown),
    timestamp: timestamp ?? 0,
    ...(partition !== undefined && { partition }),
  }
}

async function turns(): Promise<void> {
  // Reads, waits and answers hand over to each other a few times before all is quiet.
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
