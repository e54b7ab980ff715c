// An app is changed while its log already holds rows: what is new computes the same as if it had been there from the
// beginning, what was there goes on as if nothing had happened; killed anywhere in between.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../../src/streams/aggregator.ts'
import { app } from '../../../src/streams/app.ts'
import { MemoryStore } from '../../../src/streams/state/memory-store.ts'
import type { StateStore } from '../../../src/streams/state/state-store.ts'
import { harness } from '../../../src/streams/testing/index.ts'
import { topic } from '../../../src/streams/topic.ts'
import { window } from '../../../src/streams/window.ts'
import { canonical, play, smallLimits, stepOf } from '../life.ts'

type Row = { key: string; at: number; amount: number }
const row = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  at: fc.integer({ min: 0, max: 100 }),
  amount: fc.integer({ min: 1, max: 5 }),
})

function build(version: 1 | 2 | 3, partitions: number) {
  const rows = topic<Row>('rows', { partitions, time: { at: (one) => one.at, outOfOrder: '1h' } })
  const keyed = rows.stream().keyBy('key')
  const windows = (name: string, size: '10ms' | '50ms') =>
    keyed
      .window(name, window.tumbling(size, { grace: '0s' }))
      .aggregate({ n: agg.count(), total: agg.sum('amount') })
      .emit('on-close')
  const kept = windows('kept', '10ms')
  const changed = windows('changed', version === 1 ? '10ms' : '50ms')
  const added = keyed.aggregate('added', { total: agg.sum('amount') })
  const copy = rows.stream().filter(({ amount }) => amount > 2)
  const parts = version === 1 ? [kept, changed] : [kept, changed, added, copy.to('copy')]
  return { rows, kept, changed, added, app: app({ id: 'changing' }).use(...parts) }
}

/** All windows at once, from all rows. */
function windowsOf(rows: readonly Row[], size: number) {
  const windows = new Map<string, { key: string; start: number; n: number; total: number }>()
  for (const { key, at, amount } of rows) {
    const start = Math.floor(at / size) * size
    const found = windows.get(`${start} ${key}`) ?? { key, start, n: 0, total: 0 }
    windows.set(`${start} ${key}`, { key, start, n: found.n + 1, total: found.total + amount })
  }
  return [...windows.values()]
}
const brief = (results: readonly { key: string; window: { start: number }; n: number; total: number }[]) =>
  results.map(({ key, window: { start }, n, total }) => ({ key, start, n, total }))

test('what is new equals what it would be had it always been there; what is kept is not touched', async () => {
  const step = stepOf(row)
  const lives = fc.record({
    seed: fc.nat(),
    limits: smallLimits,
    partitions: fc.constantFrom(1, 3),
    before: fc.array(step, { maxLength: 8 }),
    after: fc.array(step, { maxLength: 8 }),
  })
  await fc.assert(
    fc.asyncProperty(lives, async ({ seed, limits, partitions, before, after }) => {
      const stores = new Map<string, StateStore>()
      const openStore = (task: string) => {
        const store = stores.get(task) ?? new MemoryStore()
        stores.set(task, store)
        return store
      }
      const first = build(1, partitions)
      const t = await harness(first.app, { seed, limits, openStore })
      const sent = await play(t, before, (one) =>
        t.send(first.rows, one, { partition: one.key.charCodeAt(0) % partitions }),
      )
      await t.settle()
      await t.stop()

      const second = build(2, partitions)
      const rebuild = { names: ['changed'], after: 1 }
      const u = await harness(second.app, { seed, limits, openStore, log: t.log, rebuild })
      sent.push(
        ...(await play(u, after, (one) =>
          u.send(second.rows, one, { partition: one.key.charCodeAt(0) % partitions }),
        )),
      )
      await u.settle()
      u.finish(second.rows)
      const ten = windowsOf(sent, 10)
      expect(canonical(brief(await u.take(second.kept.out)))).toEqual(canonical(ten))
      expect(canonical(brief(await u.take(second.changed.out)))).toEqual(canonical(windowsOf(sent, 50)))
      const totals = new Map<string, number>()
      for (const { key, amount } of sent) totals.set(key, (totals.get(key) ?? 0) + amount)
      const newest = new Map((await u.take(second.added)).map(({ key, total }) => [key, total]))
      expect(newest).toEqual(totals)
      const copied = (await u.take(topic<Row>('copy'))) as Row[]
      expect(canonical(copied)).toEqual(canonical(sent.filter(({ amount }) => amount > 2)))
    }),
    { numRuns: Number(process.env['RUNS'] ?? 60) },
  )
}, 60_000)
