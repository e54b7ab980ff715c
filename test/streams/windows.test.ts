// Sessions, sliding windows and windows that share panes, against plain batch computations: any order, duplicates, late
// rows, kills anywhere. And what windows emit when.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import { MemoryStore } from '../../src/streams/state/memory-store.ts'
import { type Harness, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { type WindowDefinition, window } from '../../src/streams/window.ts'
import type { WindowResult } from '../../src/streams/windowed-stream.ts'
import { canonical, play, smallLimits, stepOf } from './life.ts'
import { judgeSessions, sessions, type Timed } from './oracle/session.ts'
import { judgeSliding, slidingWindows } from './oracle/sliding-window.ts'
import { durationOf } from './window-app.ts'

const row = fc.record({
  key: fc.constantFrom('a', 'b', 'b\u0000a', 'ä', ''),
  at: fc.integer({ min: -60, max: 120 }),
  amount: fc.integer({ min: -5, max: 5 }),
})
const step = stepOf(row)
const chance = fc.record({ seed: fc.nat(), limits: smallLimits })

function build(definition: WindowDefinition, outOfOrder: number, partitions = 1) {
  const rows = topic<Timed>('rows', {
    partitions,
    time: { at: (one) => one.at, outOfOrder: durationOf(outOfOrder) },
  })
  const columns = { n: agg.count(), total: agg.sum('amount') }
  const keyed = rows.stream().keyBy('key')
  const closed = keyed.window('closed', definition).aggregate(columns).emit('on-close')
  const updated = keyed.window('updated', definition).aggregate(columns).emit('on-update')
  const ticked = keyed.window('ticked', definition).aggregate(columns).emit({ every: '1s' })
  return { rows, closed, updated, ticked, app: app({ id: 'windows' }).use(closed, updated, ticked) }
}

type Result = { key: string; window: { start: number; end: number }; revision: number; final: boolean }
const plain = <R extends { revision: number; final: boolean }>(rows: readonly R[]) =>
  rows.map(({ revision, final, ...result }) => result)

/** What is left when rows replace each other and bounds are taken back; revisions count from 1, nothing follows the end. */
function fold<R extends Result & { removed?: true }>(rows: readonly R[]): R[] {
  const newest = new Map<string, R>()
  for (const one of rows) {
    const id = `${one.window.start} ${one.window.end} ${one.key}`
    const before = newest.get(id)
    expect(one.revision).toBe((before?.revision ?? 0) + 1)
    expect(before?.final ?? false).toBe(false)
    newest.set(id, one)
  }
  return [...newest.values()].filter(({ removed }) => removed !== true)
}

type Expected = { results: unknown[]; due: unknown[]; late: Timed[] }
type Built = ReturnType<typeof build>

async function holds(t: Harness, { rows, closed, updated, ticked }: Built, expected: Expected) {
  const before = { closed: await t.take(closed.out), late: await t.take(closed.late) }
  expect(plain(before.closed) as unknown[]).toEqual(expected.due)
  expect(before.late.map(({ value }) => value)).toEqual(expected.late)
  t.finish(rows)
  expect(plain([...before.closed, ...(await t.take(closed.out))]) as unknown[]).toEqual(expected.results)
  for (const one of [updated, ticked] as WindowResult<string, Timed, object>[]) {
    expect(canonical(plain(fold(await t.take(one.out))))).toEqual(canonical(expected.results as object[]))
    expect((await t.take(one.late)).map(({ value }) => value)).toEqual(expected.late)
  }
}

describe('one partition, any order, kills anywhere: equal to the oracle:', () => {
  test('sessions', async () => {
    const settings = fc.record({ gap: fc.nat(25), grace: fc.nat(20) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 14 }),
        settings,
        fc.nat(30),
        chance,
        async (steps, settled, outOfOrder, options) => {
          const { gap, grace } = settled
          const definition = window.session({ gap: durationOf(gap), grace: durationOf(grace) })
          const built = build(definition, outOfOrder)
          const t = await harness(built.app, options)
          const sent = await play(t, steps, (one) => t.send(built.rows, one))
          const verdict = judgeSessions(sent, settled, outOfOrder)
          const results = sessions(verdict.accepted, settled)
          const due = results.filter(({ window: { end } }) => verdict.watermark > end + gap + grace)
          await holds(t, built, { results, due, late: verdict.late })
        },
      ),
      { numRuns: 120 },
    )
  }, 60_000)

  test('sliding windows', async () => {
    const settings = fc.record({ size: fc.nat(30), grace: fc.nat(20) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 14 }),
        settings,
        fc.nat(30),
        chance,
        async (steps, settled, outOfOrder, options) => {
          const { size, grace } = settled
          const definition = window.sliding(durationOf(size), { grace: durationOf(grace) })
          const built = build(definition, outOfOrder)
          const t = await harness(built.app, options)
          const sent = await play(t, steps, (one) => t.send(built.rows, one))
          const verdict = judgeSliding(sent, settled, outOfOrder)
          const results = slidingWindows(verdict.judged, settled)
          const due = results.filter(({ window: { end } }) => verdict.watermark > end + grace)
          await holds(t, built, { results, due, late: verdict.late })
        },
      ),
      { numRuns: 120 },
    )
  }, 60_000)
})

describe('1 to 4 partitions, nothing late, any interleaving, kills anywhere: equal to the oracle:', () => {
  const run = async (
    definition: WindowDefinition,
    expected: (sent: readonly Timed[]) => object[],
    steps: Parameters<typeof play<Timed>>[1],
    options: { partitions: number; seed: number; limits: object },
  ) => {
    const built = build(definition, 1_000, options.partitions)
    const t = await harness(built.app, options)
    const sent = await play(t, steps, (one) => t.send(built.rows, one))
    t.finish(built.rows)
    const results = canonical(expected(sent))
    expect(canonical(plain(await t.take(built.closed.out)))).toEqual(results)
    expect(canonical(plain(fold(await t.take(built.updated.out))))).toEqual(results)
    expect(canonical(plain(fold(await t.take(built.ticked.out))))).toEqual(results)
    expect(await t.take(built.closed.late)).toEqual([])
  }
  const many = fc.record({ partitions: fc.integer({ min: 1, max: 4 }), seed: fc.nat(), limits: smallLimits })

  test('sessions', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.nat(20), many, (steps, gap, options) =>
        run(
          window.session({ gap: durationOf(gap), grace: '0s' }),
          (sent) => sessions(sent, { gap, grace: 0 }),
          steps,
          options,
        ),
      ),
      { numRuns: 40 },
    )
  }, 60_000)

  test('sliding windows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.nat(20), many, (steps, size, options) =>
        run(
          window.sliding(durationOf(size), { grace: '0s' }),
          (sent) => slidingWindows(judgeSliding(sent, { size, grace: 0 }, 1_000).judged, { size, grace: 0 }),
          steps,
          options,
        ),
      ),
      { numRuns: 40 },
    )
  }, 60_000)
})

describe('trap 1: a session closes', () => {
  test('one millisecond after gap and grace, and not before', async () => {
    const { rows, closed, app: built } = build(window.session({ gap: '10s', grace: '5s' }), 0)
    const t = await harness(built)
    t.send(rows, { key: 'a', at: 1_000, amount: 1 })
    t.watermark(rows, 16_000)
    expect(await t.take(closed.out)).toEqual([])
    t.watermark(rows, 16_001)
    expect(await t.take(closed.out)).toMatchObject([{ key: 'a', window: { start: 1_000, end: 1_000 }, n: 1 }])
  })
})

test('a row between two sessions makes them one, and what was said of them is taken back', async () => {
  const { rows, updated, app: built } = build(window.session({ gap: '10ms', grace: '0s' }), 50)
  const t = await harness(built)
  t.send(rows, { key: 'a', at: 0, amount: 1 })
  t.send(rows, { key: 'a', at: 20, amount: 2 })
  await t.settle()
  t.send(rows, { key: 'a', at: 10, amount: 4 })
  const brief = (await t.take(updated.out)).map(({ window: w, revision, n, total, removed }) => [
    w.start,
    w.end,
    revision,
    n,
    total,
    removed ?? false,
  ])
  expect(brief).toEqual([
    [0, 0, 1, 1, 1, false],
    [20, 20, 1, 1, 2, false],
    [0, 0, 2, 0, 0, true],
    [20, 20, 2, 0, 0, true],
    [0, 20, 1, 3, 7, false],
  ])
})

test('a session is cut where it would become longer than it may', async () => {
  const { rows, closed, app: built } = build(window.session({ gap: '10ms', grace: '0s', max: '25ms' }), 0)
  const t = await harness(built)
  for (let at = 0; at <= 60; at += 10) t.send(rows, { key: 'a', at, amount: 1 })
  t.finish(rows)
  expect((await t.take(closed.out)).map((one) => [one.window.start, one.window.end, one.n])).toEqual([
    [0, 20, 3],
    [30, 50, 3],
    [60, 60, 1],
  ])
})

describe('hopping windows that share panes', () => {
  test('are those that do not: same rows, same order, same late rows', async () => {
    const shape = fc.record({
      hop: fc.integer({ min: 1, max: 12 }),
      times: fc.integer({ min: 2, max: 5 }),
      offset: fc.nat(20),
      grace: fc.nat(15),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        shape,
        fc.nat(25),
        chance,
        async (steps, { hop, times, offset, grace }, outOfOrder, options) => {
          const rows = topic<Timed>('rows', {
            time: { at: (one) => one.at, outOfOrder: durationOf(outOfOrder) },
          })
          const definition = window.hopping(durationOf(hop * times), {
            every: durationOf(hop),
            offset: durationOf(offset),
            grace: durationOf(grace),
          })
          const columns = {
            n: agg.count(),
            total: agg.sum('amount'),
            last: agg.last((one: Timed) => one.amount),
          }
          const keyed = rows.stream().keyBy('key')
          const shared = keyed.window('shared', definition).aggregate(columns).emit('on-close')
          const single = keyed.window('single', definition).aggregate(columns).emit('on-update')
          const t = await harness(app({ id: 'panes' }).use(shared, single), options)
          const sent = await play(t, steps, (one) => t.send(rows, one))
          const late = (await t.take(shared.late)).map(({ value, lateBy }) => [value, lateBy])
          expect(late).toEqual((await t.take(single.late)).map(({ value, lateBy }) => [value, lateBy]))
          t.finish(rows)
          const closed = await t.take(shared.out)
          expect(canonical(plain(closed))).toEqual(canonical(plain(fold(await t.take(single.out)))))
          const order = closed.map(({ window: { start }, key }) => [start, key] as const)
          const sorted = order.toSorted(
            (a, b) => a[0] - b[0] || Buffer.compare(Buffer.from(a[1]), Buffer.from(b[1])),
          )
          expect(order).toEqual(sorted)
          expect(sent.length).toBeGreaterThanOrEqual(late.length)
        },
      ),
      { numRuns: 120 },
    )
  }, 60_000)
})

describe('a hopping window under the same name', () => {
  const rows = topic<Timed>('rows', { time: { at: (one) => one.at } })
  const counted = (policy: 'on-close' | 'on-update') =>
    rows
      .stream()
      .keyBy('key')
      .window('counted', window.hopping('20ms', { every: '10ms', grace: '0s' }))
      .aggregate({ n: agg.count() })
      .emit(policy)
  const begun = async (policy: 'on-close' | 'on-update') => {
    const t = await harness(app({ id: 'hopping' }).use(counted(policy)))
    t.send(rows, { key: 'a', at: 1, amount: 1 })
    await t.stop()
    return t
  }

  test('goes on without panes if its state was begun without them', async () => {
    const t = await begun('on-update')
    const closed = counted('on-close')
    const u = await harness(app({ id: 'hopping' }).use(closed), { log: t.log })
    u.send(rows, { key: 'a', at: 2, amount: 1 })
    u.finish(rows)
    // Before it, what was said on update.
    const final = (await u.take(closed.out)).filter((one) => one.final)
    expect(final.map(({ window: { start }, n }) => [start, n])).toEqual([
      [-10, 2],
      [0, 2],
    ])
  })

  test('is refused where what panes hold would mean something else', async () => {
    const t = await begun('on-close')
    const opening = harness(app({ id: 'hopping' }).use(counted('on-update')), { log: t.log })
    expect(
      await opening.then(
        () => null,
        (error: Error) => error.message,
      ),
    ).toContain('the state of "counted" does not fit: its windows were hopping 20ms every 10ms on close')
  })
})

describe('state returns to its floor when windows have closed:', () => {
  const definitions: Record<string, WindowDefinition> = {
    tumbling: window.tumbling('10ms', { grace: '0s' }),
    hopping: window.hopping('30ms', { every: '10ms', grace: '0s' }),
    sliding: window.sliding('20ms', { grace: '0s' }),
    session: window.session({ gap: '5ms', grace: '0s' }),
  }
  for (const [kind, definition] of Object.entries(definitions)) {
    test(kind, async () => {
      const store = new MemoryStore()
      const size = () => [...store.scan(new Uint8Array(), Uint8Array.of(255))].length
      const { rows, app: built } = build(definition, 0)
      const t = await harness(built, { openStore: () => store })
      t.send(rows, { key: 'a', at: 0, amount: 1 })
      t.watermark(rows, 1_000)
      await t.settle()
      const floor = size()
      for (let n = 0; n < 200; n++) t.send(rows, { key: `k${n % 20}`, at: 1_000 + n, amount: 1 })
      await t.settle()
      expect(size()).toBeGreaterThan(floor)
      t.watermark(rows, 5_000)
      await t.settle()
      expect(size()).toBe(floor)
    })
  }
})

describe('a close that fills many commits tells each key once, killed after each of them:', () => {
  const definitions: Record<string, WindowDefinition> = {
    tumbling: window.tumbling('10ms', { grace: '0s' }),
    hopping: window.hopping('20ms', { every: '10ms', grace: '0s' }),
    sliding: window.sliding('10ms', { grace: '0s' }),
    session: window.session({ gap: '5ms', grace: '0s' }),
  }
  for (const [kind, definition] of Object.entries(definitions)) {
    for (const point of ['overlay-written', 'frame-durable', 'store-applied'] as const) {
      test(`${kind}, ${point}`, async () => {
        const { rows, closed, app: built } = build(definition, 0)
        const t = await harness(built, { limits: { commitSizeBytesMax: 1, workingKeysMax: 3 } })
        for (let n = 0; n < 12; n++) t.send(rows, { key: `k${n % 6}`, at: Math.floor(n / 6), amount: 1 })
        await t.settle()
        t.send(rows, { key: 'z', at: 1_000, amount: 1 })
        let kills = 0
        while (kills < 60 && (await t.crashAt(point))) {
          kills++
          await t.restart()
          // A step that never becomes durable would be tried for ever.
          if (point === 'overlay-written') break
        }
        await t.restart()
        const told = (await t.take(closed.out)).map(({ key, window: { start } }) => `${key} ${start}`)
        expect(told.length).toBe(kind === 'hopping' || kind === 'sliding' ? 12 : 6)
        expect(new Set(told).size).toBe(told.length)
        if (point !== 'overlay-written') expect(kills).toBeGreaterThan(3)
      })
    }
  }
})

describe('emit every', () => {
  test('tells at most once per interval, also what was changed before a restart', async () => {
    const { rows, ticked, app: built } = build(window.tumbling('1h', { grace: '0s' }), 0)
    const t = await harness(built)
    t.send(rows, { key: 'a', at: 1, amount: 1 })
    await t.settle()
    t.send(rows, { key: 'a', at: 2, amount: 1 })
    expect(await t.take(ticked.out)).toEqual([])
    await t.advanceWallClock('1s')
    expect((await t.take(ticked.out)).map(({ revision, n }) => [revision, n])).toEqual([[1, 2]])
    t.send(rows, { key: 'a', at: 3, amount: 1 })
    await t.settle()
    await t.crashAt('store-applied')
    await t.restart()
    await t.advanceWallClock('2s')
    expect((await t.take(ticked.out)).map(({ revision, n }) => [revision, n])).toEqual([[2, 3]])
    await t.advanceWallClock('10s')
    expect(await t.take(ticked.out)).toEqual([])
  })
})

describe('trap 8: after silence', () => {
  for (const [kind, definition] of Object.entries({
    tumbling: window.tumbling('1m', { grace: '5s' }),
    hopping: window.hopping('2m', { every: '1m', grace: '5s' }),
    sliding: window.sliding('1m', { grace: '5s' }),
    session: window.session({ gap: '1m', grace: '5s' }),
  })) {
    test(`the last ${kind} window closes without new data; what comes later is late, also after a restart`, async () => {
      const rows = topic<Timed>('rows', { time: { at: (one) => one.at, idleAfter: 'never' } })
      const counted = rows
        .stream()
        .keyBy('key')
        .window('counted', definition)
        .aggregate({ n: agg.count() })
        .emit('on-close', { afterSilence: '30s' })
      const t = await harness(app({ id: 'silent' }).use(counted))
      t.send(rows, { key: 'a', at: 1_000, amount: 1 })
      await t.advanceWallClock('29s')
      expect(await t.take(counted.out)).toEqual([])
      t.send(rows, { key: 'a', at: 1_000, amount: 1 })
      await t.advanceWallClock('29s')
      expect(await t.take(counted.out)).toEqual([])
      await t.advanceWallClock('3s')
      const out = await t.take(counted.out)
      expect(out.length).toBe(kind === 'hopping' ? 2 : 1)
      expect(out[0]).toMatchObject({ key: 'a', n: 2, final: true })
      await t.crashAt('store-applied')
      await t.restart()
      t.send(rows, { key: 'a', at: 900, amount: 1 })
      expect((await t.take(counted.late)).length).toBe(1)
      await t.advanceWallClock('60s')
      expect(await t.take(counted.out)).toEqual([])
    })
  }
})
