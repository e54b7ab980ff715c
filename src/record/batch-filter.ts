// A batch with some of its records left out, as compaction leaves it: offsets, timestamps, codec and producer stay.
//
// Invariants:
//   1. Base offset and last offset are those of the batch, whatever was left out: readers pass the gap.
//   2. Records that stay keep their bytes, except that a batch which gets a delete horizon stores it as base timestamp, so
//      that their time deltas are written anew.
import { assert, crc32c } from '#base'
import {
  type BatchHeader,
  batchHeaderSizeBytes,
  batchPrefixSizeBytes,
  type Codec,
  codecMask,
  deleteHorizonBit,
  field,
  readBatchHeader,
  writeInt32,
  writeInt64,
} from './batch-format.ts'
import type { RecordCursor } from './batch-reader.ts'
import { compress } from './compression.ts'
import { sizeOfVarint, sizeOfVarlong, VarintReader, writeVarint, writeVarlong } from './varint.ts'

/** Of a batch without records. */
const noTimestamp = -1

/** The time from which on tombstones of the batch may go; null if none was set. */
export function deleteHorizonOf({ attributes, baseTimestamp }: BatchHeader): number | null {
  return (attributes & deleteHorizonBit) === 0 ? null : baseTimestamp
}

/** Whether `filterBatch` can take the batch apart and put it together again. */
export function canFilter({ compression }: BatchHeader): boolean {
  return compression === 'none' || compression === 'gzip' || compression === 'zstd'
}

/** Copies kept records of one batch after the other into one reused block. */
export class BatchFilter {
  #block = new Uint8Array(64 * 1024)
  #sizeBytes = 0
  #count = 0
  #maxTimestamp = noTimestamp
  #header!: BatchHeader
  #horizon: number | null = null
  readonly #reader = new VarintReader()

  /** Starts with a batch whose records the caller moves through; `horizon` null leaves its base timestamp as it is. */
  begin(header: BatchHeader, horizon: number | null): void {
    assert(canFilter(header), 'a batch that is filtered can be put together again')
    this.#header = header
    this.#horizon = horizon
    this.#sizeBytes = 0
    this.#count = 0
    this.#maxTimestamp = noTimestamp
  }

  /** Keeps the cursor's current record. */
  keep(cursor: RecordCursor): void {
    const { bytes, recordStart, recordEnd, timestamp } = cursor
    // A new delta may take nine bytes more, and the length before it another.
    this.#reserve(recordEnd - recordStart + 16)
    if (this.#horizon === null) {
      this.#block.set(bytes.subarray(recordStart, recordEnd), this.#sizeBytes)
      this.#sizeBytes += recordEnd - recordStart
    } else this.#rewrite(cursor, this.#horizon)
    this.#count++
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
  }

  get count(): number {
    return this.#count
  }

  /** The batch as new bytes; without records it only holds its place in the log. */
  build(source: Uint8Array): Uint8Array {
    const header = this.#header
    const block = this.#block.subarray(0, this.#sizeBytes)
    const packed = this.#count === 0 ? block : pack(block, header.compression)
    const batch = new Uint8Array(batchHeaderSizeBytes + packed.length)
    batch.set(source.subarray(0, batchHeaderSizeBytes))
    batch.set(packed, batchHeaderSizeBytes)
    writeInt32(batch, field.batchLength, batch.length - batchPrefixSizeBytes)
    if (this.#horizon !== null) {
      batch[field.attributes + 1]! |= deleteHorizonBit
      writeInt64(batch, field.baseTimestamp, this.#horizon)
    }
    if (this.#count === 0) batch[field.attributes + 1]! &= ~codecMask
    // All records of such a batch have that time, also when the newest of them is gone.
    if (!header.appendTime) writeInt64(batch, field.maxTimestamp, this.#maxTimestamp)
    writeInt32(batch, field.count, this.#count)
    writeInt32(batch, field.crc, crc32c(batch, field.attributes))
    const { baseOffset, lastOffset } = readBatchHeader(batch)
    assert(baseOffset === header.baseOffset && lastOffset === header.lastOffset, 'a batch keeps its offsets')
    return batch
  }

  #rewrite({ bytes, recordStart, recordEnd, timestamp }: RecordCursor, horizon: number): void {
    const reader = this.#reader
    reader.bytes = bytes
    reader.at = recordStart
    reader.end = recordEnd
    reader.varint()
    const attributes = bytes[reader.at++]!
    reader.varlong()
    const rest = bytes.subarray(reader.at, recordEnd)
    const delta = timestamp - horizon
    const bodySize = 1 + sizeOfVarlong(delta) + rest.length
    const into = this.#block
    let at = writeVarint(into, this.#sizeBytes, bodySize)
    into[at++] = attributes
    at = writeVarlong(into, at, delta)
    into.set(rest, at)
    this.#sizeBytes += sizeOfVarint(bodySize) + bodySize
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#sizeBytes + sizeBytes
    if (needed <= this.#block.length) return
    const larger = new Uint8Array(Math.max(needed, this.#block.length * 2))
    larger.set(this.#block.subarray(0, this.#sizeBytes))
    this.#block = larger
  }
}

function pack(block: Uint8Array<ArrayBuffer>, codec: Codec | 'unknown'): Uint8Array {
  assert(codec === 'none' || codec === 'gzip' || codec === 'zstd', 'a batch that is filtered can be packed')
  return compress(block, codec)
}
