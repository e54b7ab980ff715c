// Appends batches as clients have built them: their bytes are stored as they are, so that the producer's sequence numbers
// and checksum stay what they were.
import { BrokerError, formatSize, type Offset } from '#base'
import type { LogGroup } from '#log'
import { checkProducedBatch } from '#record'
import type { BatchAppend } from './api.ts'
import { appendOptionsOf } from './durability.ts'
import type { BrokerLimits } from './limits.ts'
import type { Topic } from './topic.ts'

export type BatchProducerOptions = { readonly log: LogGroup; readonly limits: BrokerLimits }

export class BatchProducer {
  readonly #options: BatchProducerOptions

  constructor(options: BatchProducerOptions) {
    this.#options = options
  }

  async produce(topic: Topic, { partition, batch }: BatchAppend): Promise<Offset> {
    const { log } = this.#options
    const { id } = topic.partition(partition)
    this.#checkSize(batch)
    const { sizeBytes, count } = checkProducedBatch(batch)
    if (sizeBytes !== batch.length) {
      throw new BrokerError('invalid_request', `bytes follow the batch for topic "${topic.name}"`, {
        fix: 'send one whole record batch for each partition',
      })
    }
    const options = appendOptionsOf([topic.config.durability])
    const { offsets } = await log.append([{ kind: 'batch', id, batch }], options)
    topic.traffic.in(count, batch.length)
    return offsets[0]!
  }

  #checkSize(batch: Uint8Array): void {
    const limitBytes = this.#options.limits.requestSizeBytesMax
    if (batch.length <= limitBytes) return
    throw new BrokerError('too_large', `a batch of ${formatSize(batch.length)} is above the limit`, {
      fix: 'send smaller batches',
      details: { limitBytes, sizeBytes: batch.length },
    })
  }
}
