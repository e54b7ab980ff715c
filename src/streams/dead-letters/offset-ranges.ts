// Sets of offsets as ranges: what has been done of a partition, in one short list however long the partition is.

/** `from <= offset < to`. */
export type OffsetRange = readonly [from: number, to: number]

/** Ascending, never empty, never touching: `add([[1,3]], 3) -> [[1,4]]`. */
export type OffsetRanges = readonly OffsetRange[]

export function containsOffset(ranges: OffsetRanges, offset: number): boolean {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ranges[middle]![1] <= offset) low = middle + 1
    else high = middle
  }
  return low < ranges.length && ranges[low]![0] <= offset
}

/** With these offsets, too, which may come in any order and more than once. */
export function addOffsets(ranges: OffsetRanges, offsets: readonly number[]): OffsetRanges {
  const pieces = [...ranges, ...offsets.map((offset): OffsetRange => [offset, offset + 1])]
  pieces.sort(([a], [b]) => a - b)
  const merged: [number, number][] = []
  for (const [from, to] of pieces) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged
}

/** Without what lies below. */
export function dropBelow(ranges: OffsetRanges, offset: number): OffsetRanges {
  return ranges.filter(([, to]) => to > offset).map(([from, to]): OffsetRange => [Math.max(from, offset), to])
}

/** How many of the offsets in `[from, to)` are in the set. */
export function countIn(ranges: OffsetRanges, from: number, to: number): number {
  return ranges.reduce((sum, [start, end]) => sum + Math.max(0, Math.min(end, to) - Math.max(start, from)), 0)
}
