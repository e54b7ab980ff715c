// Sources: rows with a durable cursor, on a tick or replayed in event time, killed and resumed.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import { replay, replayChunkRowsMax } from '../../src/streams/replay.ts'
import { type Source, source } from '../../src/streams/source.ts'
import { crashPoints, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'

type Row = { n: number; at: number }
const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
const start = (part: Source, options = {}) => harness(app({ id: 'sourced' }).use(part), options)
const thrown = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: Error) => error,
  )

describe('a source on a tick', () => {
  test('reads at once, then every second, with the wall clock and its cursor', async () => {
    const part = source('metrics', {
      to: rows,
      every: '1s',
      start: 0,
      read: ({ cursor, now }) => ({ rows: [{ n: cursor, at: now }], cursor: cursor + 1 }),
    })
    const t = await start(part, { now: 5_000 })
    expect(await t.take(rows)).toEqual([{ n: 0, at: 5_000 }])
    await t.advanceWallClock('2500ms')
    expect(await t.take(rows)).toEqual([
      { n: 1, at: 6_000 },
      { n: 2, at: 7_000 },
    ])
    expect([...t.log.records('rows', 0)].map(({ timestamp }) => timestamp)).toEqual([5_000, 6_000, 7_000])
    expect(t.status().tasks[0]).toMatchObject({ task: 'metrics.source-0', topic: 'rows', position: 3 })
  })

  test('goes on where its last commit was, whatever it was killed at', async () => {
    for (const point of crashPoints) {
      const part = source('metrics', {
        to: rows,
        every: '1s',
        start: 0,
        read: async ({ cursor }) => ({ rows: [{ n: cursor, at: cursor }], cursor: cursor + 1 }),
      })
      const t = await start(part)
      await t.advanceWallClock('3s')
      await t.crashAt(point)
      await t.restart()
      await t.advanceWallClock('3s')
      const seen = (await t.take(rows)).map(({ n }) => n)
      expect(seen).toEqual(seen.map((_, index) => index))
      expect(seen.length).toBeGreaterThan(5)
    }
  })

  test('that fails stops the app; where rows may be skipped it is asked again at the next tick', async () => {
    let calls = 0
    const part = () =>
      source('flaky', {
        to: rows,
        every: '1s',
        read: () => {
          calls++
          if (calls % 2 === 1) throw new Error('no disk to read')
          return [{ n: calls, at: calls }]
        },
      })
    const t = await start(part())
    expect(await thrown(t.settle())).toMatchObject({
      message: '"flaky" failed at rows/0 offset 0: no disk to read',
    })
    calls = 0
    const u = await harness(app({ id: 'sourced', onError: 'skip' }).use(part()))
    await u.advanceWallClock('3s')
    expect((await u.take(rows)).map(({ n }) => n)).toEqual([2, 4])
    expect(u.status().nodes.find(({ id }) => id === 'flaky')).toMatchObject({ errors: 2 })
  })

  test('that answers something else than rows is told so', async () => {
    const t = await start(source('odd', { to: rows, every: '1s', read: () => 5 as never }))
    expect((await thrown(t.settle()))?.message).toContain('neither rows nor a generator')
  })
})

describe('a source without a tick', () => {
  test('runs once, in chunks as it yields them, and never again after its end', async () => {
    let reads = 0
    const part = source('once', {
      to: rows,
      start: 0,
      read: async function* ({ cursor }) {
        reads++
        for (let n = cursor; n < 30; n += 10) {
          yield { rows: Array.from({ length: 10 }, (_, index) => ({ n: n + index, at: n })), cursor: n + 10 }
        }
      },
    })
    const t = await start(part)
    expect((await t.take(rows)).map(({ n }) => n)).toEqual(Array.from({ length: 30 }, (_, n) => n))
    await t.stop()
    await t.restart()
    await t.advanceWallClock('1m')
    expect([reads, ...(await t.take(rows))]).toEqual([1])
  })
})

describe('a replay', () => {
  const recorded = (count: number, everyMs: number): Row[] =>
    Array.from({ length: count }, (_, n) => ({ n, at: 1_000_000 + n * everyMs }))

  test('keeps the pace of event time at the chosen speed', async () => {
    const data = recorded(20, 60_000)
    const part = source('flights', { to: rows, ...replay(data, { at: ({ at }) => at, speed: 60 }) })
    const t = await start(part)
    expect((await t.take(rows)).map(({ n }) => n)).toEqual([0])
    await t.advanceWallClock('5500ms')
    expect((await t.take(rows)).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5])
    await t.stop()
    await t.advanceWallClock('1h')
    await t.restart()
    // The next row goes at once, the others as long after it as they were.
    expect((await t.take(rows)).map(({ n }) => n)).toEqual([6])
    await t.advanceWallClock('3s')
    expect((await t.take(rows)).map(({ n }) => n)).toEqual([7, 8, 9])
    await t.advanceWallClock('1m')
    expect(await t.take(rows)).toEqual(data.slice(10))
  })

  test('loops with later times, so that its windows go on', async () => {
    const options = {
      at: (row: Row) => row.at,
      speed: 1_000,
      atEnd: 'loop' as const,
      lap: '1m' as const,
      retime: (row: Row, byMs: number) => ({ ...row, at: row.at + byMs }),
    }
    const data = recorded(6, 10_000)
    const counted = rows
      .stream()
      .keyBy(() => 'all')
      .window('minutes', window.tumbling('1m', { grace: '0s', offset: '40s' }))
      .aggregate({ n: agg.count() })
      .emit('on-close')
    const t = await harness(
      app({ id: 'looping' }).use(source('laps', { to: rows, ...replay(data, options) }), counted),
    )
    await t.advanceWallClock('1s')
    const windows = await t.take(counted.out)
    expect(windows.length).toBeGreaterThan(5)
    expect(windows.map(({ n }) => n)).toEqual(windows.map(() => 6))
    expect(await t.take(counted.late)).toEqual([])
  })

  test('killed anywhere, at any speed, sends every row once and in order', async () => {
    const step = fc.oneof(
      fc.constantFrom(...crashPoints).map((crash) => ({ crash })),
      fc.integer({ min: 1, max: 40 }).map((seconds) => ({ seconds })),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 6 }),
        fc.constantFrom(1, 7, 1_000, Infinity),
        fc.nat(),
        async (steps, speed, seed) => {
          const data = recorded(50, 1_000)
          const part = source('flights', {
            to: rows,
            ...replay(data, { at: ({ at }) => at, speed }),
          })
          const t = await start(part, { seed })
          for (const one of steps) {
            if ('seconds' in one) await t.advanceWallClock(`${one.seconds}s`)
            else {
              await t.crashAt(one.crash)
              await t.restart()
            }
          }
          await t.advanceWallClock('60s')
          expect(await t.take(rows)).toEqual(data)
        },
      ),
      { numRuns: 15 },
    )
  }, 30_000)

  test('as fast as it goes, sends in bounded chunks', async () => {
    const data = recorded(replayChunkRowsMax * 3 + 5, 1)
    const t = await start(
      source('fast', { to: rows, ...replay(data, { at: ({ at }) => at, speed: Infinity }) }),
    )
    expect((await t.take(rows)).length).toBe(data.length)
    const chunks = t.status().tasks[0]!.commits
    expect(chunks).toBeGreaterThanOrEqual(2)
  })

  test('of no rows ends; a speed of nothing is refused', async () => {
    const t = await start(
      source('none', { to: rows, ...replay([] as Row[], { at: ({ at }) => at, speed: 1 }) }),
    )
    expect(await t.take(rows)).toEqual([])
    expect(() => replay([], { at: () => 0, speed: 0 })).toThrow('cannot run at speed 0')
  })
})
