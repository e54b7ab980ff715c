// Goes through the batches of a segment file from its start to its end, with one buffer, each block checked against its sum,
// or each batch by itself where there are no sums.
// For work on whole segments, on whatever thread; reads of a place go through segment.ts.
import { assert, type BlockSums, type BrokerError, type DiskFile, damagedBlockAt, sumBlockBytes } from '#base'
import { type BatchHeader, batchHeaderSizeBytes } from '#record'
import { damageError } from '../damage/damage-list.ts'
import { batchAt, type ClaimedBatch, isWholeBatch } from './batch-walk.ts'
import type { SegmentFacts } from './segment-facts.ts'

/** Read at once; a larger batch takes what it needs. */
const windowSizeBytes = 1024 * 1024

export type ScannedBatch = {
  /** Valid until the next batch is asked for. */
  readonly bytes: Uint8Array
  readonly header: BatchHeader
  /** Where it ends in the file. */
  readonly end: number
}

/** `sums` null: they are not known. Throws `corrupt` where something else lies than what was written. */
export function* scanSegment(
  file: DiskFile,
  { baseOffset, sizeBytes }: Pick<SegmentFacts, 'baseOffset' | 'sizeBytes'>,
  sums: BlockSums | null,
): Generator<ScannedBatch, void, undefined> {
  let buffer = new Uint8Array(Math.min(windowSizeBytes, sizeBytes))
  assert(sums === null || sums.markedBytes === sizeBytes, 'sums are of the whole segment')
  let window = buffer.subarray(0, 0)
  let windowAt = 0
  const fill = (position: number, needed: number) => {
    // From the start of a block to the end of one, or of the segment.
    windowAt = position - (position % sumBlockBytes)
    const until = Math.min(sizeBytes, roundUp(Math.max(position + needed, windowAt + windowSizeBytes)))
    if (until - windowAt > buffer.length) buffer = new Uint8Array(until - windowAt)
    window = readAll(file, windowAt, buffer.subarray(0, until - windowAt))
    if (sums === null) return
    const damagedAt = damagedBlockAt(window, sums.covering(windowAt, until))
    if (damagedAt >= 0) throw damaged(file, damagedAt, 'the checksum of a block does not match')
  }
  let nextOffset = baseOffset
  for (let position = 0; position < sizeBytes; ) {
    if (position + batchHeaderSizeBytes > windowAt + window.length) fill(position, 0)
    const header = batchAt(window, position - windowAt)
    const isSound = header !== null && header.baseOffset >= nextOffset
    if (!isSound || position + header.sizeBytes > sizeBytes) throw damaged(file, position, noBatch)
    const end = position + header.sizeBytes
    if (end > windowAt + window.length) fill(position, header.sizeBytes)
    if (end > windowAt + window.length) throw damaged(file, position, noBatch)
    const bytes = window.subarray(position - windowAt, end - windowAt)
    if (sums === null && !isWholeBatch(bytes, claimOf(header)))
      throw damaged(file, position, 'a batch is damaged')
    yield { bytes, header, end }
    nextOffset = header.lastOffset + 1
    position = end
  }
}

/** As much as there is. */
function readAll(file: DiskFile, position: number, into: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let length = 0
  for (let count = -1; count !== 0 && length < into.length; length += count)
    count = file.read(into.subarray(length), position + length)
  return into.subarray(0, length)
}

/** Itself is all that is known of a batch without sums. */
const claimOf = ({ baseOffset, sizeBytes, leaderEpoch }: BatchHeader): ClaimedBatch => ({
  payloadAt: 0,
  payloadSizeBytes: sizeBytes,
  offset: baseOffset,
  epoch: leaderEpoch,
})

const noBatch = 'no record batch begins there'

const roundUp = (position: number) => Math.ceil(position / sumBlockBytes) * sumBlockBytes

function damaged({ path }: DiskFile, position: number, why: string): BrokerError {
  return damageError({ path, position, why })
}
