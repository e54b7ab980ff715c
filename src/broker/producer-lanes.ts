// Two producers side by side: calls that wait for the sync never hold up those that do not.
import type { ProduceRecord, RecordPosition } from './api.ts'
import { syncWithinMs } from './durability.ts'
import { Producer, type ProducerOptions } from './producer.ts'
import type { Topic } from './topic.ts'

export class ProducerLanes {
  readonly #synced: Producer
  readonly #written: Producer

  constructor(options: Omit<ProducerOptions, 'waiting'>) {
    // Bounded together, so that two lanes take no more memory than one.
    const waiting = { bytes: 0 }
    this.#synced = new Producer({ ...options, waiting })
    this.#written = new Producer({ ...options, waiting })
  }

  produce(topic: Topic, records: readonly ProduceRecord[]): Promise<RecordPosition[]> {
    const lane = syncWithinMs(topic.config.durability) === null ? this.#synced : this.#written
    return lane.produce(topic, records)
  }

  /** Resolves when everything taken in so far has been answered. */
  async drained(): Promise<void> {
    await Promise.all([this.#synced.drained(), this.#written.drained()])
  }
}
