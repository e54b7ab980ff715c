// The state of one node under one prefix (one window, or all keys of an aggregate) as live objects: the newest version
// of each key, whether its commit is still on its way or long in the store. This is the overlay: what it holds and the
// store does not is exactly what is not yet committed or not yet applied.
import type { Aggregator } from '../aggregator.ts'
import type { KeyValue } from '../graph/node.ts'
import {
  afterPrefix,
  compareAsBytes,
  decodeValue,
  encodeValue,
  joinKey,
  readTaggedKey,
  taggedKey,
  textOfKey,
} from '../state/state-key.ts'
import { holdsAny, type Mutation, type StateStore } from '../state/state-store.ts'
import type { TaskContext } from './task-context.ts'

export type Entry = {
  readonly key: KeyValue
  readonly accumulators: unknown[]
  /** Rows emitted for it so far. */
  revision: number
  /** Greatest event time of its rows. */
  at: number
  /** Changed since the last commit was cut. */
  dirty: boolean
  /** Changed since it was last emitted, where that is not done with every commit. */
  unsent: boolean
  /** What it came to when it was last emitted; null when that was asked for and there was nothing, or never asked. */
  before: readonly unknown[] | null
  /** The changelog has it, so that its end must be written, too. */
  stored: boolean
  /** The commit that wrote it last. */
  commit: number
  sizeBytes: number
}

/** A revision below 0 is one that changed since it was emitted: `-1 - revision`. */
export type StoredEntry = [revision: number, at: number, ...accumulators: unknown[]]

/** How rows fold, the same for all keys of a node. Columns are in the order of their names, as stored. */
export type Folding = {
  readonly node: string
  readonly columns: readonly string[]
  readonly aggregators: readonly Aggregator<unknown, unknown>[]
  /** Keep what each entry came to before its first change, to tell whether a change made a difference. */
  readonly keepsBefore: boolean
  /** Changes wait for their emission longer than for their commit. */
  readonly keepsUnsent: boolean
}

export const resultsOf = ({ aggregators }: Folding, { accumulators }: Entry): unknown[] =>
  accumulators.map((accumulator, index) => aggregators[index]!.result(accumulator))

const newEntrySizeBytes = 96

export class KeyedRows {
  readonly prefix: Uint8Array
  readonly entries = new Map<KeyValue, Entry>()
  readonly dirty: Entry[] = []
  /** Only where the folding keeps them. */
  readonly unsent = new Set<Entry>()
  readonly #folding: Folding
  readonly #context: TaskContext
  readonly #store: StateStore
  readonly #removed: Uint8Array[] = []
  /** The store may hold keys that are not here. */
  #partial: boolean

  constructor(prefix: Uint8Array, partial: boolean, shared: KeyedRowsShared) {
    this.prefix = prefix
    this.#partial = partial
    this.#folding = shared.folding
    this.#context = shared.context
    this.#store = shared.store
  }

  /** After a restart: what is not here may be in the store. */
  mayBeInStore(): void {
    this.#partial = holdsAny(this.#store, this.prefix)
  }

  /** Folds a row into its key's entry. */
  add(key: KeyValue, row: unknown, at: number): void {
    const { aggregators } = this.#folding
    let entry = this.entries.get(key) ?? this.#load(key)
    if (entry === undefined) entry = this.#create(key)
    else if (this.#context.savepoint?.open) this.#rememberEntry(entry)
    if (!entry.dirty) this.#touch(entry)
    const { accumulators } = entry
    for (let index = 0; index < aggregators.length; index++) {
      accumulators[index] = aggregators[index]!.add(accumulators[index], row, at)
    }
    if (at > entry.at) entry.at = at
  }

  /** Every key, in the order of its bytes. */
  sorted(): Entry[] {
    return this.all().sort((a, b) => compareAsBytes(textOfKey(a.key), textOfKey(b.key)))
  }

  /** Every key. */
  all(): Entry[] {
    if (this.#partial) {
      for (const { key, value } of this.#store.scan(this.prefix, afterPrefix(this.prefix))) {
        const own = readTaggedKey(key.subarray(this.prefix.length))
        if (!this.entries.has(own)) this.#keep(own, value)
      }
      this.#partial = false
    }
    return [...this.entries.values()]
  }

  /** The key has reached its end. */
  remove(entry: Entry): void {
    this.entries.delete(entry.key)
    this.unsent.delete(entry)
    if (!entry.stored) return
    this.#removed.push(joinKey(this.prefix, taggedKey(entry.key)))
    this.#context.pendingBytes += newEntrySizeBytes
  }

  /** Everything that changed since the last commit was cut, as changelog records of commit `number`. */
  collect(into: Mutation[], number: number): void {
    for (const key of this.#removed) into.push({ key, value: null })
    this.#removed.length = 0
    for (const entry of this.dirty) {
      entry.dirty = false
      if (!entry.unsent) entry.before = null
      if (this.entries.get(entry.key) !== entry) continue
      entry.stored = true
      entry.commit = number
      const revision = entry.unsent ? -1 - entry.revision : entry.revision
      const stored: StoredEntry = [revision, entry.at, ...entry.accumulators]
      const value = encodeValue(stored)
      entry.sizeBytes = value.length
      into.push({ key: joinKey(this.prefix, taggedKey(entry.key)), value })
    }
    this.dirty.length = 0
  }

  /** Lets go of entries that the store has, too, the oldest first, until that many are left. */
  evict(applied: number, kept: number): void {
    for (const [key, entry] of this.entries) {
      if (this.entries.size <= kept) return
      if (entry.dirty || entry.unsent || entry.commit > applied) continue
      this.entries.delete(key)
      this.#partial = true
    }
  }

  /** After a restart: brings back what waits for its emission. */
  loadUnsent(): void {
    for (const { key, value } of this.#store.scan(this.prefix, afterPrefix(this.prefix))) {
      const [revision] = decodeValue(value, this.#folding.node) as StoredEntry
      if (revision < 0) this.#keep(readTaggedKey(key.subarray(this.prefix.length)), value)
    }
  }

  /** It was emitted, or came to the same as before: the commit that is cut now says so. */
  markSent(entry: Entry): void {
    if (!this.unsent.delete(entry)) return
    entry.unsent = false
    entry.before = null
    if (entry.dirty) return
    entry.dirty = true
    this.dirty.push(entry)
  }

  #load(key: KeyValue): Entry | undefined {
    if (!this.#partial) return undefined
    const value = this.#store.get(joinKey(this.prefix, taggedKey(key)))
    return value === null ? undefined : this.#keep(key, value)
  }

  #keep(key: KeyValue, value: Uint8Array): Entry {
    const [stored, at, ...accumulators] = decodeValue(value, this.#folding.node) as StoredEntry
    const unsent = stored < 0
    const entry: Entry = {
      key,
      accumulators,
      revision: unsent ? -1 - stored : stored,
      at,
      dirty: false,
      unsent,
      before: null,
      stored: true,
      commit: 0,
      sizeBytes: value.length,
    }
    this.entries.set(key, entry)
    if (unsent) this.unsent.add(entry)
    return entry
  }

  #create(key: KeyValue): Entry {
    const entry: Entry = {
      key,
      accumulators: this.#folding.aggregators.map((aggregator) => aggregator.init()),
      revision: 0,
      at: Number.MIN_SAFE_INTEGER,
      dirty: false,
      unsent: false,
      before: null,
      stored: false,
      commit: 0,
      sizeBytes: newEntrySizeBytes,
    }
    this.entries.set(key, entry)
    if (this.#context.savepoint?.open) {
      this.#context.savepoint.remember(() => {
        this.entries.delete(key)
        this.unsent.delete(entry)
        this.dirty.splice(this.dirty.indexOf(entry), 1)
      })
    }
    return entry
  }

  #touch(entry: Entry): void {
    const { keepsBefore, keepsUnsent } = this.#folding
    if (keepsBefore && entry.revision > 0 && !entry.unsent) entry.before = resultsOf(this.#folding, entry)
    if (keepsUnsent && !entry.unsent) {
      entry.unsent = true
      this.unsent.add(entry)
    }
    entry.dirty = true
    this.dirty.push(entry)
    this.#context.pendingBytes += entry.sizeBytes
  }

  #rememberEntry(entry: Entry): void {
    const { accumulators, at, dirty, before, unsent } = entry
    const kept = accumulators.slice()
    this.#context.savepoint!.remember(() => {
      accumulators.splice(0, accumulators.length, ...kept)
      entry.at = at
      entry.before = before
      if (entry.dirty && !dirty) this.dirty.splice(this.dirty.indexOf(entry), 1)
      entry.dirty = dirty
      if (entry.unsent && !unsent) this.unsent.delete(entry)
      entry.unsent = unsent
    })
  }
}

export type KeyedRowsShared = {
  readonly folding: Folding
  readonly context: TaskContext
  readonly store: StateStore
}

/** Columns sorted by name: state does not depend on the order in which they are written down. */
export function foldingOf(
  node: string,
  aggregates: Readonly<Record<string, Aggregator<never, unknown>>>,
  keeps: 'nothing' | 'before' | 'unsent',
): Folding {
  const columns = Object.keys(aggregates).sort()
  const aggregators = columns.map((column) => aggregates[column] as Aggregator<unknown, unknown>)
  const keepsBefore = keeps !== 'nothing'
  return { node, columns, aggregators, keepsBefore, keepsUnsent: keeps === 'unsent' }
}

/** Whether a change came to something else. */
export function isSameResult(a: readonly unknown[] | null, b: readonly unknown[]): boolean {
  if (a === null) return false
  return a.every((value, index) => {
    const other = b[index]
    if (typeof value !== 'object' || value === null) return Object.is(value, other)
    return JSON.stringify(value) === JSON.stringify(other)
  })
}
