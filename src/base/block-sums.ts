// Checksums of the blocks of a file that grows: every byte of it is covered, whatever it means. They are computed from
// what is written, never from what is read back, and checked by whoever reads: the log itself and the processes to which
// it says where bytes lie.
import { assert } from './assert.ts'

/** Small enough that checking one costs less than reading it, large enough that sums are a ten-thousandth of the file. */
export const sumBlockBytes = 32 * 1024

/** Whole blocks of a file, as far as they are there, with the CRC-32 of each. */
export type SummedRange = {
  /** Where the first block begins. */
  readonly from: number
  /** Where the bytes that the last sum covers end: the end of its block or, for the last of all, of the file so far. */
  readonly until: number
  readonly sums: readonly number[]
}

/** `bytes` is what lies at `range.from`. Position in the file of the first block that is not what was written; -1: none. */
export function damagedBlockAt(bytes: Uint8Array, { from, until, sums }: SummedRange): number {
  for (let index = 0; index < sums.length; index++) {
    const start = index * sumBlockBytes
    const end = Math.min(start + sumBlockBytes, until - from)
    if (end > bytes.length || Bun.hash.crc32(bytes.subarray(start, end)) !== sums[index]) return from + start
  }
  return -1
}

/** How far sums had come at some moment. */
export type SumsEnd = { readonly sizeBytes: number; readonly tail: number }

/**
 * The sums of one file. `add` follows the writer, `mark` says that what was added may be read: only up to there are sums
 * given out, since the last block changes with every `add`.
 */
export class BlockSums {
  /** Of whole blocks. */
  #sums = new Uint32Array(8)
  #sizeBytes = 0
  /** Of the bytes behind the last whole block. */
  #tail = 0
  #markedBytes = 0
  #markedTail = 0

  get markedBytes(): number {
    return this.#markedBytes
  }

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const room = sumBlockBytes - (this.#sizeBytes % sumBlockBytes)
      const part = at === 0 && bytes.length <= room ? bytes : bytes.subarray(at, at + room)
      this.#tail = Bun.hash.crc32(part, this.#tail)
      this.#sizeBytes += part.length
      at += part.length
      if (part.length === room) this.#finishBlock()
    }
  }

  /** Everything that was added so far. */
  get end(): SumsEnd {
    return { sizeBytes: this.#sizeBytes, tail: this.#tail }
  }

  /** Up to there, or all. */
  mark({ sizeBytes, tail }: SumsEnd = this.end): void {
    this.#markedBytes = sizeBytes
    this.#markedTail = tail
  }

  /** The blocks that hold `[position, end)`, which is marked. */
  covering(position: number, end: number): SummedRange {
    assert(position < end && end <= this.#markedBytes, 'sums exist of what is marked')
    const first = Math.floor(position / sumBlockBytes)
    const last = Math.floor((end - 1) / sumBlockBytes)
    const sums: number[] = []
    for (let block = first; block <= last; block++) sums.push(this.#sumOf(block))
    return {
      from: first * sumBlockBytes,
      until: Math.min((last + 1) * sumBlockBytes, this.#markedBytes),
      sums,
    }
  }

  /** Little-endian u32 of each block up to the mark. */
  encode(): Uint8Array {
    const count = Math.ceil(this.#markedBytes / sumBlockBytes)
    const view = new DataView(new ArrayBuffer(count * 4))
    for (let block = 0; block < count; block++) view.setUint32(block * 4, this.#sumOf(block), true)
    return new Uint8Array(view.buffer)
  }

  /** Goes on where `encode` was, of a file of `sizeBytes` then; null if they do not fit. */
  static decode(bytes: Uint8Array, sizeBytes: number): BlockSums | null {
    if (bytes.length !== Math.ceil(sizeBytes / sumBlockBytes) * 4) return null
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const made = new BlockSums()
    const wholeCount = Math.floor(sizeBytes / sumBlockBytes)
    made.#sums = new Uint32Array(Math.max(8, wholeCount))
    for (let block = 0; block < wholeCount; block++) made.#sums[block] = view.getUint32(block * 4, true)
    made.#tail = sizeBytes % sumBlockBytes === 0 ? 0 : view.getUint32(wholeCount * 4, true)
    made.#sizeBytes = sizeBytes
    made.mark()
    return made
  }

  #finishBlock(): void {
    const block = this.#sizeBytes / sumBlockBytes - 1
    if (block === this.#sums.length) {
      const larger = new Uint32Array(block * 2)
      larger.set(this.#sums)
      this.#sums = larger
    }
    this.#sums[block] = this.#tail
    this.#tail = 0
  }

  #sumOf(block: number): number {
    return (block + 1) * sumBlockBytes <= this.#markedBytes ? this.#sums[block]! : this.#markedTail
  }
}
