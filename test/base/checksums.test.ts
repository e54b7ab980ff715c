import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { crc32, crc32c } from '#base'

const ascii = (text: string) => new TextEncoder().encode(text)

test('crc32c gives the published check values (RFC 3720, B.4)', () => {
  expect(crc32c(ascii('123456789'))).toBe(0xe3069283)
  expect(crc32c(new Uint8Array(0))).toBe(0)
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c)
})

test('crc32 gives the published check value', () => {
  expect(crc32(ascii('123456789'))).toBe(0xcbf43926)
  expect(crc32(ascii('x123456789y'), 1, 10)).toBe(0xcbf43926)
})

function crc32cBitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

test('any range of any view has the checksum that the definition gives', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(200), (bytes, a, b) => {
      const start = Math.min(a, b, bytes.length)
      const end = Math.min(Math.max(a, b), bytes.length)
      const shifted = new Uint8Array(bytes.length + 3).subarray(3)
      shifted.set(bytes)
      const expected = crc32cBitByBit(bytes.subarray(start, end))
      expect(crc32c(bytes, start, end)).toBe(expected)
      expect(crc32c(shifted, start, end)).toBe(expected)
    }),
  )
})
