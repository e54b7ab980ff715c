// Rows on which a user's asynchronous function is at work. They are state: what has no answer when a commit is cut is in
// it, so the task's positions may go on, everything else in the task counts its rows once, and a crash asks again for what
// had no answer. Event time behind the node waits for the earliest row that is held.
//
// A held row as stored: `[value, at, keys, call, topic, partition, offset, record key]`; keys is `[]` or `[key]`, the
// record's key is base64 or null.
import type { AsyncNode, KeyValue } from '../graph/node.ts'
import {
  afterPrefix,
  decodeValue,
  encodeNumber,
  encodeValue,
  heldPrefix,
  joinKey,
  readNumber,
} from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import { AsyncCalls, type Outcome } from './async-calls.ts'
import type { Operator, OperatorWiring } from './operator.ts'
import { encodeRow } from './repartition-output.ts'
import type { Emit, RowKey } from './task-context.ts'

export type AsyncWiring = OperatorWiring & {
  /** Rows come from nodes that make some: what a record led to is not in the order of records. */
  readonly made: boolean
}

type Held = {
  readonly seq: number
  readonly value: unknown
  readonly at: number
  readonly key: RowKey
  readonly call: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly recordKey: Uint8Array | null
  outcome: Outcome | null
  stored: boolean
}
type StoredHeld = [
  value: unknown,
  at: number,
  keys: KeyValue[],
  call: string,
  topic: string,
  partition: number,
  offset: number,
  recordKey: string | null,
]

/** Rows held for each call that may run: answered ones wait for those before them. */
const heldPerCall = 2
const heldSizeBytes = 96
const noHeaders = () => []

export class AsyncOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly #node: AsyncNode
  readonly #wiring: AsyncWiring
  readonly #calls: AsyncCalls
  /** In the order in which they came. */
  readonly #held = new Set<Held>()
  readonly #answered: Held[] = []
  /** Of an earlier run: nobody has asked for them in this one. */
  readonly #restored: Held[] = []
  #unstored: Held[] = []
  #removed: number[] = []
  #nextSeq = 0
  #lowest: number | null = null
  #saturated = false
  /** How many rows the record at work has led to. */
  #place = ''
  #rows = new Map<string, number>()

  constructor(node: AsyncNode, wiring: AsyncWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.#node = node
    this.#wiring = wiring
    const { clock, retriesOf } = wiring.context
    const retries = node.settings.retries ?? retriesOf.call(wiring.context, this.id)
    this.#calls = new AsyncCalls({ call: node.call, settings: node.settings, retries, clock })
    this.time.heldBack = () => this.#lowestAt()
  }

  get outside(): boolean {
    return this.#calls.running > 0
  }

  restore(): void {
    const { store } = this.#wiring
    const prefix = heldPrefix(this.id)
    for (const { key: stored, value: bytes } of store.scan(prefix, afterPrefix(prefix))) {
      const [value, at, keys, call, topic, partition, offset, recordKey] = decodeValue(
        bytes,
        this.id,
      ) as StoredHeld
      const seq = readNumber(stored.subarray(prefix.length))
      const own = recordKey === null ? null : Uint8Array.from(Buffer.from(recordKey, 'base64'))
      const place = { topic, partition, offset, recordKey: own }
      const held: Held = { seq, value, at, key: keys[0], call, ...place, outcome: null, stored: true }
      this.#held.add(held)
      this.#restored.push(held)
      this.#nextSeq = seq + 1
    }
    this.#weigh()
  }

  readonly accept: Emit = (value, at, key) => {
    const { counters, context } = this.#wiring
    counters.recordsIn++
    context.node = this.id
    const { topic, partition, offset } = context.record
    const bytes = context.record.key()
    const place = { topic, partition, offset, recordKey: bytes && new Uint8Array(bytes) }
    const content = this.#wiring.made ? digestOf(JSON.stringify([key, at, value])) : ''
    const nth = this.#count(content)
    const call = this.#callOf(content, nth)
    const seq = this.#nextSeq++
    const held: Held = { seq, value, at, key, call, ...place, outcome: null, stored: false }
    this.#held.add(held)
    this.#unstored.push(held)
    context.pendingBytes += heldSizeBytes
    this.#weigh()
    const { savepoint } = context
    if (savepoint?.open) {
      savepoint.remember(() => {
        this.#held.delete(held)
        this.#unstored.splice(this.#unstored.indexOf(held), 1)
        this.#rows.set(content, nth)
        this.#weigh()
      })
      savepoint.defer(() => this.#ask(held))
    } else {
      this.#ask(held)
    }
  }

  /** Sends on what was answered. */
  emitReady(): boolean {
    for (const held of this.#restored.splice(0)) this.#ask(held)
    let emitted = false
    while (!this.#wiring.context.commitFull) {
      const held = this.#next()
      if (held === undefined) break
      emitted = true
      this.#release(held)
      this.#send(held, held.outcome!)
    }
    return emitted
  }

  /** Nothing here waits for event time. */
  closeDue(): boolean {
    return true
  }

  flush(): void {
    // Rows go out as they are answered.
  }

  collect(into: Mutation[]): void {
    const prefix = heldPrefix(this.id)
    for (const seq of this.#removed) into.push({ key: joinKey(prefix, encodeNumber(seq)), value: null })
    for (const held of this.#unstored) {
      if (!this.#held.has(held)) continue
      held.stored = true
      const { value, at, key, call, topic, partition, offset, recordKey } = held
      const keys = key === undefined ? [] : [key]
      const own = recordKey === null ? null : Buffer.from(recordKey).toString('base64')
      const stored: StoredHeld = [value, at, keys, call, topic, partition, offset, own]
      into.push({ key: joinKey(prefix, encodeNumber(held.seq)), value: encodeValue(stored) })
    }
    this.#removed = []
    this.#unstored = []
  }

  release(): void {
    // What is held is in memory until it is answered.
  }

  stop(): void {
    this.#calls.stop()
  }

  #ask(held: Held): void {
    const done = (outcome: Outcome) => {
      held.outcome = outcome
      if (this.#node.settings.order === 'any') this.#answered.push(held)
      this.#wiring.context.wake()
    }
    this.#calls.ask({ value: held.value, key: held.call, done })
  }

  #next(): Held | undefined {
    if (this.#node.settings.order === 'any') return this.#answered.shift()
    const [first] = this.#held
    return first?.outcome === null ? undefined : first
  }

  #release(held: Held): void {
    const { context } = this.#wiring
    this.#held.delete(held)
    if (held.stored) this.#removed.push(held.seq)
    context.touched = true
    this.#weigh()
  }

  /** As if the record from which the row came were at work. */
  #send(held: Held, outcome: Outcome): void {
    const { context, counters, emit } = this.#wiring
    const { value, at, key, recordKey } = held
    const { record } = context
    record.topic = held.topic
    record.partition = held.partition
    record.offset = held.offset
    record.key = () => recordKey
    record.value = () => encodeRow(value)
    record.headers = noHeaders
    record.timestamp = () => at
    context.node = this.id
    if (outcome.kind === 'failed') {
      context.giveUpRow(this.id, outcome.error, { attempts: outcome.attempts, row: { value, at, key } })
    } else {
      counters.recordsOut++
      context.attempt(emit, outcome.answer, at, key)
    }
  }

  #weigh(): void {
    this.#lowest = null
    const saturated = this.#held.size >= heldPerCall * this.#node.settings.concurrency
    if (saturated === this.#saturated) return
    this.#saturated = saturated
    this.#wiring.context.saturations += saturated ? 1 : -1
  }

  #lowestAt(): number {
    if (this.#lowest !== null) return this.#lowest
    let lowest = Infinity
    for (const { at } of this.#held) if (at < lowest) lowest = at
    this.#lowest = lowest
    return lowest
  }

  /** How many rows like that the record at work has led to before. */
  #count(content: string): number {
    const { topic, partition, offset } = this.#wiring.context.record
    const place = `${topic}/${partition}/${offset}`
    if (place !== this.#place) this.#rows.clear()
    this.#place = place
    const nth = this.#rows.get(content) ?? 0
    this.#rows.set(content, nth + 1)
    return nth
  }

  /** `node/topic/partition/offset`, and what tells apart rows that one record led to. */
  #callOf(content: string, nth: number): string {
    return [this.id, this.#place, ...(content === '' ? [] : [content]), ...(nth === 0 ? [] : [nth])].join('/')
  }
}

const digestOf = (text: string): string =>
  new Bun.CryptoHasher('sha256').update(text).digest('hex').slice(0, 16)
