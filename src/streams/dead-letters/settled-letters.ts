// Keeps in the log which dead letters were replayed or purged, and in memory what it says.
import type { BatchAppend, Broker, TopicInfo } from '#broker'
import { BatchBuilder, readRecords } from '#record'
import { endOfBatches } from '../runtime/batch-end.ts'
import { decodeSettled, encodeSettled, nothingSettled, type Settled, settledKey } from './settled-record.ts'

export const settledTopic = '_pspf.dead-letters'

const readBytesMax = 2 ** 20
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export type Settlement = { readonly topic: TopicInfo; readonly partition: number; readonly settled: Settled }

export class SettledLetters {
  readonly #broker: Broker
  readonly #byPartition = new Map<string, Settled>()
  #loading: Promise<void> | undefined

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** To be awaited before `of`. */
  loaded(): Promise<void> {
    this.#loading ??= this.#load().catch((thrown: unknown) => {
      this.#loading = undefined
      throw thrown
    })
    return this.#loading
  }

  of(topic: TopicInfo, partition: number): Settled {
    return this.#byPartition.get(settledKey(topic.id, partition)) ?? nothingSettled
  }

  /** Appends `batches` and what became of the letters, both or neither; answers the positions of the batches. */
  async append(
    settlements: readonly Settlement[],
    batches: readonly BatchAppend[],
    timestamp: number,
  ): Promise<readonly number[]> {
    await this.#create()
    const builder = new BatchBuilder()
    for (const { topic, partition, settled } of settlements) {
      const key = encoder.encode(settledKey(topic.id, partition))
      builder.append({ key, value: encodeSettled(topic.name, settled), timestamp })
    }
    const note: BatchAppend = { topic: settledTopic, partition: 0, batch: builder.build() }
    const commit = { group: settledTopic, owner: '', epoch: 0, batches: [...batches, note], offsets: [] }
    const { positions } = await this.#broker.commit(commit)
    for (const { topic, partition, settled } of settlements) {
      this.#byPartition.set(settledKey(topic.id, partition), settled)
    }
    return positions.slice(0, batches.length)
  }

  #exists(): boolean {
    return this.#broker.topics().some(({ name }) => name === settledTopic)
  }

  async #create(): Promise<void> {
    if (this.#exists()) return
    const config = { cleanupPolicy: 'compact', retentionMs: null, retentionBytes: null } as const
    await this.#broker.createTopic({ name: settledTopic, partitions: 1, config }, { internal: true })
  }

  async #load(): Promise<void> {
    if (!this.#exists()) return
    const { startOffset, endOffset } = this.#broker.topic(settledTopic).partitions[0]!
    for (let next = startOffset; next < endOffset; ) {
      const request = { topic: settledTopic, partition: 0, from: next, bytesMax: readBytesMax, waitMs: 0 }
      const { batches } = await this.#broker.fetch(request)
      if (batches.length === 0) return
      for (const { key, value } of readRecords(batches, next)) {
        if (key !== null && value !== null) this.#byPartition.set(decoder.decode(key), decodeSettled(value))
      }
      next = endOfBatches(batches)
    }
  }
}
