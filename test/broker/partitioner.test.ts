import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { murmur2, partitionOf } from '#broker'
import { bytes } from './fixture.ts'

// The vectors that Kafka's own client tests publish.
const vectors: [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

/** Kafka's algorithm over 64-bit integers, written for reading instead of speed. */
function slowMurmur2(data: Uint8Array): number {
  const int = (value: bigint) => BigInt.asIntN(32, value)
  const shifted = (value: bigint, by: bigint) => BigInt.asUintN(32, value) >> by
  const m = 0x5bd1e995n
  let hash = int(0x9747b28cn ^ BigInt(data.length))
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  let at = 0
  for (; at + 4 <= data.length; at += 4) {
    let block = int(BigInt(view.getInt32(at, true)) * m)
    block = int((block ^ shifted(block, 24n)) * m)
    hash = int(hash * m) ^ block
  }
  const rest = data.subarray(at)
  rest.forEach((byte, index) => {
    hash ^= BigInt(byte) << BigInt(8 * index)
  })
  if (rest.length > 0) hash = int(hash * m)
  hash = int((hash ^ shifted(hash, 13n)) * m)
  return Number(int(hash ^ shifted(hash, 15n)))
}

describe('partitioner', () => {
  test.each(vectors)('murmur2 of %p is %p, as in the Java client', (key, hash) => {
    expect(murmur2(bytes(key))).toBe(hash)
  })

  test('murmur2 equals the definition for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (data) => murmur2(data) === slowMurmur2(data)),
      { numRuns: 300 },
    )
  })

  test('a negative hash loses its sign instead of being negated', () => {
    expect(partitionOf(bytes('21'), 7)).toBe((-973932308 & 0x7fffffff) % 7)
  })

  test('every key has a partition that exists, always the same', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 1000 }), (key, count) => {
        const partition = partitionOf(key, count)
        return partition >= 0 && partition < count && partition === partitionOf(key.slice(), count)
      }),
    )
  })
})
