// A store that is lost is filled again from the changelog, entry for entry; and what is over leaves nothing behind.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../../src/streams/aggregator.ts'
import { app } from '../../../src/streams/app.ts'
import { entryText } from '../../../src/streams/state/state-entry.ts'
import type { StateStore } from '../../../src/streams/state/state-store.ts'
import { harness } from '../../../src/streams/testing/index.ts'
import { topic } from '../../../src/streams/topic.ts'
import { window } from '../../../src/streams/window.ts'
import { play, smallLimits, stepOf } from '../life.ts'
import { storePaths } from './store-paths.ts'
import { type TestedStore, testedStores } from './stores.ts'

const newPath = storePaths()
type Row = { key: string; at: number; amount: number }

/** One of each kind of state that event time ends, and a total for ever. */
function everything() {
  const rows = topic<Row>('rows', { time: { at: (row) => row.at, outOfOrder: '5ms' } })
  const byKey = rows.stream().keyBy('key')
  const total = byKey.aggregate('total', { n: agg.count(), sum: agg.sum('amount') })
  const sums = { n: agg.count() }
  const parts = [
    byKey
      .window('tumbling', window.tumbling('10ms', { grace: '2ms' }))
      .aggregate(sums)
      .emit('on-close'),
    byKey
      .window('panes', window.hopping('20ms', { every: '5ms', grace: '0s' }))
      .aggregate(sums)
      .emit('on-close'),
    byKey
      .window('hops', window.hopping('20ms', { every: '5ms', grace: '0s' }))
      .aggregate(sums)
      .emit('on-update'),
    byKey
      .window('sessions', window.session({ gap: '6ms', grace: '0s' }))
      .aggregate(sums)
      .emit('on-update'),
    byKey
      .window('sliding', window.sliding('8ms', { grace: '0s' }))
      .aggregate(sums)
      .emit('on-close'),
    byKey.joinWithin('pairs', byKey.filter((row) => row.amount > 2).keyBy('key'), {
      before: '3ms',
      after: '4ms',
      grace: '1ms',
      how: 'outer',
      select: (left, right) => [left?.at ?? null, right?.at ?? null],
    }),
  ]
  return { rows, app: app({ id: 'everything' }).use(total, ...parts) }
}

const dump = (store: StateStore) =>
  [...store.scan(new Uint8Array(), Uint8Array.of(255, 255))].map(
    ({ key, value }) => `${Buffer.from(key).toString('base64')} ${Buffer.from(value).toString('base64')}`,
  )

const row = fc.record({
  key: fc.constantFrom('a', 'b', 'ü'),
  at: fc.integer({ min: -40, max: 120 }),
  amount: fc.integer({ min: 0, max: 5 }),
})

/** Plays a life on stores that the test can look into. */
async function live(tested: TestedStore, steps: Parameters<typeof play<Row>>[1], options: object) {
  const { app: all, rows } = everything()
  const stores: StateStore[] = []
  const openStore = () => {
    const store = tested.open(newPath(tested.kind))
    stores.push(store)
    return store
  }
  const t = await harness(all, { ...options, openStore })
  await play(t, steps, (one) => t.send(rows, one))
  return { t, rows, stores }
}

for (const tested of testedStores) {
  const { kind, missing } = tested
  describe.skipIf(missing !== null)(`the ${kind} store`, () => {
    test('filled from the changelog, is what it was, entry for entry', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(stepOf(row), { maxLength: 8 }),
          fc.record({ seed: fc.nat(), limits: smallLimits }),
          async (steps, options) => {
            const { t, stores } = await live(tested, steps, options)
            await t.stop()
            const before = stores.map(dump)
            for (const store of stores) store.clear()
            await t.restart()
            expect(stores.map(dump)).toEqual(before)
            await t.stop()
          },
        ),
        { numRuns: kind === 'memory' ? 60 : 12 },
      )
    }, 60_000)

    test('returns to its floor when event time is over', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(stepOf(row), { maxLength: 8 }),
          fc.record({ seed: fc.nat(), limits: smallLimits }),
          async (steps, options) => {
            const { t, rows, stores } = await live(tested, steps, options)
            t.finish(rows)
            await t.settle()
            await t.stop()
            const kinds = stores.flatMap((store) =>
              [...store.scan(new Uint8Array(), Uint8Array.of(255, 255))].map(
                (entry) => entryText(entry).kind,
              ),
            )
            const lasting = ['task', 'signature', 'result', 'progress']
            expect(kinds.filter((one) => !lasting.includes(one))).toEqual([])
          },
        ),
        { numRuns: kind === 'memory' ? 60 : 10 },
      )
    }, 60_000)
  })
}
