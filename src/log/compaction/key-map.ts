// The latest offset of each key in a run of records. Keys are kept and compared as bytes, so that no two of them are ever
// taken for one another; what that costs in memory has a limit, beyond which compaction goes in several rounds.
import { assert } from '#base'

const slotsMin = 1024
/** Per key: its offset, place, length and hash, and its share of the slots. */
const entryCostBytes = 8 + 4 + 4 + 4 + 12

export class KeyMap {
  readonly #sizeBytesMax: number
  readonly #seed: number
  /** Index of an entry plus one; 0 is free. Open addressing, at most half full. */
  #slots = new Uint32Array(slotsMin)
  #offsets = new Float64Array(slotsMin / 2)
  #hashes = new Uint32Array(slotsMin / 2)
  #starts = new Uint32Array(slotsMin / 2)
  #sizes = new Uint32Array(slotsMin / 2)
  #keys = new Uint8Array(16 * 1024)
  #keysEnd = 0
  #count = 0

  /** `seed` makes it useless to send keys whose hashes are equal. */
  constructor(sizeBytesMax: number, seed: number) {
    this.#sizeBytesMax = sizeBytesMax
    this.#seed = seed
  }

  get count(): number {
    return this.#count
  }

  /** To be asked between two batches: one batch may pass the limit. */
  get isFull(): boolean {
    return this.#keysEnd + this.#count * entryCostBytes >= this.#sizeBytesMax
  }

  /** Notes that a key has a record at `offset`, which is later than those before. */
  put(key: Uint8Array, offset: number): void {
    const hash = this.#hash(key)
    const slot = this.#find(key, hash)
    const found = this.#slots[slot]!
    if (found > 0) {
      assert(this.#offsets[found - 1]! <= offset, 'records are noted in their order')
      this.#offsets[found - 1] = offset
      return
    }
    if (this.#count === this.#offsets.length) {
      this.#grow()
      this.#insert(key, hash, { slot: this.#find(key, hash), offset })
    } else this.#insert(key, hash, { slot, offset })
  }

  /** Offset of the key's latest record; -1 if it has none here. */
  latest(key: Uint8Array): number {
    const found = this.#slots[this.#find(key, this.#hash(key))]!
    return found === 0 ? -1 : this.#offsets[found - 1]!
  }

  #hash(key: Uint8Array): number {
    return Bun.hash.xxHash32(key, this.#seed)
  }

  /** The slot of the key, or the free one where it belongs. */
  #find(key: Uint8Array, hash: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]!
      if (found === 0 || (this.#hashes[found - 1] === hash && this.#isKey(found - 1, key))) return slot
    }
  }

  #isKey(entry: number, key: Uint8Array): boolean {
    if (this.#sizes[entry] !== key.length) return false
    const start = this.#starts[entry]!
    for (let index = 0; index < key.length; index++) {
      if (this.#keys[start + index] !== key[index]) return false
    }
    return true
  }

  #insert(key: Uint8Array, hash: number, { slot, offset }: { slot: number; offset: number }): void {
    this.#reserve(key.length)
    const entry = this.#count++
    this.#keys.set(key, this.#keysEnd)
    this.#starts[entry] = this.#keysEnd
    this.#sizes[entry] = key.length
    this.#hashes[entry] = hash
    this.#offsets[entry] = offset
    this.#keysEnd += key.length
    this.#slots[slot] = entry + 1
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#keysEnd + sizeBytes
    if (needed <= this.#keys.length) return
    const larger = new Uint8Array(Math.max(needed, this.#keys.length * 2))
    larger.set(this.#keys.subarray(0, this.#keysEnd))
    this.#keys = larger
  }

  #grow(): void {
    const capacity = this.#offsets.length * 2
    this.#offsets = grown(this.#offsets, new Float64Array(capacity))
    this.#hashes = grown(this.#hashes, new Uint32Array(capacity))
    this.#starts = grown(this.#starts, new Uint32Array(capacity))
    this.#sizes = grown(this.#sizes, new Uint32Array(capacity))
    this.#slots = new Uint32Array(capacity * 2)
    const mask = this.#slots.length - 1
    for (let entry = 0; entry < this.#count; entry++) {
      let slot = this.#hashes[entry]! & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = entry + 1
    }
  }
}

function grown<T extends Float64Array | Uint32Array>(from: T, into: T): T {
  into.set(from)
  return into
}
