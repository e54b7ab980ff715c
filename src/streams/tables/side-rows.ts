// Rows of a join: those of its left side, then those of its right side.
import { joinKey } from '../state/state-key.ts'
import type { ReadRows } from './table-view.ts'

const marks = { left: Uint8Array.of(0x6c), right: Uint8Array.of(0x72) } as const

export function sideRows(left: ReadRows, right: ReadRows): ReadRows {
  return function* (state, range) {
    for (const side of ['left', 'right'] as const) {
      const mark = marks[side]
      const order = range.after === null ? 1 : mark[0]! - range.after[0]!
      if (order < 0) continue
      const after = order === 0 ? range.after!.subarray(1) : null
      for (const { place, row } of (side === 'left' ? left : right)(state, { ...range, after })) {
        yield { place: joinKey(mark, place), row: { ...row, side } }
      }
    }
  }
}
