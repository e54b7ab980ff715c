import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseExact } from '../../src/cli/exact-json.ts'

test.each([
  '9007199254740993',
  '{"id":12345678901234567890,"n":[1,0.1234567890123456789]}',
  '"12345678901234567890"',
  '{"a":-9223372036854775808}',
  '{"huge":1e400,"small":-1E-400}',
  '[-0,-0.0,-0e5]',
])('every digit of %s is kept', (text) => {
  expect(JSON.stringify(parseExact(text))).toBe(text)
})

test('ordinary numbers stay numbers', () => {
  expect(parseExact('{"at":1700000000000,"safe":9007199254740991}')).toEqual({
    at: 1700000000000,
    safe: 9007199254740991,
  })
  expect(parseExact('[{"offset":5,"value":12345678901234567890}]')).toMatchObject([{ offset: 5 }])
})

test('it agrees with JSON.parse wherever nothing is changed', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text)
      // Numbers may be written differently, but never become others.
      expect(JSON.parse(JSON.stringify(parseExact(text)))).toEqual(value)
    }),
  )
})
