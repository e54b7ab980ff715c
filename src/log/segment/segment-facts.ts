// What the log knows of a segment besides its bytes, and the names of its files.
//
//   <20-digit base offset>.log                  as records came in
//   <20-digit base offset>.<generation>.log     as compaction left it; a name is never used for two contents
//
// With each go .index, .timeindex and .sum of the same name.
import { crc32 } from '#base'
import type { SumsFacts } from './segment-sums.ts'

export type SegmentFacts = {
  readonly baseOffset: number
  /** 0: as records came in; then it rises with each compaction. */
  readonly generation: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
  readonly firstAppendTime: number
  readonly lastAppendTime: number
  /** CRC-32 of the index files, as far as they were written: an index with another one is rebuilt. */
  readonly indexSum?: number
} & SumsFacts

/**
 * Segments are many, so each is a row: five numbers, sums (1: a file has them; 0 or absent: none), sum of the indexes
 * (null or absent: none), generation (absent: 0), checksum of the file of sums (absent: not known).
 */
export type SegmentRow = readonly [
  number,
  number,
  number,
  number,
  number,
  (string | 0 | 1)?,
  (number | null)?,
  number?,
  number?,
]

export function encodeSegmentRow(facts: SegmentFacts): SegmentRow {
  const { baseOffset, sizeBytes, maxTimestamp, firstAppendTime, lastAppendTime, indexSum, generation } = facts
  const { sumFileChecksum } = facts
  const sums = facts.hasSumFile ? 1 : (facts.sums ?? 0)
  const row = [baseOffset, sizeBytes, maxTimestamp, firstAppendTime, lastAppendTime, sums] as const
  if (sumFileChecksum !== undefined) return [...row, indexSum ?? null, generation, sumFileChecksum]
  if (generation > 0) return [...row, indexSum ?? null, generation]
  return indexSum === undefined ? row : [...row, indexSum]
}

export function decodeSegmentRow(row: SegmentRow): SegmentFacts {
  const [baseOffset, sizeBytes, maxTimestamp, firstAppendTime, lastAppendTime, sums, indexSum] = row
  return {
    baseOffset,
    generation: row[7] ?? 0,
    sizeBytes,
    maxTimestamp,
    firstAppendTime,
    lastAppendTime,
    ...(typeof sums === 'string' && { sums }),
    ...(sums === 1 && { hasSumFile: true as const }),
    ...(row[8] !== undefined && { sumFileChecksum: row[8] }),
    ...(typeof indexSum === 'number' && { indexSum }),
  }
}

/** Of the two files of an index. */
export function indexSumOf(offsets: Uint8Array, times: Uint8Array): number {
  return Bun.hash.crc32(times, crc32(offsets))
}

/** `segmentName(42) -> '00000000000000000042'`, `segmentName(42, 3) -> '00000000000000000042.3'`. */
export function segmentName(baseOffset: number, generation = 0): string {
  const base = String(baseOffset).padStart(20, '0')
  return generation === 0 ? base : `${base}.${generation}`
}

const namePattern = /^(\d{20})(?:\.(\d+))?\.\D/

/** `parseSegmentName('00000000000000000042.3.log') -> { baseOffset: 42, generation: 3 }`; null for any other name. */
export function parseSegmentName(name: string): Pick<SegmentFacts, 'baseOffset' | 'generation'> | null {
  const match = namePattern.exec(name)
  return match && { baseOffset: Number(match[1]), generation: Number(match[2] ?? 0) }
}
