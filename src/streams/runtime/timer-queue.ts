// Timers of one node and one clock, all of them in memory and each a record of state: `[time, at, wait]`. What is in the
// heap and no longer in the map was replaced, cancelled or undone.
import type { KeyValue } from '../graph/node.ts'
import {
  afterPrefix,
  compareAsBytes,
  compareKeys,
  decodeValue,
  encodeValue,
  joinKey,
  ownedPrefix,
  readOwned,
  timersPrefix,
} from '../state/state-key.ts'
import type { Mutation, StateStore } from '../state/state-store.ts'
import { Heap } from './heap.ts'
import type { TaskContext } from './task-context.ts'

export type Timer = {
  readonly key: KeyValue
  readonly name: string
  /** For when it is set. */
  readonly time: number
  /** Where what it emits lies: not behind what was promised when it was set. */
  readonly at: number
  /** The wait for the end of the log, counted, that must be over before it fires; null: none. */
  readonly wait: number | null
  /** How many timers of one pass led to it, each setting the next. */
  readonly chain: Chain
}
export type Chain = { readonly pass: number; readonly length: number }

export type TimerQueueOptions = {
  readonly node: string
  readonly clock: 'event' | 'wall'
  readonly context: TaskContext
  readonly store: StateStore
}

const timerSizeBytes = 64
/** Places in the heap that are out of date, beside as many as there are timers. */
const staleMax = 1_000
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class TimerQueue {
  readonly #options: TimerQueueOptions
  readonly #space: Uint8Array
  readonly #timers = new Map<KeyValue, Map<string, Timer>>()
  readonly #heap = new Heap<Timer>(isBefore)
  #count = 0
  readonly #changed = new Map<KeyValue, Set<string>>()

  constructor(options: TimerQueueOptions) {
    this.#options = options
    this.#space = timersPrefix(options.node, options.clock)
  }

  restore(): void {
    const { store, node } = this.#options
    for (const { key: stored, value } of store.scan(this.#space, afterPrefix(this.#space))) {
      const { key, part } = readOwned(stored, this.#space)
      const [time, at, wait] = decodeValue(value, node) as [number, number, number | null]
      const timer = { key, name: decoder.decode(part), time, at, wait, chain: { pass: 0, length: 0 } }
      this.#put(key, timer.name, timer)
    }
  }

  /** Places in the heap, those that are out of date among them. */
  get size(): number {
    return this.#heap.size
  }

  *[Symbol.iterator](): Generator<Timer> {
    for (const own of this.#timers.values()) yield* own.values()
  }

  /** The next by time, then by the bytes of its key, then by name; left where it is. */
  peek(): Timer | undefined {
    for (let first = this.#heap.peek(); first !== undefined; first = this.#heap.peek()) {
      if (this.#timers.get(first.key)?.get(first.name) === first) return first
      this.#heap.pop()
    }
    return undefined
  }

  /** The first is due, but has to wait. */
  skip(first: Timer): Timer {
    this.#heap.pop()
    return first
  }

  putBack(timer: Timer): void {
    this.#heap.push(timer)
  }

  /** Replaces the one of that key and name. */
  set(timer: Timer): void {
    this.#change(timer.key, timer.name, timer)
  }

  remove(key: KeyValue, name: string): void {
    if (this.#timers.get(key)?.has(name)) this.#change(key, name, undefined)
  }

  collect(into: Mutation[]): void {
    for (const [key, names] of this.#changed) {
      const prefix = ownedPrefix(this.#space, key)
      for (const name of names) {
        const timer = this.#timers.get(key)?.get(name)
        const value = timer === undefined ? null : encodeValue([timer.time, timer.at, timer.wait])
        into.push({ key: joinKey(prefix, encoder.encode(name)), value })
      }
    }
    this.#changed.clear()
  }

  #change(key: KeyValue, name: string, timer: Timer | undefined): void {
    const { context } = this.#options
    const before = this.#timers.get(key)?.get(name)
    if (context.savepoint?.open) context.savepoint.remember(() => this.#put(key, name, before))
    this.#put(key, name, timer)
    const names = this.#changed.get(key)
    if (names?.has(name)) return
    if (names === undefined) this.#changed.set(key, new Set([name]))
    else names.add(name)
    context.pendingBytes += timerSizeBytes
  }

  #put(key: KeyValue, name: string, timer: Timer | undefined): void {
    let own = this.#timers.get(key)
    if (timer === undefined) {
      if (own?.delete(name)) this.#count--
      if (own?.size === 0) this.#timers.delete(key)
      return
    }
    if (own === undefined) {
      own = new Map()
      this.#timers.set(key, own)
    }
    if (!own.has(name)) this.#count++
    own.set(name, timer)
    this.#heap.push(timer)
    // One that each row puts off leaves its old places behind, long before their time comes.
    if (this.#heap.size > 2 * this.#count + staleMax) this.#heap.fill(this)
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  if (a.time !== b.time) return a.time < b.time
  return (compareKeys(a.key, b.key) || compareAsBytes(a.name, b.name)) < 0
}
