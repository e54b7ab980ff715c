import { expect, test } from 'bun:test'
import { BatchBuilder, batchHeaderSizeBytes, checkProducedBatch, readRecords } from '#record'
import { recordOf } from './records.ts'

test('count and size follow the records', () => {
  const builder = new BatchBuilder()
  expect([builder.count, builder.sizeBytes]).toEqual([0, batchHeaderSizeBytes])
  builder.append(recordOf('k', 'abc'))
  builder.append(recordOf(null, 'x'.repeat(100_000)))
  expect(builder.count).toBe(2)
  expect(builder.build().length).toBe(builder.sizeBytes)
})

test('a reset builder starts over, and its earlier batch stays as it was', () => {
  const builder = new BatchBuilder()
  builder.append(recordOf('first', 'a', 10))
  const first = builder.build()
  const copy = first.slice()
  builder.reset()
  builder.append(recordOf('second', 'b', 3))
  const second = builder.build()
  expect(first).toEqual(copy)
  expect(checkProducedBatch(second)).toMatchObject({ count: 1, baseTimestamp: 3, maxTimestamp: 3 })
  expect([...readRecords(second)].map((r) => [r.offset, r.timestamp])).toEqual([[0, 3]])
})

test('a builder goes on after a build', () => {
  const builder = new BatchBuilder({ compression: 'zstd' })
  builder.append(recordOf(null, 'a'))
  builder.build()
  builder.append(recordOf(null, 'b'))
  expect([...readRecords(builder.build())]).toHaveLength(2)
})

test('the maximum timestamp is that of the latest record, wherever it stands', () => {
  const builder = new BatchBuilder()
  for (const timestamp of [50, 70, 20]) builder.append(recordOf(null, 'a', timestamp))
  expect(checkProducedBatch(builder.build())).toMatchObject({ baseTimestamp: 50, maxTimestamp: 70 })
})

test('a given base timestamp changes the deltas, not the timestamps', () => {
  const builder = new BatchBuilder({ baseTimestamp: 1000 })
  builder.append(recordOf(null, 'a', 990))
  const batch = builder.build()
  expect(checkProducedBatch(batch)).toMatchObject({ baseTimestamp: 1000, maxTimestamp: 990 })
  expect([...readRecords(batch)][0]?.timestamp).toBe(990)
})

test('what a program may not do stops it: empty batches, times that are no whole milliseconds', () => {
  const builder = new BatchBuilder()
  expect(() => builder.build()).toThrow('a batch has a record')
  expect(() => builder.append(recordOf(null, 'a', 1.5))).toThrow('whole milliseconds')
  expect(() => builder.append(recordOf(null, 'a', Number.NaN))).toThrow('whole milliseconds')
  expect(builder.count).toBe(0)
})

test('a batch that could not be addressed is refused before memory is taken, and the rest of it stays', () => {
  const builder = new BatchBuilder()
  builder.append(recordOf(null, 'a'))
  const huge = new Uint8Array(2 ** 30)
  expect(() => builder.append({ key: null, value: huge, timestamp: 0 })).toThrow('a record batch may have')
  expect([...readRecords(builder.build())]).toHaveLength(1)
})
