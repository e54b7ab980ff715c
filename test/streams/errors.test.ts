// What happens to records that are wrong, to functions that throw, and to state that no longer fits: nothing is lost in
// silence, and nothing counts half.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Logger } from '../../src/base/logger.ts'
import { agg } from '../../src/streams/aggregator.ts'
import { type AppPart, app } from '../../src/streams/app.ts'
import type { ErrorPolicy } from '../../src/streams/error-policy.ts'
import { s } from '../../src/streams/schema/schema.ts'
import { type Harness, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'

type Row = { key: string; n: number }
const rows = topic<Row>('rows')
const thrown = async (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: Error) => error,
  )
const stats = (t: Harness, id: string) => t.status().nodes.find((node) => node.id === id)!

function recording() {
  const lines: string[] = []
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields, message) =>
      lines.push(`${message} ${fields['node']} ${fields['offset']} ${fields['times']}`),
    error: () => undefined,
    child: () => logger,
  }
  return { lines, logger }
}

describe('a record that is wrong', () => {
  const Order = s.object({ amount: s.number(), at: s.timestamp() })
  const build = (onBad?: 'skip' | 'fail') => {
    const orders = topic('orders', {
      value: Order,
      time: { at: (order) => order.at },
      ...(onBad ? { onBad } : {}),
    })
    return { orders, amounts: orders.stream().map(({ amount }) => amount) }
  }

  test('is skipped and counted, told at the 1st, 10th ... time, and moves no time', async () => {
    const { orders, amounts } = build()
    const { lines, logger } = recording()
    const t = await harness(app({ id: 'bad' }).use(amounts), { logger })
    t.send(orders, { amount: 1, at: 5 })
    for (let n = 0; n < 10; n++) t.sendRaw(orders, 'not json')
    t.sendRaw(orders, '{"amount":"2","at":99}')
    t.sendRaw(orders, '{"amount":2,"at":99.5}')
    t.sendRaw(orders, null)
    t.send(orders, { amount: 3, at: 6 })
    expect(await t.take(amounts)).toEqual([1, 3])
    expect(stats(t, 'orders')).toMatchObject({ recordsIn: 15, recordsOut: 2, errors: 13 })
    expect(t.status().tasks[0]).toMatchObject({ position: 15, watermark: 6, lag: 0 })
    expect(lines).toEqual([
      'row skipped: not JSON orders 1 1',
      'row skipped: not JSON orders 10 10',
      'row skipped: does not match its schema orders 11 1',
    ])
  })

  test('stops the app where that is wanted, with the place and the way out', async () => {
    const { orders, amounts } = build('fail')
    const t = await harness(app({ id: 'bad' }).use(amounts))
    t.send(orders, { amount: 1, at: 5 })
    t.sendRaw(orders, '{"amount":"2","at":99}')
    expect(await thrown(t.settle())).toMatchObject({
      code: 'app_failed',
      message:
        '"orders" failed at orders/0 offset 1: bad record (does not match its schema): amount: expected a number, got "2"',
      fix: expect.stringContaining('onBad'),
      details: { task: 'orders-0', node: 'orders', topic: 'orders', partition: 0, offset: 1 },
    })
    expect(t.status().state).toBe('failed')
  })

  test('bytes that are no text are no JSON, and a replacement character is one like any other', async () => {
    const t = await harness(app({ id: 'bytes' }).use(rows.stream()))
    t.send(rows, { key: '\ufffd', n: 1 })
    t.sendBytes(rows, Uint8Array.of(0x22, 0xff, 0x22))
    expect(await t.take(rows.stream())).toEqual([{ key: '\ufffd', n: 1 }])
    expect(stats(t, 'rows').errors).toBe(1)
  })

  test('a time that its function cannot tell is a bad record', async () => {
    const timed = topic<Row>('timed', {
      time: { at: (row) => (row as unknown as { deep: { at: number } }).deep.at },
    })
    const t = await harness(app({ id: 'timed' }).use(timed.stream()))
    t.sendRaw(timed, '{}')
    t.sendRaw(timed, '{"deep":{"at":null}}')
    t.sendRaw(timed, '{"deep":{"at":-1}}')
    expect(await t.take(timed.stream())).toEqual([{ deep: { at: -1 } }] as never)
    expect(stats(t, 'timed').errors).toBe(2)
  })
})

describe('a function that throws', () => {
  const at13 = (row: Row) => {
    if (row.n === 13) throw new Error('unlucky')
    return row
  }

  test('stops the app with node and position; nothing of that step is visible', async () => {
    const mapped = rows.stream().map(at13)
    const t = await harness(app({ id: 'thrower' }).use(mapped))
    for (let n = 10; n < 16; n++) t.send(rows, { key: 'a', n })
    const error = await thrown(t.settle())
    expect(error).toMatchObject({
      code: 'app_failed',
      message: '"rows.map" failed at rows/0 offset 3: unlucky',
      cause: expect.objectContaining({ message: 'unlucky' }),
    })
    // A restart meets it again.
    await t.restart()
    expect((await thrown(t.settle()))?.message).toContain('unlucky')
    const seen = [...t.log.records('harness.rows.map', 0)].length
    expect(seen).toBeLessThanOrEqual(3)
  })

  const promises: [string, () => AppPart][] = [
    ['map', () => rows.stream().map(async (row) => row)],
    ['a row that JSON does not know', () => rows.stream().map(() => undefined)],
    [
      'a key that is an object',
      () =>
        rows
          .stream()
          .keyBy((row) => row as never)
          .count('c'),
    ],
    [
      'an aggregate over something else than numbers',
      () =>
        rows
          .stream()
          .keyBy('key')
          .aggregate('sum', { sum: agg.sum((row) => row.key as never) }),
    ],
  ]
  for (const [what, part] of promises) {
    test(`${what} is refused`, async () => {
      const t = await harness(app({ id: 'wrong' }).use(part()))
      t.send(rows, { key: 'a', n: 1 })
      expect((await thrown(t.settle()))?.message).toMatch(
        /promise|cannot be written|a key must be|needs a number/,
      )
    })
  }

  test('with skip, its row leaves no trace in any state, output or window: as if it had never been', async () => {
    const row = fc.record({ key: fc.constantFrom('a', 'b', 'c'), n: fc.integer({ min: 0, max: 20 }) })
    const limits = fc.record({
      commitRecordsMax: fc.constantFrom(1, 3, 1000),
      workingKeysMax: fc.constantFrom(0, 1000),
    })
    const timed = topic<Row>('timed', { time: { at: ({ n }) => n, outOfOrder: '100ms' } })
    const build = (onError: ErrorPolicy) => {
      const keyed = timed.stream().keyBy('key')
      const before = keyed.count('before')
      const window10 = window.hopping('10ms', { every: '4ms', grace: '0s' })
      const windowed = keyed
        .window('windows', window10)
        .aggregate({ n: agg.count(), sum: agg.sum('n') })
        .emit('on-close')
      // Two rows of each: the second fails after the first has changed what is behind.
      const doubled = keyed.flatMap((one) => [one, { ...one, n: one.n + 100 }])
      const sum = doubled.map((one) => (one.n % 7 === 3 ? at13({ ...one, n: 13 }) : one))
      const sums = sum.keyBy('key').aggregate('sums', { sum: agg.sum('n'), last: agg.last('n') })
      sum.to('doubled')
      return {
        parts: [before, windowed, sums, sum],
        before,
        windowed,
        sums,
        sum,
        app: app({ id: 'skipping', onError }).use(before, windowed, sums, sum),
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 30 }), limits, fc.nat(), async (all, bounds, seed) => {
        const isBad = ({ n }: Row) => n % 7 === 3 || (n + 100) % 7 === 3
        const outcome = async (sent: Row[], onError: ErrorPolicy) => {
          const built = build(onError)
          const t = await harness(built.app, { seed, limits: bounds })
          for (const one of sent) t.send(timed, one)
          await t.settle()
          const errors = stats(t, 'timed.keyBy.flatMap.map').errors
          await t.crashAt('store-applied')
          await t.restart()
          t.finish(timed)
          const newest = <R extends { key: string; revision: number }>(updates: R[]) =>
            [...new Map(updates.map(({ revision, ...update }) => [update.key, update])).values()].sort(
              (a, b) => (a.key < b.key ? -1 : 1),
            )
          return {
            errors,
            before: newest(await t.take(built.before)),
            sums: newest(await t.take(built.sums)),
            windowed: await t.take(built.windowed.out),
            doubled: await t.take(topic<Row>('doubled')),
          }
        }
        const skipped = await outcome(all, 'skip')
        const clean = await outcome(
          all.filter((one) => !isBad(one)),
          'fail',
        )
        expect(skipped).toEqual({ ...clean, errors: all.filter(isBad).length })
      }),
      { numRuns: 25 },
    )
  }, 20_000)

  test('while a window closes, only the row on which it threw is left out', async () => {
    const timed = topic<Row>('timed', { time: { at: ({ n }) => n } })
    const counted = timed
      .stream()
      .keyBy('key')
      .window('w', window.tumbling('10ms', { grace: '0s' }))
      .aggregate({ n: agg.count() })
      .emit('on-close')
    const checked = counted.out.map((one) => {
      if (one.key === 'b') throw new Error('no b')
      return one.key
    })
    const t = await harness(app({ id: 'closing', onError: 'skip' }).use(checked))
    for (const key of ['c', 'b', 'a']) t.send(timed, { key, n: 1 })
    t.watermark(timed, 10)
    expect(await t.take(checked)).toEqual(['a', 'c'])
    expect(stats(t, 'w.map').errors).toBe(1)
  })
})

test('rows without a key are dropped and counted', async () => {
  const keyless = topic<{ key: string | null; n: number }>('keyless')
  const counted = keyless.stream().keyBy('key').count('counts')
  const t = await harness(app({ id: 'keyless' }).use(counted))
  for (const key of ['a', null, 'a', null, null]) t.send(keyless, { key, n: 1 })
  expect((await t.take(counted)).at(-1)).toMatchObject({ key: 'a', count: 2 })
  expect(stats(t, 'keyless.keyBy').dropped).toBe(3)
})

describe('an app whose state does not fit', () => {
  const minute = window.tumbling('1m', { grace: '1s' })
  const timed = topic<Row>('timed', { time: { at: ({ n }) => n } })
  const keyed = () => timed.stream().keyBy('key')
  const first = () =>
    keyed()
      .window('w', minute)
      .aggregate({ n: agg.count(), sum: agg.sum('n') })
      .emit('on-close')
  const started = async () => {
    const t = await harness(app({ id: 'changing' }).use(first()))
    t.send(timed, { key: 'a', n: 1 })
    await t.stop()
    return t
  }
  const changes: [string, () => AppPart][] = [
    [
      'another size',
      () =>
        keyed()
          .window('w', window.tumbling('2m', { grace: '1s' }))
          .aggregate({ n: agg.count(), sum: agg.sum('n') })
          .emit('on-close'),
    ],
    [
      'another aggregate',
      () =>
        keyed()
          .window('w', minute)
          .aggregate({ n: agg.count(), sum: agg.max('n') })
          .emit('on-close'),
    ],
    [
      'one aggregate more',
      () =>
        keyed()
          .window('w', minute)
          .aggregate({ n: agg.count(), sum: agg.sum('n'), x: agg.avg('n') })
          .emit('on-close'),
    ],
    ['no window', () => keyed().aggregate('w', { n: agg.count(), sum: agg.sum('n') })],
  ]
  for (const [what, part] of changes) {
    test(`${what} under the same name is refused`, async () => {
      const t = await started()
      const error = await thrown(harness(app({ id: 'changing' }).use(part()), { log: t.log }))
      expect(error).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('the state of "w" does not fit: '),
      })
    })
  }

  test('another grace, policy or order of columns is the same state', async () => {
    const t = await started()
    const changed = keyed()
      .window('w', window.tumbling('1m', { grace: '5s' }))
      .aggregate({ sum: agg.sum('n'), n: agg.count() })
      .emit('on-update')
    const u = await harness(app({ id: 'changing' }).use(changed), { log: t.log })
    u.send(timed, { key: 'a', n: 2 })
    expect(await u.take(changed.out)).toMatchObject([{ key: 'a', n: 2, sum: 3, revision: 1 }])
  })

  test('a position that was moved from outside is refused: records would count twice or never', async () => {
    const t = await started()
    const { log } = t
    const epoch = log.fence('changing', 'somebody')
    log.commit({
      group: 'changing',
      owner: 'somebody',
      epoch,
      batches: [],
      offsets: [{ topic: 'timed', partition: 0, offset: 0 as never }],
    })
    expect(await thrown(t.restart())).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('its position is 0'),
    })
  })
})

test('an app that was replaced cannot commit any more', async () => {
  const counted = rows.stream().keyBy('key').count('counts')
  const t = await harness(app({ id: 'zombie' }).use(counted))
  t.log.fence('zombie', 'rows-0')
  t.send(rows, { key: 'a', n: 1 })
  expect(await thrown(t.settle())).toMatchObject({ code: 'fenced' })
  expect([...t.log.records('harness.counts', 0)]).toEqual([])
})
