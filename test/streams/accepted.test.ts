// Several partitions that run ahead of each other, fall silent and come back: which rows are late then depends on how tasks
// interleave, but whatever was not late must come to exactly what a batch computation over it says, and nothing is missing.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import { type Harness, harness } from '../../src/streams/testing/index.ts'
import { type TopicHandle, topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'
import { canonical, play, type Step, smallLimits, stepOf } from './life.ts'
import { aggregate } from './oracle/fixed-window.ts'
import { type JoinRow, pairs } from './oracle/join.ts'
import { sessions, type Timed } from './oracle/session.ts'
import { durationOf } from './window-app.ts'

type Row = Timed & JoinRow
let ids = 0
const row: fc.Arbitrary<Row> = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  at: fc.integer({ min: 0, max: 150 }),
  amount: fc.integer({ min: -5, max: 5 }),
  side: fc.constantFrom('l', 'r'),
  id: fc.constant(0).map(() => ids++),
})
type Silence = { silent: number }
const step: fc.Arbitrary<Step<Row> | Silence> = fc.oneof(
  { weight: 3, arbitrary: stepOf(row) },
  { weight: 1, arbitrary: fc.nat(3).map((silent) => ({ silent })) },
)

/** As `play`, with partitions that fall silent. */
async function live(
  t: Harness,
  rows: TopicHandle<Row>,
  steps: readonly (Step<Row> | Silence)[],
): Promise<Row[]> {
  const sent: Row[] = []
  for (const one of steps) {
    if ('silent' in one) t.idle(rows, one.silent % t.log.partitionsOf(rows.name))
    else sent.push(...(await play(t, [one], (value: Row) => t.send(rows, value))))
  }
  return sent
}

const shape = fc.record({
  partitions: fc.integer({ min: 1, max: 4 }),
  outOfOrder: fc.nat(20),
  grace: fc.nat(20),
  length: fc.integer({ min: 1, max: 30 }),
})
const chance = fc.record({ seed: fc.nat(), limits: smallLimits })
const plain = <R extends { revision: number; final: boolean }>(all: readonly R[]) =>
  all.map(({ revision, final, ...result }) => result)

/** What was sent less what came too late; each row is one or the other. */
function accepted(sent: readonly Row[], late: readonly { readonly value: { readonly id: number } }[]): Row[] {
  const lost = new Set(late.map(({ value }) => value.id))
  expect(lost.size).toBe(late.length)
  return sent.filter(({ id }) => !lost.has(id))
}

test('tumbling windows and sessions are those of the rows that were not late', async () => {
  let lateRows = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), shape, chance, async (steps, settings, options) => {
      const { partitions, outOfOrder, grace, length } = settings
      const rows = topic<Row>('rows', {
        partitions,
        time: { at: ({ at }) => at, outOfOrder: durationOf(outOfOrder) },
      })
      const keyed = rows.stream().keyBy('key')
      const columns = { n: agg.count(), total: agg.sum('amount') }
      const tumbling = keyed
        .window('tumbling', window.tumbling(durationOf(length), { grace: durationOf(grace) }))
        .aggregate(columns)
        .emit('on-close')
      const visits = keyed
        .window('visits', window.session({ gap: durationOf(length), grace: durationOf(grace) }))
        .aggregate(columns)
        .emit('on-close')
      const t = await harness(app({ id: 'accepted' }).use(tumbling, visits), options)
      const sent = await live(t, rows, steps)
      t.finish(rows)
      const late = { tumbling: await t.take(tumbling.late), visits: await t.take(visits.late) }
      lateRows += late.visits.length
      const inWindows = accepted(sent, late.tumbling).map((one) => ({
        row: one,
        start: Math.floor(one.at / length) * length,
      }))
      const windows = aggregate(inWindows, { size: length, hop: length, offset: 0, grace })
      expect(canonical(plain(await t.take(tumbling.out)))).toEqual(
        canonical(windows.map(({ key, window: bounds, n, total }) => ({ key, window: bounds, n, total }))),
      )
      expect(canonical(plain(await t.take(visits.out)))).toEqual(
        canonical(sessions(accepted(sent, late.visits), { gap: length, grace })),
      )
    }),
    { numRuns: 150 },
  )
  // Otherwise the test would show nothing.
  expect(lateRows).toBeGreaterThan(0)
}, 60_000)

test('joined rows are the pairs of the rows that were not late', async () => {
  let lateRows = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), shape, chance, async (steps, settings, options) => {
      const { partitions, outOfOrder, grace, length } = settings
      const rows = topic<Row>('rows', {
        partitions,
        time: { at: ({ at }) => at, outOfOrder: durationOf(outOfOrder) },
      })
      const side = (wanted: 'l' | 'r') =>
        rows
          .stream()
          .filter((one) => one.side === wanted)
          .keyBy('key')
      const bounds = { before: length, after: 5, grace }
      const joined = side('l').joinWithin('joined', side('r'), {
        before: durationOf(length),
        after: '5ms',
        grace: durationOf(grace),
        how: 'outer',
        select: (left, right) => ({ left: left?.id ?? null, right: right?.id ?? null }),
      })
      const t = await harness(app({ id: 'accepted' }).use(joined), options)
      const sent = await live(t, rows, steps)
      t.finish(rows)
      const late = await t.take(joined.late)
      lateRows += late.length
      expect(canonical(await t.take(joined.out))).toEqual(
        canonical(pairs(accepted(sent, late), bounds, 'outer')),
      )
    }),
    { numRuns: 150 },
  )
  expect(lateRows).toBeGreaterThan(0)
}, 60_000)
