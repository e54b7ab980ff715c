// Records of a topic become rows: decode, check, find the event time, send into the pipeline, let time pass. One record
// after the other, so that the outcome does not depend on how they were batched.
import { asMillis, BrokerError, type Logger, toError } from '#base'
import type { TopicSettings } from '../graph/node.ts'
import { SchemaMismatch, type Validator, validatorOf } from '../schema/standard-schema.ts'
import { type PartitionTime, storeTime } from '../time/watermark.ts'
import type { Feed } from './feed.ts'
import type { InputReader } from './input-reader.ts'
import { JsonDecoder } from './json-decoder.ts'
import type { Pipeline } from './pipeline.ts'
import { RecordTries } from './record-tries.ts'
import type { Emit, TaskContext } from './task-context.ts'
import type { StoredInput } from './task-state.ts'

export type PartitionFeedOptions = {
  readonly nodeId: string
  readonly topic: TopicSettings
  readonly topicId: string
  /** Reads for a table that every task holds: the task's state alone says how far. */
  readonly broadcast: boolean
  readonly reader: InputReader
  readonly context: TaskContext
  readonly logger: Logger
  /** Made before the pipeline that follows it. */
  readonly time: PartitionTime | null
  readonly pipeline: Pipeline
}

/** What is wrong with a record, as opposed to with the app. */
class BadRecord extends Error {
  override readonly name = 'BadRecord'
}

export class PartitionFeed implements Feed {
  readonly #options: PartitionFeedOptions
  readonly #time: PartitionTime | null
  readonly #validate: Validator | null
  readonly #json = new JsonDecoder()
  readonly #tries: RecordTries
  /** Where deletions enter; undefined: no table is made of it. */
  #tombstones: Emit | undefined
  /** The record in the cursor is to be tried again. */
  #again = false
  readonly #key = () => this.#options.reader.cursor.key()
  readonly #value = () => this.#options.reader.cursor.value()
  readonly #headers = () => this.#options.reader.cursor.headers()
  readonly #timestamp = () => this.#options.reader.cursor.timestamp
  /** As it was found at start. */
  #endAtStart: number | null = null
  /** Event times up to there need no look at the clock. */
  #aheadLimit = -Infinity
  /** A change of time that was asked for from outside, to be made between two records. */
  #asked: ((time: PartitionTime) => void) | null = null

  constructor(options: PartitionFeedOptions) {
    this.#options = options
    this.#time = options.time
    this.#tries = new RecordTries(options.context)
    this.#validate = options.topic.schema === undefined ? null : validatorOf(options.topic.schema)
  }

  get #head(): string {
    const { broadcast, nodeId, reader } = this.#options
    return broadcast ? nodeId : reader.topic
  }

  /** Nothing but a table is made of it: rows are to find the table that there was before them. */
  get leads(): boolean {
    return this.#options.pipeline.onlyTables.has(this.#head)
  }

  /** It has not read all that there was when the task started. */
  get behind(): boolean {
    const { reader } = this.#options
    this.#endAtStart ??= reader.end
    return reader.failure === null && reader.position < this.#endAtStart
  }

  get ready(): boolean {
    if (this.#tries.waiting) return false
    return this.#again || this.#options.reader.ready || this.#asked !== null || this.#isSilent()
  }

  get backlog(): number {
    return this.#tries.waiting ? 0 : this.#options.reader.lag
  }

  get silentMs(): number {
    const { reader } = this.#options
    return reader.ready ? 0 : reader.silentMs
  }

  prefetch(): void {
    const { reader } = this.#options
    if (reader.failure !== null) throw reader.failure
    reader.prefetch()
  }

  run(recordsMax: number): number {
    const { reader, pipeline, context, nodeId } = this.#options
    const counters = context.counters.get(nodeId)!
    const emit = pipeline.heads.get(this.#head)!
    this.#tombstones = pipeline.tombstones.get(this.#head)
    const record = context.record
    record.topic = reader.topic
    record.partition = reader.partition
    record.key = this.#key
    record.value = this.#value
    record.headers = this.#headers
    record.timestamp = this.#timestamp
    if (!this.#again && !this.#decideTime()) return 0
    let count = 0
    while (count < recordsMax && !context.full && (this.#again || reader.next())) {
      record.offset = reader.cursor.offset
      context.node = nodeId
      if (!this.#again) {
        count++
        counters.recordsIn++
        context.touched = true
        // Roughly what it may add to state that is only encoded when the commit is cut.
        context.pendingBytes += reader.cursor.valueEnd - reader.cursor.valueStart
      }
      const moved = this.#process(emit)
      this.#again = this.#tries.waiting
      if (this.#again) break
      reader.position = asNext(reader.cursor.offset)
      if (moved && !pipeline.advance()) break
    }
    return count
  }

  /** Lets `change` act on the partition's time before the next record. */
  askTime(change: (time: PartitionTime) => void): void {
    this.#asked = change
  }

  get input(): StoredInput {
    const { topic, topicId, reader, nodeId, broadcast } = this.#options
    const time = this.#time && storeTime(this.#time.watermark, this.#time.status)
    const input = { topic: topic.name, id: topicId, partition: reader.partition, next: reader.position, time }
    return broadcast ? { ...input, of: nodeId } : input
  }

  status(): ReturnType<Feed['status']> {
    const { topic, partition, position, lag } = this.#options.reader
    const watermark =
      this.#time && Number.isFinite(this.#time.watermark) ? asMillis(this.#time.watermark) : null
    return { topic, partition, position, lag, watermark }
  }

  stop(): void {
    // A read that is on its way is left to itself.
    this.#tries.stop()
  }

  /** True if time moved. */
  #process(emit: Emit): boolean {
    const { reader } = this.#options
    const tombstones = this.#tombstones
    if (tombstones !== undefined && reader.cursor.valueStart < 0) {
      this.#tries.run(tombstones, null, reader.cursor.timestamp, undefined)
      return false
    }
    let value: unknown
    let at: number
    try {
      value = this.#decode()
      at = this.#timeOf(value)
    } catch (thrown) {
      this.#bad(toError(thrown))
      return false
    }
    if (!this.#tries.run(emit, value, at, undefined)) return false
    return this.#time?.observe(at) ?? false
  }

  #decode(): unknown {
    const { bytes, valueStart, valueEnd } = this.#options.reader.cursor
    const value = valueStart < 0 ? null : this.#json.decode(bytes, valueStart, valueEnd)
    return this.#validate === null ? value : this.#validate(value)
  }

  #timeOf(value: unknown): number {
    const { topic, reader } = this.#options
    const settings = topic.time
    const at = settings?.at === undefined ? reader.cursor.timestamp : settings.at(value)
    if (!Number.isSafeInteger(at)) {
      throw new BadRecord(
        `its time is ${typeof at === 'number' ? at : JSON.stringify(at)}, not whole milliseconds`,
      )
    }
    const aheadMs = settings?.maxAheadMs
    if (aheadMs !== null && aheadMs !== undefined && at > this.#aheadLimit) this.#checkAhead(at, aheadMs)
    return at
  }

  /**
   * Where the log does not tell when a record was appended, it was before now: what lies too far ahead of now does so of
   * its append, too. Only a record that waited long may pass although it was too far ahead once.
   */
  #checkAhead(at: number, aheadMs: number): void {
    const { reader, context } = this.#options
    const { appendTime } = reader
    const since = appendTime ?? context.clock.now()
    // Time goes on, so what passes now passes later; with append times each record is measured by its own.
    if (appendTime === null) this.#aheadLimit = since + aheadMs
    if (at <= since + aheadMs) return
    const by = appendTime === null ? 'it was read' : 'it was appended'
    throw new BadRecord(`its time lies ${Math.round(at - since)} ms after ${by}, more than maxAhead`)
  }

  #bad(error: Error): void {
    const { topic, context, nodeId } = this.#options
    const reason = reasonOf(error)
    if (topic.onBad === 'fail') {
      throw new BrokerError('app_failed', `bad record (${reason}): ${error.message}`, {
        cause: error,
        fix: `let topic("${topic.name}") skip such records or put them aside: { onBad: 'skip' } or { onBad: 'dead-letter' }`,
      })
    }
    context.dropUnread(nodeId, reason, { error, dead: topic.onBad === 'dead-letter' })
  }

  #isSilent(): boolean {
    const idleAfterMs = this.#options.topic.time?.idleAfterMs ?? null
    if (this.#time === null || idleAfterMs === null || this.#time.status !== 'active') return false
    return this.#options.reader.silentMs >= idleAfterMs
  }

  /** Decisions about time that no record makes. They take their place between two records, and are committed there. */
  #decideTime(): boolean {
    const time = this.#time
    const asked = this.#asked
    this.#asked = null
    if (time === null) return true
    if (this.#isSilent()) time.idle()
    else if (asked === null) return true
    asked?.(time)
    this.#options.context.touched = true
    return this.#options.pipeline.advance()
  }
}

const asNext = (offset: number) => (offset + 1) as InputReader['position']

function reasonOf(error: Error): string {
  if (error instanceof SyntaxError) return 'not JSON'
  if (error instanceof SchemaMismatch) return 'does not match its schema'
  return error instanceof BadRecord ? 'bad time' : 'cannot be read'
}
