// The first of rows that are the same, against a plain computation over all rows.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { app } from '../../src/streams/app.ts'
import { planApp } from '../../src/streams/graph/plan.ts'
import { MemoryStore } from '../../src/streams/state/memory-store.ts'
import { harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { canonical, play, smallLimits, stepOf } from './life.ts'
import { firsts } from './oracle/first.ts'

type Row = { key: string; part: string; at: number }
const timed = { time: { at: (row: Row) => row.at } }

const row = fc.record({
  key: fc.constantFrom('a', 'b'),
  part: fc.constantFrom('x', 'y'),
  at: fc.integer({ min: -60, max: 60 }),
})

test('no two rows that are the same and near go on, none is lost, kills anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepOf(row), { maxLength: 14 }),
      fc.constantFrom(1, 5, 20),
      fc.constantFrom(0, 3, 30),
      fc.constantFrom(1, 3),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, ttl, outOfOrder, partitions, options) => {
        const rows = topic<Row>('rows', {
          key: 'key',
          partitions,
          time: { at: (one) => one.at, outOfOrder: `${outOfOrder}ms` },
        })
        const byPart = rows
          .stream()
          .keyBy('key')
          .dedupe('by-part', { by: 'part', ttl: `${ttl}ms` })
        const byKey = rows
          .stream()
          .keyBy('key')
          .dedupe('by-key', { ttl: `${ttl}ms` })
        const t = await harness(app({ id: 'once' }).use(byPart, byKey), options)
        const sent = await play(t, steps, (one) => t.send(rows, one))
        await t.settle()
        const partitionOf = new Map<string, Row[]>()
        for (let p = 0; p < partitions; p++) {
          const own = [...t.log.records('rows', p, 0)].map(
            ({ value }) => JSON.parse(new TextDecoder().decode(value!)) as Row,
          )
          partitionOf.set(String(p), own)
        }
        expect([...partitionOf.values()].flat().length).toBe(sent.length)
        for (const [result, identity] of [
          [byPart, (one: Row) => one.key + one.part],
          [byKey, (one: Row) => one.key],
        ] as const) {
          const expected = [...partitionOf.values()].map((own) => firsts(own, { ttl, outOfOrder, identity }))
          expect(canonical(await t.take(result.out))).toEqual(
            canonical(expected.flatMap(({ first }) => first)),
          )
          const late = (await t.take(result.late)).map(({ value }) => value)
          expect(canonical(late)).toEqual(canonical(expected.flatMap((one) => one.late)))
        }
      },
    ),
    { numRuns: 60 },
  )
}, 60_000)

test('the edges: ttl apart is the same, a millisecond more is not; ttl behind is judged, more is late', async () => {
  const rows = topic<Row>('rows', timed)
  const once = rows.stream().keyBy('key').dedupe('once', { ttl: '10ms' })
  const t = await harness(app({ id: 'once' }).use(once))
  const at = async (time: number, key = 'a') => {
    t.send(rows, { key, part: '', at: time })
    return (await t.take(once.out)).length
  }
  expect([await at(100), await at(110), await at(111), await at(101)]).toEqual([1, 0, 1, 0])
  expect([await at(101, 'b'), await at(100, 'b')]).toEqual([1, 0])
  expect(await t.take(once.late)).toMatchObject([{ value: { at: 100, key: 'b' }, watermark: 111, lateBy: 1 }])
})

test('state returns to its floor once event time has passed', async () => {
  const rows = topic<Row>('rows', timed)
  const once = rows.stream().keyBy('key').dedupe('once', { ttl: '10ms' })
  const store = new MemoryStore()
  const t = await harness(app({ id: 'once' }).use(once), { openStore: () => store })
  const size = () => [...store.scan(new Uint8Array(), Uint8Array.of(255))].length
  await t.settle()
  t.send(rows, { key: 'first', part: '', at: 0 })
  await t.settle()
  const floor = size()
  for (let n = 0; n < 500; n++) t.send(rows, { key: `k${n}`, part: '', at: n % 7 })
  await t.settle()
  expect(size()).toBe(floor + 500)
  t.watermark(rows, 26)
  await t.settle()
  expect(size()).toBeLessThanOrEqual(floor + 72)
  t.watermark(rows, 27)
  await t.settle()
  expect(size()).toBe(floor - 1)
})

describe('refused:', () => {
  const rows = topic<Row>('rows', timed)
  const keyed = rows.stream().keyBy('key')

  test('a ttl that remembers nothing, rows without time, rows that replace each other', () => {
    expect(() => keyed.dedupe('once', { ttl: '0s' })).toThrow('remembers nothing')
    const untimed = topic<Row>('untimed').stream().keyBy('key').dedupe('once', { ttl: '1s' })
    expect(() => planApp(app({ id: 'a' }).use(untimed))).toThrow('would never forget')
    const updates = keyed.count('n').dedupe('once', { ttl: '1s' })
    expect(() => planApp(app({ id: 'a' }).use(updates))).toThrow('replace each other')
  })

  test('rows whose part is null are dropped and counted; one that is no key fails', async () => {
    const parts = keyed.dedupe('parts', { by: (one) => (one.part === '' ? null : one.part), ttl: '1s' })
    const t = await harness(app({ id: 'a' }).use(parts))
    t.send(rows, { key: 'a', part: '', at: 0 })
    t.send(rows, { key: 'a', part: 'x', at: 0 })
    expect(await t.take(parts.out)).toEqual([{ key: 'a', part: 'x', at: 0 }])
    expect(t.status().nodes.find(({ id }) => id === 'parts')).toMatchObject({ recordsIn: 2, dropped: 1 })
  })

  test('another identity for the state that is there', async () => {
    const t = await harness(app({ id: 'a' }).use(keyed.dedupe('once', { ttl: '1s' })))
    t.send(rows, { key: 'a', part: '', at: 0 })
    await t.stop()
    const changed = app({ id: 'a' }).use(keyed.dedupe('once', { by: 'part', ttl: '1s' }))
    await expect(harness(changed, { log: t.log })).rejects.toThrow(
      'it was a dedupe by key and is now a dedupe by a part',
    )
  })
})
