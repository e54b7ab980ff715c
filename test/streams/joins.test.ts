// Joins against plain batch computations: any order, late rows, kills anywhere, one partition or several.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../src/streams/aggregator.ts'
import { type AppPart, app } from '../../src/streams/app.ts'
import { planApp } from '../../src/streams/graph/plan.ts'
import { MemoryStore } from '../../src/streams/state/memory-store.ts'
import { type CrashPoint, crashPoints, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'
import { canonical, play, smallLimits, stepOf } from './life.ts'
import { type JoinRow, judgeJoin, pairs } from './oracle/join.ts'
import { durationOf } from './window-app.ts'

let ids = 0
const row: fc.Arbitrary<JoinRow> = fc.record({
  side: fc.constantFrom('l', 'r'),
  key: fc.constantFrom('a', 'b', 'a\u0000b', ''),
  at: fc.integer({ min: -40, max: 80 }),
  id: fc.constant(0).map(() => ids++),
})
const step = stepOf(row)
const interval = fc.record({ before: fc.nat(20), after: fc.nat(20), grace: fc.nat(15) })
const hows = ['inner', 'left', 'outer'] as const
const ofBoth = (left: JoinRow | null, right: JoinRow | null) => ({
  left: left?.id ?? null,
  right: right?.id ?? null,
})

function intervals({ before, after, grace }: { before: number; after: number; grace: number }) {
  return { before: durationOf(before), after: durationOf(after), grace: durationOf(grace) }
}

test('an interval join of one partition equals the oracle: pairs, rows without a partner, late rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      interval,
      fc.nat(25),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, bounds, outOfOrder, options) => {
        const rows = topic<JoinRow>('rows', {
          time: { at: ({ at }) => at, outOfOrder: durationOf(outOfOrder) },
        })
        const side = (wanted: 'l' | 'r') =>
          rows
            .stream()
            .filter((one) => one.side === wanted)
            .keyBy('key')
        const given = intervals(bounds)
        const inner = side('l').joinWithin('inner', side('r'), { ...given, select: ofBoth })
        const left = side('l').joinWithin('left', side('r'), { ...given, how: 'left', select: ofBoth })
        const outer = side('l').joinWithin('outer', side('r'), { ...given, how: 'outer', select: ofBoth })
        const t = await harness(app({ id: 'joins' }).use(inner, left, outer), options)
        const sent = await play(t, steps, (one) => t.send(rows, one))
        const verdict = judgeJoin(sent, bounds, outOfOrder)
        expect((await t.take(outer.late)).map(({ value }) => value)).toEqual(verdict.late)
        t.finish(rows)
        for (const [index, one] of [inner, left, outer].entries()) {
          expect(canonical(await t.take(one.out))).toEqual(
            canonical(pairs(verdict.accepted, bounds, hows[index]!)),
          )
        }
      },
    ),
    { numRuns: 150 },
  )
}, 60_000)

test('an interval join of two topics over 1 to 4 partitions, repartitioned or not, equals the oracle', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 8 }),
      interval,
      fc.record({ left: fc.integer({ min: 1, max: 4 }), right: fc.integer({ min: 1, max: 4 }) }),
      fc.boolean(),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, bounds, partitions, keyed, options) => {
        const time = { at: ({ at }: JoinRow) => at, outOfOrder: '1s' } as const
        const lefts = topic<JoinRow>('lefts', { partitions: partitions.left, time })
        const rights = topic<JoinRow>('rights', {
          partitions: partitions.right,
          time,
          ...(keyed ? { key: 'key' as const } : {}),
        })
        const right = rights.stream().keyBy('key')
        const l = lefts.stream().keyBy('key')
        const joined = (
          partitions.left === 1 ? l.repartition('l', { partitions: partitions.right }) : l
        ).joinWithin(
          'outer',
          partitions.right === 1 ? right.repartition('r', { partitions: partitions.left }) : right,
          { ...intervals(bounds), how: 'outer', select: ofBoth },
        )
        const built = app({ id: 'joins' }).use(joined)
        const t = await harness(built, options)
        const sent = await play(t, steps, (one) => t.send(one.side === 'l' ? lefts : rights, one))
        t.finish(lefts)
        t.finish(rights)
        expect(canonical(await t.take(joined.out))).toEqual(canonical(pairs(sent, bounds, 'outer')))
        expect(await t.take(joined.late)).toEqual([])
      },
    ),
    { numRuns: 60 },
  )
}, 60_000)

test('trap 3: a row without a partner goes out one millisecond past bound and grace, and not before', async () => {
  const rows = topic<JoinRow>('rows', { time: { at: ({ at }) => at } })
  const side = (wanted: 'l' | 'r') =>
    rows
      .stream()
      .filter((one) => one.side === wanted)
      .keyBy('key')
  const joined = side('l').joinWithin('j', side('r'), {
    before: '2s',
    after: '10s',
    grace: '1s',
    how: 'outer',
    select: ofBoth,
  })
  const t = await harness(app({ id: 'joins' }).use(joined))
  t.send(rows, { side: 'l', key: 'a', at: 1_000, id: 1 })
  t.send(rows, { side: 'r', key: 'b', at: 1_000, id: 2 })
  t.watermark(rows, 4_000)
  expect(await t.take(joined.out)).toEqual([])
  t.watermark(rows, 4_001)
  expect(await t.take(joined.out)).toEqual([{ left: null, right: 2 }])
  t.watermark(rows, 12_000)
  expect(await t.take(joined.out)).toEqual([])
  t.watermark(rows, 12_001)
  expect(await t.take(joined.out)).toEqual([{ left: 1, right: null }])
})

test('nothing is kept of rows that time has passed', async () => {
  const store = new MemoryStore()
  const size = () => [...store.scan(new Uint8Array(), Uint8Array.of(255))].length
  const rows = topic<JoinRow>('rows', { time: { at: ({ at }) => at } })
  const keyed = rows.stream().keyBy('key')
  const joined = keyed.joinWithin('self', keyed, { before: '5ms', after: '5ms', grace: '0s', select: ofBoth })
  const t = await harness(app({ id: 'joins' }).use(joined), { openStore: () => store })
  t.watermark(rows, 1)
  await t.settle()
  const floor = size()
  for (let n = 0; n < 100; n++) t.send(rows, { side: 'l', key: `k${n % 7}`, at: n, id: n })
  await t.settle()
  expect(size()).toBeGreaterThan(floor)
  t.watermark(rows, 1_000)
  await t.settle()
  expect(size()).toBe(floor)
})

describe('a stream beside a table', () => {
  type Driver = { id: string; name: string }
  type Ride = { driver: string; n: number }
  const build = (partitions = 1, tablePartitions = partitions) => {
    const drivers = topic<Driver>('drivers', { key: 'id', partitions: tablePartitions })
    const rides = topic<Ride>('rides', { key: 'driver', partitions })
    const select = (ride: Ride, driver: Driver | null) => ({ n: ride.n, name: driver?.name ?? null })
    const keyed = rides.stream().keyBy('driver')
    const inner = keyed.join('inner', drivers.table(), { select })
    const left = keyed.join('left', drivers.table(), { how: 'left', select })
    // Whole in every task: neither how rows lie nor how the table lies matters.
    const whole = rides
      .stream()
      .keyBy(({ driver }) => driver)
      .join('whole', drivers.broadcast(), { how: 'left', select })
    const parts = partitions === tablePartitions ? [inner, left, whole] : [whole]
    return { drivers, rides, inner, left, whole, app: app({ id: 'lookup' }).use(...parts) }
  }
  type Change = { id: string; name: string | null }
  type Act = { changes: Change[] } | { rides: string[] }
  const id = fc.constantFrom('a', 'b', 'c', '')
  const act: fc.Arbitrary<Act> = fc.oneof(
    fc
      .array(fc.record({ id, name: fc.option(fc.constantFrom('x', 'y', 'z')) }), { maxLength: 5 })
      .map((changes) => ({ changes })),
    fc.array(id, { maxLength: 5 }).map((rides) => ({ rides })),
  )

  test('each row meets the last row of its key; deletions count; kills change nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(act, fc.option(fc.constantFrom<CrashPoint>(...crashPoints))), { maxLength: 12 }),
        fc.record({ rides: fc.integer({ min: 1, max: 3 }), table: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ seed: fc.nat(), limits: smallLimits }),
        async (acts, partitions, options) => {
          const { drivers, rides, inner, left, whole, app: built } = build(partitions.rides, partitions.table)
          const t = await harness(built, options)
          const names = new Map<string, string>()
          const expected: { n: number; name: string | null }[] = []
          let n = 0
          for (const [one, crash] of acts) {
            if ('changes' in one) {
              for (const { id: key, name } of one.changes) {
                if (name === null) names.delete(key)
                else names.set(key, name)
                const text = name === null ? null : JSON.stringify({ id: key, name })
                t.sendRaw(drivers, text, { key })
              }
            } else {
              for (const driver of one.rides) {
                expected.push({ n, name: names.get(driver) ?? null })
                t.send(rides, { driver, n: n++ })
              }
            }
            if (crash !== null) {
              await t.crashAt(crash)
              await t.restart()
            }
            await t.settle()
          }
          expect(canonical(await t.take(whole))).toEqual(canonical(expected))
          if (partitions.rides !== partitions.table) return
          expect(canonical(await t.take(left))).toEqual(canonical(expected))
          expect(canonical(await t.take(inner))).toEqual(
            canonical(expected.filter(({ name }) => name !== null)),
          )
        },
      ),
      { numRuns: 100 },
    )
  }, 60_000)

  test('at start the table is read to its end before the first row', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { drivers, rides, left, whole, app: built } = build()
      const t = await harness(built, { seed })
      await t.stop()
      for (let n = 0; n < 5; n++) t.send(rides, { driver: `d${n}`, n })
      for (let n = 0; n < 5; n++) t.send(drivers, { id: `d${n}`, name: `name ${n}` })
      t.flush()
      await t.restart()
      const names = [0, 1, 2, 3, 4].map((n) => `name ${n}`)
      expect((await t.take(left)).map(({ name }) => name)).toEqual(names)
      expect((await t.take(whole)).map(({ name }) => name)).toEqual(names)
    }
  })

  test('that every task holds ties nothing together, and its positions are those of each task', async () => {
    const { drivers, rides, whole } = build(4, 2)
    const other = topic<Ride>('other', { partitions: 3 })
      .stream()
      .keyBy('driver')
      .join('again', drivers.broadcast(), { select: ({ n }) => n })
    const two = app({ id: 'two' }).use(whole, other)
    expect(planApp(two).subtopologies.map(({ name, tasks }) => `${name} x${tasks}`)).toEqual([
      'rides x4',
      'other x3',
    ])
    const t = await harness(two)
    t.send(drivers, { id: 'd', name: 'n' })
    t.send(rides, { driver: 'd', n: 1 })
    await t.settle()
    expect(t.log.committed('two', 'drivers', 0)).toBeNull()
    expect(t.status().tasks.filter(({ topic: name }) => name === 'drivers').length).toBe(2 * 7)
  })

  test('may be made of rows that replace each other', async () => {
    const rides = topic<Ride>('rides', { key: 'driver' })
    const keyed = rides.stream().keyBy('driver')
    const counts = keyed.count('counts')
    const joined = keyed.join('so-far', counts.table(), {
      how: 'left',
      select: (ride, count) => [ride.n, count?.count ?? 0],
    })
    const t = await harness(app({ id: 'counted' }).use(joined))
    for (let n = 0; n < 3; n++) {
      t.send(rides, { driver: 'd', n })
      await t.settle()
    }
    expect(await t.take(joined)).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ])
  })

  test('its rows cannot be changed by who gets them', async () => {
    const { drivers, rides } = build()
    const joined = rides
      .stream()
      .keyBy('driver')
      .join('j', drivers.table(), {
        select: (_, driver) => {
          ;(driver as { name: string }).name = 'changed'
          return driver
        },
      })
    const t = await harness(app({ id: 'frozen' }).use(joined))
    t.send(drivers, { id: 'd', name: 'n' })
    await t.settle()
    t.send(rides, { driver: 'd', n: 1 })
    expect(
      await t.settle().then(
        () => null,
        (error: Error) => error.message,
      ),
    ).toContain('"j" failed at rides/0 offset 0')
  })
})

test('two tables by key fold to the join of what is left in them; deletions take rows away; kills change nothing', async () => {
  type Part = { id: string; n: number }
  const change = fc.record({
    left: fc.boolean(),
    id: fc.constantFrom('a', 'b', 'c', ''),
    n: fc.option(fc.integer({ min: 0, max: 2 })),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepOf(change), { maxLength: 12 }),
      fc.integer({ min: 1, max: 3 }),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, partitions, options) => {
        const lefts = topic<Part>('lefts', { key: 'id', partitions })
        const rights = topic<Part>('rights', { key: 'id', partitions })
        const select = (l: Part | null, r: Part | null) => ({ l: l?.n ?? null, r: r?.n ?? null })
        const made = {
          inner: lefts.table().join('inner', rights.table(), { select }),
          left: lefts.table().join('left', rights.table(), { how: 'left', select }),
          outer: lefts.table().join('outer', rights.table(), { how: 'outer', select }),
        }
        for (const [name, one] of Object.entries(made)) one.changes().to(`joined-${name}`)
        const t = await harness(app({ id: 'tables' }).use(made.inner, made.left, made.outer), options)
        const kept = { left: new Map<string, number>(), right: new Map<string, number>() }
        await play(t, steps, ({ left, id, n }) => {
          const side = left ? kept.left : kept.right
          if (n === null) side.delete(id)
          else side.set(id, n)
          t.sendRaw(left ? lefts : rights, n === null ? null : JSON.stringify({ id, n }), { key: id })
        })
        await t.settle()
        for (const how of hows) {
          const folded = new Map<string, unknown>()
          for (const { key, value } of t.log.records(`joined-${how}`, 0)) {
            const id = Buffer.from(key!).toString()
            const row: unknown = value === null ? null : JSON.parse(Buffer.from(value).toString())
            // Nothing is told twice, nor taken away that was not there.
            expect(row).not.toEqual(folded.get(id) ?? null)
            if (row === null) folded.delete(id)
            else folded.set(id, row)
          }
          const expected = ['a', 'b', 'c', ''].flatMap((id) => {
            const [l, r] = [kept.left.get(id) ?? null, kept.right.get(id) ?? null]
            if (l === null && (r === null || how !== 'outer')) return []
            return r === null && how === 'inner' ? [] : [[id, { l, r }] as const]
          })
          expect(new Map([...folded].sort())).toEqual(new Map(expected.toSorted()))
        }
      },
    ),
    { numRuns: 80 },
  )
}, 60_000)

describe('sides that cannot meet are refused with the way out:', () => {
  type Row = { id: string; at: number }
  const time = { at: ({ at }: Row) => at }
  const four = topic<Row>('four', { key: 'id', partitions: 4, time })
  const eight = topic<Row>('eight', { key: 'id', partitions: 8, time })
  const near = { before: '1s', after: '1s', grace: '0s', select: () => 1 } as const
  const plan = (part: AppPart) => () => planApp(app({ id: 'a' }).use(part))

  test('over different partitions', () => {
    const joined = four.stream().keyBy('id').joinWithin('j', eight.stream().keyBy('id'), near)
    expect(plan(joined)).toThrow('left side lies over 4 partitions and its right side over 8')
    const looked = four
      .stream()
      .keyBy('id')
      .join('j', eight.table(), { select: () => 1 })
    expect(plan(looked)).toThrow('left side lies over 4 partitions')
    const spread = four.stream().keyBy('id').repartition('spread', { partitions: 8 })
    expect(plan(spread.joinWithin('j', eight.stream().keyBy('id'), near))).not.toThrow()
  })

  test('a side that is not grouped is sent over the partitions of the other', () => {
    const joined = four
      .stream()
      .keyBy(({ at }) => String(at))
      .joinWithin('j', eight.stream().keyBy('id'), near)
    const { subtopologies } = planApp(app({ id: 'a' }).use(joined))
    expect(subtopologies.map(({ name, tasks }) => `${name} x${tasks}`)).toEqual([
      'four x4',
      'j.left.repartition--eight x8',
    ])
  })

  test('without event time, or with rows that replace each other', () => {
    const untimed = topic<Row>('untimed').stream().keyBy('id')
    expect(plan(untimed.joinWithin('j', untimed, near))).toThrow('no event time')
    const one = topic<Row>('one', { time }).stream().keyBy('id')
    const updates = one
      .window('w', window.tumbling('1s', { grace: '0s' }))
      .aggregate({ n: agg.count() })
      .emit('on-update')
    expect(plan(one.joinWithin('j', updates.out, near))).toThrow('every revision')
  })
})
