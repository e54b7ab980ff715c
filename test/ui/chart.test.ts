import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  alignSeries,
  decimate,
  domainOf,
  newestX,
  seriesWithin,
  stackColumns,
  yRange,
} from '../../ui/chart/align.ts'

describe('align', () => {
  test('series share one ascending x; a missing point is undefined, a missing value null', () => {
    expect(
      alignSeries(
        [
          { name: 'a', x: [1, 3], y: [10, null] },
          { name: 'b', x: [2, 3], y: [20, 30] },
        ],
        null,
      ),
    ).toEqual({
      x: [1, 2, 3],
      ys: [
        [10, undefined, null],
        [undefined, 20, 30],
      ],
    })
  })

  test('the span counts back from the newest point, whenever that was', () => {
    const years = 1_000_000_000_000
    const series = [{ name: 'a', x: [years, years + 50, years + 100], y: [1, 2, 3] }]
    expect(newestX(series)).toBe(years + 100)
    expect(alignSeries(series, 50)).toEqual({ x: [years + 50, years + 100], ys: [[2, 3]] })
  })

  test('what is no finite number is no value', () => {
    const y = [1, Number.NaN, Number.POSITIVE_INFINITY, 'five' as unknown as number]
    expect(alignSeries([{ name: 'a', x: [1, 2, 3, 4], y }], null).ys).toEqual([[1, null, null, null]])
  })

  test('data younger than the span fill the chart', () => {
    expect(domainOf([100, 200], 1_000)).toEqual([100, 200])
    expect(domainOf([100, 200], 30)).toEqual([170, 200])
    expect(domainOf([100, 200], null)).toEqual([100, 200])
    expect(domainOf([100_000], 30)).toEqual([70_000, 130_000])
    expect(domainOf([], 30)).toBeNull()
  })

  test('a series that ended before the span is left out', () => {
    const series = [
      { name: 'old', x: [1], y: [1] },
      { name: 'new', x: [100], y: [1] },
    ]
    expect(seriesWithin(series, 50).map(({ name }) => name)).toEqual(['new'])
    expect(seriesWithin(series, null)).toHaveLength(2)
  })

  test('nothing is nothing', () => {
    expect(alignSeries([], 1_000)).toEqual({ x: [], ys: [] })
    expect(newestX([])).toBeNull()
  })
})

test('stacks add up and a missing value adds nothing', () => {
  expect(
    stackColumns([
      [1, 2],
      [3, null],
      [undefined, 5],
    ]),
  ).toEqual([
    [1, 2],
    [4, 2],
    [4, 7],
  ])
})

test('decimation keeps the extremes, both ends and the order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 200, maxLength: 2_000 }),
      (values) => {
        const aligned = { x: values.map((_, index) => index), ys: [values] }
        const { x, ys } = decimate(aligned, 40)
        expect(Math.max(...(ys[0] as number[]))).toBe(Math.max(...values))
        expect(Math.min(...(ys[0] as number[]))).toBe(Math.min(...values))
        expect(x[0]).toBe(0)
        expect(x[x.length - 1]).toBe(values.length - 1)
        expect(x.every((at, index) => index === 0 || at > x[index - 1]!)).toBe(true)
        expect(x.length).toBeLessThanOrEqual(Math.max(80, 40 * 3 + 1))
      },
    ),
  )
})

describe('the y axis', () => {
  test('0 is a fixed bound like any other', () => {
    expect(yRange(40, 60, { min: 0, max: 0.5 })).toEqual([0, 0.5])
    expect(yRange(-5, 5, { max: 0 })[1]).toBe(0)
  })
  test('positive values near zero start at zero, others get air', () => {
    expect(yRange(2, 10, {})[0]).toBe(0)
    expect(yRange(100, 110, {})[0]).toBeGreaterThan(90)
    expect(yRange(null, null, {})).toEqual([0, 1.12])
    expect(yRange(-10, 10, {})[0]).toBeLessThan(-10)
  })
  test('areas stand on zero', () => {
    expect(yRange(100, 110, { fromZero: true })[0]).toBe(0)
    expect(yRange(-10, -5, { fromZero: true })[1]).toBeGreaterThanOrEqual(0)
    expect(yRange(100, 110, { fromZero: true, min: 90 })[0]).toBe(90)
  })
  test('is never empty', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), (value) => {
        const [low, high] = yRange(value, value, {})
        expect(high).toBeGreaterThan(low)
      }),
    )
    expect(yRange(0, 1, { min: 5, max: 5 })).toEqual([5, 6])
  })
})
