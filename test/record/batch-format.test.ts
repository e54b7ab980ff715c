import { describe, expect, test } from 'bun:test'
import { BrokerError, crc32c } from '#base'
import {
  BatchBuilder,
  type BatchHeader,
  checkBatch,
  checkProducedBatch,
  readBatchHeader,
  writeBaseOffset,
} from '#record'
import { recordOf } from './records.ts'

/** Built by hand from Kafka's layout: two records, the second with a null key and one header. */
const golden = {
  prefix: '0000000000000007 00000049 00000003 02',
  // From the attributes on: what the CRC covers.
  body: [
    '0000 00000001 0000018bcfe56800 0000018bcfe56801 ffffffffffffffff ffff ffffffff 00000002',
    '14 00 00 00 02 6b 06 616263 00',
    '18 00 02 02 01 02 31 02 02 68 04 7631',
  ].join(' '),
}
const hexBytes = (hex: string) => Uint8Array.fromHex(hex.replaceAll(' ', ''))

function goldenBatch(): Uint8Array {
  const body = hexBytes(golden.body)
  const crc = crc32c(body).toString(16).padStart(8, '0')
  return Uint8Array.from([...hexBytes(golden.prefix), ...hexBytes(crc), ...body])
}

/** Changes a batch after its header was made valid, and makes the CRC fit again. */
function forged(change: (batch: Uint8Array) => void): Uint8Array {
  const batch = goldenBatch()
  change(batch)
  new DataView(batch.buffer).setUint32(17, crc32c(batch, 21))
  return batch
}

const codeOf = (action: () => unknown) => {
  try {
    action()
  } catch (thrown) {
    return thrown instanceof BrokerError ? thrown.code : thrown
  }
  return 'nothing thrown'
}

test('the builder writes the golden bytes', () => {
  const builder = new BatchBuilder()
  builder.append(recordOf('k', 'abc', 1700000000000))
  builder.append({ ...recordOf(null, '1', 1700000000001), headers: [{ key: 'h', value: hexBytes('7631') }] })
  const batch = builder.build()
  writeBaseOffset(batch, 0, 7, 3)
  expect(batch.toHex()).toBe(goldenBatch().toHex())
})

test('a header reads field by field, at any position', () => {
  const expected: BatchHeader = {
    baseOffset: 7,
    sizeBytes: goldenBatch().length,
    leaderEpoch: 3,
    magic: 2,
    crc: crc32c(hexBytes(golden.body)),
    attributes: 0,
    compression: 'none',
    appendTime: false,
    transactional: false,
    control: false,
    lastOffset: 8,
    count: 2,
    baseTimestamp: 1700000000000,
    maxTimestamp: 1700000000001,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
  }
  expect(readBatchHeader(goldenBatch())).toEqual(expected)
  const shifted = Uint8Array.from([9, 9, 9, ...goldenBatch(), 9])
  expect(checkBatch(shifted, 3)).toEqual(expected)
})

test('producer fields and attribute bits read back', () => {
  const builder = new BatchBuilder({ producer: { id: 2 ** 40 + 5, epoch: 300, baseSequence: 2147483647 } })
  builder.append(recordOf(null, 'x', 5))
  expect(readBatchHeader(builder.build())).toMatchObject({
    producerId: 2 ** 40 + 5,
    producerEpoch: 300,
    baseSequence: 2147483647,
  })
  const flagged = readBatchHeader(forged((batch) => batch.set([0x00, 0x3c], 21)))
  expect(flagged).toMatchObject({ compression: 'zstd', appendTime: true, transactional: true, control: true })
})

describe('checkBatch', () => {
  test('bytes 0 to 20 lie outside the CRC, every later byte inside', () => {
    const batch = goldenBatch()
    for (let at = 0; at < batch.length; at++) {
      const damaged = batch.slice()
      damaged[at]! ^= 0x10
      const inOffsetOrEpoch = at < 8 || (at >= 12 && at < 16)
      if (inOffsetOrEpoch) expect(checkBatch(damaged).count).toBe(2)
      else expect(['corrupt', 'invalid_request']).toContain(codeOf(() => checkBatch(damaged)) as string)
      if (at >= 17) expect(codeOf(() => checkBatch(damaged))).toBe('corrupt')
    }
  })

  test('a batch cut anywhere is corrupt', () => {
    const batch = goldenBatch()
    for (let size = 0; size < batch.length; size++) {
      expect(codeOf(() => checkBatch(batch.subarray(0, size)))).toBe('corrupt')
    }
  })

  test.each([-2147483648, -1, 0, 48, 2147483647])('a length of %d is corrupt', (length) => {
    expect(codeOf(() => checkBatch(forged((batch) => new DataView(batch.buffer).setInt32(8, length))))).toBe(
      'corrupt',
    )
  })

  test('an older format is named', () => {
    expect(() => checkBatch(forged((batch) => (batch[16] = 1)))).toThrow('format version 1, not 2')
  })

  test.each([5, 6, 7])('codec %d is refused', (codec) => {
    expect(codeOf(() => checkBatch(forged((batch) => (batch[22] = codec))))).toBe('invalid_request')
  })

  test('more records than offsets are refused, fewer are what compaction leaves', () => {
    const claiming = (count: number) => forged((batch) => new DataView(batch.buffer).setInt32(57, count))
    expect(codeOf(() => checkBatch(claiming(3)))).toBe('invalid_request')
    expect(codeOf(() => checkBatch(claiming(-1)))).toBe('invalid_request')
    expect(codeOf(() => checkBatch(claiming(2147483647)))).toBe('invalid_request')
    expect(checkBatch(claiming(1)).count).toBe(1)
    expect(codeOf(() => checkProducedBatch(claiming(1)))).toBe('invalid_request')
    expect(checkProducedBatch(goldenBatch()).count).toBe(2)
  })

  test('clients may not write control batches', () => {
    const control = forged((batch) => (batch[22] = 0x20))
    expect(checkBatch(control).control).toBe(true)
    expect(codeOf(() => checkProducedBatch(control))).toBe('invalid_request')
  })
})

test('the server may set the offset and the epoch of a checked batch, and only they change', () => {
  const batch = goldenBatch()
  const before = batch.slice()
  writeBaseOffset(batch, 0, 2 ** 45 + 3, 2 ** 31 - 1)
  expect(checkBatch(batch)).toMatchObject({
    baseOffset: 2 ** 45 + 3,
    lastOffset: 2 ** 45 + 4,
    leaderEpoch: 2 ** 31 - 1,
  })
  expect(batch.subarray(8, 12)).toEqual(before.subarray(8, 12))
  expect(batch.subarray(16)).toEqual(before.subarray(16))
})
