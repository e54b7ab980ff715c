// Reads one partition ahead of the task: while one slice is worked on, the next is on its way. Knows where the task is,
// how far it is behind, and how long the partition has been silent.
import {
  asOffset,
  BrokerError,
  type Clock,
  type Logger,
  type Millis,
  type Offset,
  sleep,
  systemCode,
  toError,
} from '#base'
import { RecordCursor } from '#record'
import type { AppendMark, LogPort } from '../api.ts'
import { endOfBatches } from './batch-end.ts'
import type { RuntimeLimits } from './limits.ts'
import type { SliceReader } from './slice-reader.ts'

export type InputReaderOptions = {
  readonly port: LogPort
  readonly clock: Clock
  readonly logger: Logger
  readonly readSlice: SliceReader
  readonly limits: RuntimeLimits
  readonly topic: string
  readonly partition: number
  /** Called when there is something new: records, silence, or an error. */
  readonly wake: () => void
}

type Fetched = { readonly bytes: Uint8Array; readonly end: Offset; readonly appended: readonly AppendMark[] }

export class InputReader {
  readonly topic: string
  readonly partition: number
  readonly cursor = new RecordCursor()
  /** Next offset to process. */
  position: Offset = asOffset(0)
  /** One past the last record that is known to be there. */
  end: Offset = asOffset(0)
  /** How long polls have found nothing beyond a source that is read to its end. Only time spent polling counts. */
  silentMs = 0
  /** Records that had been deleted before they were read. */
  lost = 0
  /** Set once reading failed for good. */
  failure: Error | null = null
  readonly #options: InputReaderOptions
  #next: Fetched | null = null
  #fetching = false
  #fetchFrom: Offset = asOffset(0)
  #current: Fetched | null = null
  #refusals = 0

  constructor(options: InputReaderOptions) {
    this.#options = options
    this.topic = options.topic
    this.partition = options.partition
  }

  get lag(): number {
    return Math.max(0, this.end - this.position)
  }

  /** Where to begin, before anything is read. */
  seek(position: Offset, end: Offset): void {
    this.position = position
    this.end = end
    this.#fetchFrom = position
  }

  /** There are records to process now. */
  get ready(): boolean {
    return this.#current !== null || this.#next !== null
  }

  /** The next record is in the cursor; false: read on later. */
  next(): boolean {
    for (;;) {
      if (this.#current === null) {
        if (this.#next === null) return false
        this.#current = this.#next
        this.#next = null
        this.cursor.reset(this.#current.bytes, this.position)
        this.prefetch()
      }
      if (this.cursor.next()) return true
      // Offsets without records (compacted, or of transactions) are passed, too.
      if (this.position < this.#current.end) this.position = this.#current.end
      this.#current = null
    }
  }

  /** When the current record was appended; null where the log does not tell. */
  get appendTime(): Millis | null {
    let found: Millis | null = null
    for (const { from, at } of this.#current?.appended ?? []) if (from <= this.cursor.offset) found = at
    return found
  }

  /** Starts the next read unless one is on its way or its answer still waits. */
  prefetch(): void {
    if (this.#fetching || this.#next !== null || this.failure !== null) return
    this.#fetching = true
    this.#fetch()
      .catch((thrown: unknown) => this.#refused(toError(thrown)))
      .finally(() => {
        this.#fetching = false
        this.#options.wake()
      })
  }

  async #fetch(): Promise<void> {
    const { port, clock, topic, partition, readSlice, limits } = this.#options
    const from = this.#fetchFrom
    const asked = clock.monotonic()
    const idle = this.#current === null
    const request = { topic, partition, from, bytesMax: limits.sliceSizeBytesMax, waitMs: limits.pollMs }
    const { slice, startOffset, endOffset, appended } = await port.fetchSlice(request)
    this.#refusals = 0
    if (from < startOffset) return this.#skipTo(startOffset)
    this.end = endOffset
    if (slice === null) {
      // A process that was suspended has not polled: no poll counts for more than its own wait. Nor does one beside
      // which the task was busy.
      if (idle && endOffset <= this.position) {
        this.silentMs += Math.min(limits.pollMs, clock.monotonic() - asked)
      }
      return
    }
    const bytes = await readSlice(slice)
    this.silentMs = 0
    this.#fetchFrom = asOffset(Math.max(from, endOfBatches(bytes)))
    this.#next = { bytes, end: this.#fetchFrom, appended: appended ?? [] }
  }

  async #refused(error: Error): Promise<void> {
    const { port, clock, topic, partition, limits } = this.#options
    if (systemCode(error) === 'ENOENT') return // Retention took the file meanwhile: ask again.
    if (error instanceof BrokerError && error.retriable && this.#refusals < limits.readTriesMax) {
      this.#refusals++
      await sleep(clock, limits.retryMs)
      return
    }
    if (error instanceof BrokerError && error.code === 'offset_out_of_range') {
      const [info] = await port.ensureTopics([{ name: topic }])
      const start = info?.partitions[partition]?.startOffset
      if (start !== undefined && this.#fetchFrom < start) return this.#skipTo(start)
    }
    this.failure = error
  }

  /** Retention was faster than the app. It cannot be undone, so it is counted and said aloud. */
  #skipTo(start: Offset): void {
    const { logger, topic, partition } = this.#options
    const lost = start - this.#fetchFrom
    this.lost += lost
    logger.error(
      { topic, partition, from: this.#fetchFrom, to: start, lost },
      'records were deleted before the app read them',
    )
    this.#fetchFrom = start
    if (this.#current === null) this.position = start
  }
}
