import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { BrokerError, crc32c } from '#base'
import {
  BatchBuilder,
  type Compression,
  RecordCursor,
  type RecordInput,
  type RecordView,
  readBatchHeader,
  readRecords,
  writeBaseOffset,
} from '#record'
import { anyRecord, recordOf } from './records.ts'

const compressions: Compression[] = ['none', 'gzip', 'zstd']

function batchOf(records: readonly RecordInput[], compression: Compression = 'none', baseOffset = 0) {
  const builder = new BatchBuilder({ compression })
  for (const record of records) builder.append(record)
  const batch = builder.build()
  writeBaseOffset(batch, 0, baseOffset, 0)
  return batch
}

const joined = (...batches: Uint8Array[]) => new Uint8Array(Buffer.concat(batches))

const copyOf = (view: RecordView) => ({
  key: view.key?.slice() ?? null,
  value: view.value?.slice() ?? null,
  headers: view.headers.map(({ key, value }) => ({ key, value: value?.slice() ?? null })),
  timestamp: view.timestamp,
})

function withFittingCrc(batch: Uint8Array): Uint8Array {
  new DataView(batch.buffer).setUint32(17, crc32c(batch, 21))
  return batch
}

/** Reads everything, headers included; answers the number of records, or the code of the refusal. */
function outcome(batches: Uint8Array, cursor = new RecordCursor()): number | string {
  try {
    let count = 0
    for (cursor.reset(batches); cursor.next(); count++) {
      cursor.key()
      cursor.value()
      cursor.headers()
    }
    return count
  } catch (thrown) {
    if (thrown instanceof BrokerError) return thrown.code
    throw thrown
  }
}

test('whatever is appended is read back, for every codec and any number of batches', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 8 }), { maxLength: 4 }),
      fc.constantFrom(...compressions),
      (groups, compression) => {
        let end = 0
        const batches = groups.map((records) => {
          const batch = batchOf(records, compression, end)
          end += records.length
          return batch
        })
        const read = [...readRecords(joined(...batches))]
        expect(read.map((view) => view.offset)).toEqual(Array.from({ length: end }, (_, offset) => offset))
        expect(read.map(copyOf)).toEqual(groups.flat() as ReturnType<typeof copyOf>[])
      },
    ),
  )
})

test('values are views into the batch', () => {
  const batch = batchOf([recordOf('key', 'value')])
  const [record] = [...readRecords(batch)]
  expect(record?.value?.buffer).toBe(batch.buffer)
  expect(record?.key?.buffer).toBe(batch.buffer)
})

test('reading is lazy: damage behind the last record asked for is not met', () => {
  const batches = joined(batchOf([recordOf(null, 'a')]), new Uint8Array(100))
  const records = readRecords(batches)
  expect(records.next().value).toMatchObject({ offset: 0 })
  expect(() => records.next()).toThrow(BrokerError)
})

test('records before the wanted offset are skipped, in the first batch and by whole batches', () => {
  const three = (base: number) =>
    batchOf(
      [1, 2, 3].map((n) => recordOf(null, `${n}`, n)),
      'gzip',
      base,
    )
  const batches = joined(three(10), three(13), three(16))
  const offsets = (from: number) => [...readRecords(batches, from)].map((record) => record.offset)
  expect(offsets(0)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18])
  expect(offsets(14)).toEqual([14, 15, 16, 17, 18])
  expect(offsets(18)).toEqual([18])
  expect(offsets(19)).toEqual([])
})

test('an offset beyond 2^32 and a time beyond 2^40 stay exact', () => {
  const batch = batchOf([recordOf(null, 'a', 1700000000123), recordOf(null, 'b', 3)], 'none', 2 ** 40)
  expect([...readRecords(batch)].map((r) => [r.offset, r.timestamp])).toEqual([
    [2 ** 40, 1700000000123],
    [2 ** 40 + 1, 3],
  ])
})

test('append time replaces the timestamps of all records', () => {
  const batch = batchOf([recordOf(null, 'a', 1), recordOf(null, 'b', 2)])
  batch[22]! |= 0x08
  new DataView(batch.buffer).setBigInt64(35, 99n)
  expect([...readRecords(withFittingCrc(batch))].map((r) => r.timestamp)).toEqual([99, 99])
})

test('transaction markers are no records', () => {
  const marker = batchOf([recordOf('\0\0\0\x01', '\0\0\0\0\0\0')])
  marker[22]! |= 0x30
  const batches = joined(withFittingCrc(marker), batchOf([recordOf(null, 'a')], 'none', 1))
  expect([...readRecords(batches)].map((r) => r.offset)).toEqual([1])
})

test('offsets that compaction left out are left out', () => {
  const batch = batchOf([recordOf(null, 'a'), recordOf(null, 'b')], 'none', 20)
  const view = new DataView(batch.buffer)
  view.setInt32(23, 9)
  // The last record's offset delta: its attributes and timestamp delta are one byte each.
  const lastRecord = batch.length - 8
  expect(batch[lastRecord]).toBe(14)
  batch[lastRecord + 3] = 2 * 9
  expect([...readRecords(withFittingCrc(batch))].map((r) => r.offset)).toEqual([20, 29])
})

describe('hostile bytes', () => {
  const whole = joined(
    batchOf([recordOf('k', 'abc', 5), { ...recordOf('l', null, 6), headers: [{ key: 'h', value: null }] }]),
    batchOf([recordOf('k', 'abc'.repeat(50), 5), recordOf('l', 'x')], 'zstd', 2),
  )

  test('cut anywhere, they are refused or end at a batch', () => {
    const firstSize = readBatchHeader(whole).sizeBytes
    for (let size = 0; size < whole.length; size++) {
      const expected = size === 0 ? 0 : size === firstSize ? 2 : 'corrupt'
      expect([size, outcome(whole.slice(0, size))]).toEqual([size, expected])
    }
  })

  test('any byte changed to anything is refused or read within bounds, with the CRC forged to fit', () => {
    const first = whole.slice(0, readBatchHeader(whole).sizeBytes)
    const cursor = new RecordCursor()
    for (let at = 17; at < first.length; at++) {
      for (let value = 0; value < 256; value++) {
        const forged = first.slice()
        forged[at] = value
        withFittingCrc(forged)
        const result = outcome(forged, cursor)
        if (typeof result === 'string') expect(['corrupt', 'invalid_request']).toContain(result)
        else expect(result).toBeLessThanOrEqual(2)
      }
    }
  })

  test('random records inside a valid batch are refused or read within bounds', () => {
    const cursor = new RecordCursor()
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        (records, count) => {
          const batch = joined(batchOf([recordOf(null, 'a')]).subarray(0, 61), records)
          const view = new DataView(batch.buffer)
          view.setInt32(8, batch.length - 12)
          view.setInt32(23, count - 1)
          view.setInt32(57, count)
          const result = outcome(withFittingCrc(batch), cursor)
          if (typeof result === 'string') expect(result).toBe('corrupt')
          else expect(result).toBe(count)
        },
      ),
    )
  })

  test('without the check of the CRC, lengths are still not believed', () => {
    const cursor = new RecordCursor({ verify: false })
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const damaged = whole.slice()
        damaged[at] = value
        outcome(damaged, cursor)
      }),
    )
    for (const length of [-2147483648, -1, 0, 48, 2147483647]) {
      const damaged = whole.slice()
      new DataView(damaged.buffer).setInt32(8, length)
      expect(outcome(damaged, cursor)).toBe('corrupt')
    }
  })

  test('a cursor goes on with good bytes after it met damage', () => {
    const cursor = new RecordCursor()
    const damaged = whole.slice()
    damaged[70]! ^= 1
    expect(outcome(damaged, cursor)).toBe('corrupt')
    expect(outcome(whole, cursor)).toBe(4)
  })
})

describe('compression', () => {
  test.each(['gzip', 'zstd'] as const)(
    'a %s batch that unpacks beyond the limit is refused',
    (compression) => {
      const bomb = batchOf([recordOf(null, ' '.repeat(2 ** 20))], compression)
      expect(bomb.length).toBeLessThan(5_000)
      expect(outcome(bomb, new RecordCursor({ unpackedSizeBytesMax: 2 ** 20 + 100 }))).toBe(1)
      expect(outcome(bomb, new RecordCursor({ unpackedSizeBytesMax: 2 ** 20 }))).toBe('too_large')
    },
  )

  test.each(['gzip', 'zstd'] as const)('a %s block that is cut is corrupt', (compression) => {
    const batch = batchOf([recordOf('key', 'value'.repeat(100))], compression)
    for (let size = 61; size < batch.length; size++) {
      const cut = batch.slice(0, size)
      new DataView(cut.buffer).setInt32(8, size - 12)
      expect(outcome(withFittingCrc(cut))).toBe('corrupt')
    }
  })

  test.each([
    [2, 'snappy'],
    [3, 'lz4'],
  ])('codec %d (%s) says that it cannot be read yet', (codec, name) => {
    const batch = batchOf([recordOf(null, 'a')])
    batch[22] = codec
    expect(() => [...readRecords(withFittingCrc(batch))]).toThrow(
      `records compressed with ${name} cannot be read`,
    )
  })
})
