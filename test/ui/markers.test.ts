import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { markedRows } from '../../ui/chart/markers.ts'

const seconds = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => (from + index) * 1_000)

const whole = (x: readonly number[], widthPx: number) => ({ from: x[0]!, to: x[x.length - 1]!, widthPx })

test('markers stay on their points while the data move on', () => {
  const before = seconds(0, 300)
  const after = seconds(7, 300)
  const marked = (x: readonly number[]) =>
    new Set(markedRows(x, whole(x, 600), 100, 0.25).map((row) => x[row]))
  const kept = [...marked(before)].filter((at) => at !== undefined && at >= after[1]!)
  expect(kept.length).toBeGreaterThan(2)
  for (const at of kept) expect(marked(after)).toContain(at!)
})

test('there are about as many markers as fit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 2_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (count, shift) => {
        const rows = markedRows(seconds(1_000, count), whole(seconds(1_000, count), 800), 100, shift)
        expect(rows.length).toBeLessThanOrEqual(10)
        expect(rows.every((row, index) => index === 0 || row > rows[index - 1]!)).toBe(true)
      },
    ),
  )
})

test('nothing to mark is no marker', () => {
  expect(markedRows([], { from: 0, to: 1, widthPx: 800 }, 100, 0)).toEqual([])
  expect(markedRows([5], { from: 5, to: 5, widthPx: 800 }, 100, 0)).toEqual([])
  expect(markedRows([1, 2], { from: 1, to: 2, widthPx: 0 }, 100, 0)).toEqual([])
})
