import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ChannelData, Overview, OverviewPoint, SeriesData } from '../../src/http/contract.ts'
import { applyDelta, defaultLimits, mergePoints } from '../../ui/live/reduce.ts'

const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })
const point = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.option(finite))

/** What a server does: a map by x per series, sent in order. */
function columns(name: string, points: ReadonlyMap<number, number | null>): SeriesData {
  const x = [...points.keys()].sort((a, b) => a - b)
  return { name, x, y: x.map((at) => points.get(at) ?? null) }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) deepFreeze(part)
    Object.freeze(value)
  }
  return value
}

describe('series', () => {
  test('folding deltas equals folding every point into one map, newest points kept', () => {
    const deltas = fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.array(point)), { maxLength: 8 })
    fc.assert(
      fc.property(deltas, fc.integer({ min: 1, max: 40 }), (changes, pointsMax) => {
        const model = new Map<string, Map<number, number | null>>()
        let view: ChannelData = { kind: 'series', series: [] }
        for (const change of changes) {
          const series = Object.entries(change).map(([name, points]) => {
            const added = new Map(points)
            const known = model.get(name) ?? new Map<number, number | null>()
            for (const [x, y] of added) known.set(x, y)
            const oldest = [...known.keys()].sort((a, b) => b - a).slice(pointsMax)
            for (const x of oldest) known.delete(x)
            model.set(name, known)
            return columns(name, added)
          })
          view = applyDelta(deepFreeze(view), deepFreeze({ kind: 'series', series }), {
            ...defaultLimits,
            pointsMax,
          })
        }
        expect(view).toEqual({
          kind: 'series',
          series: [...model].map(([name, points]) => columns(name, points)),
        })
      }),
    )
  })

  test('a corrected point replaces the one with the same x', () => {
    const known = { name: 'a', x: [1, 2, 3], y: [1, 2, 3] }
    expect(mergePoints(known, { name: 'a', x: [2, 4], y: [20, 40] }, 10)).toEqual({
      name: 'a',
      x: [1, 2, 3, 4],
      y: [1, 20, 3, 40],
    })
  })

  test('points out of order are sorted and the last of equals wins', () => {
    const none = { name: 'a', x: [], y: [] }
    expect(mergePoints(none, { name: 'a', x: [3, 1, 3], y: [1, 2, 9] }, 10)).toEqual({
      name: 'a',
      x: [1, 3],
      y: [2, 9],
    })
  })
})

describe('bars and rows', () => {
  const bar = (key: string, value: number) => ({ key, value })
  const row = (key: string, value: number) => ({ key, row: { value } })

  test('bars with the same key are replaced, removed ones go', () => {
    const view: ChannelData = { kind: 'bars', bars: [bar('a', 1), bar('b', 2)], removed: [] }
    const delta: ChannelData = { kind: 'bars', bars: [bar('b', 3), bar('c', 4)], removed: ['a'] }
    expect(applyDelta(deepFreeze(view), deepFreeze(delta))).toEqual({
      kind: 'bars',
      bars: [bar('b', 3), bar('c', 4)],
      removed: [],
    })
  })

  test('rows that changed come first, since rows without an order are newest first', () => {
    const view: ChannelData = { kind: 'rows', rows: [row('a', 1), row('b', 2)], removed: [] }
    const delta: ChannelData = { kind: 'rows', rows: [row('c', 3), row('b', 4)], removed: [] }
    expect(applyDelta(deepFreeze(view), deepFreeze(delta))).toEqual({
      kind: 'rows',
      rows: [row('c', 3), row('b', 4), row('a', 1)],
      removed: [],
    })
  })

  test('faults stay until there are newer ones', () => {
    const first = { count: 1, last: 'delay is "soon", not a number' }
    const second = { count: 2, last: 'delay is missing' }
    const none: ChannelData = { kind: 'bars', bars: [], removed: [] }
    const faulty = applyDelta({ ...none, faults: first }, none)
    expect(faulty).toEqual({ ...none, faults: first })
    expect(applyDelta(faulty, { ...none, faults: second })).toEqual({ ...none, faults: second })
  })
})

describe('other channels', () => {
  test('a tail keeps its newest records and adds up what was skipped', () => {
    const record = (offset: number) => ({
      partition: 0,
      offset,
      timestamp: 0,
      key: null,
      value: offset,
      headers: {},
    })
    const limits = { ...defaultLimits, tailRecordsMax: 2 }
    const first = applyDelta(null, { kind: 'tail', records: [record(1)], skipped: 3 }, limits)
    const second = applyDelta(first, { kind: 'tail', records: [record(2), record(3)], skipped: 4 }, limits)
    expect(second).toEqual({ kind: 'tail', records: [record(2), record(3)], skipped: 7 })
  })

  test('overview points are merged by time and the rest is replaced', () => {
    const overview = (points: number[], text: string): ChannelData => ({
      kind: 'overview',
      overview: {
        verdict: { status: 'ok', text },
        points: points.map((at) => ({ at, lag: at }) as OverviewPoint),
      } as Overview,
    })
    const limits = { ...defaultLimits, overviewPointsMax: 3 }
    const view = applyDelta(overview([1, 2, 3], 'before'), overview([3, 4], 'after'), limits)
    expect(view).toEqual(overview([2, 3, 4], 'after'))
  })

  test('a delta of another kind replaces the view', () => {
    const stat: ChannelData = { kind: 'stat', value: 1, previous: null, at: 1, spark: [] }
    const bars: ChannelData = { kind: 'bars', bars: [{ key: 'a', value: 1 }], removed: [] }
    expect(applyDelta(stat, bars)).toEqual(bars)
    expect(applyDelta(bars, stat)).toEqual(stat)
  })
})
