import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseRecordsPage } from '../../src/cli/record-texts.ts'

const recordText = (value: string, key = '"k"') =>
  `{"partition":0,"offset":1,"timestamp":2,"key":${key},"value":${value},"headers":{"value":"]}"}}`
const pageText = (records: readonly string[]) =>
  `{"records":[${records.join(',')}],"next":7,"startOffset":0,"endOffset":7}`

test.each([
  '{"e":1e400,"z":-0,"o":1.0,"10":1,"2":2,"dup":1,"dup":2}',
  '{ "a" : [ 1 , {"b":"}\\"]\\\\"} ] }',
  '"\\\\"',
  '-0',
  '12345678901234567890',
  '[]',
  '{}',
  '{"value":"inner"}',
])('the value %s keeps every character', (value) => {
  const text = recordText(value, '"\\"value\\":1"')
  const { rows, next } = parseRecordsPage(pageText([text, text]))
  expect(next).toBe(7)
  expect(rows.map((row) => row.valueText)).toEqual([value, value])
  expect(rows[1]!.text).toBe(text)
  expect(rows[1]!.record.offset).toBe(1)
})

test('a page without records has no rows, and what is no JSON is refused', () => {
  expect(parseRecordsPage(pageText([])).rows).toEqual([])
  expect(() => parseRecordsPage('{"records":[{')).toThrow()
})

test('any JSON comes through, however it is spaced', () => {
  fc.assert(
    fc.property(fc.array(fc.json(), { maxLength: 5 }), fc.constantFrom(0, 2), (values, indent) => {
      const spaced = values.map((value) => JSON.stringify(JSON.parse(value), null, indent))
      const page = ` ${pageText(spaced.map((value) => recordText(value)))}\n`
      expect(parseRecordsPage(page).rows.map((row) => row.valueText)).toEqual(spaced)
    }),
  )
})
