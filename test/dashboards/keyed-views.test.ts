// bar, table and stat: what keys, windows and deletes do.
import { describe, expect, test } from 'bun:test'
import type { WidgetData } from '../../src/dashboards/api.ts'
import { BarsView } from '../../src/dashboards/bars-view.ts'
import { rowsTrackedMax } from '../../src/dashboards/keyed-rows.ts'
import { RowsView } from '../../src/dashboards/rows-view.ts'
import { StatView, sparkPointsMax } from '../../src/dashboards/stat-view.ts'
import { record, spec, tombstone } from './records.ts'

const windowed = (key: string, start: number, n: unknown) =>
  record({ key, window: { start, end: start + 10 }, n }, { key, timestamp: start + 9 })
const bars = (data: WidgetData | null) =>
  data?.kind === 'bars'
    ? { shown: data.bars.map(({ key, value }) => `${key}=${value}`), removed: data.removed }
    : null
const rows = (data: WidgetData | null) =>
  data?.kind === 'rows' ? { shown: data.rows.map(({ key }) => key), removed: data.removed } : null
const cells = (data: WidgetData) => (data.kind === 'rows' ? data.rows.map(({ row }) => row) : [])
const stat = (data: WidgetData | null) => (data?.kind === 'stat' ? data : null)

describe('bars', () => {
  test('are the largest first, and the limit is kept as values change', () => {
    const view = new BarsView(spec('bar', { y: 'n', limit: 2 }))
    for (const [key, n] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ] as const)
      view.fold(record({ n }, { key }))
    expect(bars(view.takeDelta())).toEqual({ shown: ['c=3', 'b=2'], removed: [] })
    view.fold(record({ n: 9 }, { key: 'a' }))
    expect(bars(view.takeDelta())).toEqual({ shown: ['a=9'], removed: ['b'] })
    view.fold(tombstone('a'))
    expect(bars(view.takeDelta())).toEqual({ shown: ['b=2'], removed: ['a'] })
  })

  test('of a newer window supersede those of the older one, which are removed', () => {
    const view = new BarsView(spec('bar', { y: 'n' }))
    view.fold(windowed('a', 0, 1))
    view.fold(windowed('b', 0, 2))
    view.takeDelta()
    view.fold(windowed('a', 10, 5))
    expect(bars(view.takeDelta())).toEqual({ shown: ['a=5'], removed: ['b'] })
    expect(view.fold(windowed('b', 0, 7))).toBeFalse()
    view.fold(windowed('b', 10, 7))
    expect(bars(view.snapshot())?.shown).toEqual(['b=7', 'a=5'])
  })

  test('that a newer window supersedes are a change, even if its own first row is not', () => {
    const view = new BarsView(spec('bar', { y: 'n', by: 'group' }))
    view.fold(record({ n: 0, group: 'old', window: { start: 0 } }))
    view.fold(record({ n: 1, group: 'same' }))
    view.takeDelta()
    expect(view.fold(record({ n: 1, group: 'same', window: { start: 10 } }))).toBeTrue()
    expect(bars(view.takeDelta())).toEqual({ shown: [], removed: ['old'] })
  })

  test('of all windows stay when the newest is not asked for', () => {
    const view = new BarsView(spec('bar', { y: 'n', latestWindow: false }))
    view.fold(windowed('a', 0, 1))
    view.fold(windowed('b', 10, 2))
    expect(bars(view.snapshot())?.shown).toEqual(['b=2', 'a=1'])
  })

  test('can be sorted by key, where 2 is before 10', () => {
    const view = new BarsView(spec('bar', { y: 'n', by: 'hour', sortBy: 'key' }))
    for (const hour of [10, 9, 2]) view.fold(record({ n: hour, hour }))
    expect(bars(view.snapshot())?.shown).toEqual(['2=2', '9=9', '10=10'])
  })

  test('keep a place for what has no value, at the end', () => {
    const view = new BarsView(spec('bar', { y: 'n' }))
    for (const [key, n] of [
      ['odd', 'soon'],
      ['zero', 0],
      ['minus', -1],
      ['none', null],
    ] as const) {
      view.fold(record({ n }, { key }))
    }
    expect(bars(view.snapshot())?.shown).toEqual(['zero=0', 'minus=-1', 'none=null', 'odd=null'])
  })
})

describe('tables', () => {
  test('update rows in place and lose them by tombstones', () => {
    const view = new RowsView(spec('table'))
    view.fold(record({ n: 1 }, { key: 'a' }))
    view.fold(record({ n: 2 }, { key: 'b' }))
    expect(cells(view.snapshot())).toEqual([
      { key: 'b', n: 2 },
      { key: 'a', n: 1 },
    ])
    view.takeDelta()
    view.fold(record({ n: 3 }, { key: 'a' }))
    view.fold(tombstone('b'))
    expect(view.takeDelta()).toEqual({
      kind: 'rows',
      rows: [{ key: 'a', row: { key: 'a', n: 3 } }],
      removed: ['b'],
    })
  })

  test('show named columns, and the field they are sorted by', () => {
    const view = new RowsView(
      spec('table', {
        columns: [{ field: 'window.start' }, { field: 'key' }],
        sortBy: 'n',
        sortDescending: true,
      }),
    )
    view.fold(windowed('a', 0, 1))
    view.fold(windowed('b', 0, 2))
    expect(cells(view.snapshot())).toEqual([
      { 'window.start': 0, key: 'b', n: 2 },
      { 'window.start': 0, key: 'a', n: 1 },
    ])
  })

  test('V32: rows beyond the limit are not sent; without an order the newest stay', () => {
    const view = new RowsView(spec('table', { limit: 3 }))
    for (let n = 0; n < 10; n++) view.fold(record({ n }))
    expect(cells(view.snapshot())).toEqual([{ n: 9 }, { n: 8 }, { n: 7 }])
    view.takeDelta()
    view.fold(record({ n: 10 }))
    expect(rows(view.takeDelta())?.removed).toHaveLength(1)
  })

  test('keep one row per key and window when all windows are asked for', () => {
    const view = new RowsView(spec('table', { latestWindow: false }))
    view.fold(windowed('a', 0, 1))
    view.fold(windowed('a', 10, 2))
    view.fold(windowed('a', 10, 3))
    expect(rows(view.snapshot())?.shown).toEqual(['a @ 10', 'a @ 0'])
    view.takeDelta()
    view.fold(tombstone('a'))
    expect(rows(view.takeDelta())?.removed.toSorted()).toEqual(['a @ 0', 'a @ 10'])
  })

  test('bound what a cell, a row and a widget can hold', () => {
    const view = new RowsView(spec('table', { limit: 1_000 }))
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`field${n}`, 'x'.repeat(10_000)]))
    view.fold(record(wide, { key: 'k'.repeat(5_000) }))
    view.fold(record(wide, { key: 'k'.repeat(5_001) }))
    const shown = view.snapshot()
    expect(rows(shown)?.shown).toHaveLength(2)
    expect(JSON.stringify(shown).length).toBeLessThan(25_000)
    for (let n = 0; n < rowsTrackedMax + 10; n++) view.fold(record({ n }, { key: `${n}` }))
    expect(rows(view.snapshot())?.shown).toHaveLength(1_000)
  })

  test('N7: every kind of value has a cell that JSON can carry', () => {
    const view = new RowsView(spec('table'))
    view.fold(
      record({
        nan: Number.NaN,
        inf: -1 / 0,
        zero: -0,
        no: null,
        yes: true,
        list: [1, [2]],
        empty: {},
        deep: { a: { b: 1 } },
      }),
    )
    const [row] = cells(view.snapshot())
    expect(row).toEqual({
      ...{ nan: 'NaN', inf: '-Infinity', zero: 0, no: null, yes: true, list: '[1,[2]]', empty: '{}' },
      'deep.a': '{"b":1}',
    })
  })

  test('N8: names and values that mean something to a page or to JavaScript are only text', () => {
    const view = new RowsView(spec('table'))
    view.fold(
      record(JSON.parse('{"__proto__": {"x": 1}, "constructor": 1, "<b>": "</script>"}'), {
        key: '__proto__',
      }),
    )
    const [row] = cells(view.snapshot())
    expect(Object.keys(row!)).toEqual(['key', '__proto__.x', 'constructor', '<b>'])
    expect(({} as { x?: number }).x).toBeUndefined()
  })
})

describe('stats', () => {
  test('the last record counts, with the one before and the recent ones behind it', () => {
    const view = new StatView(spec('stat', { y: 'n', sparkline: true }))
    for (let n = 1; n <= 100; n++) view.fold(record({ n }, { timestamp: n }))
    const shown = stat(view.takeDelta())!
    expect(shown).toMatchObject({ value: 100, previous: 99, at: 100 })
    expect(shown.spark).toHaveLength(sparkPointsMax)
    view.fold(record({ n: -7 }, { timestamp: 98 }))
    expect(stat(view.takeDelta())).toMatchObject({ value: 100, previous: 99 })
  })

  test('a reduce combines the newest value of every key', () => {
    const of = (reduce: 'sum' | 'min' | 'max' | 'mean') => {
      const view = new StatView(spec('stat', { y: 'n', reduce }))
      for (const [key, n] of [
        ['a', 5],
        ['b', 1],
        ['a', 3],
      ] as const)
        view.fold(record({ n }, { key }))
      return stat(view.snapshot())?.value
    }
    expect([of('sum'), of('min'), of('max'), of('mean')]).toEqual([4, 1, 3, 2])
  })

  test('a reduce over windows combines the newest window; the one before is the previous value', () => {
    const view = new StatView(spec('stat', { y: 'n', reduce: 'sum' }))
    for (const [key, start, n] of [
      ['a', 0, 1],
      ['b', 0, 2],
      ['a', 10, 5],
      ['b', 10, 7],
      ['a', 10, 6],
      ['b', 0, 99],
    ] as const) {
      view.fold(windowed(key, start, n))
    }
    expect(stat(view.snapshot())).toMatchObject({ value: 13, previous: 3, at: 10, spark: [3, 13] })
  })

  test('a tombstone takes a key out of what is combined', () => {
    const view = new StatView(spec('stat', { y: 'n', reduce: 'sum' }))
    view.fold(record({ n: 1 }, { key: 'a' }))
    view.fold(record({ n: 2 }, { key: 'b' }))
    view.takeDelta()
    expect(view.fold(tombstone('a'))).toBeTrue()
    expect(stat(view.takeDelta())?.value).toBe(2)
    view.fold(tombstone('b'))
    expect(stat(view.takeDelta())?.value).toBeNull()
  })

  test('N7: what is no number is shown as it is, or counted where numbers are combined', () => {
    const value = (n: unknown, reduce: 'last' | 'sum' = 'last') => {
      const view = new StatView(spec('stat', { y: 'n', reduce }))
      view.fold(record({ n: 1 }, { key: 'a', timestamp: 0 }))
      view.fold(record({ n }, { key: 'b', timestamp: 1 }))
      return [stat(view.snapshot())?.value, view.snapshot().faults?.last]
    }
    expect(value('open')).toEqual(['open', undefined])
    expect(value(Number.NaN)).toEqual(['NaN', undefined])
    expect(value('12.50')).toEqual([12.5, undefined])
    expect(value(null)).toEqual([null, undefined])
    expect(value(0)).toEqual([0, undefined])
    expect(value('open', 'sum')).toEqual([1, 'n is "open", not a number'])
  })
})
