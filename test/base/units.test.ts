import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { asMillis, formatDuration, formatSize, parseDuration, parseSize } from '../../src/base/units.ts'

describe('units', () => {
  test('durations are read in all their units', () => {
    expect(['250ms', '10s', '5m', '2h', '7d', '1.5s'].map(parseDuration)).toEqual(
      [250, 10_000, 300_000, 7_200_000, 604_800_000, 1_500].map(asMillis),
    )
  })

  test('anything else is no duration', () => {
    for (const text of ['', '10', 's', '-5s', '1e3s', '5 parsecs', '10sec'])
      expect(() => parseDuration(text)).toThrow('not a duration')
  })

  test('sizes are powers of two, with or without the B', () => {
    expect(['1', '1B', '2k', '2KB', '2KiB', '64MB', '1.5 GB', '1T'].map(parseSize) as number[]).toEqual([
      1,
      1,
      2048,
      2048,
      2048,
      67_108_864,
      1_610_612_736,
      2 ** 40,
    ])
    for (const text of ['', 'MB', '-1MB', '10 PB', '1..2K'])
      expect(() => parseSize(text)).toThrow('not a size')
  })

  test('what is formatted can be read again, near enough', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (bytes) => {
        const back = parseSize(formatSize(bytes))
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(Math.max(1, bytes * 0.06))
      }),
    )
  })

  test('durations are told in their two largest units', () => {
    expect([0, 999, 1000, 90_000, 3_600_000, 90_061_000].map(formatDuration)).toEqual([
      '0ms',
      '999ms',
      '1s',
      '1m 30s',
      '1h',
      '1d 1h',
    ])
  })
})
