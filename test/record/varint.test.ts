import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { sizeOfVarint, sizeOfVarlong, VarintReader, writeVarint, writeVarlong } from '#record'

function readerOf(bytes: Uint8Array): VarintReader {
  const reader = new VarintReader()
  reader.bytes = bytes
  reader.end = bytes.length
  return reader
}

const wholeNumbers = fc.maxSafeInteger()

describe('varint', () => {
  test.each([
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [-64, '7f'],
    [64, '8001'],
    [300, 'd804'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
  ])('%d is written as %s', (value, hex) => {
    const bytes = new Uint8Array(5)
    expect(bytes.subarray(0, writeVarint(bytes, 0, value)).toHex()).toBe(hex)
    expect(readerOf(Uint8Array.fromHex(hex)).varint()).toBe(value)
  })

  test('every 32-bit integer comes back and takes the size foretold', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const bytes = new Uint8Array(5)
        const end = writeVarint(bytes, 0, value)
        expect(end).toBe(sizeOfVarint(value))
        const reader = readerOf(bytes.subarray(0, end))
        expect(reader.varint()).toBe(value)
        expect(reader.at).toBe(end)
      }),
    )
  })

  test.each(['', '80', 'ffffffff', 'ffffffff1f', 'ffffffffff00'])('"%s" is refused', (hex) => {
    expect(() => readerOf(Uint8Array.fromHex(hex)).varint()).toThrow('record is malformed')
  })

  test('bytes beyond the end are not read', () => {
    const reader = readerOf(Uint8Array.of(0x80, 0x01))
    reader.end = 1
    expect(() => reader.varint()).toThrow('runs past its end')
  })
})

describe('varlong', () => {
  test.each([
    [2 ** 31, '8080808010'],
    [-(2 ** 31) - 1, '8180808010'],
    [1700000000000, '80a0abfef962'],
    [Number.MAX_SAFE_INTEGER, 'feffffffffffff1f'],
    [Number.MIN_SAFE_INTEGER, 'fdffffffffffff1f'],
  ])('%d is written as %s', (value, hex) => {
    const bytes = new Uint8Array(10)
    expect(bytes.subarray(0, writeVarlong(bytes, 0, value)).toHex()).toBe(hex)
    expect(readerOf(Uint8Array.fromHex(hex)).varlong()).toBe(value)
  })

  test('every safe integer comes back, as the same bytes that bigint arithmetic gives', () => {
    fc.assert(
      fc.property(fc.oneof(wholeNumbers, fc.integer()), (value) => {
        const bytes = new Uint8Array(10)
        const end = writeVarlong(bytes, 0, value)
        expect(end).toBe(sizeOfVarlong(value))
        expect(bytes.subarray(0, end).toHex()).toBe(bigintVarlong(BigInt(value)))
        const reader = readerOf(bytes.subarray(0, end))
        expect(reader.varlong()).toBe(value)
        expect(reader.at).toBe(end)
      }),
    )
  })

  test('values outside the safe integers are refused, not rounded', () => {
    for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
      const reader = readerOf(Uint8Array.fromHex(bigintVarlong(value)))
      expect(() => reader.varlong()).toThrow('outside the safe integers')
    }
    expect(() => readerOf(new Uint8Array(11).fill(0xff)).varlong()).toThrow('longer than 64 bits')
  })
})

function bigintVarlong(value: bigint): string {
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  while (zigzag > 0x7fn) {
    bytes.push(Number(zigzag & 0x7fn) | 0x80)
    zigzag >>= 7n
  }
  bytes.push(Number(zigzag))
  return Uint8Array.from(bytes).toHex()
}
