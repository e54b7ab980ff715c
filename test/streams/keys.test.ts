// Keys: what they are in rows, in records, in state, and over partitions.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { partitionOf } from '../../src/broker/partitioner.ts'
import { agg } from '../../src/streams/aggregator.ts'
import { type AppPart, app } from '../../src/streams/app.ts'
import {
  afterPrefix,
  compareAsBytes,
  decodeValue,
  encodeValue,
  readTaggedKey,
  taggedKey,
  windowPrefix,
  windowStartOf,
  windowsPrefix,
} from '../../src/streams/state/state-key.ts'
import { type Harness, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'

type Row = { zone: string | null; n: number; at: number }
const run = (...parts: AppPart[]) => harness(app({ id: 'keys' }).use(...parts))
const records = async (t: Harness, name: string) => {
  await t.settle()
  return Array.from({ length: t.log.partitionsOf(name) }, (_, partition) =>
    [...t.log.records(name, partition)].map(({ key, value, timestamp }) => ({
      partition,
      key: key && String(Buffer.from(key)),
      value: value && JSON.parse(String(Buffer.from(value))),
      timestamp,
    })),
  ).flat()
}

describe('a record that is written has', () => {
  const rows = topic<Row>('rows', { time: { at: ({ at }) => at } })

  test('the key of the record it came from, where nothing says otherwise', async () => {
    const t = await run(
      rows
        .stream()
        .filter(({ n }) => n > 0)
        .to('out'),
    )
    t.send(rows, { zone: 'a', n: 1, at: 5 }, { key: 'own' })
    t.send(rows, { zone: 'a', n: 2, at: 6 })
    expect(await records(t, 'out')).toMatchObject([
      { key: 'own', timestamp: 5, value: { n: 1 } },
      { key: null, timestamp: 6 },
    ])
  })

  test('the key of the stream, and what its topic says comes before that', async () => {
    const byZone = rows.stream().keyBy('n')
    byZone.to('plain').to(topic<Row>('declared', { key: 'zone' }))
    const t = await run(byZone)
    t.send(rows, { zone: 'a', n: 1, at: 5 }, { key: 'own' })
    t.send(rows, { zone: null, n: 2, at: 5 }, { key: 'own' })
    expect((await records(t, 'plain')).map(({ key }) => key)).toEqual(['1', '2'])
    expect((await records(t, 'declared')).map(({ key }) => key)).toEqual(['a', null])
  })

  test('a partition by its key, as any Kafka client would choose; without one they go round', async () => {
    const spread = topic<Row>('spread', { key: 'zone', partitions: 5 })
    const t = await run(rows.stream().to(spread))
    for (let n = 0; n < 40; n++) t.send(rows, { zone: n < 20 ? `z${n}` : null, n, at: n })
    const out = await records(t, 'spread')
    for (const { key, partition } of out) {
      if (key !== null) expect(partition).toBe(partitionOf(Buffer.from(key), 5))
    }
    const without = out.filter(({ key }) => key === null).map(({ partition }) => partition)
    expect(without.sort()).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4])
  })

  test('no value where the row is null: it deletes', async () => {
    const t = await run(
      rows
        .stream()
        .keyBy('zone')
        .map(({ n }) => (n > 1 ? n : null))
        .to('out'),
    )
    t.send(rows, { zone: 'a', n: 1, at: 0 })
    t.send(rows, { zone: 'a', n: 2, at: 0 })
    expect((await records(t, 'out')).map(({ value }) => value)).toEqual([null, 2])
  })

  test('for windows: the key as text, the last millisecond of the window, JSON with bounds and results', async () => {
    const counted = rows
      .stream()
      .keyBy('n')
      .window('w', window.tumbling('10ms', { grace: '0s' }))
      .aggregate({ sum: agg.sum('n') })
      .emit('on-close')
    counted.out.to('out')
    counted.late.to('late')
    const t = await run(counted)
    t.send(rows, { zone: 'a', n: 7, at: -3 }, { key: 'own' })
    t.watermark(rows, 0)
    t.send(rows, { zone: 'a', n: 7, at: -4 }, { key: 'own' })
    expect(await records(t, 'out')).toEqual([
      {
        partition: 0,
        key: '7',
        timestamp: -1,
        value: { key: 7, window: { start: -10, end: 0 }, revision: 1, final: true, sum: 7 },
      },
    ])
    expect(await records(t, 'late')).toMatchObject([
      {
        key: '7',
        timestamp: -4,
        value: { lateBy: 0, watermark: 0, position: { topic: 'rows', partition: 0, offset: 1 } },
      },
    ])
  })
})

test('keys of late rows come through a repartition as they were', async () => {
  const rows = topic<Row>('rows', { partitions: 3, time: { at: ({ at }) => at } })
  const counted = rows
    .stream()
    .keyBy('n')
    .window('w', window.tumbling('10ms', { grace: '0s' }))
    .aggregate({ n: agg.count() })
    .emit('on-close')
  counted.late.to('late')
  const t = await run(counted)
  t.watermark(rows, 10)
  t.send(rows, { zone: 'a', n: 7, at: 1 }, { partition: 1 })
  expect(await records(t, 'late')).toMatchObject([{ key: '7', value: { value: { n: 7 } } }])
})

test('numbers, booleans and texts that look like them are different keys, also after a restart', async () => {
  const mixed = topic<{ k: string | number | boolean }>('mixed', { partitions: 2 })
  const counted = mixed.stream().keyBy('k').count('counts')
  const t = await run(counted)
  const all = [1, '1', true, 'true', 1.5, -0, 0, '']
  for (let round = 0; round < 2; round++) {
    for (const k of all) t.send(mixed, { k })
    await t.settle()
    await t.crashAt('store-applied')
    await t.restart()
  }
  const newest = new Map((await t.take(counted)).map(({ key, count }) => [key, count]))
  expect([...newest].sort(([a], [b]) => (`${typeof a}${a}` < `${typeof b}${b}` ? -1 : 1))).toEqual([
    [true, 2],
    [0, 4],
    [1, 2],
    [1.5, 2],
    ['', 2],
    ['1', 2],
    ['true', 2],
  ])
})

describe('stored keys', () => {
  const key = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  )
  const time = fc.integer({ min: -(2 ** 50), max: 2 ** 50 })

  test('read back as they were, minus zero as zero', () => {
    fc.assert(
      fc.property(key, (one) => expect<unknown>(readTaggedKey(taggedKey(one))).toBe(one === 0 ? 0 : one)),
    )
  })

  test('texts are compared as their bytes are', () => {
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect<number>(Math.sign(compareAsBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })

  test('of windows are in the order of time, each below the end of its prefix', () => {
    const space = windowsPrefix('w')
    fc.assert(
      fc.property(time, time, key, (a, b, one) => {
        expect(windowStartOf(windowPrefix('w', a), space)).toBe(a)
        expect<number>(Buffer.compare(windowPrefix('w', a), windowPrefix('w', b))).toBe(Math.sign(a - b))
        const whole = Buffer.concat([windowPrefix('w', a), taggedKey(one)])
        expect(Buffer.compare(whole, afterPrefix(windowPrefix('w', a)))).toBe(-1)
        expect(Buffer.compare(whole, afterPrefix(space))).toBe(-1)
      }),
    )
  })

  test('have values that say their version: a newer one is refused', () => {
    const value = encodeValue({ a: [1, 'ä'] })
    expect(decodeValue(value, 'x')).toEqual({ a: [1, 'ä'] })
    value[0] = 2
    expect(() => decodeValue(value, '"x"')).toThrow('state of "x" was written by a newer pspf')
  })
})
