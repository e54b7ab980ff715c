// State in memory: for tests, and for apps whose state is small enough to be read back at each start. Sorted blocks of
// bounded size, so that an insert moves a bounded number of keys.
import type { Mutation, StateEntry, StateStore, StorePosition } from './state-store.ts'

/** Keys as latin-1 text: compared as text they are in the order of their bytes. */
type Block = { keys: string[]; values: Uint8Array[] }

const blockKeysMax = 512

export class MemoryStore implements StateStore {
  #blocks: Block[] = []
  #position: StorePosition | null = null

  get position(): StorePosition | null {
    return this.#position
  }

  get(key: Uint8Array): Uint8Array | null {
    const text = textOf(key)
    const block = this.#blocks[this.#blockOf(text)]
    if (block === undefined) return null
    const index = lowerBound(block.keys, text)
    return block.keys[index] === text ? block.values[index]! : null
  }

  *scan(from: Uint8Array, to: Uint8Array): Iterable<StateEntry> {
    const first = textOf(from)
    const end = textOf(to)
    for (let at = Math.max(0, this.#blockOf(first)); at < this.#blocks.length; at++) {
      const { keys, values } = this.#blocks[at]!
      for (let index = lowerBound(keys, first); index < keys.length; index++) {
        if (keys[index]! >= end) return
        yield { key: Buffer.from(keys[index]!, 'latin1'), value: values[index]! }
      }
    }
  }

  apply(mutations: readonly Mutation[], position: StorePosition): void {
    for (const { key, value } of mutations) {
      if (value === null) this.#delete(textOf(key))
      else this.#put(textOf(key), new Uint8Array(value))
    }
    this.#position = position
  }

  clear(): void {
    this.#blocks = []
    this.#position = null
  }

  close(): void {
    this.clear()
  }

  /** The last block that begins at or before the key; -1 if none does. */
  #blockOf(key: string): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#blocks[middle]!.keys[0]! <= key) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #put(key: string, value: Uint8Array): void {
    if (this.#blocks.length === 0) this.#blocks.push({ keys: [], values: [] })
    const at = Math.max(0, this.#blockOf(key))
    const block = this.#blocks[at]!
    const index = lowerBound(block.keys, key)
    if (block.keys[index] === key) {
      block.values[index] = value
      return
    }
    block.keys.splice(index, 0, key)
    block.values.splice(index, 0, value)
    if (block.keys.length <= blockKeysMax) return
    const half = block.keys.length >>> 1
    this.#blocks.splice(at + 1, 0, { keys: block.keys.splice(half), values: block.values.splice(half) })
  }

  #delete(key: string): void {
    const at = this.#blockOf(key)
    const block = this.#blocks[at]
    if (block === undefined) return
    const index = lowerBound(block.keys, key)
    if (block.keys[index] !== key) return
    block.keys.splice(index, 1)
    block.values.splice(index, 1)
    if (block.keys.length === 0) this.#blocks.splice(at, 1)
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
