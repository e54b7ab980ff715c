import { describe, expect, test } from 'bun:test'
import { sparkPath } from '../../ui/parts/sparkline.tsx'
import {
  barExtent,
  changeOf,
  compareValues,
  fieldOf,
  orderBars,
  thresholdAt,
} from '../../ui/widgets/value.ts'

describe('fields', () => {
  test('a dotted path reaches into the row and never into its prototype', () => {
    expect(fieldOf({ window: { start: 5 } }, 'window.start')).toBe(5)
    expect(fieldOf({ 'window.start': 7 }, 'window.start')).toBe(7)
    expect(fieldOf({ a: 1 }, 'a.b')).toBeUndefined()
    expect(fieldOf({}, 'constructor')).toBeUndefined()
    expect(fieldOf({ a: 'text' }, 'a.length')).toBeUndefined()
  })
})

describe('thresholds', () => {
  const thresholds = [
    { at: 90, tone: 'bad' },
    { at: 0, tone: 'good' },
    { at: 70, tone: 'warn' },
  ] as const
  test('the highest one reached counts, in any order of declaration', () => {
    expect([-1, 0, 70, 89.9, 90].map((value) => thresholdAt(value, thresholds)?.tone)).toEqual([
      undefined,
      'good',
      'warn',
      'warn',
      'bad',
    ])
  })
  test('text has none', () => {
    expect(thresholdAt('95', thresholds)).toBeNull()
  })
})

describe('bars', () => {
  const bars = [
    { key: 'b10', value: 1 },
    { key: 'b9', value: null },
    { key: 'a', value: 5 },
  ]
  test('are ordered by value, largest first, missing last', () => {
    expect(orderBars(bars, {}).map((bar) => bar.key)).toEqual(['a', 'b10', 'b9'])
    expect(orderBars(bars, { sortDescending: false }).map((bar) => bar.key)).toEqual(['b10', 'a', 'b9'])
  })
  test('are ordered by key when asked, numbers inside counted', () => {
    expect(orderBars(bars, { sortBy: 'key' }).map((bar) => bar.key)).toEqual(['a', 'b9', 'b10'])
    expect(orderBars(bars, { sortBy: 'key', limit: 1 })).toHaveLength(1)
  })
  test('grow from zero to either side and stay on their track', () => {
    expect(barExtent(50, 0, 100)).toEqual({ left: 0, width: 50 })
    expect(barExtent(-25, -50, 50)).toEqual({ left: 25, width: 25 })
    expect(barExtent(500, 0, 100)).toEqual({ left: 0, width: 100 })
    expect(barExtent(5, 0, 0)).toEqual({ left: 0, width: 0 })
  })
})

test('what is missing is last, whatever it is compared with', () => {
  expect([null, 2, 'x', 1, undefined].sort(compareValues)).toEqual([1, 2, 'x', null, undefined])
})

test('a change is a percentage where that says something', () => {
  expect(changeOf(3, 2)).toEqual({ by: 1, percent: 50 })
  expect(changeOf(-3, -2)).toEqual({ by: -1, percent: -50 })
  expect(changeOf(3, 0)).toEqual({ by: 3, percent: null })
  expect(changeOf(3, -1)).toEqual({ by: 4, percent: null })
  expect(changeOf(12, 0.01)).toEqual({ by: 11.99, percent: null })
  expect(changeOf(0, 0)).toEqual({ by: 0, percent: null })
  expect(changeOf('up', 'down')).toBeNull()
})

test('a sparkline needs two numbers and ends at the right edge', () => {
  expect(sparkPath([1], 100, 20)).toBeNull()
  expect(sparkPath([1, Number.NaN], 100, 20)).toBeNull()
  const path = sparkPath([1, 2, 3], 100, 20)
  expect(path?.end).toEqual([98, 2])
  expect(sparkPath([5, 5], 100, 20)?.line).toBe('M0 14L98 14')
})
