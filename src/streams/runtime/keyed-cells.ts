// One declared state of a process handler, for all keys. What a key has is cells: one of a value, one for each item of a
// list or entry of a map or set. As in `KeyedRows`, what is here is the newest version: overlay, what is not yet in the
// store, and cache in one. Cells are replaced, never changed in place, so that undoing a row puts back what was there.
import type { KeyValue } from '../graph/node.ts'
import type { StateSettings } from '../keyed-state.ts'
import {
  afterPrefix,
  compareKeys,
  decodeValue,
  encodeNumber,
  encodeValue,
  joinKey,
  ownedPrefix,
  readNumber,
  readOwned,
  readTaggedKey,
  statePrefix,
  taggedKey,
} from '../state/state-key.ts'
import type { Mutation, StateStore } from '../state/state-store.ts'
import { DueKeys } from './due-keys.ts'
import { frozen } from './table-state.ts'
import type { TaskContext } from './task-context.ts'

export type Cell = {
  /** When it was written, in event time. */
  readonly at: number
  readonly value: unknown
}

/** A list numbers its items, a map has its own keys, and a value has one cell. */
export type Part = KeyValue
export const onlyPart: Part = ''

type Owned = {
  readonly key: KeyValue
  readonly prefix: Uint8Array
  /** Of a list in order. */
  cells: Map<Part, Cell>
  /** Changed since the last commit was cut. */
  readonly dirty: Set<Part>
  commit: number
  /** The number of the next item of a list. */
  next: number
}

export type KeyedCellsOptions = {
  readonly node: string
  readonly name: string
  readonly spec: StateSettings
  readonly context: TaskContext
  readonly store: StateStore
}

const cellSizeBytes = 64
const none: readonly [Part, Cell][] = []

export class KeyedCells {
  readonly spec: StateSettings
  readonly #options: KeyedCellsOptions
  readonly #space: Uint8Array
  readonly #owned = new Map<KeyValue, Owned>()
  #changed: Owned[] = []
  /** Keys without anything. They stay until the store has forgotten them as well: it must not answer what is gone. */
  readonly #empty = new Set<Owned>()
  /** Keys by when something of theirs expires. */
  readonly #due = new DueKeys()
  /** The store may hold keys that are not here. */
  #partial = false

  constructor(options: KeyedCellsOptions) {
    this.#options = options
    this.spec = options.spec
    this.#space = statePrefix(options.node, options.name)
  }

  /** After a restart: what expires is found again; everything else stays in the store until it is asked for. */
  restore(): void {
    this.#partial = true
    const { store, node } = this.#options
    if (this.spec.ttlMs === null) return
    for (const { key, value } of store.scan(this.#space, afterPrefix(this.#space))) {
      const [at] = decodeValue(value, node) as [number]
      this.#due.put(readOwned(key, this.#space).key, this.#expiresAt(at))
    }
  }

  /** What a key has, as event time stands. */
  cell(key: KeyValue, part: Part, watermark: number): Cell | undefined {
    const cell = this.#find(key)?.cells.get(part)
    return cell === undefined || this.#expiresAt(cell.at) <= watermark ? undefined : cell
  }

  /** A list in its order, anything else in the order of keys. */
  cells(key: KeyValue, watermark: number): readonly [Part, Cell][] {
    const owned = this.#find(key)
    if (owned === undefined) return none
    const all = [...owned.cells]
    const live = this.spec.ttlMs === null ? all : all.filter(([, { at }]) => this.#expiresAt(at) > watermark)
    return this.spec.kind === 'list' ? live : live.sort(([a], [b]) => compareKeys(a, b))
  }

  count(key: KeyValue, watermark: number): number {
    if (this.spec.ttlMs !== null) return this.cells(key, watermark).length
    return this.#find(key)?.cells.size ?? 0
  }

  /** Puts an item behind those of a list; above its `max` the oldest go. */
  append(key: KeyValue, cell: Cell, watermark: number): void {
    const owned = this.#find(key) ?? this.#create(key)
    this.put(key, owned.next++, cell)
    const { ttlMs, itemsMax } = this.spec
    if (owned.cells.size <= itemsMax) return
    if (ttlMs === null) {
      const [oldest] = owned.cells.keys()
      this.put(key, oldest!, undefined)
      return
    }
    const live = this.cells(key, watermark)
    for (const [part] of live.slice(0, Math.max(0, live.length - itemsMax))) this.put(key, part, undefined)
  }

  /** undefined removes. */
  put(key: KeyValue, part: Part, cell: Cell | undefined): void {
    const known = this.#find(key)
    const before = known?.cells.get(part)
    if (cell === undefined && before === undefined) return
    const owned = known ?? this.#create(key)
    const { savepoint } = this.#options.context
    if (savepoint?.open) savepoint.remember(() => this.#undo(owned, part, before))
    change(owned.cells, part, cell)
    if (owned.cells.size === 0) this.#empty.add(owned)
    this.#touch(owned, part)
    if (cell !== undefined && this.spec.ttlMs !== null) this.#due.put(key, this.#expiresAt(cell.at))
  }

  /** Lets go of what has expired. False: the commit is full. */
  expire(watermark: number): boolean {
    for (let first = this.#due.peek(); first !== undefined; first = this.#due.peek()) {
      if (first.due > watermark) return true
      if (this.#options.context.full) return false
      this.#due.pop()
      const { key } = first
      const owned = this.#find(key)
      for (const [part, { at }] of owned === undefined ? none : [...owned.cells]) {
        if (this.#expiresAt(at) <= watermark) this.put(key, part, undefined)
        else this.#due.put(key, this.#expiresAt(at))
      }
    }
    return true
  }

  collect(into: Mutation[], commit: number): void {
    for (const owned of this.#changed) {
      for (const part of owned.dirty) {
        const cell = owned.cells.get(part)
        const key = joinKey(owned.prefix, this.#encodePart(part))
        into.push({ key, value: cell === undefined ? null : encodeValue([cell.at, cell.value]) })
      }
      owned.dirty.clear()
      owned.commit = commit
    }
    this.#changed = []
  }

  /** Lets go of keys without anything, and, above that many keys, of the oldest that the store has, too. */
  release(applied: number, keysMax: number): void {
    for (const owned of this.#empty) {
      if (owned.dirty.size > 0 || owned.commit > applied) continue
      this.#empty.delete(owned)
      if (owned.cells.size === 0) this.#owned.delete(owned.key)
    }
    if (this.#owned.size <= keysMax) return
    for (const [key, owned] of this.#owned) {
      if (this.#owned.size <= keysMax / 2) return
      if (owned.dirty.size > 0 || owned.commit > applied) continue
      this.#owned.delete(key)
      this.#empty.delete(owned)
      this.#partial = true
    }
  }

  #expiresAt(at: number): number {
    return this.spec.ttlMs === null ? Infinity : at + this.spec.ttlMs + 1
  }

  #find(key: KeyValue): Owned | undefined {
    const known = this.#owned.get(key)
    if (known !== undefined || !this.#partial) return known
    const { store, node } = this.#options
    const prefix = ownedPrefix(this.#space, key)
    const cells = new Map<Part, Cell>()
    let next = 0
    for (const stored of store.scan(prefix, afterPrefix(prefix))) {
      const [at, value = null] = decodeValue(stored.value, node) as [number, unknown]
      const part = this.#readPart(stored.key.subarray(prefix.length))
      cells.set(part, { at, value: frozen(value) })
      if (this.spec.kind === 'list') next = (part as number) + 1
    }
    if (cells.size === 0) return undefined
    const owned: Owned = { key, prefix, cells, dirty: new Set(), commit: 0, next }
    this.#owned.set(key, owned)
    return owned
  }

  #create(key: KeyValue): Owned {
    const prefix = ownedPrefix(this.#space, key)
    const owned: Owned = { key, prefix, cells: new Map(), dirty: new Set(), commit: 0, next: 0 }
    this.#owned.set(key, owned)
    return owned
  }

  #touch(owned: Owned, part: Part): void {
    if (owned.dirty.size === 0) this.#changed.push(owned)
    if (owned.dirty.has(part)) return
    owned.dirty.add(part)
    this.#options.context.pendingBytes += cellSizeBytes
  }

  #undo(owned: Owned, part: Part, before: Cell | undefined): void {
    change(owned.cells, part, before)
    if (owned.cells.size === 0) this.#empty.add(owned)
    if (before === undefined || this.spec.kind !== 'list') return
    // An item that was gone would come back as the last.
    owned.cells = new Map([...owned.cells].sort(([a], [b]) => (a as number) - (b as number)))
  }

  #encodePart(part: Part): Uint8Array {
    if (this.spec.kind === 'value') return new Uint8Array()
    return this.spec.kind === 'list' ? encodeNumber(part as number) : taggedKey(part)
  }

  #readPart(bytes: Uint8Array): Part {
    if (this.spec.kind === 'value') return onlyPart
    return this.spec.kind === 'list' ? readNumber(bytes) : readTaggedKey(bytes)
  }
}

function change(cells: Map<Part, Cell>, part: Part, cell: Cell | undefined): void {
  if (cell === undefined) cells.delete(part)
  else cells.set(part, cell)
}
