// The hub: viewers on one side, channels on the other. It owns who watches what, the limits on both, the heartbeat, the
// slow, and the end. It knows no WebSocket; the HTTP edge hands it sockets and publishes what it is told to.
//
//   socket --open/message/closed/drained--> LiveHub --join/leave--> Channel <--changed-- ChannelSource <-- broker
//   every up-to-date socket <--publish, one encoded frame-- Channel;  one socket <--send snapshot-- Channel
import { BrokerError, type Clock, type Logger, type Metrics, type Timer } from '#base'
import type { Broker } from '#broker'
import type { AppStatus } from '#streams'
import type { WidgetData } from './api.ts'
import { Channel, errorText } from './channel.ts'
import { ChannelMaker } from './channel-maker.ts'
import { readClientMessage } from './client-message.ts'
import type { DashboardRegistry } from './dashboard-registry.ts'
import { defaultLiveLimits, type LiveLimits } from './limits.ts'
import type { Overview, ServerMessage, TopicSummary } from './live.ts'
import { type NodeFacts, OverviewSource } from './overview-source.ts'
import { topicSummaries } from './topic-summary.ts'
import { type Rates, TrafficRates } from './traffic-rates.ts'
import { type LiveSocket, Viewer } from './viewer.ts'

export type LiveHubOptions = {
  readonly broker: Pick<Broker, 'fetch' | 'topic' | 'topics' | 'traffic' | 'groups'>
  readonly apps: { list(): readonly AppStatus[]; onChange(listener: () => void): () => void }
  readonly dashboards: DashboardRegistry
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly node: NodeFacts
  /** To all sockets subscribed to the channel, as one encoded frame: Bun's `server.publish`. */
  publish(channel: string, text: string): void
  readonly limits?: Partial<LiveLimits>
}

/** Channel that every socket is subscribed to. */
const heartbeats = 'hb'

export class LiveHub {
  readonly #options: LiveHubOptions
  readonly #limits: LiveLimits
  readonly #rates: TrafficRates
  readonly #overview: OverviewSource
  readonly #maker: ChannelMaker
  readonly #viewers = new Map<LiveSocket, Viewer>()
  readonly #channels = new Map<string, Channel>()
  /** When a channel without viewers ends. */
  readonly #lingering = new Map<string, Timer>()
  readonly #timers = new Map<string, Timer>()
  readonly #unlisten: () => void
  #draining = false

  /** Begins at once: overview points are sampled from the start. */
  constructor(options: LiveHubOptions) {
    const { broker, apps, dashboards, clock, metrics, node } = options
    this.#options = options
    this.#limits = { ...defaultLiveLimits, ...options.limits }
    // Counters of lists start over with the hub: their epoch must, too.
    const run = clock.now().toString(36)
    this.#rates = new TrafficRates(broker)
    this.#overview = new OverviewSource({
      ...{ broker, apps, metrics, clock, node, rates: this.#rates },
      viewers: () => this.#viewers.size,
      epoch: run,
    })
    this.#maker = new ChannelMaker({
      ...{ broker, apps, dashboards, clock, logger: options.logger },
      ...{ rates: this.#rates, overview: this.#overview, limits: this.#limits, run },
    })
    this.#unlisten = dashboards.onChange(() => this.#refreshWidgets())
    this.#overview.begin()
    this.#repeat('heartbeat', this.#limits.heartbeatMs, () => this.#beat())
    this.#repeat('sweep', this.#limits.sweepMs, () => this.#sweep())
    this.#countOnExposition(metrics)
  }

  /** Takes a socket in; false if it was turned away (and closed). */
  open(socket: LiveSocket): boolean {
    if (this.#draining) {
      socket.close(1001, 'the server is stopping')
      return false
    }
    if (this.#viewers.size >= this.#limits.socketsMax) {
      const why = `${this.#viewers.size} viewers are connected, which is the limit`
      socket.send(errorText(new BrokerError('busy', why, { fix: 'raise socketsMax' })))
      this.#close(socket, 'full')
      return false
    }
    this.#viewers.set(socket, new Viewer(socket, this.#limits, this.#options.clock.monotonic()))
    socket.subscribe(heartbeats)
    socket.send(this.#heartbeat())
    return true
  }

  message(socket: LiveSocket, text: string): void {
    const viewer = this.#viewers.get(socket)
    if (!viewer) return
    if (!viewer.spend(this.#options.clock.monotonic())) {
      this.#drop(viewer, 'flood')
      return
    }
    let channel: string | undefined
    try {
      const message = readClientMessage(text, this.#limits.messageSizeBytesMax)
      channel = message.ch
      if (message.op === 'unsub') this.#unsubscribe(viewer, channel)
      else this.#subscribe(viewer, channel, message.resume ?? null)
    } catch (thrown) {
      if (!(thrown instanceof BrokerError)) throw thrown
      this.#counter('refused').add()
      socket.send(errorText(thrown, channel))
    }
  }

  /** The network took what was unsent: whoever was too slow may go on. */
  drained(socket: LiveSocket): void {
    const viewer = this.#viewers.get(socket)
    if (viewer) this.#catchUp(viewer)
  }

  closed(socket: LiveSocket): void {
    const viewer = this.#viewers.get(socket)
    if (!viewer) return
    this.#viewers.delete(socket)
    for (const name of [...viewer.channels]) this.#unsubscribe(viewer, name)
  }

  /** Says goodbye to everybody and stops. Viewers are asked to return one after the other, not all at once. */
  drain(reconnectMs = 1_000): void {
    if (this.#draining) return
    this.#draining = true
    this.#unlisten()
    this.#overview.end()
    for (const timer of [...this.#timers.values(), ...this.#lingering.values()]) timer.cancel()
    let later = 0
    for (const { socket } of this.#viewers.values()) {
      socket.send(write({ op: 'bye', reconnectMs: reconnectMs + (later++ % 1_000) }))
      socket.close(1001, 'the server is stopping')
    }
    for (const channel of this.#channels.values()) channel.stop()
    this.#viewers.clear()
    this.#channels.clear()
  }

  get viewers(): number {
    return this.#viewers.size
  }

  overview(): Overview {
    return this.#overview.overview()
  }

  /** A line for the Overview's recent events. */
  note(level: 'info' | 'warn' | 'error', text: string): void {
    this.#overview.events.add({ at: this.#options.clock.now(), level, text })
  }

  rates(topic: string): { recordsPerSecond: number; bytesPerSecond: number } {
    const { recordsIn, bytesIn } = this.#rates.of(topic)
    return { recordsPerSecond: recordsIn, bytesPerSecond: bytesIn }
  }

  /** Of all topics but pspf's own. */
  totalRates(): Rates {
    return this.#rates.of()
  }

  topics(): TopicSummary[] {
    return topicSummaries(this.#options.broker, this.#rates, Number.POSITIVE_INFINITY).topics
  }

  /** What a subscription to the widget would begin with; undefined for an unknown widget. */
  async widgetHistory(id: string): Promise<{ epoch: string; seq: number; data: WidgetData } | undefined> {
    if (!this.#options.dashboards.widget(id)) return undefined
    const channel = this.#channel(`widget/${id}`)
    this.#lingerIfIdle(channel)
    await this.#within(channel.shown(), this.#limits.historyWaitMs)
    const { source } = channel
    return { epoch: source.epoch ?? '', seq: source.seq, data: source.snapshot() as WidgetData }
  }

  #subscribe(viewer: Viewer, name: string, resume: { epoch: string; seq: number } | null): void {
    if (viewer.socket.mayWatch?.(name) === false) {
      throw new BrokerError('forbidden', `this connection may not watch "${name}"`)
    }
    const watched = viewer.channels.size + viewer.awaited.size
    const isNew = !viewer.channels.has(name) && !viewer.awaited.has(name)
    if (isNew && watched >= this.#limits.channelsPerSocketMax) {
      throw new BrokerError('busy', `this connection watches ${watched} channels, which is the limit`, {
        fix: 'unsubscribe from some first',
      })
    }
    if (this.#maker.mayComeLater(name)) viewer.awaited.add(name)
    const channel = this.#channel(name)
    viewer.awaited.delete(name)
    this.#lingering.get(name)?.cancel()
    this.#lingering.delete(name)
    viewer.channels.add(name)
    channel.join(viewer, resume)
  }

  #unsubscribe(viewer: Viewer, name: string): void {
    const channel = this.#channels.get(name)
    viewer.awaited.delete(name)
    if (!viewer.channels.delete(name) || !channel) return
    channel.leave(viewer)
    this.#lingerIfIdle(channel)
  }

  #channel(name: string): Channel {
    const known = this.#channels.get(name)
    if (known) return known
    const source = this.#maker.source(name)
    if (this.#channels.size >= this.#limits.channelsMax) {
      throw new BrokerError('busy', `${this.#channels.size} channels are watched, which is the limit`, {
        fix: 'close other pages, or raise channelsMax',
      })
    }
    const { clock, publish } = this.#options
    const channel = new Channel({
      ...{ name, source, clock, limits: this.#limits },
      publish: (to, text) => publish(to, text),
      count: (what) => this.#counter(what).add(),
    })
    this.#channels.set(name, channel)
    channel.start()
    return channel
  }

  #lingerIfIdle(channel: Channel): void {
    const { name } = channel
    if (channel.viewers > 0) return
    this.#lingering.get(name)?.cancel()
    const end = () => {
      this.#lingering.delete(name)
      if (this.#channels.get(name) === channel) this.#channels.delete(name)
      channel.stop()
    }
    this.#lingering.set(name, this.#options.clock.after(this.#limits.lingerMs, end))
  }

  /** Dashboards changed: widgets that are watched may be gone, or mean something else. */
  #refreshWidgets(): void {
    for (const channel of this.#channels.values()) {
      const change = this.#maker.changeOf(channel.name)
      if (change === 'same') continue
      if (change !== 'gone') {
        channel.replaceSource(change)
        continue
      }
      channel.tell(this.#maker.unknown(channel.name))
      for (const viewer of this.#viewers.values()) {
        if (!viewer.channels.delete(channel.name)) continue
        channel.leave(viewer)
        viewer.awaited.add(channel.name)
      }
      this.#lingering.get(channel.name)?.cancel()
      this.#lingering.delete(channel.name)
      this.#channels.delete(channel.name)
      channel.stop()
    }
    for (const viewer of this.#viewers.values()) {
      for (const name of [...viewer.awaited])
        if (!this.#maker.mayComeLater(name)) this.#welcomeLate(viewer, name)
    }
  }

  #welcomeLate(viewer: Viewer, name: string): void {
    try {
      this.#subscribe(viewer, name, null)
    } catch (thrown) {
      if (!(thrown instanceof BrokerError)) throw thrown
      viewer.awaited.delete(name)
      viewer.socket.send(errorText(thrown, name))
    }
  }

  #heartbeat(): string {
    return write({ op: 'hb', now: this.#options.clock.now() })
  }

  #beat(): void {
    if (this.#viewers.size > 0) this.#options.publish(heartbeats, this.#heartbeat())
  }

  /** Finds who cannot keep up: they get nothing for a while, and are closed if that does not help. */
  #sweep(): void {
    const { backlogSoftBytes, backlogHardBytes, stalledMsMax } = this.#limits
    const now = this.#options.clock.monotonic()
    for (const viewer of [...this.#viewers.values()]) {
      const unsent = viewer.socket.bufferedBytes
      if (unsent > backlogHardBytes) this.#drop(viewer, 'slow')
      else if (unsent <= backlogSoftBytes) {
        if (viewer.laggingSince !== null) this.#catchUp(viewer)
      } else if (viewer.laggingSince === null) this.#holdBack(viewer, now)
      else if (now - viewer.laggingSince > stalledMsMax) this.#drop(viewer, 'slow')
    }
  }

  #holdBack(viewer: Viewer, now: number): void {
    viewer.laggingSince = now
    this.#counter('resyncs').add()
    for (const name of viewer.channels) this.#channels.get(name)?.join(viewer, null)
  }

  #catchUp(viewer: Viewer): void {
    if (viewer.backlogged) return
    viewer.laggingSince = null
    for (const name of viewer.channels) this.#channels.get(name)?.welcome(viewer)
  }

  #drop(viewer: Viewer, reason: 'slow' | 'flood'): void {
    this.#options.logger.info({ reason, viewers: this.#viewers.size }, 'a viewer was closed')
    this.closed(viewer.socket)
    this.#close(viewer.socket, reason)
  }

  #close(socket: LiveSocket, reason: keyof typeof closings): void {
    this.#counter('closed', { reason }).add()
    const [code, words] = closings[reason]
    socket.close(code, words)
  }

  #repeat(name: string, everyMs: number, action: () => void): void {
    this.#timers.set(
      name,
      this.#options.clock.after(everyMs, () => {
        this.#repeat(name, everyMs, action)
        action()
      }),
    )
  }

  #within(done: Promise<void>, waitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(waitMs, () =>
        reject(new BrokerError('timeout', `the history could not be read within ${waitMs} ms`)),
      )
      done.then(
        () => {
          timer.cancel()
          resolve()
        },
        (thrown: unknown) => reject(thrown),
      )
    })
  }

  #counter(what: keyof typeof counters, labels: Record<string, string> = {}) {
    return this.#options.metrics.counter(`pspf_live_${what}_total`, counters[what], labels)
  }

  #countOnExposition(metrics: Metrics): void {
    const viewers = metrics.gauge('pspf_live_viewers', 'Live sockets that are open')
    const channels = metrics.gauge('pspf_live_channels', 'Channels that are read for viewers')
    metrics.collect(() => {
      viewers.set(this.#viewers.size)
      channels.set(this.#channels.size)
    })
  }
}

const counters = {
  frames: 'Messages encoded for all viewers of a channel',
  snapshots: 'Whole views sent to a viewer',
  resumes: 'Viewers that came back and got only what they had missed',
  resyncs: 'Times a viewer was too slow and was held back until it caught up',
  closed: 'Live sockets closed by the server',
  refused: 'Messages of viewers answered by an error',
}

const closings = {
  slow: [1013, 'too slow: unsent data reached the limit'],
  flood: [1008, 'too many messages'],
  full: [1013, 'too many viewers'],
} as const satisfies Record<string, readonly [number, string]>

function write(message: ServerMessage): string {
  return JSON.stringify(message)
}
