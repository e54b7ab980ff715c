// One replay: goes through the letters of a topic once, and sends those that are wanted, commit by commit. It may stop
// after any of them: what it sent is noted with it, so that the next replay goes on behind. A record goes once, however
// many letters it has: the first is sent, and all of them are settled in the same append.
import { BrokerError, type Clock } from '#base'
import type { Broker, TopicInfo } from '#broker'
import { type LetterFilter, matches } from './letter-filter.ts'
import { type LetterSource, readLetters, type StoredLetter } from './letter-reader.ts'
import type { DeadLetterLimits } from './limits.ts'
import { addOffsets, containsOffset, dropBelow } from './offset-ranges.ts'
import { LettersByRecord, type Place } from './record-letters.ts'
import { judgeLetter, ReplayBatches } from './replay-batches.ts'
import type { SettledLetters, Settlement } from './settled-letters.ts'
import type { Settled } from './settled-record.ts'

export type ReplayRequest = LetterFilter & {
  /** Only these; default: all that wait. */
  readonly letters?: readonly Place[]
  /** `'now'`: their records get the time of the replay; default: they keep their own. */
  readonly at?: 'now'
  /** Says what would be sent, and sends nothing. */
  readonly dryRun?: boolean
}

export type ReplayAnswer = {
  readonly topic: string
  readonly dryRun: boolean
  readonly replayed: number
  /** Were sent before, themselves or as another letter of the same record, or are purged: nothing is sent twice. */
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
  readonly #records: LettersByRecord
  #replayed = 0
  #alreadyReplayed = 0
  #skipped = 0
  #more = false

  constructor(topic: TopicInfo, request: ReplayRequest, parts: ReplayParts) {
    this.#topic = topic
    this.#request = request
    this.#parts = parts
    this.#records = new LettersByRecord(parts.limits)
  }

  async run(): Promise<ReplayAnswer> {
    await this.#compare()
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

  /** Which letters are of one record: also those that this request leaves out, or that were sent long ago. */
  async #compare(): Promise<void> {
    for (const { partition, endOffset } of this.#topic.partitions) {
      for await (const stored of readLetters(this.#source(partition), this.#start(partition), endOffset)) {
        const place = { partition, offset: stored.offset }
        this.#records.add(stored, place, { isSent: this.#isSettled(place) })
      }
    }
  }

  async #replay(partition: number): Promise<void> {
    const { limits } = this.#parts
    let settles: Place[] = []
    let batches = new ReplayBatches(limits)
    for await (const stored of this.#wanted(partition)) {
      const place = { partition, offset: stored.offset }
      if (this.#isSettled(place)) {
        this.#alreadyReplayed++
        continue
      }
      const judged = judgeLetter(this.#parts.broker, this.#topic.name, stored)
      if ('why' in judged) {
        this.#skip(partition, stored.offset, judged.why)
        continue
      }
      const record = this.#records.of(stored, place)
      if (!record.isSent && this.#replayed + batches.count >= limits.replayedPerCallMax) {
        this.#more = true
        break
      }
      if (record.isSent) this.#alreadyReplayed++
      else batches.add(stored, judged.to, this.#timeOf(stored))
      record.isSent = true
      settles.push(place, ...record.waiting.splice(0))
      if (!batches.full && settles.length < limits.commitLettersMax) continue
      await this.#commit(settles, batches)
      settles = []
      batches = new ReplayBatches(limits)
    }
    if (settles.length > 0) await this.#commit(settles, batches)
  }

  /** Letters that the request is about, in order. */
  async *#wanted(partition: number): AsyncGenerator<StoredLetter> {
    const { endOffset } = this.#topic.partitions[partition]!
    const from = this.#start(partition)
    const source = this.#source(partition)
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

  #source(partition: number): LetterSource {
    const { broker, limits } = this.#parts
    return { broker, topic: this.#topic.name, partition, limits }
  }

  /** Offset of the first letter that is not purged. */
  #start(partition: number): number {
    const { startOffset } = this.#topic.partitions[partition]!
    return Math.max(startOffset, this.#parts.settled.of(this.#topic, partition).purgedBefore)
  }

  #isSettled({ partition, offset }: Place): boolean {
    return containsOffset(this.#parts.settled.of(this.#topic, partition).replayed, offset)
  }

  #timeOf({ timestamp }: StoredLetter): number {
    return this.#request.at === 'now' ? this.#parts.clock.now() : timestamp
  }

  async #commit(settles: readonly Place[], batches: ReplayBatches): Promise<void> {
    const counts = batches.counts()
    if (!this.#request.dryRun) {
      const offsets = Map.groupBy(settles, ({ partition }) => partition)
      const settlements = [...offsets].map(([partition, places]): Settlement => {
        const settled = this.#settle(
          partition,
          places.map(({ offset }) => offset),
        )
        return { topic: this.#topic, partition, settled }
      })
      await this.#parts.settled.append(settlements, batches.build(), this.#parts.clock.now())
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
