// Mistakes that other engines have made with late rows, kills, owners and back-pressure, each as a test under its number.
import { describe, expect, test } from 'bun:test'
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import { source } from '../../src/streams/source.ts'
import type { KeyedStream } from '../../src/streams/stream.ts'
import { crashPoints, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'

type Row = { key: string; at: number }
const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
const keyed = rows.stream().keyBy('key')
const perMinute = (from: KeyedStream<string, Row>) =>
  from
    .window('minutes', window.tumbling('1m', { grace: '0s' }))
    .aggregate({ n: agg.count() })
    .emit('on-close')

describe('trap 16: one late check, the same through every source', () => {
  const other = topic<Row>('other', { time: { at: (row) => row.at } })
  const made = topic<Row>('rows', { time: { at: (row) => row.at } })
  const ways: [name: string, build: () => KeyedStream<string, Row>][] = [
    ['a topic', () => keyed],
    [
      'steps before it',
      () =>
        rows
          .stream()
          .filter(() => true)
          .map((row) => row)
          .keyBy('key'),
    ],
    ['a repartition', () => keyed.repartition('spread', { partitions: 3 })],
    [
      'a merge',
      () =>
        rows
          .stream()
          .merge(rows.stream().filter(() => false))
          .keyBy('key'),
    ],
    ['a branch', () => keyed.branch({ all: () => true }).all],
    [
      'a process handler',
      () => keyed.process('handled', { on: (row, ctx) => ctx.emit(row), late: 'aside' }).out,
    ],
    ['an asynchronous call', () => keyed.async('asked', async (row) => row)],
    ['a table beside it', () => keyed.join('beside', other.table(), { how: 'left', select: (row) => row })],
  ]
  test.each(ways)('%s', async (name, build) => {
    const from = build()
    const minutes = perMinute(from)
    const t = await harness(app({ id: 'late' }).use(minutes))
    for (const at of [0, 60_000, 59_999, 60_001]) {
      t.send(rows, { key: 'a', at })
      await t.settle()
    }
    t.watermark(rows, '2m')
    const late = t.status().nodes.reduce((sum, node) => sum + node.late, 0)
    expect((await t.take(minutes.out)).map(({ window: { start }, n }) => [start, n])).toEqual([
      [0, 1],
      [60_000, 2],
    ])
    // A handler judges by itself where it is asked to; then nobody else does.
    const judged = name === 'a process handler' ? [] : await t.take(minutes.late)
    expect(judged.map(({ value, lateBy }) => [value.at, lateBy])).toEqual(
      name === 'a process handler' ? [] : [[59_999, 0]],
    )
    expect(late).toBe(1)
  })

  test('a source of the app', async () => {
    const read = () => [
      { key: 'a', at: 0 },
      { key: 'a', at: 60_000 },
      { key: 'a', at: 59_999 },
    ]
    const generator = source('made', { to: made, read })
    const minutes = perMinute(made.stream().keyBy('key'))
    const t = await harness(app({ id: 'late' }).use(generator, minutes))
    await t.settle()
    expect((await t.take(minutes.late)).map(({ value }) => value.at)).toEqual([59_999])
  })
})

describe('trap 17: kill loops', () => {
  test('give exact counts, and every start comes to its end', async () => {
    const counts = keyed.count('counts')
    for (const seed of [1, 2, 3]) {
      const t = await harness(app({ id: 'counts' }).use(counts), { seed, limits: { commitRecordsMax: 2 } })
      let sent = 0
      for (let round = 0; round < 3; round++) {
        for (const point of crashPoints) {
          for (let n = 0; n < 5; n++) t.send(rows, { key: `k${sent++ % 3}`, at: sent })
          await t.crashAt(point)
          await t.restart()
        }
      }
      await t.settle()
      expect(t.status().lag).toBe(0)
      const last = new Map((await t.take(counts)).map(({ key, count }) => [key, count]))
      expect([...last.values()].reduce((sum, count) => sum + count, 0)).toBe(sent)
    }
  })

  test('without any progress in between, too', async () => {
    const counts = keyed.count('counts')
    const t = await harness(app({ id: 'counts' }).use(counts))
    for (let n = 0; n < 20; n++) t.send(rows, { key: 'a', at: n })
    for (let round = 0; round < 20; round++) {
      await t.crashAt('batch-read')
      await t.restart()
    }
    expect((await t.take(counts)).at(-1)).toMatchObject({ count: 20 })
  })
})

describe('trap 22: owners', () => {
  test('after a month of downtime nothing is lost and nothing counted twice, wherever it was stopped', async () => {
    for (const point of crashPoints) {
      const counts = keyed.count('counts')
      const t = await harness(app({ id: 'counts' }).use(counts))
      for (let n = 0; n < 7; n++) t.send(rows, { key: 'a', at: n })
      await t.crashAt(point)
      t.clock.moveTo(31 * 86_400_000)
      await t.restart()
      t.send(rows, { key: 'a', at: 8 })
      expect((await t.take(counts)).at(-1)).toMatchObject({ count: 8 })
    }
  })

  test('one that was replaced is refused, and what it did is not seen', async () => {
    const counts = keyed.count('counts')
    const counting = app({ id: 'counts' }).use(counts)
    const old = await harness(counting)
    old.send(rows, { key: 'a', at: 1 })
    await old.settle()
    const now = await harness(counting, { log: old.log })
    now.send(rows, { key: 'a', at: 2 })
    expect((await now.take(counts)).at(-1)).toMatchObject({ count: 2 })
    await expect(old.settle()).rejects.toThrow(/epoch|fenced|owner/)
    now.send(rows, { key: 'a', at: 3 })
    expect((await now.take(counts)).at(-1)).toMatchObject({ count: 3 })
  })
})

describe('trap 26: back-pressure drops no window', () => {
  test.each([
    ['a commit that takes one row', { commitSizeBytesMax: 1, commitRecordsMax: 1 }],
    ['a slow service behind it', {}],
  ])('%s', async (_, limits) => {
    const minutes = perMinute(keyed)
    const asked = minutes.out.async(
      'asked',
      async ({ key, window: { start }, n }) => [key, start, n] as const,
      {
        concurrency: 1,
      },
    )
    const t = await harness(app({ id: 'windows' }).use(asked), { limits })
    const expected: string[] = []
    for (let n = 0; n < 120; n++) {
      t.send(rows, { key: `k${n % 4}`, at: (n - (n % 4)) * 15_000 })
      expected.push(`k${n % 4} ${(n - (n % 4)) * 15_000}`)
    }
    await t.settle()
    t.finish(rows)
    for (let quiet = 0; quiet < 3; ) {
      const before = t.log.endOf('harness.asked', 0)
      await t.settle()
      quiet = t.log.endOf('harness.asked', 0) === before ? quiet + 1 : 0
    }
    const out = await t.take(asked)
    expect(out.map(([key, start, n]) => `${key} ${start}${n === 1 ? '' : ` ${n}`}`).sort()).toEqual(
      expected.sort(),
    )
  })
})
