// The newest records of a topic, live. Nobody can read ten thousand lines a second: each message holds the newest few
// and says how many were passed over.
import { BrokerError, type Clock, type Logger, type Timer } from '#base'
import type { Broker } from '#broker'
import type { RecordView } from '#record'
import type { ChannelSource, SourceEvents } from './channel-source.ts'
import type { LiveLimits } from './limits.ts'
import type { ChannelData, RecordJson } from './live.ts'
import { recordJson } from './record-json.ts'
import { decideStarts, TopicReader } from './topic-reader.ts'

export type TailSourceOptions = {
  readonly broker: Pick<Broker, 'fetch' | 'topic'>
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: LiveLimits
  readonly topic: string
}

export class TailSource implements ChannelSource {
  readonly #options: TailSourceOptions
  #events: SourceEvents | null = null
  #reader: TopicReader | null = null
  #retry: Timer | null = null
  /** The newest records, for snapshots, and those of them not yet taken. */
  #newest: RecordJson[] = []
  #fresh: RecordJson[] = []
  #skipped = 0
  #epoch: string | null = null
  #generation = 0

  constructor(options: TailSourceOptions) {
    this.#options = options
  }

  get epoch(): string | null {
    return this.#epoch
  }
  get seq(): number {
    return this.#reader?.seq ?? 0
  }
  get generation(): number {
    return this.#generation
  }

  start(events: SourceEvents): void {
    this.#events = events
    this.#open()
  }

  stop(): void {
    this.#events = null
    this.#reader?.stop()
    this.#retry?.cancel()
  }

  snapshot(): ChannelData {
    return { kind: 'tail', records: this.#newest, skipped: 0 }
  }

  takeDelta(): ChannelData | null {
    if (this.#fresh.length === 0 && this.#skipped === 0) return null
    const delta = { kind: 'tail' as const, records: this.#fresh, skipped: this.#skipped }
    this.#fresh = []
    this.#skipped = 0
    return delta
  }

  #open(): void {
    const { broker, clock, logger, limits, topic: name } = this.#options
    const topic = broker.topic(name)
    this.#newest = []
    this.#fresh = []
    this.#skipped = 0
    const reader = new TopicReader(
      {
        ...{ broker, clock, logger, limits, topic },
        starts: decideStarts(topic, limits.tailRecordsMax * topic.partitions.length),
        pauseMs: limits.flushMs,
        behindMax: limits.tailRecordsMax,
        whenBehind: 'skip',
      },
      {
        read: (partition, records) => this.#add(partition, records),
        skipped: (_, count) => {
          this.#skipped += count
        },
        moved: () => {
          if (this.#fresh.length > 0 || this.#skipped > 0) this.#events?.changed()
        },
        caughtUp: () => {
          this.#newest.sort(byTime)
          this.#fresh = []
          this.#skipped = 0
          this.#epoch = topic.id
          this.#generation++
          this.#events?.changed()
        },
        failed: (error) => this.#events?.failed(error),
        lost: () => this.#openLater(),
      },
    )
    this.#reader = reader
    reader.start()
  }

  #add(partition: number, records: Iterable<RecordView>): void {
    const max = this.#options.limits.tailRecordsMax
    const views = [...records]
    // Only what will be shown is decoded.
    const passed = Math.max(0, views.length - max)
    const shown = views.slice(passed).map((view) => recordJson(partition, view))
    this.#newest = newest([...this.#newest, ...shown], max)
    const fresh = [...this.#fresh, ...shown]
    this.#fresh = newest(fresh, max)
    this.#skipped += passed + fresh.length - this.#fresh.length
  }

  #openLater(): void {
    const { clock, limits, topic } = this.#options
    if (!this.#events) return
    this.#retry = clock.after(limits.retryMs, () => {
      try {
        this.#open()
      } catch (thrown) {
        if (!(thrown instanceof BrokerError)) throw thrown
        this.#events?.failed(new BrokerError('not_found', `topic "${topic}" is gone`))
        this.#openLater()
      }
    })
  }
}

/** Partitions are read one after the other: when there is too much, time decides what is newest, not the order of reading. */
function newest(records: RecordJson[], countMax: number): RecordJson[] {
  return records.length <= countMax ? records : records.sort(byTime).slice(-countMax)
}

function byTime(a: RecordJson, b: RecordJson): number {
  return a.timestamp - b.timestamp
}
