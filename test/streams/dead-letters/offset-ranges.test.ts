import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  addOffsets,
  containsOffset,
  countIn,
  dropBelow,
  type OffsetRanges,
} from '../../../src/streams/dead-letters/offset-ranges.ts'

const offsets = fc.array(fc.nat(60))
const rangesOf = (all: readonly number[]): OffsetRanges => addOffsets([], all)

test('ranges hold exactly the offsets that were added, rise and do not touch', () => {
  fc.assert(
    fc.property(offsets, offsets, (first, second) => {
      const ranges = addOffsets(rangesOf(first), second)
      const wanted = new Set([...first, ...second])
      for (let offset = 0; offset <= 62; offset++) {
        expect(containsOffset(ranges, offset)).toBe(wanted.has(offset))
      }
      ranges.forEach(([from, to], index) => {
        expect(to).toBeGreaterThan(from)
        if (index > 0) expect(from).toBeGreaterThan(ranges[index - 1]![1])
      })
    }),
  )
})

test('what lies below an offset is dropped, and counts are those of the offsets', () => {
  fc.assert(
    fc.property(offsets, fc.nat(62), fc.nat(62), (all, from, to) => {
      const kept = dropBelow(rangesOf(all), from)
      const wanted = new Set(all.filter((offset) => offset >= from))
      for (let offset = 0; offset <= 62; offset++) {
        expect(containsOffset(kept, offset)).toBe(wanted.has(offset))
      }
      expect(countIn(rangesOf(all), from, to)).toBe(
        [...new Set(all)].filter((offset) => offset >= from && offset < to).length,
      )
    }),
  )
})
