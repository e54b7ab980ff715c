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
