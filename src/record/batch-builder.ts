// Writes record batches. One builder serves a connection or a task for life: its buffer is reused from batch to batch,
// and appending a record allocates nothing.
import { assert, BrokerError, crc32c, formatSize } from '#base'
import type { Compression, Header, RecordInput } from './api.ts'
import {
  batchHeaderSizeBytes,
  batchMagic,
  batchPrefixSizeBytes,
  codecNumber,
  field,
  writeInt32,
  writeInt64,
} from './batch-format.ts'
import { compress } from './compression.ts'
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.ts'

/** A batch above this is refused whatever the topic allows: a buffer must stay addressable by 32 bits. */
export const batchSizeBytesMax = 2 ** 30
const bufferSizeBytes = 4 * 2 ** 10
/** `reset` gives a larger buffer back, so that one huge batch does not hold memory for ever. */
const bufferKeptSizeBytesMax = 4 * 2 ** 20

export type BatchBuilderOptions = {
  readonly compression?: Compression
  /** What an idempotent or transactional producer stamps on its batches. */
  readonly producer?: { readonly id: number; readonly epoch: number; readonly baseSequence: number }
  /** Record timestamps are stored as deltas to it; default: the first record's timestamp. */
  readonly baseTimestamp?: number
}

export class BatchBuilder {
  readonly #options: BatchBuilderOptions
  #buffer = new Uint8Array(bufferSizeBytes)
  #end = batchHeaderSizeBytes
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0

  constructor(options: BatchBuilderOptions = {}) {
    this.#options = options
  }

  get count(): number {
    return this.#count
  }

  /** Of the batch so far, before compression; the header alone when empty. */
  get sizeBytes(): number {
    return this.#end
  }

  append(record: RecordInput): void {
    const { key, value, headers, timestamp } = record
    assert(Number.isSafeInteger(timestamp), 'timestamps are whole milliseconds')
    const baseTimestamp = this.#count === 0 ? (this.#options.baseTimestamp ?? timestamp) : this.#baseTimestamp
    const delta = timestamp - baseTimestamp
    assert(Number.isSafeInteger(delta), 'timestamps of one batch are within 2^53 ms of each other')
    // One byte of attributes, which Kafka defines and does not use.
    const bodySize =
      1 +
      sizeOfVarlong(delta) +
      sizeOfVarint(this.#count) +
      sizeOfBytes(key) +
      sizeOfBytes(value) +
      sizeOfHeaders(headers)
    this.#reserve(sizeOfVarint(bodySize) + bodySize)
    const into = this.#buffer
    let at = writeVarint(into, this.#end, bodySize)
    into[at++] = 0
    at = writeVarlong(into, at, delta)
    at = writeVarint(into, at, this.#count)
    at = writeBytes(into, at, key)
    at = writeBytes(into, at, value)
    at = writeHeaders(into, at, headers)
    this.#baseTimestamp = baseTimestamp
    this.#maxTimestamp = this.#count === 0 ? timestamp : Math.max(this.#maxTimestamp, timestamp)
    this.#end = at
    this.#count++
  }

  /** The batch as new bytes, with base offset 0, which the log overwrites. The builder keeps its records until `reset`. */
  build(): Uint8Array {
    assert(this.#count > 0, 'a batch has a record')
    const compression = this.#options.compression ?? 'none'
    const batch =
      compression === 'none'
        ? this.#buffer.slice(0, this.#end)
        : withHeaderRoom(compress(this.#buffer.subarray(batchHeaderSizeBytes, this.#end), compression))
    this.#writeHeader(batch, codecNumber[compression])
    return batch
  }

  /** Forgets the records and keeps the buffer. */
  reset(): void {
    if (this.#buffer.length > bufferKeptSizeBytesMax) this.#buffer = new Uint8Array(bufferSizeBytes)
    this.#end = batchHeaderSizeBytes
    this.#count = 0
  }

  #writeHeader(batch: Uint8Array, attributes: number): void {
    const { producer } = this.#options
    const epoch = producer?.epoch ?? -1
    writeInt64(batch, field.baseOffset, 0)
    writeInt32(batch, field.batchLength, batch.length - batchPrefixSizeBytes)
    writeInt32(batch, field.leaderEpoch, -1)
    batch[field.magic] = batchMagic
    batch[field.attributes] = 0
    batch[field.attributes + 1] = attributes
    writeInt32(batch, field.lastOffsetDelta, this.#count - 1)
    writeInt64(batch, field.baseTimestamp, this.#baseTimestamp)
    writeInt64(batch, field.maxTimestamp, this.#maxTimestamp)
    writeInt64(batch, field.producerId, producer?.id ?? -1)
    batch[field.producerEpoch] = epoch >>> 8
    batch[field.producerEpoch + 1] = epoch
    writeInt32(batch, field.baseSequence, producer?.baseSequence ?? -1)
    writeInt32(batch, field.count, this.#count)
    writeInt32(batch, field.crc, crc32c(batch, field.attributes))
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#end + sizeBytes
    if (needed <= this.#buffer.length) return
    if (needed > batchSizeBytesMax) {
      throw new BrokerError('too_large', `a record batch may have ${formatSize(batchSizeBytesMax)}`, {
        fix: 'send fewer or smaller records at once',
        details: { limitBytes: batchSizeBytesMax },
      })
    }
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2))
    larger.set(this.#buffer.subarray(0, this.#end))
    this.#buffer = larger
  }
}

function withHeaderRoom(block: Uint8Array): Uint8Array {
  const batch = new Uint8Array(batchHeaderSizeBytes + block.length)
  batch.set(block, batchHeaderSizeBytes)
  return batch
}

function sizeOfBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length
}

function writeBytes(into: Uint8Array, position: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(into, position, -1)
  const at = writeVarint(into, position, bytes.length)
  into.set(bytes, at)
  return at + bytes.length
}

function sizeOfHeaders(headers: readonly Header[] | undefined): number {
  if (headers === undefined) return 1
  let size = sizeOfVarint(headers.length)
  for (const header of headers) {
    const keySize = Buffer.byteLength(header.key)
    size += sizeOfVarint(keySize) + keySize + sizeOfBytes(header.value)
  }
  return size
}

const encoder = new TextEncoder()

function writeHeaders(into: Uint8Array, position: number, headers: readonly Header[] | undefined): number {
  if (headers === undefined) return writeVarint(into, position, 0)
  let at = writeVarint(into, position, headers.length)
  for (const header of headers) {
    at = writeVarint(into, at, Buffer.byteLength(header.key))
    at += encoder.encodeInto(header.key, into.subarray(at)).written
    at = writeBytes(into, at, header.value)
  }
  return at
}
