// Joins as of event time against a plain batch computation: any order, late rows, kills anywhere, one partition or several.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../src/streams/aggregator.ts'
import { type AppPart, app } from '../../src/streams/app.ts'
import { describe as describeApp } from '../../src/streams/describe.ts'
import { planApp } from '../../src/streams/graph/plan.ts'
import { MemoryStore } from '../../src/streams/state/memory-store.ts'
import { harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'
import { canonical, play, smallLimits, stepOf } from './life.ts'
import { type AsOfRow, judgeAsOf, versionAt } from './oracle/as-of.ts'
import { durationOf } from './window-app.ts'

const runs = Number(process.env['SEEDS'] ?? 150)
let ids = 0
const row: fc.Arbitrary<AsOfRow> = fc.record({
  side: fc.constantFrom('row', 'version'),
  key: fc.constantFrom('a', 'b', 'a\u0000b', ''),
  at: fc.integer({ min: -40, max: 80 }),
  id: fc.constant(0).map(() => ids++),
})
const settings = fc.record({
  wait: fc.nat(20),
  more: fc.nat(30),
  tolerance: fc.option(fc.nat(20)),
})
const asOfOf = ({ wait, tolerance }: { wait: number; tolerance: number | null }) => ({
  asOf: 'event-time' as const,
  wait: durationOf(wait),
  ...(tolerance === null ? {} : { tolerance: durationOf(tolerance) }),
})
const met = (one: AsOfRow, version: AsOfRow | null) => ({ row: one.id, version: version?.id ?? null })

test('of one partition it equals the oracle, whatever is late and wherever it dies', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepOf(row), { maxLength: 12 }),
      settings,
      fc.nat(25),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, wanted, outOfOrder, options) => {
        const time = { at: ({ at }: AsOfRow) => at, outOfOrder: durationOf(outOfOrder) }
        const rows = topic<AsOfRow>('rows', { time })
        const side = (one: AsOfRow['side']) =>
          rows
            .stream()
            .filter((each) => each.side === one)
            .keyBy('key')
        const table = side('version').table({ history: durationOf(wanted.wait + wanted.more) })
        const left = side('row').join('left', table, { ...asOfOf(wanted), how: 'left', select: met })
        const inner = side('row').join('inner', table, { ...asOfOf(wanted), select: met })
        const t = await harness(app({ id: 'joins' }).use(left, inner), options)
        const sent = await play(t, steps, (one) => t.send(rows, one))
        const verdict = judgeAsOf(sent, wanted, outOfOrder)
        expect((await t.take(left.late)).map(({ value }) => value)).toEqual(verdict.late)
        t.finish(rows)
        expect(canonical(await t.take(left.out))).toEqual(canonical(verdict.met))
        expect(canonical(await t.take(inner.out))).toEqual(
          canonical(verdict.met.filter(({ version }) => version !== null)),
        )
      },
    ),
    { numRuns: runs },
  )
}, 120_000)

test('of two topics over 1 to 4 partitions it does not depend on which is read first', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepOf(fc.tuple(row, fc.boolean())), { maxLength: 8 }),
      settings,
      fc.record({ rows: fc.integer({ min: 1, max: 4 }), versions: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, wanted, partitions, options) => {
        const time = { at: ({ at }: AsOfRow) => at, outOfOrder: '1s', idleAfter: 'never' } as const
        const rows = topic<AsOfRow>('rows', { partitions: partitions.rows, time })
        const versions = topic<AsOfRow>('versions', { partitions: partitions.versions, key: 'key', time })
        const history = durationOf(wanted.wait + wanted.more)
        const keyed = rows.stream().keyBy('key')
        const left =
          partitions.rows === 1 ? keyed.repartition('spread', { partitions: partitions.versions }) : keyed
        const joined = left.join('met', versions.table({ history }), {
          ...asOfOf(wanted),
          how: 'left',
          select: met,
        })
        const t = await harness(app({ id: 'joins' }).use(joined), options)
        const deleted = new Set<number>()
        const sent = await play(t, steps, ([one, gone]) => {
          if (one.side === 'row') t.send(rows, one)
          else if (gone) {
            deleted.add(one.id)
            t.sendRaw(versions, null, { key: one.key, timestamp: one.at })
          } else t.send(versions, one)
        })
        t.finish(rows)
        t.finish(versions)
        const known = sent.map(([one]) => one)
        const expected = known
          .filter(({ side }) => side === 'row')
          .map((one) => {
            const version = versionAt(known, one, { ...wanted, tolerance: null })
            const tolerated = versionAt(known, one, wanted)
            const isGone = version !== null && deleted.has(version)
            return { row: one.id, version: isGone ? null : tolerated }
          })
        expect(canonical(await t.take(joined.out))).toEqual(canonical(expected))
        expect(await t.take(joined.late)).toEqual([])
      },
    ),
    { numRuns: Math.ceil(runs / 3) },
  )
}, 120_000)

function prices(history: `${number}ms` = '100ms') {
  const orders = topic<{ item: string; at: number }>('orders', { time: { at: ({ at }) => at } })
  const list = topic<{ item: string; price: number; at: number }>('prices', {
    key: 'item',
    time: { at: ({ at }) => at },
  })
  const table = list.table({ history })
  const priced = orders
    .stream()
    .keyBy('item')
    .join('priced', table, {
      asOf: 'event-time',
      wait: '10ms',
      tolerance: '50ms',
      how: 'left',
      select: (order, version) => [order.at, version?.price ?? null] as const,
    })
  return { orders, list, priced, app: app({ id: 'prices' }).use(priced) }
}

test('a row is released one millisecond past its wait on both sides, and not before', async () => {
  const { orders, list, priced, app: built } = prices()
  const t = await harness(built)
  t.send(list, { item: 'tea', price: 3, at: 0 })
  t.send(orders, { item: 'tea', at: 20 })
  t.watermark(orders, 1_000)
  t.watermark(list, 30)
  expect(await t.take(priced.out)).toEqual([])
  t.watermark(list, 31)
  expect(await t.take(priced.out)).toEqual([[20, 3]])
})

test('a version counts from its own time on, also when it comes after the row', async () => {
  const { orders, list, priced, app: built } = prices()
  const t = await harness(built)
  t.send(orders, { item: 'tea', at: 20 })
  await t.settle()
  t.send(list, { item: 'tea', price: 3, at: 10 })
  t.send(list, { item: 'tea', price: 4, at: 20 })
  t.send(list, { item: 'tea', price: 5, at: 21 })
  t.finish(orders)
  t.finish(list)
  expect(await t.take(priced.out)).toEqual([[20, 4]])
})

test('a version is too old one millisecond past the tolerance', async () => {
  const { orders, list, priced, app: built } = prices()
  const t = await harness(built)
  t.send(list, { item: 'tea', price: 3, at: 0 })
  for (const at of [50, 51]) t.send(orders, { item: 'tea', at })
  t.finish(orders)
  t.finish(list)
  expect(await t.take(priced.out)).toEqual([
    [50, 3],
    [51, null],
  ])
})

test('rows of one jump of time go out by time, then by the bytes of the key', async () => {
  const { orders, list, priced, app: built } = prices()
  const t = await harness(built)
  for (const [item, at] of [
    ['b', 2],
    ['a', 2],
    ['a', 3],
    ['é', 1],
  ] as const)
    t.send(orders, { item, at })
  t.watermark(orders, 100)
  t.watermark(list, 100)
  expect(await t.take(priced.out)).toEqual([
    [1, null],
    [2, null],
    [2, null],
    [3, null],
  ])
})

test('trap 25: no row lies behind the output watermark: a window behind the join takes them all', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 40 }), fc.nat(20), fc.nat(), async (sent, wait, seed) => {
      const rows = topic<AsOfRow>('rows', { time: { at: ({ at }) => at, outOfOrder: '1s' } })
      const keyed = rows.stream().keyBy('key')
      const joined = keyed.join('joined', keyed.table({ history: '1s' }), {
        asOf: 'event-time',
        wait: durationOf(wait),
        select: (one) => one,
      })
      const counts = joined.out
        .keyBy('key')
        .window('counts', window.tumbling('1ms', { grace: '0s' }))
        .aggregate({ n: agg.count() })
        .emit('on-close')
      const t = await harness(app({ id: 'behind' }).use(counts), { seed })
      let at = -100
      for (const one of sent) {
        t.send(rows, one)
        at = Math.max(at, one.at - 20)
        t.watermark(rows, at)
      }
      t.finish(rows)
      const taken = await t.take(counts.out)
      expect(await t.take(counts.late)).toEqual([])
      const lates = await t.take(joined.late)
      expect(taken.reduce((sum, { n }) => sum + n, 0) + lates.length).toBe(sent.length)
    }),
    { numRuns: Math.ceil(runs / 3) },
  )
}, 120_000)

test('state returns to its floor: the newest version of each key stays, of what is deleted nothing', async () => {
  const store = new MemoryStore()
  const { orders, list, app: built } = prices()
  const t = await harness(built, { openStore: () => store })
  for (let n = 0; n < 50; n++) t.send(list, { item: n % 2 === 0 ? 'tea' : 'cup', price: n, at: n })
  for (let n = 0; n < 20; n++) t.send(orders, { item: 'tea', at: n })
  t.sendRaw(list, null, { key: 'cup', timestamp: 60 })
  await t.settle()
  // Nine rows are released already: time has come to 19.
  expect(await t.rows('priced')).toHaveLength(11 + 51)
  t.watermark(orders, 1_000)
  t.watermark(list, 1_000)
  expect(await t.rows('priced')).toEqual([
    { key: 'tea', at: 48, side: 'right', value: { item: 'tea', price: 48, at: 48 } },
  ])
})

test('a version from before all that is remembered is dropped and counted', async () => {
  const { orders, list, app: built } = prices()
  const t = await harness(built)
  for (const at of [0, 1, 2]) t.send(list, { item: 'tea', price: at, at })
  t.watermark(orders, 500)
  t.watermark(list, 500)
  t.send(list, { item: 'tea', price: 9, at: 1 })
  expect(await t.rows('priced')).toMatchObject([{ at: 2 }])
  expect(t.status().nodes.find(({ id }) => id === 'priced')).toMatchObject({ late: 1 })
})

describe('what cannot work is refused', () => {
  const orders = topic<{ item: string; at: number }>('orders', { time: { at: ({ at }) => at } })
  const timeless = topic<{ item: string }>('items', { key: 'item' })
  const timed = topic<{ item: string; at: number }>('items', { key: 'item', time: { at: ({ at }) => at } })
  const select = (a: unknown, b: unknown) => [a, b]
  const keyed = orders.stream().keyBy('item')
  const plan = (part: AppPart) => () => planApp(app({ id: 'joins' }).use(part))

  test('a history shorter than the wait', () => {
    const table = timed.table({ history: '1s' })
    expect(() => keyed.join('j', table, { asOf: 'event-time', wait: '2s', select })).toThrow(
      'its table forgets before a row is looked up',
    )
  })

  test('a table without a history', () => {
    const table = timed.table() as ReturnType<typeof timed.table> & { historyMs: number }
    // @ts-expect-error: the compiler says so first
    expect(() => keyed.join('j', table, { asOf: 'event-time', wait: 2, select })).toThrow()
    // @ts-expect-error: a table without its past
    expect(() => keyed.join('k', timed.table(), { asOf: 'event-time', wait: '0s', select })).toThrow(
      'its table keeps no history',
    )
  })

  test('a table without event time', () => {
    const joined = keyed.join('j', timeless.table({ history: '1s' }), {
      asOf: 'event-time',
      wait: '0s',
      select,
    })
    expect(plan(joined)).toThrow('one of its sources has no event time')
  })

  test('the graph says how long rows wait and versions stay', () => {
    const { nodes } = describeApp(prices('2000ms').app)
    expect(nodes.find(({ id }) => id === 'priced')).toMatchObject({
      kind: 'as-of',
      stateful: true,
      label: 'left, as of its own time, wait 10ms, history 2s, tolerance 50ms',
    })
  })
})
