// Items in the order of time, a list for each key: open sessions, moments of a sliding window, rows that wait for their
// match. As in `KeyedRows`, what is here is the newest version: overlay, what is not yet in the store, and cache in one.
// Values are never changed in place, so that undoing a row puts back what was there.
import type { KeyValue } from '../graph/node.ts'
import {
  afterPrefix,
  decodeValue,
  encodeValue,
  itemKey,
  itemsPrefix,
  itemTailSizeBytes,
  readItemKey,
} from '../state/state-key.ts'
import type { Mutation, StateStore } from '../state/state-store.ts'
import type { TaskContext } from './task-context.ts'

export type Item<T> = {
  readonly at: number
  /** Tells items of one moment apart, in the order in which they came. */
  readonly seq: number
  readonly value: T
}

type Held<T> = {
  -readonly [K in keyof Item<T>]: Item<T>[K]
} & { dirty: boolean; stored: boolean; removed: boolean }

type List<T> = {
  readonly key: KeyValue
  readonly prefix: Uint8Array
  readonly items: Held<T>[]
  /** The commit that wrote any of it last, and how many changes are in none yet. */
  commit: number
  dirty: number
}

export type TimeListsOptions = {
  readonly node: string
  readonly prefix: Uint8Array
  readonly context: TaskContext
  readonly store: StateStore
}

/** Of an item in a commit, roughly; what came in with the record is counted where it is read. */
const itemSizeBytes = 96
const none: readonly never[] = []

export class TimeLists<T> {
  readonly #options: TimeListsOptions
  readonly #lists = new Map<KeyValue, List<T>>()
  #changed: { readonly list: List<T>; readonly item: Held<T> }[] = []
  #removed: { readonly list: List<T>; readonly key: Uint8Array }[] = []
  /** Lists without items. They stay until the store has forgotten them as well: it must not answer what is gone. */
  readonly #empty = new Set<List<T>>()
  /** The store may hold keys that are not here. */
  #partial = false

  constructor(options: TimeListsOptions) {
    this.#options = options
  }

  /** Keys in memory. */
  get size(): number {
    return this.#lists.size
  }

  /** The items of a key, oldest first. Must not be held over a change. */
  of(key: KeyValue): readonly Item<T>[] {
    return this.#list(key)?.items ?? none
  }

  add(key: KeyValue, at: number, value: T): Item<T> {
    const list = this.#list(key) ?? this.#newList(key)
    const { items } = list
    const index = after(items, at)
    const before = items[index - 1]
    const seq = before !== undefined && before.at === at ? before.seq + 1 : 0
    const item: Held<T> = { at, seq, value, dirty: false, stored: false, removed: false }
    items.splice(index, 0, item)
    this.#touch(list, item)
    const { savepoint } = this.#options.context
    if (savepoint?.open) savepoint.remember(() => this.#forget(list, item))
    return item
  }

  /** Gives the item another value. */
  set(key: KeyValue, item: Item<T>, value: T): void {
    const held = item as Held<T>
    const { savepoint } = this.#options.context
    const old = held.value
    if (savepoint?.open) {
      savepoint.remember(() => {
        held.value = old
      })
    }
    held.value = value
    this.#touch(this.#lists.get(key)!, held)
  }

  remove(key: KeyValue, item: Item<T>): void {
    const list = this.#lists.get(key)!
    const held = item as Held<T>
    this.#forget(list, held)
    const { context } = this.#options
    if (held.stored) {
      this.#removed.push({ list, key: itemKey(list.prefix, held.at, held.seq) })
      list.dirty++
      context.pendingBytes += itemSizeBytes
    }
    const { savepoint } = context
    if (savepoint?.open) savepoint.remember(() => this.#putBack(list, held))
  }

  collect(into: Mutation[], commit: number): void {
    for (const { list, key } of this.#removed) {
      list.dirty--
      list.commit = commit
      into.push({ key, value: null })
    }
    for (const { list, item } of this.#changed) {
      list.dirty--
      item.dirty = false
      if (item.removed) continue
      item.stored = true
      list.commit = commit
      into.push({ key: itemKey(list.prefix, item.at, item.seq), value: encodeValue(item.value) })
    }
    this.#removed = []
    this.#changed = []
  }

  /** Above that many keys, lets go of those that the store has, too, the oldest first, until half are left. */
  release(applied: number, keysMax: number): void {
    for (const list of this.#empty) {
      if (list.dirty > 0 || list.commit > applied) continue
      this.#empty.delete(list)
      if (list.items.length === 0) this.#lists.delete(list.key)
    }
    if (this.#lists.size <= keysMax) return
    for (const [key, list] of this.#lists) {
      if (this.#lists.size <= keysMax / 2) return
      if (list.dirty > 0 || list.commit > applied) continue
      this.#lists.delete(key)
      this.#partial = true
    }
  }

  /** After a restart: every key with its items; a key may come in parts. They stay in the store until they are asked for. */
  *restore(): Generator<{ readonly key: KeyValue; readonly items: readonly Item<T>[] }> {
    const { prefix, store, node } = this.#options
    let key: KeyValue | undefined
    let items: Item<T>[] = []
    for (const entry of store.scan(prefix, afterPrefix(prefix))) {
      this.#partial = true
      const { key: own, at, seq } = readItemKey(entry.key, prefix)
      if (key !== undefined && own !== key) {
        yield { key, items }
        items = []
      }
      key = own
      items.push({ at, seq, value: decodeValue(entry.value, node) as T })
    }
    if (key !== undefined) yield { key, items }
  }

  #list(key: KeyValue): List<T> | undefined {
    const known = this.#lists.get(key)
    if (known !== undefined || !this.#partial) return known
    const { store, prefix, node } = this.#options
    const own = itemsPrefix(prefix, key)
    const items: Held<T>[] = []
    for (const entry of store.scan(own, afterPrefix(own))) {
      // A longer key that only begins like this one.
      if (entry.key.length !== own.length + itemTailSizeBytes) continue
      const { at, seq } = readItemKey(entry.key, prefix)
      const value = decodeValue(entry.value, node) as T
      items.push({ at, seq, value, dirty: false, stored: true, removed: false })
    }
    if (items.length === 0) return undefined
    const list = { key, prefix: own, items, commit: 0, dirty: 0 }
    this.#lists.set(key, list)
    return list
  }

  #newList(key: KeyValue): List<T> {
    const prefix = itemsPrefix(this.#options.prefix, key)
    const list: List<T> = { key, prefix, items: [], commit: 0, dirty: 0 }
    this.#lists.set(key, list)
    return list
  }

  #touch(list: List<T>, item: Held<T>): void {
    if (item.dirty) return
    item.dirty = true
    list.dirty++
    this.#changed.push({ list, item })
    this.#options.context.pendingBytes += itemSizeBytes
  }

  #forget(list: List<T>, item: Held<T>): void {
    item.removed = true
    if (list.items[0] === item) list.items.shift()
    else list.items.splice(list.items.indexOf(item), 1)
    if (list.items.length === 0) this.#empty.add(list)
  }

  #putBack(list: List<T>, item: Held<T>): void {
    item.removed = false
    if (item.stored) {
      this.#removed.pop()
      list.dirty--
    }
    list.items.splice(after(list.items, item.at, item.seq), 0, item)
  }
}

/** Index behind the last item at or before that moment. */
function after(items: readonly Item<unknown>[], at: number, seq = Infinity): number {
  let index = items.length
  while (index > 0) {
    const before = items[index - 1]!
    if (before.at < at || (before.at === at && before.seq <= seq)) break
    index--
  }
  return index
}
