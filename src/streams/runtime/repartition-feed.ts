// Rows that come in by key from upstream tasks, and their word of how far time is. One slot per upstream task; the
// least of those that are active counts, and one that was never heard of holds everything back.
import { asMillis, BrokerError } from '#base'
import { readTaggedKey } from '../state/state-key.ts'
import {
  OperatorTime,
  type StoredTime,
  storeTime,
  type TimeInput,
  type TimeStatus,
  watermarkOf,
} from '../time/watermark.ts'
import type { Feed } from './feed.ts'
import type { InputReader } from './input-reader.ts'
import { JsonDecoder } from './json-decoder.ts'
import type { Pipeline } from './pipeline.ts'
import { RecordTries } from './record-tries.ts'
import type { TimeNotice } from './repartition-output.ts'
import type { TaskContext } from './task-context.ts'
import type { StoredInput } from './task-state.ts'

type Slot = { watermark: number; status: TimeStatus; epoch: number }

/** Time as told by upstream tasks. */
export class UpstreamTime implements TimeInput {
  readonly #slots = new Map<string, Slot>()
  readonly #combined: OperatorTime

  constructor(upstreamTasks: readonly string[]) {
    for (const task of upstreamTasks) {
      this.#slots.set(task, { watermark: -Infinity, status: 'active', epoch: 0 })
    }
    this.#combined = new OperatorTime([...this.#slots.values()], 0)
  }

  get watermark(): number {
    return this.#combined.current
  }
  get status(): TimeStatus {
    return this.#combined.status
  }

  /** True if that moved anything. A task that was replaced does not speak for its successor. */
  hear(notice: TimeNotice): boolean {
    const slot = this.#slots.get(notice.task)
    if (slot === undefined || notice.epoch < slot.epoch) return false
    slot.epoch = notice.epoch
    slot.status = notice.status
    slot.watermark = Math.max(slot.watermark, watermarkOf(notice))
    return this.#combined.advance()
  }

  store(): NonNullable<StoredInput['slots']> {
    return Object.fromEntries(
      [...this.#slots].map(([task, slot]) => [
        task,
        { ...storeTime(slot.watermark, slot.status), epoch: slot.epoch },
      ]),
    )
  }

  restore(time: StoredTime | null, slots: StoredInput['slots']): void {
    for (const [task, stored] of Object.entries(slots ?? {})) {
      const slot = this.#slots.get(task)
      if (slot === undefined) continue
      slot.watermark = watermarkOf(stored)
      slot.status = stored.status
      slot.epoch = stored.epoch
    }
    if (time !== null) this.#combined.restore(time)
  }
}

export type RepartitionFeedOptions = {
  readonly nodeId: string
  readonly topicId: string
  readonly reader: InputReader
  readonly context: TaskContext
  readonly time: UpstreamTime
  readonly pipeline: Pipeline
}

export class RepartitionFeed implements Feed {
  readonly #options: RepartitionFeedOptions
  readonly #json = new JsonDecoder()
  readonly #tries: RecordTries
  /** The record in the cursor is to be tried again. */
  #again = false
  #endAtStart: number | null = null

  constructor(options: RepartitionFeedOptions) {
    this.#options = options
    this.#tries = new RecordTries(options.context)
  }

  get ready(): boolean {
    return !this.#tries.waiting && (this.#again || this.#options.reader.ready)
  }

  get backlog(): number {
    return this.#tries.waiting ? 0 : this.#options.reader.lag
  }

  get behind(): boolean {
    const { reader } = this.#options
    this.#endAtStart ??= reader.end
    return reader.failure === null && reader.position < this.#endAtStart
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
    const { reader, pipeline, context, nodeId, time } = this.#options
    const { cursor } = reader
    const counters = context.counters.get(nodeId)!
    const emit = pipeline.heads.get(reader.topic)!
    const { record } = context
    record.topic = reader.topic
    record.partition = reader.partition
    record.key = () => cursor.key()
    record.value = () => cursor.value()
    record.headers = () => cursor.headers()
    record.timestamp = () => cursor.timestamp
    let count = 0
    while (count < recordsMax && !context.full && (this.#again || reader.next())) {
      const first = !this.#again
      this.#again = false
      if (first) {
        count++
        context.touched = true
        context.pendingBytes += cursor.valueEnd - cursor.valueStart
      }
      record.offset = cursor.offset
      context.node = nodeId
      const value = this.#json.decode(cursor.bytes, cursor.valueStart, cursor.valueEnd)
      const key = cursor.key()
      if (key === null) {
        reader.position = asNext(cursor.offset)
        if (time.hear(asNotice(value)) && !pipeline.advance()) break
      } else {
        if (first) counters.recordsIn++
        this.#again = !this.#tries.run(emit, value, cursor.timestamp, readTaggedKey(key))
        if (this.#again) break
        reader.position = asNext(cursor.offset)
      }
    }
    return count
  }

  get input(): StoredInput {
    const { topicId, reader, time } = this.#options
    return {
      topic: reader.topic,
      id: topicId,
      partition: reader.partition,
      next: reader.position,
      time: storeTime(time.watermark, time.status),
      slots: time.store(),
    }
  }

  status(): ReturnType<Feed['status']> {
    const { time, reader } = this.#options
    const { topic, partition, position, lag } = reader
    return {
      topic,
      partition,
      position,
      lag,
      watermark: Number.isFinite(time.watermark) ? asMillis(time.watermark) : null,
    }
  }

  stop(): void {
    // A read that is on its way is left to itself.
    this.#tries.stop()
  }
}

const asNext = (offset: number) => (offset + 1) as InputReader['position']

function asNotice(value: unknown): TimeNotice {
  const notice = value as Partial<TimeNotice> | null
  if (typeof notice?.task === 'string' && typeof notice.epoch === 'number') return notice as TimeNotice
  throw new BrokerError('corrupt', 'a record without a key in a repartition topic is no word of time')
}
