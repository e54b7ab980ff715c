// Records on their way into the log of a test, in batches of random size, so that batches end everywhere.
import type { Random } from '#base'
import { BatchBuilder, type RecordInput } from '#record'
import type { MemoryLog } from './memory-log.ts'

const batchRecordsMax = 5

export class RecordSender {
  readonly #log: MemoryLog
  readonly #random: Random
  readonly #batches = new Map<string, { topic: string; partition: number; builder: BatchBuilder }>()

  constructor(log: MemoryLog, random: Random) {
    this.#log = log
    this.#random = random
  }

  send(topic: string, partition: number, record: RecordInput): void {
    const key = `${topic}/${partition}`
    const batch = this.#batches.get(key) ?? { topic, partition, builder: new BatchBuilder() }
    this.#batches.set(key, batch)
    batch.builder.append(record)
    if (batch.builder.count > this.#random.below(batchRecordsMax)) this.#append(batch)
  }

  /** What is still waiting. */
  flush(): void {
    for (const batch of this.#batches.values()) if (batch.builder.count > 0) this.#append(batch)
  }

  #append({ topic, partition, builder }: { topic: string; partition: number; builder: BatchBuilder }): void {
    this.#log.append(topic, partition, builder.build())
    builder.reset()
  }
}
