// What compaction keeps and which segments it puts together: decisions without a disk.
//
// Of all records of a key the latest stays. A tombstone (a record whose value is null) says that the key is gone; it stays
// until its batch's delete horizon, so that readers who saw the older value hear of it, and goes when nothing older of
// its key can be left.
//
// Invariants:
//   1. Rounds go from the oldest segment to the newest and end at the first failure: when a tombstone is looked at,
//      everything older of its key has been removed by this round or by one before.
//   2. What cannot be read here (codecs, transactions) stays as it is. Since it may hide an older value, tombstones that
//      lie behind it stay as well.
//   3. Records without a key stay: nothing says what replaces them.
import { type BatchHeader, canFilter } from '#record'
import type { SegmentFacts } from '../segment/segment-facts.ts'

/** Stays byte for byte: markers of transactions, records that may belong to an aborted one, codecs that cannot be read. */
export function isOpaque(header: BatchHeader): boolean {
  return header.control || header.transactional || !canFilter(header)
}

/** An opaque batch that may hold a value of any key. */
export function mayHideValues(header: BatchHeader): boolean {
  return isOpaque(header) && !header.control
}

export type TombstoneFacts = {
  /** Of its batch; null: compaction sees it for the first time. */
  readonly deleteHorizon: number | null
  readonly now: number
  /** A batch that may hide values lies before it. */
  readonly mayBeHidden: boolean
}

/** Whether the latest record of a key stays although it only says that the key is gone. */
export function tombstoneStays({ deleteHorizon, now, mayBeHidden }: TombstoneFacts): boolean {
  return mayBeHidden || deleteHorizon === null || now < deleteHorizon
}

export type MergeLimits = {
  readonly segmentSizeBytesMax: number
  /** Offsets in one segment, since its index has 31 bits for them. */
  readonly offsetSpanMax: number
  /** Between the oldest and the newest append in one segment, so that retention by time can still drop it; null: any. */
  readonly appendSpanMsMax: number | null
  /** Where the last of the segments ends. */
  readonly endOffset: number
}

/** Neighbours that become one segment each: `[40][3][5][60] -> [40 3 5][60]` if 64 fit. Every segment is in one group. */
export function planGroups(segments: readonly SegmentFacts[], limits: MergeLimits): SegmentFacts[][] {
  const groups: SegmentFacts[][] = []
  let sizeBytes = 0
  segments.forEach((segment, index) => {
    const group = groups.at(-1)
    const endOffset = segments[index + 1]?.baseOffset ?? limits.endOffset
    sizeBytes += segment.sizeBytes
    if (
      group &&
      sizeBytes <= limits.segmentSizeBytesMax &&
      fits(group[0]!, segment, { ...limits, endOffset })
    ) {
      group.push(segment)
      return
    }
    groups.push([segment])
    sizeBytes = segment.sizeBytes
  })
  return groups
}

function fits(first: SegmentFacts, next: SegmentFacts, limits: MergeLimits): boolean {
  const { offsetSpanMax, appendSpanMsMax, endOffset } = limits
  if (endOffset - first.baseOffset > offsetSpanMax) return false
  return appendSpanMsMax === null || next.lastAppendTime - first.firstAppendTime <= appendSpanMsMax
}
