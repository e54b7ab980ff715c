// Mistakes that other engines have made, each as a test under its number.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import type { Duration } from '../../src/base/units.ts'
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import { describe as describeApp } from '../../src/streams/describe.ts'
import { MemoryStore } from '../../src/streams/state/memory-store.ts'
import type { Mutation, StateStore, StorePosition } from '../../src/streams/state/state-store.ts'
import { harness } from '../../src/streams/testing/index.ts'
import { MemoryLog } from '../../src/streams/testing/memory-log.ts'
import { VirtualClock } from '../../src/streams/testing/virtual-clock.ts'
import { OperatorTime, PartitionTime } from '../../src/streams/time/watermark.ts'
import { type TimeOptions, topic } from '../../src/streams/topic.ts'
import { type WindowDefinition, window, windowsOf } from '../../src/streams/window.ts'
import { startsOf } from './oracle/fixed-window.ts'

type Row = { key: string; at: number }

function counting(
  definition: WindowDefinition,
  options: { time?: TimeOptions<Row>; partitions?: number } = {},
) {
  const rows = topic<Row>('rows', {
    key: 'key',
    partitions: options.partitions ?? 1,
    time: { at: (row) => row.at, ...options.time },
  })
  const counted = rows
    .stream()
    .keyBy('key')
    .window('counted', definition)
    .aggregate({ n: agg.count() })
    .emit('on-close')
  return { rows, counted, app: app({ id: 'counting' }).use(counted) }
}
const minute = (grace: Duration) => window.tumbling('1m', { grace })
const brief = (row: { key: string; window: { start: number }; n: number }) =>
  [row.key, row.window.start, row.n] as const

/** A store that a test can look into and exchange while the app is down. */
class VisibleStore implements StateStore {
  inner = new MemoryStore()
  readonly applied: { mutations: readonly Mutation[]; position: StorePosition }[] = []
  get position() {
    return this.inner.position
  }
  get = (key: Uint8Array) => this.inner.get(key)
  scan = (from: Uint8Array, to: Uint8Array) => this.inner.scan(from, to)
  apply = (mutations: readonly Mutation[], position: StorePosition) => {
    this.applied.push({ mutations, position })
    this.inner.apply(mutations, position)
  }
  clear = () => this.inner.clear()
  close = () => undefined
  content = () =>
    [...this.inner.scan(new Uint8Array(), Uint8Array.of(255))].map(
      ({ key, value }) => `${Buffer.from(key)} ${Buffer.from(value)}`,
    )
}

test('trap 2: every operator has its own time: a second window waits for the rows of the first', async () => {
  const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
  const small = rows
    .stream()
    .keyBy('key')
    .window('small', window.tumbling('10s', { grace: '5s' }))
    .aggregate({ n: agg.count() })
    .emit('on-close')
  const large = small.out
    .keyBy(() => 'all')
    .window('large', window.tumbling('30s', { grace: '0s' }))
    .aggregate({ total: agg.sum('n'), windows: agg.count() })
    .emit('on-close')
  const t = await harness(app({ id: 'chain' }).use(large))
  for (let at = 0; at < 30_000; at += 2_500) t.send(rows, { key: 'a', at })
  // The last small window closes at 35 s and only then may the large one, whose last row it makes, close.
  t.watermark(rows, 34_999)
  expect(await t.take(large.out)).toEqual([])
  t.watermark(rows, 35_000)
  expect(await t.take(large.out)).toMatchObject([
    { window: { start: 0, end: 30_000 }, total: 12, windows: 3 },
  ])
  expect(await t.take(large.late)).toEqual([])
})

test('trap 4: the position is written with the data it covers', async () => {
  const store = new VisibleStore()
  const { app: counter, rows } = counting(minute('0s'))
  const t = await harness(counter, {
    openStore: () => store,
    limits: { commitRecordsMax: 2, restoreMutationsMax: 1 },
  })
  for (let n = 0; n < 10; n++) t.send(rows, { key: `k${n}`, at: n })
  await t.settle()
  const whole = store.content()
  // A restore that stopped half-way left a store with the first commits only: it goes on from there.
  const half = new MemoryStore()
  for (const { mutations, position } of store.applied.slice(0, 3)) half.apply(mutations, position)
  const all = store.applied.splice(0)
  expect(all.length).toBeGreaterThan(3)
  await t.crashAt('store-applied')
  store.inner = half
  await t.restart()
  expect(store.content()).toEqual(whole)
  expect(store.applied.map(({ position }) => position)).toEqual(all.slice(3).map(({ position }) => position))
})

test('trap 5: uncommitted writes never reach the store, and a kill needs no wipe', async () => {
  const store = new VisibleStore()
  const { app: counter, rows, counted } = counting(minute('0s'))
  const t = await harness(counter, { openStore: () => store })
  t.send(rows, { key: 'a', at: 1 })
  await t.settle()
  const before = store.content()
  const position = store.position
  t.send(rows, { key: 'a', at: 2 })
  t.send(rows, { key: 'b', at: 3 })
  expect(await t.crashAt('overlay-written')).toBe(true)
  expect(store.content()).toEqual(before)
  expect(store.position).toEqual(position)
  const clear = store.inner.clear
  store.inner.clear = () => {
    throw new Error('the store was wiped')
  }
  await t.restart()
  store.inner.clear = clear
  t.watermark(rows, '1m')
  expect((await t.take(counted.out)).map(brief)).toEqual([
    ['a', 0, 2],
    ['b', 0, 1],
  ])
})

test('trap 7: grace has no default, and the graph shows when windows close', () => {
  // @ts-expect-error: it does not compile, either
  expect(() => window.tumbling('1m')).toThrow('grace')
  // @ts-expect-error: it does not compile, either
  expect(() => window.tumbling('1m', {})).toThrow('grace')
  const { nodes } = describeApp(counting(minute('10s')).app)
  expect(nodes.find(({ id }) => id === 'counted')?.label).toContain('tumbling 1m, grace 10s, on-close')
})

test('trap 8: with idleAfter the other partitions close windows although one is silent', async () => {
  const {
    app: counter,
    rows,
    counted,
  } = counting(minute('0s'), { time: { idleAfter: '30s' }, partitions: 1 })
  const others = topic<Row>('others', { time: { at: (row) => row.at, idleAfter: 'never' } })
  const both = rows
    .stream()
    .merge(others.stream())
    .keyBy('key')
    .window('both', minute('0s'))
    .aggregate({ n: agg.count() })
    .emit('on-close')
  const t = await harness(counter.use(both, counted))
  t.send(rows, { key: 'a', at: 10 })
  t.send(others, { key: 'b', at: 20 })
  t.send(others, { key: 'b', at: 60_000 })
  expect(await t.take(both.out)).toEqual([])
  await t.advanceWallClock('29s')
  expect(await t.take(both.out)).toEqual([])
  await t.advanceWallClock('2s')
  expect((await t.take(both.out)).map(brief)).toEqual([
    ['a', 0, 1],
    ['b', 0, 1],
  ])
  // A record makes it active again; what lies behind is late.
  t.send(rows, { key: 'a', at: 30 })
  expect(await t.take(both.late)).toMatchObject([{ value: { at: 30 }, watermark: 60_000, lateBy: 0 }])
})

test('trap 9: a pause never makes a source idle', async () => {
  const { app: counter, rows } = counting(minute('0s'), { time: { idleAfter: '30s' } })
  const others = topic<Row>('others', { time: { at: (row) => row.at, idleAfter: 'never' } })
  const both = rows.stream().merge(others.stream()).keyBy('key')
  const counted = both.window('both', minute('0s')).aggregate({ n: agg.count() }).emit('on-close')
  const t = await harness(counter.use(counted))
  t.send(rows, { key: 'a', at: 10 })
  t.send(others, { key: 'a', at: 60_000 })
  await t.settle()
  await t.pause()
  await t.advanceWallClock('10m')
  t.resume()
  expect(await t.take(counted.out)).toEqual([])
  await t.advanceWallClock('31s')
  expect((await t.take(counted.out)).map(brief)).toEqual([['a', 0, 1]])
})

describe('trap 10: FINISHED and IDLE inputs', () => {
  const inputs = () => {
    const parts = [new PartitionTime(0), new PartitionTime(0)] as const
    return { a: parts[0], b: parts[1], operator: new OperatorTime(parts, 0) }
  }

  test('hold the last value while one is idle; the end comes when all are finished', () => {
    const { a, b, operator } = inputs()
    a.observe(50)
    b.observe(70)
    operator.advance()
    expect(operator.current).toBe(50)
    a.finish()
    operator.advance()
    expect(operator.current).toBe(70)
    b.idle()
    operator.advance()
    expect([operator.current, operator.status]).toEqual([70, 'idle'])
    b.finish()
    operator.advance()
    expect([operator.current, operator.status]).toEqual([Infinity, 'finished'])
  })

  test('an app closes its last windows when all sources are finished, and not before', async () => {
    const { app: counter, rows, counted } = counting(minute('10s'), { partitions: 3 })
    const t = await harness(counter)
    for (let partition = 0; partition < 3; partition++) {
      t.send(rows, { key: `k${partition}`, at: partition }, { partition })
    }
    t.finish(rows, 0)
    t.idle(rows, 1)
    // Partitioned by key: each task has one partition.
    expect((await t.take(counted.out)).map(brief)).toEqual([['k0', 0, 1]])
    t.finish(rows, 1)
    t.finish(rows, 2)
    expect((await t.take(counted.out)).map(brief)).toEqual([
      ['k1', 0, 1],
      ['k2', 0, 1],
    ])
  })
})

describe('trap 11: all idle', () => {
  test('time holds and never falls, whatever inputs do', () => {
    const move = fc.oneof(
      fc.record({ input: fc.nat(2), at: fc.integer({ min: -100, max: 100 }) }),
      fc.record({ input: fc.nat(2), idle: fc.constant(true) }),
    )
    fc.assert(
      fc.property(fc.array(move), (moves) => {
        const parts = [new PartitionTime(3), new PartitionTime(0), new PartitionTime(9)]
        const operator = new OperatorTime(parts, 5)
        let before = -Infinity
        for (const one of moves) {
          const part = parts[one.input]!
          if ('at' in one) part.observe(one.at)
          else part.idle()
          operator.advance()
          expect(operator.current).toBeGreaterThanOrEqual(before)
          if (parts.every(({ status }) => status === 'idle')) expect(operator.current).toBe(before)
          before = operator.current
        }
      }),
    )
  })

  test('it still holds after a restart: a row behind it is late', async () => {
    const { app: counter, rows, counted } = counting(minute('0s'), { time: { idleAfter: '30s' } })
    const others = topic<Row>('others', { time: { at: (row) => row.at, idleAfter: '30s' } })
    const both = rows.stream().merge(others.stream()).keyBy('key')
    const merged = both.window('both', minute('0s')).aggregate({ n: agg.count() }).emit('on-close')
    const t = await harness(counter.use(merged, counted))
    t.send(rows, { key: 'a', at: 60_000 })
    await t.settle()
    t.idle(others)
    t.idle(rows)
    await t.settle()
    await t.crashAt('store-applied')
    await t.restart()
    t.send(others, { key: 'b', at: 5 })
    expect(await t.take(merged.late)).toMatchObject([{ value: { key: 'b', at: 5 }, watermark: 60_000 }])
  })
})

test('trap 12: watermarks are restored: the other input alone decides after a restart', async () => {
  const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
  const others = topic<Row>('others', { time: { at: (row) => row.at } })
  const merged = rows
    .stream()
    .merge(others.stream())
    .keyBy('key')
    .window('both', minute('0s'))
    .aggregate({ n: agg.count() })
    .emit('on-close')
  const t = await harness(app({ id: 'merged' }).use(merged))
  t.send(rows, { key: 'a', at: 5 })
  t.send(rows, { key: 'a', at: 60_000 })
  await t.settle()
  await t.crashAt('store-applied')
  await t.restart()
  t.send(others, { key: 'a', at: 60_000 })
  expect((await t.take(merged.out)).map(brief)).toEqual([['a', 0, 1]])
})

test('trap 13: assignment equals the definition: far origins, hops that do not divide, negative times', () => {
  const far = 2 ** 45
  const time = fc.oneof(
    fc.integer({ min: -1_000, max: 1_000 }),
    fc.integer({ min: -far, max: far }),
    fc.constantFrom(-1, 0, 1, -far, far),
  )
  const size = fc.integer({ min: 1, max: 500 })
  fc.assert(
    fc.property(time, size, fc.integer({ min: 1, max: 700 }), fc.nat(10_000), (at, sizeMs, hop, offset) => {
      const hopMs = Math.max(hop, Math.ceil(sizeMs / 900))
      const options = { grace: '0s', offset: `${offset}ms`, every: `${hopMs}ms` } as const
      const windows = windowsOf(window.hopping(`${sizeMs}ms`, options), at)
      expect(windows.map(({ start }) => start)).toEqual(
        startsOf({ size: sizeMs, hop: hopMs, offset, grace: 0 }, at),
      )
      for (const { start, end } of windows) {
        expect(start <= at && at < end && end - start === sizeMs).toBe(true)
        expect(Number.isInteger((start - offset) / hopMs)).toBe(true)
      }
      const few = Math.floor(sizeMs / hopMs)
      expect([few, Math.ceil(sizeMs / hopMs)]).toContain(windows.length)
    }),
    { numRuns: 500 },
  )
})

test('trap 14: a restart does not change the alignment', async () => {
  const { app: counter, rows, counted } = counting(window.tumbling('7s', { grace: '0s', offset: '3s' }))
  const t = await harness(counter, { now: 1_234_567 })
  t.send(rows, { key: 'a', at: -5_000 })
  await t.settle()
  await t.advanceWallClock('12345ms')
  await t.stop()
  await t.restart()
  t.send(rows, { key: 'a', at: -4_001 })
  t.send(rows, { key: 'a', at: -4_000 })
  t.watermark(rows, '3s')
  expect((await t.take(counted.out)).map(brief)).toEqual([
    ['a', -11_000, 2],
    ['a', -4_000, 1],
  ])
})

test('trap 15: rare keys close with the watermark of their partition', async () => {
  const { app: counter, rows, counted } = counting(minute('0s'))
  const t = await harness(counter)
  t.send(rows, { key: 'rare', at: 1 })
  for (let at = 2; at <= 60_000; at += 2_000) t.send(rows, { key: 'busy', at })
  t.send(rows, { key: 'busy', at: 60_000 })
  expect((await t.take(counted.out)).map(brief)).toEqual([
    ['busy', 0, 30],
    ['rare', 0, 1],
  ])
})

describe('trap 18: logs that start above 0, with holes', () => {
  test('an app that has read nothing begins at the first record there is', async () => {
    const { app: counter, rows, counted } = counting(minute('0s'))
    const t = await harness(counter)
    await t.stop()
    for (let n = 0; n < 50; n++) t.send(rows, { key: 'a', at: n })
    const late = await harnessOf(t)
    late.trim('rows', 0, 20)
    const left = [...late.records('rows', 0)].length
    expect(left).toBeLessThan(50)
    await t.restart()
    t.watermark(rows, '1m')
    expect((await t.take(counted.out)).map(brief)).toEqual([['a', 0, left]])
  })

  /** Everything that was sent lies in the log, although the app is down. */
  const harnessOf = async (t: Awaited<ReturnType<typeof harness>>) => {
    t.flush()
    return t.log
  }
})

test('trap 21: closed windows never revive, and each row of an open one replaces the one before', async () => {
  const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
  const keyed = rows.stream().keyBy('key')
  const counted = keyed.window('counted', minute('0s')).aggregate({ n: agg.count() }).emit('on-close')
  const updated = keyed.window('updated', minute('0s')).aggregate({ n: agg.count() }).emit('on-update')
  const t = await harness(app({ id: 'twice' }).use(counted, updated))
  t.send(rows, { key: 'a', at: 1 })
  await t.settle()
  t.send(rows, { key: 'a', at: 2 })
  await t.settle()
  t.watermark(rows, '1m')
  t.send(rows, { key: 'a', at: 59_999 })
  t.watermark(rows, '2m')
  expect((await t.take(counted.out)).map(brief)).toEqual([['a', 0, 2]])
  expect((await t.take(counted.late)).map(({ value }) => value.at)).toEqual([59_999])
  const updates = await t.take(updated.out)
  expect(updates.map(({ revision, final, n }) => [revision, final, n])).toEqual([
    [1, false, 1],
    [2, false, 2],
  ])
  expect((await t.take(updated.late)).length).toBe(1)
})

test('trap 23: a node that is put in keeps the state of all others, and reads what they have read', async () => {
  const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
  const stores = new Map<string, VisibleStore>()
  const openStore = (task: string) => {
    const store = stores.get(task) ?? new VisibleStore()
    stores.set(task, store)
    return store
  }
  const build = (changed: boolean) => {
    const stream = changed
      ? rows
          .stream()
          .filter(() => true)
          .map((row) => row)
      : rows.stream()
    const keyed = stream.keyBy('key')
    const parts = [keyed.window('w', minute('0s')).aggregate({ n: agg.count() }).emit('on-close')]
    if (changed) parts.unshift(keyed.window('a', minute('0s')).aggregate({ n: agg.count() }).emit('on-close'))
    return { parts, app: app({ id: 'changing' }).use(...parts) }
  }
  const first = build(false)
  const t = await harness(first.app, { openStore })
  t.send(rows, { key: 'a', at: 1 })
  await t.stop()
  const second = build(true)
  const u = await harness(second.app, { openStore, log: t.log })
  u.send(rows, { key: 'a', at: 2 })
  u.watermark(rows, '1m')
  expect((await u.take(second.parts[1]!.out)).map(brief)).toEqual([['a', 0, 2]])
  expect((await u.take(second.parts[0]!.out)).map(brief)).toEqual([['a', 0, 2]])
})

test('trap 25: no row lies behind the output watermark of its operator; unassigned is not late', async () => {
  const gaps = window.hopping('10s', { every: '25s', grace: '4s' })
  const { app: counter, rows, counted } = counting(gaps)
  const t = await harness(counter)
  const times = [3_000, 12_000, 26_000, 60_000, 24_999, 1_000]
  for (const at of times) t.send(rows, { key: 'a', at })
  const out = await t.take(counted.out)
  expect(out.map(brief)).toEqual([
    ['a', 0, 1],
    ['a', 25_000, 1],
  ])
  const { nodes } = t.status()
  const node = nodes.find(({ id }) => id === 'counted')!
  // 12,000, 60,000 and 24,999 lie between windows; only 1,000 missed one.
  expect([node.dropped, node.late]).toEqual([3, 1])
})

test('trap 27: one far-future row is a bad record with maxAhead, and nothing else becomes late', async () => {
  const { app: counter, rows, counted } = counting(minute('0s'), { time: { maxAhead: '1h' } })
  const t = await harness(counter, { now: 0 })
  t.send(rows, { key: 'a', at: 1 })
  t.send(rows, { key: 'a', at: 3_600_001 })
  t.send(rows, { key: 'a', at: 2 })
  expect(await t.take(counted.late)).toEqual([])
  t.send(rows, { key: 'a', at: 3_600_000 })
  expect((await t.take(counted.out)).map(brief)).toEqual([['a', 0, 2]])
  expect(t.status().nodes.find(({ id }) => id === 'rows')?.errors).toBe(1)
})

test('trap 27: maxAhead measures by the clock where the log does not tell when a record was appended', async () => {
  class SilentLog extends MemoryLog {
    override slice(...request: Parameters<MemoryLog['slice']>) {
      const { appended, ...slice } = super.slice(...request)
      return slice
    }
  }
  const { app: counter, rows, counted } = counting(minute('0s'), { time: { maxAhead: '1h' } })
  const log = new SilentLog(new VirtualClock(0), seededRandom(1))
  const t = await harness(counter, { now: 0, log })
  t.send(rows, { key: 'a', at: 1 })
  t.send(rows, { key: 'a', at: 3_600_001 })
  t.send(rows, { key: 'a', at: 2 })
  t.send(rows, { key: 'a', at: 3_600_000 })
  expect((await t.take(counted.out)).map(brief)).toEqual([['a', 0, 2]])
  expect(await t.take(counted.late)).toEqual([])
  await t.advanceWallClock('1h')
  t.send(rows, { key: 'a', at: 7_200_000 })
  t.send(rows, { key: 'a', at: 7_200_001 })
  await t.settle()
  expect(t.status().nodes.find(({ id }) => id === 'rows')).toMatchObject({ recordsIn: 6, errors: 2 })
})

describe('trap 28: a store that is ahead of the log', () => {
  for (const more of [0, 1, 5]) {
    test(`is found by its chain when the log has another history up to there and ${more} commits more`, async () => {
      const store = new VisibleStore()
      const { app: counter, rows, counted } = counting(minute('0s'))
      const t = await harness(counter, { openStore: () => store })
      t.send(rows, { key: 'a', at: 1 })
      await t.settle()
      t.send(rows, { key: 'lost', at: 2 })
      expect(await t.crashAt('store-ahead')).toBe(true)
      const ahead = store.inner
      // The app runs elsewhere for a while, and the log takes other commits at those positions.
      store.inner = new MemoryStore()
      await t.restart()
      await t.settle()
      for (let n = 0; n < more; n++) {
        t.send(rows, { key: 'b', at: 3 + n })
        await t.settle()
      }
      await t.crashAt('batch-read')
      expect(store.position!.next - ahead.position!.next).toBe(2 * more)
      const expected = store.content()
      store.inner = ahead
      await t.restart()
      await t.settle()
      expect(store.content()).toEqual(expected)
      t.watermark(rows, '1m')
      expect((await t.take(counted.out)).map(brief)).toEqual(
        [['a', 0, 1] as const, ['b', 0, more] as const, ['lost', 0, 1] as const].filter(([, , n]) => n > 0),
      )
    })
  }
})
