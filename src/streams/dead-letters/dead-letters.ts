// Dead letters of a node: lists topics of them, pages through letters, sends letters again, and purges them. A letter is
// sent again at most once, however often it is asked for and whatever fails in between: the records and the note that
// they were sent are one append.
import { BrokerError, type Clock } from '#base'
import { type Broker, didYouMean, isReserved, type TopicInfo } from '#broker'
import { deadTopicOf } from '../dead-letter.ts'
import { type LetterFilter, matches } from './letter-filter.ts'
import { type LetterSource, readLettersBack, type StoredLetter } from './letter-reader.ts'
import { type DeadLetterLimits, deadLetterLimits } from './limits.ts'
import { containsOffset, countIn } from './offset-ranges.ts'
import { Replay, type ReplayAnswer, type ReplayRequest } from './replay-letters.ts'
import { SettledLetters } from './settled-letters.ts'

export type DeadLetterCause = {
  readonly error: string
  readonly app: string
  readonly node: string
  /** Among the newest letters. */
  readonly letters: number
}

export type DeadLetterTopic = {
  readonly topic: string
  /** Where its letters come from. */
  readonly of: string
  readonly letters: number
  readonly replayed: number
  readonly waiting: number
  readonly sizeBytes: number
  /** When the last one came; 0 while empty. */
  readonly lastAppendTime: number
  /** Of the newest letters, the newest cause first. */
  readonly causes: readonly DeadLetterCause[]
}

export type LetterState = 'waiting' | 'replayed'
export type ListedLetter = StoredLetter & { readonly partition: number; readonly state: LetterState }

export type LetterPageRequest = LetterFilter & {
  readonly state?: LetterState
  readonly limit: number
  /** `next` of the page before. */
  readonly before?: string
}

/** Newest first, one partition after the other. `next` is null at the end. */
export type LetterPage = { readonly letters: readonly ListedLetter[]; readonly next: string | null }

export type PurgeAnswer = { readonly topic: string; readonly purged: number; readonly dryRun: boolean }

type Place = { readonly partition: number; readonly before: number }

export type DeadLettersOptions = {
  readonly broker: Broker
  readonly clock: Clock
  readonly limits?: Partial<DeadLetterLimits>
}

const suffix = deadTopicOf('')

export class DeadLetters {
  readonly #broker: Broker
  readonly #clock: Clock
  readonly #limits: DeadLetterLimits
  readonly #settled: SettledLetters
  /** Topics at which something is changed. */
  readonly #busy = new Set<string>()

  constructor({ broker, clock, limits }: DeadLettersOptions) {
    this.#broker = broker
    this.#clock = clock
    this.#limits = { ...deadLetterLimits, ...limits }
    this.#settled = new SettledLetters(broker)
  }

  /** Every topic whose name says that it holds dead letters, by name. */
  async topics(): Promise<DeadLetterTopic[]> {
    await this.#settled.loaded()
    const topics: DeadLetterTopic[] = []
    for (const topic of this.#holders()) topics.push(await this.#summary(topic))
    return topics
  }

  async page(name: string, request: LetterPageRequest): Promise<LetterPage> {
    await this.#settled.loaded()
    const topic = this.#find(name)
    const letters: ListedLetter[] = []
    const start = request.before === undefined ? null : parsePlace(topic, request.before)
    let scanned = 0
    let sizeBytes = 0
    for (const { partition, endOffset } of topic.partitions.slice(start?.partition ?? 0)) {
      const before = start?.partition === partition ? Math.min(start.before, endOffset) : endOffset
      for await (const letter of this.#back(topic, partition, before)) {
        const isFull = letters.length >= request.limit || sizeBytes >= this.#limits.pageBytesMax
        if (isFull || scanned >= this.#limits.scannedPerPageMax) {
          return { letters, next: `${partition}:${letter.offset + 1}` }
        }
        scanned++
        if (!fits(letter, request)) continue
        letters.push(letter)
        sizeBytes += letter.sizeBytes
      }
    }
    return { letters, next: null }
  }

  /** Throws `busy` while another replay or purge of the topic is under way. */
  replay(name: string, request: ReplayRequest = {}): Promise<ReplayAnswer> {
    return this.#alone(name, (topic) => {
      const parts = { broker: this.#broker, clock: this.#clock, limits: this.#limits, settled: this.#settled }
      return new Replay(topic, request, parts).run()
    })
  }

  /** Forgets every letter that there is now. What disk they take comes back a segment at a time. */
  purge(name: string, { dryRun = false }: { readonly dryRun?: boolean } = {}): Promise<PurgeAnswer> {
    return this.#alone(name, async (topic) => {
      const purged = topic.partitions.reduce(
        (sum, { partition }) => sum + this.#counts(topic, partition).letters,
        0,
      )
      if (dryRun || purged === 0) return { topic: topic.name, purged, dryRun }
      const settlements = topic.partitions.map(({ partition, endOffset }) => {
        return { topic, partition, settled: { purgedBefore: endOffset, replayed: [] } }
      })
      await this.#settled.append(settlements, [], this.#clock.now())
      for (const { partition, endOffset } of topic.partitions) {
        await this.#broker.truncateTopic(topic.name, partition, endOffset, { internal: true })
      }
      return { topic: topic.name, purged, dryRun }
    })
  }

  async #alone<T>(name: string, work: (topic: TopicInfo) => Promise<T>): Promise<T> {
    await this.#settled.loaded()
    const topic = this.#find(name)
    if (this.#busy.has(name)) {
      throw new BrokerError('busy', `letters of "${name}" are being replayed or purged`, {
        fix: 'ask again when that is done',
      })
    }
    this.#busy.add(name)
    try {
      return await work(topic)
    } finally {
      this.#busy.delete(name)
    }
  }

  /** A widget of that name has a topic that ends alike, and is none. */
  #holders(): TopicInfo[] {
    const isHolder = (name: string) => name.endsWith(suffix) && name !== suffix && !isReserved(name)
    return this.#broker.topics().filter(({ name }) => isHolder(name))
  }

  #find(name: string): TopicInfo {
    const topics = this.#holders()
    const found = topics.find((topic) => topic.name === name)
    if (found !== undefined) return found
    const known = topics.map((topic) => topic.name)
    throw new BrokerError(
      'not_found',
      `there are no dead letters "${name.slice(0, 249)}"${didYouMean(name, known)}`,
      {
        fix: 'pspf dlq list shows the topics of dead letters',
      },
    )
  }

  #source(topic: TopicInfo, partition: number): LetterSource {
    return { broker: this.#broker, topic: topic.name, partition, limits: this.#limits }
  }

  async *#back(topic: TopicInfo, partition: number, before: number): AsyncGenerator<ListedLetter> {
    const settled = this.#settled.of(topic, partition)
    const { startOffset } = topic.partitions[partition]!
    const from = Math.max(startOffset, settled.purgedBefore)
    for await (const letter of readLettersBack(this.#source(topic, partition), from, before)) {
      const state = containsOffset(settled.replayed, letter.offset) ? 'replayed' : 'waiting'
      yield { ...letter, partition, state }
    }
  }

  #counts(topic: TopicInfo, partition: number): { letters: number; replayed: number } {
    const { startOffset, endOffset } = topic.partitions[partition]!
    const { purgedBefore, replayed } = this.#settled.of(topic, partition)
    const from = Math.max(startOffset, purgedBefore)
    return { letters: endOffset - from, replayed: countIn(replayed, from, endOffset) }
  }

  async #summary(topic: TopicInfo): Promise<DeadLetterTopic> {
    const counts = topic.partitions.map(({ partition }) => this.#counts(topic, partition))
    const letters = counts.reduce((sum, one) => sum + one.letters, 0)
    const replayed = counts.reduce((sum, one) => sum + one.replayed, 0)
    return {
      topic: topic.name,
      of: topic.name.slice(0, -suffix.length),
      letters,
      replayed,
      waiting: letters - replayed,
      sizeBytes: topic.partitions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      lastAppendTime: Math.max(...topic.partitions.map(({ lastAppendTime }) => lastAppendTime)),
      causes: await this.#causes(topic),
    }
  }

  async #causes(topic: TopicInfo): Promise<DeadLetterCause[]> {
    const causes = new Map<string, DeadLetterCause>()
    let left = this.#limits.causesFromLetters
    for (const { partition, endOffset } of topic.partitions) {
      for await (const { letter } of this.#back(topic, partition, endOffset)) {
        if (left-- <= 0) break
        if (letter === null) continue
        const { error, app, node } = letter
        const name = JSON.stringify([error, app, node])
        causes.set(name, { error, app, node, letters: (causes.get(name)?.letters ?? 0) + 1 })
      }
    }
    return [...causes.values()].slice(0, this.#limits.causesMax)
  }
}

function fits({ letter, state }: ListedLetter, filter: LetterPageRequest): boolean {
  if (filter.state !== undefined && filter.state !== state) return false
  return matches(letter, filter)
}

function parsePlace(topic: TopicInfo, text: string): Place {
  const match = /^(\d{1,9}):(\d{1,16})$/.exec(text)
  const place = { partition: Number(match?.[1]), before: Number(match?.[2]) }
  if (match !== null && topic.partitions[place.partition] !== undefined) return place
  throw new BrokerError('invalid_request', `"${text.slice(0, 60)}" is not where a page of letters ended`, {
    fix: 'give the "next" of the page before',
  })
}
