// Follows a topic from given offsets to its end and on from there: one loop per partition. History and live data come
// through the same loop, so there is no seam between them at which a record could be lost or doubled.
import { asOffset, BrokerError, type Clock, type Logger, sleep, toError } from '#base'
import type { Broker, TopicInfo } from '#broker'
import { type RecordView, readBatchHeader, readRecords } from '#record'
import type { LiveLimits } from './limits.ts'

export type TopicReaderOptions = {
  readonly broker: Pick<Broker, 'fetch' | 'topic'>
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: LiveLimits
  readonly topic: TopicInfo
  /** First offset to read, per partition. */
  readonly starts: readonly number[]
  /** At the end of a topic, reads this seldom. */
  readonly pauseMs: number
  /** A partition further behind its end than this: `skip` jumps to that distance, `lose` gives up. */
  readonly behindMax: number
  readonly whenBehind: 'skip' | 'lose'
}

export type TopicReaderEvents = {
  /** Records of one partition in offset order. */
  read(partition: number, records: Iterable<RecordView>): void
  skipped(partition: number, count: number): void
  /** After every read: the position has moved. */
  moved(): void
  /** Every partition has been read to where it ended when the reader began. Once. */
  caughtUp(): void
  /** Damage or a full queue: the reader tries again by itself. */
  failed(error: BrokerError): void
  /** The reader has ended: the topic is gone or another, its oldest records were deleted, or it fell too far behind. */
  lost(why: string): void
}

export class TopicReader {
  readonly #options: TopicReaderOptions
  readonly #events: TopicReaderEvents
  readonly #positions: number[]
  readonly #targets: readonly number[]
  readonly #stop = new AbortController()
  #caughtUp = false
  #logged = ''

  constructor(options: TopicReaderOptions, events: TopicReaderEvents) {
    this.#options = options
    this.#events = events
    this.#positions = [...options.starts]
    this.#targets = options.topic.partitions.map(({ endOffset }) => endOffset)
  }

  /**
   * The sum of the next offsets of all partitions. Not below that of any earlier reader of this topic once caught up,
   * since no reader passes a partition's end and ends never move back.
   */
  get seq(): number {
    return this.#positions.reduce((sum, position) => sum + position, 0)
  }

  start(): void {
    this.#checkCaughtUp()
    for (const { partition } of this.#options.topic.partitions) {
      this.#follow(partition).catch((thrown: unknown) => this.#end(toError(thrown).message))
    }
  }

  stop(): void {
    this.#stop.abort()
  }

  async #follow(partition: number): Promise<void> {
    const { clock, limits, pauseMs } = this.#options
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const atEnd = await this.#readOnce(partition)
        if (signal.aborted) return
        // A turn of the event loop between two reads, also while there is more: other work must get its turn.
        await sleep(clock, atEnd ? pauseMs : 0, signal)
      } catch (thrown) {
        if (signal.aborted || !this.#mayRetry(thrown)) return
        await sleep(clock, limits.retryMs, signal)
      }
    }
  }

  /** Answers whether the partition's end was reached. */
  async #readOnce(partition: number): Promise<boolean> {
    const { broker, limits, topic } = this.#options
    const from = this.#positions[partition]!
    if (broker.topic(topic.name).id !== topic.id)
      throw new BrokerError('not_found', 'the topic was created anew')
    const { batches, endOffset } = await broker.fetch({
      topic: topic.name,
      partition,
      from: asOffset(from),
      bytesMax: limits.fetchSizeBytesMax,
      waitMs: this.#caughtUp ? limits.fetchWaitMs : 0,
      signal: this.#stop.signal,
    })
    if (this.#stop.signal.aborted) return true
    if (batches.length > 0) this.#take(partition, from, batches)
    this.#keepUp(partition, endOffset)
    this.#checkCaughtUp()
    this.#events.moved()
    return this.#positions[partition]! >= endOffset
  }

  #take(partition: number, from: number, batches: Uint8Array): void {
    this.#events.read(partition, this.#counted(partition, batches, from))
    // Offsets that hold no record (markers, what compaction left out) are passed too.
    this.#positions[partition] = Math.max(this.#positions[partition]!, endOf(batches))
    this.#logged = ''
  }

  /** Moves the position with each record, so that damage in the middle does not bring those before it twice. */
  *#counted(partition: number, batches: Uint8Array, from: number): Generator<RecordView, void, undefined> {
    for (const view of readRecords(batches, from)) {
      this.#positions[partition] = view.offset + 1
      yield view
    }
  }

  #keepUp(partition: number, endOffset: number): void {
    const { behindMax, whenBehind } = this.#options
    const behind = endOffset - this.#positions[partition]!
    if (behind <= behindMax || (whenBehind === 'lose' && !this.#caughtUp)) return
    if (whenBehind === 'lose') {
      this.#end(`it fell ${behind} records behind`)
      return
    }
    this.#positions[partition] = endOffset - behindMax
    this.#events.skipped(partition, behind - behindMax)
  }

  #checkCaughtUp(): void {
    if (this.#caughtUp || this.#stop.signal.aborted) return
    if (this.#targets.some((target, partition) => this.#positions[partition]! < target)) return
    this.#caughtUp = true
    this.#events.caughtUp()
  }

  #mayRetry(thrown: unknown): boolean {
    const error = thrown instanceof BrokerError ? thrown : null
    if (error?.code === 'closed') {
      this.stop()
      return false
    }
    if (error === null || error.code === 'not_found' || error.code === 'offset_out_of_range') {
      if (error === null) {
        const { logger, topic } = this.#options
        logger.error({ err: thrown, topic: topic.name }, 'reading a topic for its viewers failed')
      }
      this.#end(toError(thrown).message)
      return false
    }
    if (this.#logged !== error.message) {
      this.#logged = error.message
      this.#options.logger.warn(
        { err: error, topic: this.#options.topic.name },
        'a topic cannot be read for its viewers',
      )
    }
    this.#events.failed(error)
    return true
  }

  #end(why: string): void {
    if (this.#stop.signal.aborted) return
    this.stop()
    this.#events.lost(why)
  }
}

/** One past the last offset that the batches cover. */
function endOf(batches: Uint8Array): number {
  let end = 0
  for (let position = 0; position < batches.length; ) {
    const { lastOffset, sizeBytes } = readBatchHeader(batches, position)
    end = lastOffset + 1
    position += sizeBytes
  }
  return end
}

/** The last `recordsMax` offsets of a topic, divided evenly: `[0..100] [0..10], 50 -> 75, 0`. */
export function decideStarts(topic: TopicInfo, recordsMax: number): number[] {
  const share = Math.max(1, Math.floor(recordsMax / Math.max(1, topic.partitions.length)))
  return topic.partitions.map(({ startOffset, endOffset }) => Math.max(startOffset, endOffset - share))
}
