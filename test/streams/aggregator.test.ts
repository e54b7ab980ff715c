// Aggregators combine: folding parts and merging them comes to the same as folding the whole, also through JSON.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Aggregator, agg } from '../../src/streams/aggregator.ts'

type Row = { n?: number | null; at: number }
const rows = fc.array(
  fc.record({ n: fc.option(fc.integer({ min: -1000, max: 1000 })), at: fc.integer({ min: -9, max: 9 }) }),
)
const kinds: Record<string, Aggregator<Row, unknown>> = {
  count: agg.count(),
  sum: agg.sum('n'),
  min: agg.min('n'),
  max: agg.max((row: Row) => row.n),
  avg: agg.avg('n'),
  last: agg.last('n'),
  quantile: agg.quantile('n', [0, 0.5, 0.9, 1]),
  distinct: agg.distinct((row: Row) => row.n),
  topN: agg.topN(3, (row: Row) => row.n),
  collect: agg.collect((row: Row) => row.n, { max: 4 }),
  reduce: agg.reduce(
    (row: Row) => [row.n ?? null, row.at],
    (a, b) => ((a[1] ?? 0) > (b[1] ?? 0) ? a : b),
  ),
  custom: agg.custom('span', {
    init: (): number[] => [],
    add: (seen: number[], row: Row) => [...seen, row.at],
    merge: (a, b) => [...a, ...b],
    result: (seen) => (seen.length === 0 ? 0 : Math.max(...seen) - Math.min(...seen)),
  }),
}

const foldOf = (kind: Aggregator<Row, unknown>, all: readonly Row[]) =>
  all.reduce((accumulator, row) => kind.add(accumulator, row, row.at), kind.init())

for (const [name, kind] of Object.entries(kinds)) {
  test(`${name}: parts merged equal the whole, and accumulators survive JSON unchanged`, () => {
    fc.assert(
      fc.property(rows, rows, (first, second) => {
        const a = foldOf(kind, first)
        const b = foldOf(kind, second)
        const before = JSON.stringify([a, b])
        const stored = (accumulator: unknown): unknown => JSON.parse(JSON.stringify(accumulator))
        const merged = kind.result(kind.merge(stored(a), stored(b)))
        expect(merged).toEqual(kind.result(foldOf(kind, [...first, ...second])))
        // Neither adding nor merging changed what it was given.
        kind.add(a, { n: 5, at: 100 }, 100)
        kind.merge(a, b)
        expect(JSON.stringify([a, b])).toBe(before)
      }),
    )
  })
}

describe('rows without a value', () => {
  const empty: Row[] = [{ at: 1 }, { at: 2, n: null }]
  test('count, but add nothing to a sum, a minimum or a mean', () => {
    const results = Object.entries(kinds).map(([name, kind]) => [name, kind.result(foldOf(kind, empty))])
    expect(Object.fromEntries(results)).toEqual({
      count: 2,
      sum: 0,
      min: null,
      max: null,
      avg: null,
      last: null,
      quantile: null,
      distinct: 0,
      topN: [],
      collect: [null, null],
      reduce: [null, 2],
      custom: 1,
    })
  })

  test('are not the same as rows whose value is no number: those are refused', () => {
    for (const wrong of ['5', Number.NaN, Infinity, {}]) {
      expect(() => foldOf(agg.sum('n'), [{ at: 1, n: wrong as number }])).toThrow('sum(n) needs a number')
    }
  })
})

test('last is by event time; of equal times the later row', () => {
  const last = agg.last((row: Row) => row.n)
  const all = [
    { n: 1, at: 5 },
    { n: 2, at: 9 },
    { n: 3, at: 9 },
    { n: 4, at: 7 },
  ]
  expect(last.result(foldOf(last, all))).toBe(3)
})

test('what keeps rows is bounded: top N against a sort, collect against the newest by time', () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 5 }), (all, kept) => {
      const byScore = all
        .filter(({ n }) => typeof n === 'number')
        .toSorted((a, b) => b.n! - a.n! || a.at - b.at)
      expect(
        agg
          .topN(kept, (row: Row) => row.n)
          .result(
            foldOf(
              agg.topN(kept, (row: Row) => row.n),
              all,
            ),
          ),
      ).toEqual(byScore.slice(0, kept))
      const collected = agg.collect((row: Row) => row.at, { max: kept })
      const newest = all.map(({ at }) => at).toSorted((a, b) => a - b)
      expect(collected.result(foldOf(collected, all))).toEqual(newest.slice(-kept))
    }),
  )
  for (const wrong of [0, -1, 1.5, 10_001]) expect(() => agg.topN(wrong, () => 1)).toThrow('cannot keep')
})

test('a sum or mean that no number can hold is refused, not lost', () => {
  const huge = { n: 1e308, at: 1 }
  for (const kind of [agg.sum('n'), agg.avg('n')]) {
    expect(() => foldOf(kind, [huge, huge])).toThrow('beyond the largest number')
    expect(() => kind.merge(foldOf(kind, [huge]), foldOf(kind, [huge]))).toThrow('beyond the largest number')
  }
})
