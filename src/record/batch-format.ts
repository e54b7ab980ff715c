// The record batch, Kafka's format version 2, byte for byte: what clients send, what segments hold, what fetches answer.
//
//   byte  field                 type
//      0  base offset           i64   of the first record; the server writes it
//      8  batch length          i32   bytes after this field: whole size - 12
//     12  leader epoch          i32   the server writes it
//     16  magic                 i8    2
//     17  crc                   u32   CRC-32C of byte 21 to the end
//     21  attributes            i16   bits 0-2 codec, 3 append time, 4 transactional, 5 control, 6 delete horizon
//     23  last offset delta     i32   last offset = base offset + this; kept when compaction removes records
//     27  base timestamp        i64   milliseconds; record timestamps are deltas to it. If bit 6 is set it is the time
//                                     from which on compaction may remove the batch's tombstones
//     35  max timestamp         i64   the append time of all records if bit 3 is set
//     43  producer id           i64   -1 none
//     51  producer epoch        i16   -1 none
//     53  base sequence         i32   -1 none
//     57  record count          i32
//     61  records                     one compressed block if the codec is not 0
//
// Big-endian. Record: length:varint attributes:i8 timestampDelta:varlong offsetDelta:varint key value headers, where key
// and value are length:varint (-1 null) and bytes; headers are count:varint, then each a key (UTF-8) and a value.
//
// Invariants (`checkBatch` refuses a batch that breaks one of the first five):
//   1. The batch is whole: 49 <= batch length, and it ends inside the bytes at hand.
//   2. Magic is 2.
//   3. The CRC matches. It does not cover bytes 0-20: offset, length, epoch and magic need the checksum of a frame.
//   4. The codec is one of 0-4.
//   5. 0 <= record count <= last offset delta + 1. A producer's batch has exactly one record per offset, and neither control bit
//      nor delete horizon.
//   6. Offset deltas rise, from 0 at least to last offset delta at most.
//   7. Records fill the block exactly: nothing is missing and nothing follows.
import { BrokerError, crc32c } from '#base'
import type { Compression } from './api.ts'

/** The place of each field, in bytes from the batch's start. */
export const field = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
} as const

export const batchHeaderSizeBytes = 61
/** The part of a batch that its length field leaves out. */
export const batchPrefixSizeBytes = 12
export const batchMagic = 2

const appendTimeBit = 1 << 3
const transactionalBit = 1 << 4
const controlBit = 1 << 5
export const deleteHorizonBit = 1 << 6
export const codecMask = 7

/** Codecs by their number. Those that pspf cannot read yet still pass through unread. */
export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof codecs)[number]

export const codecNumber = { none: 0, gzip: 1, zstd: 4 } satisfies Record<Compression, number>

export type BatchHeader = {
  readonly baseOffset: number
  /** Of the whole batch: the next one begins this much later. */
  readonly sizeBytes: number
  readonly leaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  readonly compression: Codec | 'unknown'
  /** Every record carries `maxTimestamp`, which the server set. */
  readonly appendTime: boolean
  readonly transactional: boolean
  /** Holds a transaction's marker instead of records. */
  readonly control: boolean
  readonly lastOffset: number
  readonly count: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** -1: none. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

export function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

/** Exact up to +-2^53, which is all that offsets, times and producer ids of ours need; rounded beyond. */
export function readInt64(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) * 2 ** 32 + (readInt32(bytes, at + 4) >>> 0)
}

export function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

export function writeInt64(bytes: Uint8Array, at: number, value: number): void {
  writeInt32(bytes, at, Math.floor(value / 2 ** 32))
  writeInt32(bytes, at + 4, value % 2 ** 32)
}

/** Reads what is there and judges nothing but that a header fits (else `corrupt`): `checkBatch` judges. */
export function readBatchHeader(bytes: Uint8Array, position = 0): BatchHeader {
  if (position < 0 || position + batchHeaderSizeBytes > bytes.length) {
    throw corrupt('its header is cut short', position)
  }
  const attributes = (bytes[position + field.attributes]! << 8) | bytes[position + field.attributes + 1]!
  const baseOffset = readInt64(bytes, position + field.baseOffset)
  return {
    baseOffset,
    sizeBytes: readInt32(bytes, position + field.batchLength) + batchPrefixSizeBytes,
    leaderEpoch: readInt32(bytes, position + field.leaderEpoch),
    magic: (bytes[position + field.magic]! << 24) >> 24,
    crc: readInt32(bytes, position + field.crc) >>> 0,
    attributes,
    compression: codecs[attributes & codecMask] ?? 'unknown',
    appendTime: (attributes & appendTimeBit) !== 0,
    transactional: (attributes & transactionalBit) !== 0,
    control: (attributes & controlBit) !== 0,
    lastOffset: baseOffset + readInt32(bytes, position + field.lastOffsetDelta),
    count: readInt32(bytes, position + field.count),
    baseTimestamp: readInt64(bytes, position + field.baseTimestamp),
    maxTimestamp: readInt64(bytes, position + field.maxTimestamp),
    producerId: readInt64(bytes, position + field.producerId),
    producerEpoch: (readInt32(bytes, position + field.producerEpoch - 2) << 16) >> 16,
    baseSequence: readInt32(bytes, position + field.baseSequence),
  }
}

/**
 * Invariants 1 to 5: throws `corrupt` for a batch that is cut or damaged, `invalid_request` for a whole one that claims
 * what no batch may claim. Does not decompress. Answers the header, which the caller needs next anyway.
 */
export function checkBatch(bytes: Uint8Array, position = 0): BatchHeader {
  const header = readBatchHeader(bytes, position)
  if (header.sizeBytes < batchHeaderSizeBytes || header.sizeBytes > bytes.length - position) {
    throw corrupt(`it claims ${header.sizeBytes} bytes of ${bytes.length - position}`, position)
  }
  if (header.magic !== batchMagic) {
    throw new BrokerError('invalid_request', `record batch has format version ${header.magic}, not 2`, {
      fix: 'use a client that speaks Kafka 0.11 or newer',
    })
  }
  const crc = crc32c(bytes, position + field.attributes, position + header.sizeBytes)
  if (crc !== header.crc) throw corrupt('its checksum does not match', position)
  if (header.compression === 'unknown') {
    throw new BrokerError(
      'invalid_request',
      `record batch has unknown codec ${header.attributes & codecMask}`,
    )
  }
  const lastOffsetDelta = readInt32(bytes, position + field.lastOffsetDelta)
  if (lastOffsetDelta < 0 || header.count < 0 || header.count > lastOffsetDelta + 1) {
    throw new BrokerError(
      'invalid_request',
      `record batch claims ${header.count} records for ${lastOffsetDelta + 1} offsets`,
    )
  }
  return header
}

/** `checkBatch`, and what only a client's batch must keep: one record per offset, at least one, no control bit. */
export function checkProducedBatch(bytes: Uint8Array, position = 0): BatchHeader {
  const header = checkBatch(bytes, position)
  const offsets = readInt32(bytes, position + field.lastOffsetDelta) + 1
  if (header.count !== offsets) {
    throw new BrokerError(
      'invalid_request',
      `record batch claims ${header.count} records for ${offsets} offsets`,
    )
  }
  if (header.control) {
    throw new BrokerError('invalid_request', 'record batch is a control batch, which only the server writes')
  }
  if ((header.attributes & deleteHorizonBit) !== 0) {
    throw new BrokerError(
      'invalid_request',
      'record batch has a delete horizon, which only the server writes',
    )
  }
  return header
}

/** The two fields that the server owns. Neither is covered by the CRC, so nothing else changes. */
export function writeBaseOffset(
  bytes: Uint8Array,
  position: number,
  baseOffset: number,
  leaderEpoch: number,
): void {
  writeInt64(bytes, position + field.baseOffset, baseOffset)
  writeInt32(bytes, position + field.leaderEpoch, leaderEpoch)
}

function corrupt(why: string, position: number): BrokerError {
  return new BrokerError('corrupt', `record batch is damaged: ${why}`, { details: { position } })
}
