// Operators that keep nothing, against what arrays come to; and rows that are sent by key on purpose.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { app } from '../../src/streams/app.ts'
import { describe as describeApp } from '../../src/streams/describe.ts'
import { planApp } from '../../src/streams/graph/plan.ts'
import { harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { canonical, play, smallLimits, stepOf } from './life.ts'

type Row = { key: string; n: number }
const row = fc.record({ key: fc.constantFrom('a', 'b', 'c'), n: fc.integer({ min: -9, max: 9 }) })
const step = stepOf(row)

test('filter, map, flatMap, peek, branch and merge are those of arrays, kills anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, options) => {
        const rows = topic<Row>('rows')
        const even = rows.stream().filter(({ n }) => n % 2 === 0)
        const doubled = even.map(({ n }) => n * 2)
        const copies = rows.stream().flatMap(({ n }) => Array.from({ length: Math.max(0, n) }, () => n))
        const looked = rows.stream().peek(() => undefined)
        const { large, small } = rows.stream().branch({
          large: ({ n }) => n > 5,
          small: ({ n }) => n > 0,
          never: ({ n }) => n > 7,
        })
        const both = large.merge(even)
        const t = await harness(app({ id: 'plain' }).use(doubled, copies, looked, small, both), options)
        const sent = await play(t, steps, (one) => t.send(rows, one))
        const ns = sent.map(({ n }) => n)
        expect(await t.take(doubled)).toEqual(ns.filter((n) => n % 2 === 0).map((n) => n * 2))
        expect(await t.take(copies)).toEqual(
          ns.flatMap((n) => Array.from({ length: Math.max(0, n) }, () => n)),
        )
        expect(await t.take(looked)).toEqual(sent)
        expect(await t.take(small)).toEqual(sent.filter(({ n }) => n > 0 && n <= 5))
        expect(canonical(await t.take(both))).toEqual(
          canonical([...sent.filter(({ n }) => n > 5), ...sent.filter(({ n }) => n % 2 === 0)]),
        )
      },
    ),
    { numRuns: 60 },
  )
}, 30_000)

test('rows that pass no test of a branch are counted as dropped; arms of a keyed stream keep its key', async () => {
  const rows = topic<Row>('rows')
  const { large, small } = rows
    .stream()
    .keyBy('key')
    .branch({ large: ({ n }) => n > 5, small: ({ n }) => n > 0 })
  const counts = large.count('large-count')
  const t = await harness(app({ id: 'arms' }).use(counts, small))
  for (const n of [9, 3, -1, -2]) t.send(rows, { key: 'a', n })
  expect(await t.take(counts)).toEqual([{ key: 'a', revision: 1, count: 1 }])
  const stats = t.status().nodes.find(({ id }) => id === 'rows.keyBy.branch')
  expect(stats).toMatchObject({ recordsIn: 4, recordsOut: 2, dropped: 2 })
  expect(describeApp(app({ id: 'arms' }).use(small)).nodes.map(({ id }) => id)).toEqual([
    'rows',
    'rows.keyBy',
    'rows.keyBy.branch',
    'rows.keyBy.branch.small',
  ])
})

test('repartition sends rows by key over as many partitions as said, once, whatever is killed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 10 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 6 }),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, from, to, options) => {
        const rows = topic<Row>('rows', { partitions: from })
        const spread = rows.stream().keyBy('key').repartition('spread', { partitions: to })
        const counts = spread.count('counts')
        const counting = app({ id: 'spreading' }).use(counts)
        expect(planApp(counting).subtopologies.map(({ tasks }) => tasks)).toEqual([from, to])
        const t = await harness(counting, options)
        const sent = await play(t, steps, (one) => t.send(rows, one))
        const newest = new Map((await t.take(counts)).map(({ key, count }) => [key, count]))
        const expected = new Map<string, number>()
        for (const { key } of sent) expected.set(key, (expected.get(key) ?? 0) + 1)
        expect(new Map([...newest].sort())).toEqual(new Map([...expected].sort()))
      },
    ),
    { numRuns: 40 },
  )
}, 30_000)

test('a repartition without a key, or over no partitions, is refused', () => {
  const rows = topic<Row>('rows')
  const keyed = rows.stream().keyBy('key')
  expect(() => keyed.repartition('r', { partitions: 0 })).toThrow('cannot have 0 partitions')
  const merged = keyed.merge(keyed) as unknown as typeof keyed
  expect(() => planApp(app({ id: 'a' }).use(merged.repartition('r')))).toThrow('no key to go by')
})
