import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { formatCompact, formatRate, formatTight, formatValue } from '../../ui/format/number.ts'
import { cliOf, curlOf, matchesText, previewOf, shellQuote } from '../../ui/format/record.ts'
import { visibleText } from '../../ui/format/text.ts'
import { formatAgo, formatSpan, formatUtc, parseSpan } from '../../ui/format/time.ts'

describe('numbers', () => {
  test('bytes and milliseconds scale themselves', () => {
    expect(formatValue(0, { unit: 'bytes' })).toBe('0 B')
    expect(formatValue(1_234_567, { unit: 'bytes' })).toBe('1.23 MB')
    expect(formatValue(999_950, { unit: 'bytes' })).toBe('1 MB')
    expect(formatValue(1_500, { unit: 'bytes/s' })).toBe('1.5 kB/s')
    expect(formatValue(0.42, { unit: 'ms' })).toBe('420 µs')
    expect(formatValue(12, { unit: 'ms' })).toBe('12 ms')
    expect(formatValue(90_000, { unit: 'ms' })).toBe('1.5 min')
  })
  test('other units are a suffix or a prefix', () => {
    expect(formatValue(42.123, { unit: '%' })).toBe('42.1%')
    expect(formatValue(5, { unit: 'flights' })).toBe('5 flights')
    expect(formatValue(5, { unit: '€', unitPosition: 'prefix', decimals: 2 })).toBe('€5.00')
  })
  test('decimals are kept when asked for and chosen when not', () => {
    expect(formatValue(3, { decimals: 1 })).toBe('3.0')
    expect(formatValue(1234.567)).toBe('1,235')
    expect(formatValue(-0.1234)).toBe('−0.12')
  })
  test('what is no number is shown as it is, and nothing as a dash', () => {
    expect(formatValue('up')).toBe('up')
    expect(formatValue(null)).toBe('–')
    expect(formatValue(Number.NaN)).toBe('–')
    expect(formatValue({ a: 1 })).toBe('{"a":1}')
  })
  test('axes are short', () => {
    expect(formatCompact(9_500)).toBe('9,500')
    expect(formatCompact(12_000)).toBe('12k')
    expect(formatCompact(2_500_000)).toBe('2.5M')
    expect(formatCompact(40, { unit: '%' })).toBe('40%')
  })
  test('beyond the names of sizes there are exponents', () => {
    expect(formatCompact(-1e19)).toBe('−1e19')
    expect(formatCompact(2.5e12)).toBe('2.5T')
  })
  test('a card shortens what would not fit, and only that', () => {
    expect(formatTight(1_234_567)).toBe('1,234,567')
    expect(formatTight(12_345_678)).toBe('12.3 M')
    expect(formatTight(123_456.789, { unit: '€', unitPosition: 'prefix', decimals: 2 })).toBe('€123,457')
    expect(formatTight(-98_765_432, { unit: 'orders' })).toBe('−98.8 M orders')
    expect(formatTight(1.5e20)).toBe('1.5e20')
    expect(formatTight(1e30, { unit: 'bytes' })).toBe('1e15 PB')
    expect(formatTight('up')).toBe('up')
  })
  test('no number is long in a card', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        for (const unit of ['bytes', 'ms', '']) expect(formatTight(value, { unit }).length).toBeLessThan(14)
        expect(formatCompact(value).length).toBeLessThan(10)
      }),
    )
  })
  test('rates lose their decimals as they grow', () => {
    expect([0, 0.25, 9.96, 1234.5].map(formatRate)).toEqual(['0', '0.3', '10', '1,235'])
  })
  test('any finite number can be written', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        for (const unit of ['bytes', 'ms', '%', '']) expect(formatValue(value, { unit })).not.toContain('NaN')
      }),
    )
  })
})

describe('times', () => {
  test('ages are short and dates long', () => {
    expect(formatAgo(1_000, 2_000)).toBe('just now')
    expect(formatAgo(0, 59_000)).toBe('59 s ago')
    expect(formatAgo(0, 3_600_000)).toBe('1 h ago')
    expect(formatAgo(0, 1e12)).toContain('1970')
  })
  test('spans show their two largest parts', () => {
    expect(formatSpan(900)).toBe('900 ms')
    expect(formatSpan(65_000)).toBe('1 min 5 s')
    expect(formatSpan(86_400_000)).toBe('1 d')
    expect(formatSpan(90_061_000)).toBe('1 d 1 h')
  })
  test('spans are read back', () => {
    expect(parseSpan('15m')).toBe(900_000)
    expect(parseSpan('7d')).toBe(604_800_000)
    expect(parseSpan('soon')).toBeNull()
  })
  test('a time outside the calendar is a dash, not an exception', () => {
    expect(formatUtc(1e99)).toBe('–')
    expect(formatAgo(Number.NaN, 0)).toBe('–')
    expect(formatUtc(0)).toBe('1970-01-01 00:00:00.000 UTC')
  })
})

describe('records', () => {
  test('a row shows one bounded line', () => {
    expect(previewOf({ a: 'x\n  y' })).toBe('{"a":"x\\n y"}')
    expect(previewOf('x'.repeat(500))).toHaveLength(241)
    expect(previewOf(undefined)).toBe('null')
  })
  test('every word must be found somewhere', () => {
    const record = {
      partition: 0,
      offset: 1,
      timestamp: 0,
      key: 'EDDF',
      value: { delay: 12 },
      headers: { source: 'b' },
    }
    expect(matchesText(record, 'eddf delay')).toBe(true)
    expect(matchesText(record, 'eddf none')).toBe(false)
    expect(matchesText(record, '  ')).toBe(true)
  })
  test('commands survive a shell', () => {
    expect(shellQuote("it's")).toBe(`'it'\\''s'`)
    const query = { topic: 'a b', partition: 0, from: '2026-01-01T00:00:00Z', limit: 10 }
    expect(curlOf('http://h/sub/', query)).toBe(
      "curl -s 'http://h/sub/api/v1/topics/a%20b/records?partition=0&from=2026-01-01T00%3A00%3A00Z&limit=10'",
    )
    expect(cliOf(query)).toBe("pspf consume 'a b' --from 2026-01-01T00:00:00Z --partition 0 -n 10")
  })
})

test('what turns or hides text is spelled out, what spells a word stays', () => {
  expect(visibleText('evil\u202Ecod.exe\u0007')).toBe('evil\\u202Ecod.exe\\u0007')
  expect(visibleText('a\u2066b\u200F\x9b')).toBe('a\\u2066b\\u200F\\u009B')
  expect(visibleText('two\n\tlines, 👩‍👧, مرحبا')).toBe('two\n\tlines, 👩‍👧, مرحبا')
})
