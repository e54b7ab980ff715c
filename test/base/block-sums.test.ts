import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { BlockSums, crc32, damagedBlockAt, seededRandom, sumBlockBytes } from '#base'

function content(sizeBytes: number): Uint8Array {
  const random = seededRandom(sizeBytes)
  return Uint8Array.from({ length: sizeBytes }, () => random.below(256))
}

function sumsOf(bytes: Uint8Array): BlockSums {
  const sums = new BlockSums()
  sums.add(bytes)
  sums.mark()
  return sums
}

describe('block sums', () => {
  test('however a file is cut into writes, its sums are those of its blocks', () => {
    const file = content(3 * sumBlockBytes + 100)
    const whole = [0, 1, 2, 3].map((block) =>
      crc32(file.slice(block * sumBlockBytes, (block + 1) * sumBlockBytes)),
    )
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 12 }), (cuts) => {
        const sums = new BlockSums()
        let at = 0
        for (const size of [...cuts, file.length]) {
          sums.add(file.subarray(at, at + size))
          at = Math.min(at + size, file.length)
        }
        sums.mark()
        expect(sums.covering(0, file.length)).toEqual({ from: 0, until: file.length, sums: whole })
      }),
      { numRuns: 50 },
    )
  })

  test('a flipped bit anywhere in a block is found, and bytes outside the range do not matter', () => {
    const file = content(2 * sumBlockBytes + 500)
    const range = sumsOf(file).covering(sumBlockBytes + 7, sumBlockBytes + 8)
    expect(range).toMatchObject({ from: sumBlockBytes, until: 2 * sumBlockBytes })
    const read = file.slice(range.from)
    expect(damagedBlockAt(read, range)).toBe(-1)
    for (let byte = 0; byte < sumBlockBytes; byte += 997) {
      read[byte]! ^= 1 << (byte % 8)
      expect(damagedBlockAt(read, range)).toBe(sumBlockBytes)
      read[byte]! ^= 1 << (byte % 8)
    }
    read[sumBlockBytes]! ^= 1
    expect(damagedBlockAt(read, range)).toBe(-1)
  })

  test('bytes that are missing are damage', () => {
    const file = content(sumBlockBytes + 10)
    const range = sumsOf(file).covering(0, file.length)
    expect(damagedBlockAt(file.subarray(0, file.length - 1), range)).toBe(sumBlockBytes)
    expect(damagedBlockAt(file.subarray(0, 0), range)).toBe(0)
  })

  test('what is added after the mark does not change the sums that are given out', () => {
    const file = content(sumBlockBytes * 2)
    const sums = sumsOf(file.subarray(0, 1000))
    const before = sums.covering(0, 1000)
    sums.add(file.subarray(1000))
    expect(sums.covering(0, 1000)).toEqual(before)
    expect(damagedBlockAt(file, before)).toBe(-1)
    sums.mark()
    expect(damagedBlockAt(file, sums.covering(0, file.length))).toBe(-1)
  })

  test.each([0, 1, sumBlockBytes - 1, sumBlockBytes, sumBlockBytes + 1, 9 * sumBlockBytes])(
    'sums of %d bytes survive encoding and go on',
    (sizeBytes) => {
      const file = content(sizeBytes + 1000)
      const again = BlockSums.decode(sumsOf(file.subarray(0, sizeBytes)).encode(), sizeBytes)!
      expect(again.markedBytes).toBe(sizeBytes)
      again.add(file.subarray(sizeBytes))
      again.mark()
      expect(again.encode()).toEqual(sumsOf(file).encode())
      expect(BlockSums.decode(again.encode(), sizeBytes + 200_000)).toBeNull()
    },
  )
})
