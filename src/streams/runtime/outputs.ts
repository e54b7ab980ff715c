// Rows on their way into topics: one batch per partition and commit.
import type { BatchAppend } from '#broker'
import { partitionOf } from '#broker'
import { BatchBuilder, type Header, type RecordInput } from '#record'
import type { TaskContext } from './task-context.ts'

/** Of a record beside its key and value, roughly. */
const recordOverheadBytes = 12

/** The partitions of one topic. Builders are made once and reused from commit to commit. */
export class TopicOutput {
  readonly topic: string
  readonly #builders: readonly BatchBuilder[]
  readonly #context: TaskContext
  #nextWithoutKey = 0

  constructor(topic: string, partitions: number, context: TaskContext) {
    this.topic = topic
    this.#builders = Array.from({ length: partitions }, () => new BatchBuilder())
    this.#context = context
  }

  get partitions(): number {
    return this.#builders.length
  }

  /** The key decides the partition as Kafka's clients do; rows without one go round. Bytes are copied. */
  append(
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestamp: number,
    headers?: readonly Header[],
  ): void {
    const partition = key === null ? this.#turn() : partitionOf(key, this.#builders.length)
    if (headers === undefined) this.appendTo(partition, key, value, timestamp)
    else this.#appendWith(partition, { key, value, timestamp, headers })
  }

  appendTo(partition: number, key: Uint8Array | null, value: Uint8Array | null, timestamp: number): void {
    const { savepoint } = this.#context
    this.#context.pendingBytes += (key?.length ?? 0) + (value?.length ?? 0) + recordOverheadBytes
    if (savepoint?.open) {
      // A view of the input may be gone when the row is done.
      const copy = key && new Uint8Array(key)
      savepoint.defer(() => this.#builders[partition]!.append({ key: copy, value, timestamp }))
    } else {
      this.#builders[partition]!.append({ key, value, timestamp })
    }
  }

  /** Headers are for the few: rows have none. */
  #appendWith(partition: number, record: RecordInput & { readonly headers: readonly Header[] }): void {
    let sizeBytes = recordOverheadBytes + (record.key?.length ?? 0) + (record.value?.length ?? 0)
    for (const { key, value } of record.headers) sizeBytes += key.length + (value?.length ?? 0)
    this.#context.pendingBytes += sizeBytes
    this.#builders[partition]!.append(record)
  }

  /** Moves the rows into batches of a commit. */
  takeInto(batches: BatchAppend[]): void {
    this.#builders.forEach((builder, partition) => {
      if (builder.count === 0) return
      batches.push({ topic: this.topic, partition, batch: builder.build() })
      builder.reset()
    })
  }

  #turn(): number {
    this.#nextWithoutKey = (this.#nextWithoutKey + 1) % this.#builders.length
    return this.#nextWithoutKey
  }
}
