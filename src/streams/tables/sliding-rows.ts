// Rows of sliding windows that are open: one for each moment of a key, over the moments up to `size` before it.
import type { Folding } from '../runtime/keyed-rows.ts'
import { mergeOf } from '../runtime/window-row.ts'
import { decodeValue, itemTailSizeBytes, listsPrefix } from '../state/state-key.ts'
import type { SlidingWindow } from '../window.ts'
import { isBetween, items, type StoredItem } from './list-rows.ts'
import type { PlacedRow, ReadRows, RowRange } from './table-view.ts'
import { namedResults } from './window-rows.ts'

type Moment = readonly [open: 0 | 1, parts: readonly unknown[]]

export function slidingRows(id: string, folding: Folding, { sizeMs }: SlidingWindow): ReadRows {
  return function* (state, range) {
    let group: StoredItem[] = []
    for (const item of items(state, listsPrefix(id, 'i'), fromKey(range))) {
      if (group.length > 0 && group[0]!.key !== item.key) {
        yield* windowsOf(group)
        group = []
      }
      group.push(item)
    }
    yield* windowsOf(group)

    function* windowsOf(moments: readonly StoredItem[]): Generator<PlacedRow> {
      const read = moments.map(({ value }) => decodeValue(value, id) as Moment)
      let oldest = 0
      for (const [index, { key, at, place }] of moments.entries()) {
        while (moments[oldest]!.at < at - sizeMs) oldest++
        const start = at - sizeMs
        if (read[index]![0] === 0 || !isBetween(start, range)) continue
        if (range.after !== null && Buffer.compare(place, range.after) <= 0) continue
        const parts = read
          .slice(oldest, index + 1)
          .map(([, own]) => own)
          .reduce((before, own) => mergeOf(folding, before, own))
        yield { place, row: { key, window: { start, end: at }, at, value: namedResults(folding, parts) } }
      }
    }
  }
}

/** A window needs moments before it, so that reading begins with the first of its key. */
function fromKey(range: RowRange): RowRange {
  if (range.after === null) return range
  return { ...range, after: range.after.subarray(0, -itemTailSizeBytes) }
}
