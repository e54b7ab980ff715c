import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  fieldReader,
  readNumber,
  readTime,
  shortText,
  widgetRecord,
} from '../../src/dashboards/widget-record.ts'
import { oddValue, record } from './records.ts'

describe('fields', () => {
  const row = record(
    { n: 1, window: { start: 5 }, 'a.b': 2, a: { b: 3 } },
    { key: 'k', timestamp: 9, offset: 7, partition: 3 },
  )
  test('are dotted paths; a field of exactly that name wins', () => {
    expect(fieldReader('n')(row)).toBe(1)
    expect(fieldReader('window.start')(row)).toBe(5)
    expect(fieldReader('a.b')(row)).toBe(2)
    expect(fieldReader('a.c.d')(row)).toBeUndefined()
  })

  test('beginning with $ are the record itself; key is the record key unless the value has one', () => {
    expect(['$time', '$key', '$offset', '$partition', 'key'].map((name) => fieldReader(name)(row))).toEqual([
      9,
      'k',
      7,
      3,
      'k',
    ])
    expect(fieldReader('key')(record({ key: 'own' }, { key: 'k' }))).toBe('own')
    expect(fieldReader('$value')(record(7))).toBe(7)
  })

  test('never reach a prototype, whatever they are called', () => {
    fc.assert(
      fc.property(
        oddValue,
        fc.constantFrom('__proto__', 'constructor', 'toString.name', 'length', '__proto__.x', ''),
        (value, name) => {
          const read = fieldReader(name)(record(value))
          const own = typeof value === 'object' && value !== null && Object.hasOwn(value, name.split('.')[0]!)
          if (!own && typeof value !== 'string') expect(read).toBeUndefined()
        },
      ),
    )
  })
})

describe('numbers and times', () => {
  test('decimals as text are numbers; what only looks like one is not', () => {
    expect(['1', '-2.5', '.5', '1e3', '+7'].map(readNumber)).toEqual([1, -2.5, 0.5, 1_000, 7])
    expect(
      ['', ' 1', '0x10', '1_000', '1,5', 'NaN', '1e999', [], {}, null, undefined].map(readNumber),
    ).toEqual(Array(11).fill(null))
  })

  test('always finite or null', () => {
    fc.assert(
      fc.property(oddValue, (value) => {
        for (const read of [readNumber(value), readTime(value)])
          expect(read === null || Number.isFinite(read)).toBeTrue()
      }),
    )
  })
})

test('what is shown is valid text of at most the length asked for', () => {
  fc.assert(
    fc.property(
      fc.oneof(oddValue, fc.string({ unit: 'binary', maxLength: 400 })),
      fc.integer({ min: 1, max: 300 }),
      (value, max) => {
        const text = shortText(value, max)
        expect(text.length).toBeLessThanOrEqual(max)
        expect(text.isWellFormed()).toBeTrue()
      },
    ),
  )
})

test('bytes become key and value by the one codec; a tombstone is not a null', () => {
  const view = { offset: 1, timestamp: 2, headers: [], key: new TextEncoder().encode('12'), value: null }
  expect(widgetRecord(0, view)).toMatchObject({ key: '12', value: null, deleted: true })
  expect(widgetRecord(0, { ...view, value: new TextEncoder().encode('null') })).toMatchObject({
    value: null,
    deleted: false,
  })
})
