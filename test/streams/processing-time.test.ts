// Windows of processing time: the wall clock decides, whatever the rows say.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import { describe as describeApp } from '../../src/streams/describe.ts'
import { crashPoints, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'
import { smallLimits } from './life.ts'

type Row = { key: string; at: number }
const rows = topic<Row>('rows')
const keyed = rows.stream().keyBy('key')
const counted = keyed
  .window('counted', window.tumbling('1s', { time: 'processing' }))
  .aggregate({ n: agg.count() })
  .emit('on-close')
type Closed = { key: string; window: { start: number; end: number }; n: number }
const brief = ({ key, window: { start, end }, n }: Closed) => `${key} ${start}..${end} ${n}`

const step = fc.oneof(
  fc.array(fc.constantFrom('a', 'b'), { maxLength: 5 }).map((keys) => ({ keys })),
  fc.integer({ min: 1, max: 2_500 }).map((ms) => ({ ms })),
  fc.constantFrom(...crashPoints).map((crash) => ({ crash })),
)

test('each row counts once, in the window in which the clock stood, kills anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 14 }),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, options) => {
        const t = await harness(app({ id: 'now' }).use(counted), { ...options, now: 500 })
        const expected = new Map<string, number>()
        for (const one of steps) {
          if ('ms' in one) {
            await t.advanceWallClock(`${one.ms}ms`)
          } else if ('crash' in one) {
            await t.crashAt(one.crash)
            await t.restart()
          } else {
            const start = Math.floor(t.clock.now() / 1_000) * 1_000
            for (const key of one.keys) {
              t.send(rows, { key, at: -5 })
              const id = `${key} ${start}..${start + 1_000}`
              expected.set(id, (expected.get(id) ?? 0) + 1)
            }
          }
          await t.settle()
        }
        await t.advanceWallClock('3s')
        const out = await t.take(counted.out)
        expect(out.map(brief).sort()).toEqual([...expected].map(([id, n]) => `${id} ${n}`).sort())
        expect(out.map(({ window: { end } }) => end)).toEqual(
          out.map(({ window: { end } }) => end).sort((a, b) => a - b),
        )
        expect(await t.take(counted.late)).toEqual([])
      },
    ),
    { numRuns: 60 },
  )
}, 60_000)

test('hopping, sliding and session windows, too; closed at the moment, not at the next row', async () => {
  const of = (name: string, definition: Parameters<typeof keyed.window>[1]) =>
    keyed.window(name, definition).aggregate({ n: agg.count() }).emit('on-close')
  const hopping = of('hopping', window.hopping('2s', { every: '1s', time: 'processing' }))
  const sliding = of('sliding', window.sliding('1s', { time: 'processing' }))
  const session = of('session', window.session({ gap: '1s', time: 'processing' }))
  const t = await harness(app({ id: 'kinds' }).use(hopping, sliding, session), { now: 10_000 })
  t.send(rows, { key: 'a', at: 0 })
  await t.advanceWallClock('500ms')
  t.send(rows, { key: 'a', at: 0 })
  await t.advanceWallClock('500ms')
  expect((await t.take(hopping.out)).map(brief)).toEqual(['a 9000..11000 2'])
  expect((await t.take(sliding.out)).map(brief)).toEqual(['a 9000..10000 1', 'a 9500..10500 2'])
  expect(await t.take(session.out)).toEqual([])
  await t.advanceWallClock('501ms')
  expect((await t.take(session.out)).map(brief)).toEqual(['a 10000..10500 2'])
  await t.advanceWallClock('1s')
  expect((await t.take(hopping.out)).map(brief)).toEqual(['a 10000..12000 2'])
})

test('a clock that goes back opens no window again', async () => {
  const t = await harness(app({ id: 'back' }).use(counted), { now: 5_000 })
  t.send(rows, { key: 'a', at: 0 })
  await t.advanceWallClock('1s')
  await t.stop()
  const back = await harness(app({ id: 'back' }).use(counted), { now: 5_200, log: t.log })
  back.send(rows, { key: 'a', at: 0 })
  await back.settle()
  await back.advanceWallClock('2s')
  expect((await back.take(counted.out)).map(brief)).toEqual(['a 5000..6000 1', 'a 6000..7000 1'])
})

test('rows need no time, windows no grace, and the graph says so; state of event time is not taken over', async () => {
  const { nodes } = describeApp(app({ id: 'now' }).use(counted))
  expect(nodes.find(({ id }) => id === 'counted')!.label).toBe(
    'tumbling 1s of processing time, on-close: n = count',
  )
  const t = await harness(app({ id: 'now' }).use(counted))
  t.send(rows, { key: 'a', at: 0 })
  await t.stop()
  const timed = topic<Row>('rows', { time: {} })
  const other = timed
    .stream()
    .keyBy('key')
    .window('counted', window.tumbling('1s', { grace: '0s' }))
    .aggregate({ n: agg.count() })
    .emit('on-close')
  await expect(harness(app({ id: 'now' }).use(other), { log: t.log })).rejects.toThrow('processing')
})
