// One replay: goes through the letters of a topic once, and sends those that are wanted, commit by commit. It may stop
// after any of them: what it sent is noted with it, so that the next replay goes on behind.
import { BrokerError, type Clock } from '#base'
import type { Broker, TopicInfo } from '#broker'
import { type LetterFilter, matches } from './letter-filter.ts'
import { readLetters, type StoredLetter } from './letter-reader.ts'
import type { DeadLetterLimits } from './limits.ts'
import { addOffsets, containsOffset, dropBelow } from './offset-ranges.ts'
import { judgeLetter, ReplayBatches } from './replay-batches.ts'
import type { SettledLetters } from './settled-letters.ts'
import type { Settled } from './settled-record.ts'

export type ReplayRequest = LetterFilter & {
  /** Only these; default: all that wait. */
  readonly letters?: readonly { readonly partition: number; readonly offset: number }[]
  /** `'now'`: their records get the time of the replay; default: they keep their own. */
  readonly at?: 'now'
  /** Says what would be sent, and sends nothing. */
  readonly dryRun?: boolean
}

export type ReplayAnswer = {
  readonly topic: string
  readonly dryRun: boolean
  readonly replayed: number
  /** Were sent by an earlier replay, or are purged: nothing is sent twice. */
  readonly alreadyReplayed: number
  /** Cannot be sent. */
  readonly skipped: number
  /** The first of them. */
  readonly why: readonly { readonly partition: number; readonly offset: number; readonly why: string }[]
  /** How many records went to each topic. */
  readonly into: readonly { readonly topic: string; readonly records: number }[]
  /** The call ended at its limit: repeat it for the rest. */
  readonly more: boolean
}

export type ReplayParts = {
  readonly broker: Broker
  readonly clock: Clock
  readonly limits: DeadLetterLimits
  readonly settled: SettledLetters
}

export class Replay {
  readonly #topic: TopicInfo
  readonly #request: ReplayRequest
  readonly #parts: ReplayParts
  readonly #why: ReplayAnswer['why'][number][] = []
  readonly #into = new Map<string, number>()
  #replayed = 0
  #alreadyReplayed = 0
  #skipped = 0
  #more = false

  constructor(topic: TopicInfo, request: ReplayRequest, parts: ReplayParts) {
    this.#topic = topic
    this.#request = request
    this.#parts = parts
  }

  async run(): Promise<ReplayAnswer> {
    for (const { partition } of this.#topic.partitions) {
      if (!this.#more) await this.#replay(partition)
    }
    const into = [...this.#into].map(([topic, records]) => ({ topic, records }))
    return {
      topic: this.#topic.name,
      dryRun: this.#request.dryRun ?? false,
      replayed: this.#replayed,
      alreadyReplayed: this.#alreadyReplayed,
      skipped: this.#skipped,
      why: this.#why,
      into,
      more: this.#more,
    }
  }

  async #replay(partition: number): Promise<void> {
    const { settled, limits } = this.#parts
    let sent: number[] = []
    let batches = new ReplayBatches(limits)
    for await (const stored of this.#wanted(partition)) {
      if (containsOffset(settled.of(this.#topic, partition).replayed, stored.offset)) {
        this.#alreadyReplayed++
        continue
      }
      const judged = judgeLetter(this.#parts.broker, this.#topic.name, stored)
      if ('why' in judged) {
        this.#skip(partition, stored.offset, judged.why)
        continue
      }
      if (this.#replayed + batches.count >= limits.replayedPerCallMax) {
        this.#more = true
        break
      }
      batches.add(stored, judged.to, this.#timeOf(stored))
      sent.push(stored.offset)
      if (!batches.full) continue
      await this.#commit(partition, sent, batches)
      sent = []
      batches = new ReplayBatches(limits)
    }
    if (batches.count > 0) await this.#commit(partition, sent, batches)
  }

  /** Letters that the request is about, in order. */
  async *#wanted(partition: number): AsyncGenerator<StoredLetter> {
    const { broker, settled, limits } = this.#parts
    const { startOffset, endOffset } = this.#topic.partitions[partition]!
    const from = Math.max(startOffset, settled.of(this.#topic, partition).purgedBefore)
    const source = { broker, topic: this.#topic.name, partition, limits }
    const all = this.#request.letters
    if (all === undefined) {
      for await (const stored of readLetters(source, from, endOffset)) {
        if (matches(stored.letter, this.#request)) yield stored
      }
      return
    }
    const chosen = all.filter((one) => one.partition === partition).map(({ offset }) => offset)
    for (const offset of [...new Set(chosen)].sort((a, b) => a - b)) {
      if (offset < from) this.#alreadyReplayed++
      else if (offset >= endOffset) this.#skip(partition, offset, 'there is no such letter')
      else yield* readLetters(source, offset, offset + 1)
    }
  }

  #timeOf({ timestamp }: StoredLetter): number {
    return this.#request.at === 'now' ? this.#parts.clock.now() : timestamp
  }

  async #commit(partition: number, sent: readonly number[], batches: ReplayBatches): Promise<void> {
    const counts = batches.counts()
    if (!this.#request.dryRun) {
      const settlement = { topic: this.#topic, partition, settled: this.#settle(partition, sent) }
      await this.#parts.settled.append([settlement], batches.build(), this.#parts.clock.now())
    }
    this.#replayed += batches.count
    for (const [topic, records] of counts) this.#into.set(topic, (this.#into.get(topic) ?? 0) + records)
  }

  #settle(partition: number, sent: readonly number[]): Settled {
    const { settled, limits } = this.#parts
    const { purgedBefore, replayed } = settled.of(this.#topic, partition)
    const { startOffset } = this.#topic.partitions[partition]!
    const ranges = addOffsets(dropBelow(replayed, startOffset), sent)
    if (ranges.length <= limits.rangesMax) return { purgedBefore, replayed: ranges }
    const name = this.#topic.name
    throw new BrokerError('conflict', `the letters of "${name}" were replayed one by one too often`, {
      fix: `replay all that wait (pspf dlq replay ${name}), or purge them`,
      details: { limit: limits.rangesMax },
    })
  }

  #skip(partition: number, offset: number, why: string): void {
    this.#skipped++
    if (this.#why.length < this.#parts.limits.skippedNamedMax) this.#why.push({ partition, offset, why })
  }
}
