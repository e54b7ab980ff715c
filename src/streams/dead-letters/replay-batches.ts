// Letters as record batches for the topics they came from: what one commit of a replay appends.
import { assert } from '#base'
import { type BatchAppend, type Broker, partitionOf, type TopicInfo } from '#broker'
import { BatchBuilder } from '#record'
import { deadTopicOf } from '../dead-letter.ts'
import type { StoredLetter } from './letter-reader.ts'
import type { DeadLetterLimits } from './limits.ts'

type Run = { readonly topic: string; readonly partition: number; readonly builder: BatchBuilder }

/** A letter as it can be sent: where to, or why not. */
export type Judged = { readonly to: TopicInfo } | { readonly why: string }

/** Whether a letter in `deadTopic` can be sent again. */
export function judgeLetter(broker: Broker, deadTopic: string, { letter, key }: StoredLetter): Judged {
  if (letter === null) return { why: 'it is no dead letter' }
  if (letter.kind === 'row') return { why: `it is a row that ${letter.node} was given, not a record` }
  if (deadTopicOf(letter.topic) !== deadTopic) return { why: `it says that it comes from ${letter.topic}` }
  const to = broker.topics().find(({ name }) => name === letter.topic)
  if (to === undefined) return { why: `topic ${letter.topic} is gone` }
  // Word of time travels without a key there, and is not to be made up.
  const isRepartition = to.name.endsWith('.repartition')
  if (to.internal && !(isRepartition && key !== null)) return { why: `topic ${to.name} is internal` }
  if (key === null && to.config.cleanupPolicy !== 'delete')
    return { why: `${to.name} is compacted, it has no key` }
  return { to }
}

export class ReplayBatches {
  readonly #limits: DeadLetterLimits
  readonly #runs = new Map<string, Run>()
  count = 0
  #sizeBytes = 0

  constructor(limits: DeadLetterLimits) {
    this.#limits = limits
  }

  get full(): boolean {
    return this.count >= this.#limits.commitLettersMax || this.#sizeBytes >= this.#limits.commitBytesMax
  }

  /** Into the partition where it was; if there is none of that number any more, where its key belongs. */
  add(stored: StoredLetter, to: TopicInfo, timestamp: number): void {
    const { letter, key, value, headers, sizeBytes } = stored
    assert(letter !== null, 'a letter that is sent was read')
    const count = to.partitions.length
    const partition =
      letter.partition < count ? letter.partition : partitionOf(key ?? new Uint8Array(0), count)
    const name = `${to.name}/${partition}`
    let run = this.#runs.get(name)
    if (run === undefined) {
      const builder = new BatchBuilder({ compression: to.config.compression })
      run = { topic: to.name, partition, builder }
      this.#runs.set(name, run)
    }
    run.builder.append({ key, value, headers, timestamp })
    this.count++
    this.#sizeBytes += sizeBytes
  }

  /** How many records go to each topic. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { topic, builder } of this.#runs.values())
      counts.set(topic, (counts.get(topic) ?? 0) + builder.count)
    return counts
  }

  build(): BatchAppend[] {
    return [...this.#runs.values()].map(({ topic, partition, builder }) => {
      return { topic, partition, batch: builder.build() }
    })
  }
}
