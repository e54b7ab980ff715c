import { describe, expect, test } from 'bun:test'
import type { WidgetData } from '../../src/dashboards/api.ts'
import { pointsPerWidgetMax, SeriesView, seriesMax } from '../../src/dashboards/series-view.ts'
import { record, spec, tombstone } from './records.ts'

const at = (timestamp: number, n: unknown, more = {}) => record({ n, ...more }, { timestamp })
const series = (data: WidgetData | null) => (data?.kind === 'series' ? data.series : null)

describe('points', () => {
  test('a late point is sorted in, a known x is replaced, the same again changes nothing', () => {
    const view = new SeriesView(spec('line', { y: 'n' }))
    for (const each of [at(1, 1), at(3, 3), at(2, 2)]) expect(view.fold(each)).toBeTrue()
    expect(series(view.takeDelta())).toEqual([{ name: 'n', x: [1, 2, 3], y: [1, 2, 3] }])
    expect(view.fold(at(2, 20))).toBeTrue()
    expect(series(view.takeDelta())).toEqual([{ name: 'n', x: [2], y: [20] }])
    expect(view.fold(at(2, 20))).toBeFalse()
    expect(view.takeDelta()).toBeNull()
  })

  test('only the newest pointsMax stay, however many came', () => {
    const view = new SeriesView(spec('line', { y: 'n', pointsMax: 5 }))
    for (let x = 0; x < 1_000; x++) view.fold(at(x, x))
    expect(series(view.snapshot())?.[0]?.x).toEqual([995, 996, 997, 998, 999])
    expect(view.fold(at(3, 3))).toBeFalse()
    expect(series(view.takeDelta())?.[0]?.x).toEqual([995, 996, 997, 998, 999])
  })

  test('a span counts back from the newest x of all series; a series that left it is gone', () => {
    const view = new SeriesView(spec('line', { y: 'n', by: 'key', spanMs: 10 }))
    view.fold(record({ n: 1 }, { key: 'old', timestamp: 0 }))
    view.fold(record({ n: 2 }, { key: 'new', timestamp: 10 }))
    expect(series(view.snapshot())?.map(({ name }) => name)).toEqual(['old', 'new'])
    view.fold(record({ n: 3 }, { key: 'new', timestamp: 11 }))
    expect(series(view.snapshot())).toEqual([{ name: 'new', x: [10, 11], y: [2, 3] }])
    expect(view.fold(record({ n: 1 }, { key: 'old', timestamp: 0 }))).toBeFalse()
  })

  test('a tombstone takes no point away', () => {
    const view = new SeriesView(spec('line', { y: 'n', by: 'key' }))
    view.fold(record({ n: 1 }, { key: 'a' }))
    view.takeDelta()
    expect(view.fold(tombstone('a'))).toBeFalse()
  })

  test('N6: x is milliseconds or an ISO time with its zone; nothing is guessed', () => {
    const view = new SeriesView(spec('line', { y: 'n', x: 'at' }))
    const hour = Date.UTC(2024, 0, 1, 12)
    view.fold(at(0, 1, { at: hour }))
    view.fold(at(0, 2, { at: '2024-01-01T13:00:00+00:00' }))
    view.fold(at(0, 3, { at: '2024-01-01T15:00:00+01:00' }))
    // Seconds stay what they say: 1970.
    view.fold(at(0, 4, { at: hour / 1000 }))
    for (const odd of ['01/02/2024', '2024-01-01T12:00:00', true, null, {}]) view.fold(at(0, 9, { at: odd }))
    expect(series(view.snapshot())?.[0]?.x).toEqual([hour / 1000, hour, hour + 3_600_000, hour + 7_200_000])
    expect(view.snapshot().faults).toEqual({ count: 5, last: 'at is {}, not a time' })
  })
})

describe('series', () => {
  test('one per field, one per value, or one per value and field', () => {
    const names = (options: object) => {
      const view = new SeriesView(spec('line', options))
      view.fold(record({ user: 1, system: 2, host: 'a' }))
      view.fold(record({ user: 1, system: 2, host: 'b' }))
      return series(view.snapshot())?.map(({ name }) => name)
    }
    expect(names({ y: 'user' })).toEqual(['user'])
    expect(names({ y: ['user', 'system'] })).toEqual(['user', 'system'])
    expect(names({ y: 'user', by: 'host' })).toEqual(['a', 'b'])
    expect(names({ y: ['user', 'system'], by: 'host' })).toEqual([
      'a · user',
      'a · system',
      'b · user',
      'b · system',
    ])
  })

  test('a field that a record lacks is no point, a null is a gap', () => {
    const view = new SeriesView(spec('line', { y: ['a', 'b'] }))
    view.fold(record({ a: null }, { timestamp: 1 }))
    expect(series(view.snapshot())).toEqual([{ name: 'a', x: [1], y: [null] }])
    expect(view.snapshot().faults).toBeUndefined()
  })

  test('their number is limited, and the widget says which was left out', () => {
    const view = new SeriesView(spec('line', { y: 'n', by: 'key', pointsMax: 10 }))
    for (let n = 0; n <= seriesMax; n++) view.fold(record({ n }, { key: `k${n}` }))
    expect(series(view.snapshot())).toHaveLength(seriesMax)
    expect(view.snapshot().faults).toEqual({
      count: 1,
      last: `more than ${seriesMax} series: "k${seriesMax}" is left out`,
    })
  })

  test('a million points from ten thousand keys stay within one widget and one frame', () => {
    const view = new SeriesView(spec('line', { y: 'n', by: 'key', pointsMax: 600 }))
    for (let n = 0; n < 1_000_000; n++) {
      view.fold({
        partition: 0,
        offset: n,
        timestamp: n,
        key: `k${n % 10_000}`,
        value: { n },
        deleted: false,
      })
    }
    const kept = series(view.snapshot())!.reduce((sum, { x }) => sum + x.length, 0)
    expect(kept).toBeLessThanOrEqual(pointsPerWidgetMax)
    expect(JSON.stringify(view.snapshot()).length).toBeLessThan(900_000)
  })
})
