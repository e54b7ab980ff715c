// The last row of each key, in the order of their records. Rows are frozen: whoever gets one must not change the table.
import {
  afterPrefix,
  decodeValue,
  encodeValue,
  joinKey,
  readTaggedKey,
  taggedKey,
  textOfKey,
} from '../state/state-key.ts'
import { holdsAny, type Mutation, type StateStore } from '../state/state-store.ts'
import type { TaskContext } from './task-context.ts'

type Held = {
  /** null: deleted, and the store may not know it yet. */
  row: unknown
  dirty: boolean
  commit: number
}

export type TableStateOptions = {
  readonly node: string
  readonly prefix: Uint8Array
  readonly context: TaskContext
  readonly store: StateStore
}

const rowSizeBytes = 64

export class TableState {
  readonly #options: TableStateOptions
  readonly #rows = new Map<string, Held>()
  #changed: { readonly key: string; readonly held: Held }[] = []
  /** The store may hold keys that are not here. */
  #partial = false

  constructor(options: TableStateOptions) {
    this.#options = options
  }

  restore(): void {
    this.#partial = holdsAny(this.#options.store, this.#options.prefix)
  }

  /** null: there is none. */
  get(key: string): unknown {
    return (this.#rows.get(key) ?? this.#load(key))?.row ?? null
  }

  /** null deletes. */
  set(key: string, row: unknown): void {
    const { context } = this.#options
    const known = this.#rows.get(key) ?? this.#load(key)
    if (known === undefined && row === null) return
    const held = known ?? { row: null, dirty: false, commit: 0 }
    if (known === undefined) this.#rows.set(key, held)
    const before = held.row
    if (context.savepoint?.open) {
      context.savepoint.remember(() => {
        held.row = before
      })
    }
    held.row = frozen(row)
    if (held.dirty) return
    held.dirty = true
    this.#changed.push({ key, held })
    context.pendingBytes += rowSizeBytes
  }

  collect(into: Mutation[], commit: number): void {
    for (const { key, held } of this.#changed) {
      held.dirty = false
      held.commit = commit
      const value = held.row === null ? null : encodeValue(held.row)
      into.push({ key: joinKey(this.#options.prefix, taggedKey(key)), value })
    }
    this.#changed = []
  }

  /** Above that many keys, lets go of those that the store has, too, the oldest first, until half are left. */
  release(applied: number, keysMax: number): void {
    if (this.#rows.size <= keysMax) return
    for (const [key, held] of this.#rows) {
      if (this.#rows.size <= keysMax / 2) return
      if (held.dirty || held.commit > applied) continue
      this.#rows.delete(key)
      if (held.row !== null) this.#partial = true
    }
  }

  /** Every key that has a row. */
  *keys(): Generator<string> {
    const { store, prefix } = this.#options
    const seen = new Set<string>()
    for (const [key, { row }] of this.#rows) {
      seen.add(key)
      if (row !== null) yield key
    }
    if (!this.#partial) return
    for (const { key } of store.scan(prefix, afterPrefix(prefix))) {
      const own = textOfKey(readTaggedKey(key.subarray(prefix.length)))
      if (!seen.has(own)) yield own
    }
  }

  #load(key: string): Held | undefined {
    if (!this.#partial) return undefined
    const { store, prefix, node } = this.#options
    const value = store.get(joinKey(prefix, taggedKey(key)))
    if (value === null) return undefined
    const held = { row: frozen(decodeValue(value, node)), dirty: false, commit: 0 }
    this.#rows.set(key, held)
    return held
  }
}

/** The value, with everything in it, unchangeable from here on. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) frozen(part)
  return Object.freeze(value)
}
