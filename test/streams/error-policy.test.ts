// What becomes of a record on which a function throws: tried again, left out, put aside with where and why, once, and
// nothing else of it stays.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import { readDeadLetter } from '../../src/streams/dead-letter.ts'
import { describe as describeApp } from '../../src/streams/describe.ts'
import { s } from '../../src/streams/schema/schema.ts'
import { type Harness, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'
import { play, smallLimits, stepOf } from './life.ts'

type Row = { key: string; n: number }
const text = (bytes: Uint8Array | null) => bytes && new TextDecoder().decode(bytes)
const lettersOf = (t: Harness, name: string) =>
  [...t.log.records(name, 0)].map(({ key, value, timestamp, headers }) => ({
    key: text(key),
    value: text(value),
    timestamp,
    own: headers.filter((one) => !one.key.startsWith('pspf.')).map((one) => [one.key, text(one.value)]),
    letter: readDeadLetter(headers)!,
  }))
const failure = async (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: Error) => error,
  )

describe('dead letters', () => {
  test('carry the record as it was, its place, the node, the error with its stack; state and outputs do not know it', async () => {
    const rows = topic<Row>('rows', { key: 'key', partitions: 2 })
    const keyed = rows.stream().keyBy('key')
    const counts = keyed.count('counts')
    const checked = keyed
      .map((row) => {
        if (row.n === 13) throw new RangeError('unlucky')
        return row
      })
      .onError('dead-letter')
    const t = await harness(app({ id: 'shop' }).use(counts, checked))
    t.send(rows, { key: 'a', n: 1 }, { partition: 1, timestamp: 5 })
    t.send(rows, { key: 'a', n: 13 }, { partition: 1, timestamp: 77 })
    t.send(rows, { key: 'a', n: 2 }, { partition: 1 })
    expect((await t.take(checked)).map(({ n }) => n)).toEqual([1, 2])
    expect((await t.take(counts)).at(-1)).toMatchObject({ key: 'a', count: 2 })
    const [one, ...others] = lettersOf(t, 'rows.dead')
    expect(others).toEqual([])
    expect(one).toMatchObject({
      key: 'a',
      value: '{"key":"a","n":13}',
      timestamp: 77,
      letter: {
        app: 'shop',
        task: 'rows-1',
        node: 'rows.keyBy.map',
        stage: 'process',
        kind: 'record',
        topic: 'rows',
        partition: 1,
        offset: 1,
        timestamp: 77,
        error: 'RangeError: unlucky',
        attempts: 1,
      },
    })
    expect(one!.letter.stack).toContain('error-policy.test.ts')
    expect(t.status().nodes.find(({ id }) => id === 'rows.keyBy.map')?.errors).toBe(1)
    expect(describeApp(app({ id: 'shop' }).use(checked)).topics).toContainEqual({
      name: 'rows.dead',
      role: 'dead-letters',
    })
  })

  test('of records that cannot be read keep every byte', async () => {
    const orders = topic('orders', {
      value: s.object({ at: s.timestamp() }),
      time: { at: (order) => order.at },
      onBad: 'dead-letter',
    })
    const t = await harness(app({ id: 'shop' }).use(orders.stream()))
    t.sendBytes(orders, Uint8Array.of(0xff, 0x00), { key: 'k' })
    t.sendRaw(orders, null)
    t.sendRaw(orders, '{"at":"x"}')
    t.send(orders, { at: 1 })
    expect(await t.take(orders.stream())).toEqual([{ at: 1 }])
    const letters = lettersOf(t, 'orders.dead')
    expect(letters.map(({ letter }) => [letter.stage, letter.offset, letter.error.split(':')[0]])).toEqual([
      ['read', 0, 'SyntaxError'],
      ['read', 1, 'SchemaMismatch'],
      ['read', 2, 'SchemaMismatch'],
    ])
    const [bytes] = [...t.log.records('orders.dead', 0)]
    expect(bytes!.value).toEqual(Uint8Array.of(0xff, 0x00))
    expect(letters[1]!.value).toBeNull()
  })

  test('behind a window are its rows', async () => {
    const rows = topic<Row>('rows', { time: { at: ({ n }) => n } })
    const counted = rows
      .stream()
      .keyBy('key')
      .window('w', window.tumbling('10ms', { grace: '0s' }))
      .aggregate({ n: agg.count() })
      .emit('on-close')
    const checked = counted.out.map((row) => {
      if (row.key === 'b') throw new Error('no b')
      return row.key
    })
    const t = await harness(app({ id: 'shop', onError: 'dead-letter' }).use(checked))
    for (const key of ['c', 'b', 'a']) t.send(rows, { key, n: 1 })
    t.watermark(rows, 10)
    expect(await t.take(checked)).toEqual(['a', 'c'])
    const [one] = lettersOf(t, 'rows.dead')
    expect(one!.letter).toMatchObject({ kind: 'row', node: 'w.map', topic: 'rows', error: 'Error: no b' })
    expect(JSON.parse(one!.value!)).toMatchObject({ key: 'b', window: { start: 0, end: 10 }, n: 1 })
  })

  test('every record is a row or a dead letter, once, wherever the app is killed', async () => {
    const row = fc.record({ key: fc.constantFrom('a', 'b', 'c'), n: fc.integer({ min: 0, max: 20 }) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(stepOf(row), { maxLength: 12 }),
        fc.integer({ min: 1, max: 3 }),
        fc.record({ seed: fc.nat(), limits: smallLimits }),
        async (steps, partitions, options) => {
          const rows = topic<Row>('rows', { partitions })
          const sums = rows
            .stream()
            .keyBy('key')
            .aggregate('sums', { total: agg.sum('n') })
          const checked = rows
            .stream()
            .keyBy('key')
            .repartition('again')
            .map((one) => {
              if (one.n % 3 === 0) throw new Error('three')
              return one.n
            })
            .onError('dead-letter')
          const t = await harness(app({ id: 'shop' }).use(sums, checked), options)
          const sent = (await play(t, steps, (one) => t.send(rows, one))).map(({ n }) => n)
          const passed = (await t.take(checked)).sort((a, b) => a - b)
          expect(passed).toEqual(sent.filter((n) => n % 3 !== 0).sort((a, b) => a - b))
          const dead = lettersOf(t, 'shop.again.repartition.dead').map(({ value }) => JSON.parse(value!).n)
          expect(dead.sort((a, b) => a - b)).toEqual(sent.filter((n) => n % 3 === 0).sort((a, b) => a - b))
        },
      ),
      { numRuns: 50 },
    )
  }, 30_000)
})

describe('retries', () => {
  const build = (tries: { left: number }, otherwise: 'fail' | 'skip' | 'dead-letter') => {
    const rows = topic<Row>('rows')
    const counts = rows.stream().keyBy('key').count('counts')
    const sent = rows
      .stream()
      .map((row) => {
        if (row.n === 2 && tries.left-- > 0) throw new Error('not yet')
        return row.n
      })
      .onError({ retry: 3, backoff: '1s', otherwise })
    return { rows, counts, sent, app: app({ id: 'retrying' }).use(counts, sent) }
  }

  test('wait longer each time, and what comes behind waits, too: nothing is lost or doubled', async () => {
    const { rows, counts, sent, app: built } = build({ left: 3 }, 'fail')
    const t = await harness(built)
    for (const n of [1, 2, 3]) t.send(rows, { key: 'a', n })
    expect(await t.take(sent)).toEqual([1])
    await t.advanceWallClock('999ms')
    expect(await t.take(sent)).toEqual([])
    await t.advanceWallClock('2s')
    expect(await t.take(sent)).toEqual([])
    // 1 s, 2 s, 4 s.
    await t.advanceWallClock('4001ms')
    expect(await t.take(sent)).toEqual([2, 3])
    expect((await t.take(counts)).at(-1)).toMatchObject({ count: 3 })
    expect(t.status().nodes.find(({ id }) => id === 'rows')).toMatchObject({ recordsIn: 3, errors: 0 })
  })

  test('begin anew after a restart', async () => {
    const { rows, sent, app: built } = build({ left: 4 }, 'fail')
    const t = await harness(built)
    for (const n of [1, 2, 3]) t.send(rows, { key: 'a', n })
    await t.advanceWallClock('4s')
    await t.crashAt('batch-read')
    await t.restart()
    await t.advanceWallClock('10s')
    expect(await t.take(sent)).toEqual([1, 2, 3])
  })

  test('that all fail end as the policy says', async () => {
    for (const otherwise of ['fail', 'skip', 'dead-letter'] as const) {
      const { rows, counts, sent, app: built } = build({ left: 100 }, otherwise)
      const t = await harness(built)
      for (const n of [1, 2, 3]) t.send(rows, { key: 'a', n })
      const error = await failure(t.advanceWallClock('8s'))
      if (otherwise === 'fail') {
        expect(error?.message).toBe('"rows.map" failed at rows/0 offset 1: not yet')
        continue
      }
      expect(error).toBeNull()
      expect(await t.take(sent)).toEqual([1, 3])
      expect((await t.take(counts)).at(-1)).toMatchObject({ count: 2 })
      if (otherwise === 'dead-letter') {
        expect(lettersOf(t, 'rows.dead').map(({ letter }) => letter.attempts)).toEqual([4])
      }
    }
  })

  test('are bounded', () => {
    expect(() => app({ id: 'a', onError: { retry: 1_000 } })).toThrow('tried again 1000 times')
    expect(() => topic('t').stream().onError({ retry: -1 })).toThrow('tried again -1 times')
  })
})
