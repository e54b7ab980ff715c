// The Overview page: one point a second of the node's vital signs, ten minutes kept, and what to think of them. Sampled
// always, not only while watched, so that the page opens with its past.
import type { Clock, Metrics, Timer } from '#base'
import type { Broker, TopicInfo } from '#broker'
import type { AppStatus } from '#streams'
import { AppendLatency } from './append-latency.ts'
import type { ChannelSource, SourceEvents } from './channel-source.ts'
import type { ChannelData, Overview, OverviewPoint } from './live.ts'
import { NodeEvents, type RecoveryFacts } from './node-events.ts'
import type { TrafficRates } from './traffic-rates.ts'
import { decideRunway, decideVerdict } from './verdict.ts'

/** What only the composition root knows. */
export type NodeFacts = {
  readonly version: string
  /** As a sentence's end: `fsync: acknowledged means on disk`. */
  readonly durability: string
  memoryBytes(): number
  disk(): { readonly freeBytes: number; readonly totalBytes: number }
  logState(): 'open' | 'failed' | 'closed'
  readonly recovery: RecoveryFacts | null
}

export type OverviewOptions = {
  readonly broker: Pick<Broker, 'topics' | 'groups'>
  readonly apps: { list(): readonly AppStatus[] }
  readonly rates: TrafficRates
  readonly metrics: Metrics
  readonly clock: Clock
  readonly node: NodeFacts
  readonly viewers: () => number
  readonly epoch: string
}

export const overviewPointsMax = 600
const sampleMs = 1_000
const hotTopicsMax = 5

export class OverviewSource implements ChannelSource {
  readonly generation = 1
  readonly epoch: string
  readonly events = new NodeEvents()
  readonly #options: OverviewOptions
  readonly #latency: AppendLatency
  readonly #startedMs: number
  #points: OverviewPoint[] = []
  #sizes: { at: number; logBytes: number }[] = []
  #rest: Omit<Overview, 'points'>
  /** Counts samples since the start, also while nobody watches. */
  #seq = 0
  #taken = 0
  #listener: SourceEvents | null = null
  #timer: Timer | null = null

  constructor(options: OverviewOptions) {
    this.#options = options
    this.epoch = options.epoch
    this.#latency = new AppendLatency(options.metrics)
    this.#startedMs = options.clock.monotonic()
    this.events.started(options.clock.now(), options.node.recovery)
    this.#rest = this.#sample()
  }

  /** Sampling begins; `start` and `stop` are about a viewer's channel. */
  begin(): void {
    this.#timer = this.#options.clock.after(sampleMs, () => {
      this.#rest = this.#sample()
      this.#listener?.changed()
      this.begin()
    })
  }

  end(): void {
    this.#timer?.cancel()
  }

  start(events: SourceEvents): void {
    this.#listener = events
    events.changed()
  }

  stop(): void {
    this.#listener = null
  }

  get seq(): number {
    return this.#seq
  }

  overview(): Overview {
    return { ...this.#rest, points: [...this.#points] }
  }

  snapshot(): ChannelData {
    return { kind: 'overview', overview: this.overview() }
  }

  takeDelta(): ChannelData | null {
    if (this.#taken === this.#seq) return null
    const fresh = this.#points.slice(-Math.min(this.#seq - this.#taken, overviewPointsMax))
    this.#taken = this.#seq
    return { kind: 'overview', overview: { ...this.#rest, points: fresh } }
  }

  #sample(): Omit<Overview, 'points'> {
    const { broker, apps, rates, clock, node } = this.#options
    const at = clock.now()
    const topics = broker.topics()
    rates.sample(
      clock.monotonic(),
      new Set(topics.filter(({ internal }) => internal).map(({ name }) => name)),
    )
    const appList = apps.list()
    this.events.lookAtTopics(at, topics)
    this.events.lookAtApps(at, appList)
    this.#points.push(this.#point(at))
    if (this.#points.length > overviewPointsMax) this.#points.shift()
    this.#seq++
    const disk = this.#disk(topics)
    return {
      verdict: decideVerdict({
        logState: node.logState(),
        quarantined: node.recovery?.quarantined.length ?? 0,
        apps: appList,
        disk,
        points: this.#points,
      }),
      version: node.version,
      uptimeSeconds: Math.floor((clock.monotonic() - this.#startedMs) / 1000),
      durability: node.durability,
      disk,
      hotTopics: this.#hotTopics(),
      events: this.events.list(),
    }
  }

  #point(at: number): OverviewPoint {
    const { broker, rates, node, viewers } = this.#options
    const { recordsIn, bytesIn, recordsOut } = rates.of()
    const { p50Ms, p99Ms } = this.#latency.take()
    return {
      at,
      recordsInPerSecond: recordsIn,
      bytesInPerSecond: bytesIn,
      recordsOutPerSecond: recordsOut,
      appendP50Ms: p50Ms,
      appendP99Ms: p99Ms,
      lag: broker
        .groups()
        .reduce((sum, group) => sum + group.offsets.reduce((lag, offset) => lag + offset.lag, 0), 0),
      viewers: viewers(),
      memoryBytes: node.memoryBytes(),
    }
  }

  #disk(topics: readonly TopicInfo[]): Overview['disk'] {
    const { clock, node } = this.#options
    const logBytes = topics.reduce(
      (sum, { partitions }) => sum + partitions.reduce((all, one) => all + one.sizeBytes, 0),
      0,
    )
    // By the clock that never goes back: a time set by hand must not fill a disk.
    this.#sizes.push({ at: clock.monotonic(), logBytes })
    if (this.#sizes.length > overviewPointsMax) this.#sizes.shift()
    const { freeBytes, totalBytes } = node.disk()
    return { freeBytes, totalBytes, logBytes, fullInSeconds: decideRunway(freeBytes, this.#sizes) }
  }

  #hotTopics(): Overview['hotTopics'] {
    return this.#options.rates.busiest(hotTopicsMax).map(({ topic, rates }) => ({
      name: topic,
      recordsPerSecond: rates.recordsIn,
      bytesPerSecond: rates.bytesIn,
    }))
  }
}
