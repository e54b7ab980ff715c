// What of a damaged segment can still be believed: whole batches, and the stretches between them that are none.
import { BlockSums, type Disk } from '#base'
import { type BatchHeader, batchHeaderSizeBytes, checkBatch } from '#record'
import { readFileIfThere } from '../disk/data-directory.ts'
import { batchAt } from '../segment/batch-walk.ts'
import type { SegmentFacts } from '../segment/segment-facts.ts'
import { decodeSumFile, sumsChecksum } from '../segment/segment-sums.ts'

export type Piece =
  | { readonly kind: 'batch'; readonly position: number; readonly header: BatchHeader }
  | { readonly kind: 'damage'; readonly position: number; readonly sizeBytes: number; readonly why: string }

/** Offsets that a segment may hold. */
export type OffsetRange = { readonly from: number; readonly until: number }

export type SegmentFile = {
  readonly path: string
  readonly facts: SegmentFacts
  /** null: it is missing. */
  readonly bytes: Uint8Array | null
}

/** What may be looked through for batches: nothing of another segment, whose batches are whole and were never here. */
export function believable(disk: Disk, { path, facts, bytes }: SegmentFile): Uint8Array {
  const none = new Uint8Array(0)
  if (bytes === null) return none
  const own = bytes.subarray(0, facts.sizeBytes)
  const { hasSumFile, sumFileChecksum, baseOffset, sizeBytes } = facts
  if (!hasSumFile || sumFileChecksum === undefined || own.length < sizeBytes) return own
  const made = new BlockSums()
  made.add(own)
  made.mark()
  if (sumsChecksum(facts, made) === sumFileChecksum) return own
  const sumFile = readFileIfThere(disk, path.replace(/log$/, 'sum'))
  if (sumFile !== null && decodeSumFile(sumFile, facts) !== null) return own
  // Whole sums that are not its own came with another segment. Without sums a damaged batch shows that this is the one.
  if (sumFile !== null && decodeSumFile(sumFile, { baseOffset, sizeBytes }) !== null) return none
  const range = { from: baseOffset, until: Number.MAX_SAFE_INTEGER }
  return [...salvage(own, range)].every(({ kind }) => kind === 'batch') ? none : own
}

export function* salvage(bytes: Uint8Array, { from, until }: OffsetRange): Generator<Piece, void, undefined> {
  let nextOffset = from
  for (let position = 0; position < bytes.length; ) {
    const found = wholeBatchAt(bytes, position, { from: nextOffset, until })
    if (typeof found !== 'string') {
      yield { kind: 'batch', position, header: found }
      position += found.sizeBytes
      nextOffset = found.lastOffset + 1
      continue
    }
    const end = nextBatchBehind(bytes, position, { from: nextOffset, until })
    yield { kind: 'damage', position, sizeBytes: end - position, why: found }
    position = end
  }
}

/** The batch, or why there is none. */
function wholeBatchAt(
  bytes: Uint8Array,
  position: number,
  { from, until }: OffsetRange,
): BatchHeader | string {
  const header = batchAt(bytes, position)
  if (header === null) return 'no record batch begins there'
  if (header.baseOffset < from || header.lastOffset >= until) return 'its offsets do not belong there'
  if (position + header.sizeBytes > bytes.length) return 'it is cut short'
  try {
    return checkBatch(bytes, position)
  } catch {
    return 'its checksum does not match'
  }
}

/**
 * Where whole batches go on. One counts only if the segment ends with it or another one follows: a record may hold the
 * copy of a batch.
 */
function nextBatchBehind(bytes: Uint8Array, position: number, range: OffsetRange): number {
  for (let at = position + 1; at + batchHeaderSizeBytes <= bytes.length; at++) {
    if (bytes[at + 16] !== 2) continue
    const found = wholeBatchAt(bytes, at, range)
    if (typeof found === 'string') continue
    const end = at + found.sizeBytes
    if (end === bytes.length) return at
    const next = batchAt(bytes, end)
    if (next !== null && next.baseOffset > found.lastOffset && next.lastOffset < range.until) return at
  }
  return bytes.length
}
