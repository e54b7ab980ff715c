import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { BrokerError } from '#base'
import { parseLines, parseRecords } from '../../src/http/produced.ts'

const options = { keyField: undefined, recordsMax: 1_000 }
const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes))

function failure(action: () => unknown): BrokerError {
  try {
    action()
  } catch (thrown) {
    if (thrown instanceof BrokerError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}

describe('a list of records', () => {
  test('stores the text of every value byte for byte', () => {
    const value = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value, null, 1)),
      fc.constantFrom(
        '12345678901234567890',
        '1.0',
        '1e400',
        '-0',
        '0.1000',
        '{"a":1,"a":2}',
        '"\\u0041"',
        '"é"',
      ),
    )
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        const body = bytesOf(
          `{ "records" : [ ${values.map((text) => `{"value": ${text} }`).join(' ,\n')} ] }`,
        )
        const stored = parseRecords(body, options).map((record) => textOf(record.value))
        expect(stored).toEqual(values.map((text) => (text === 'null' ? null : text)))
      }),
    )
  })

  test.each([
    ['"a"', 'a'],
    ['"\\u0061"', 'a'],
    ['42', '42'],
    ['12345678901234567890', '12345678901234567890'],
    ['1.0', '1.0'],
    ['true', 'true'],
    ['{"b": 1}', '{"b": 1}'],
    ['null', null],
    ['""', ''],
  ])('the key %s is stored as %s', (key, expected) => {
    const [record] = parseRecords(bytesOf(`{"records":[{"value":1,"key":${key}}]}`), options)
    expect(textOf(record!.key)).toBe(expected)
  })

  test('what base64 stands for is stored', () => {
    const body = bytesOf(
      '{"records":[{"key":"/w==","value":"AAE=","encoding":{"key":"base64","value":"base64"}}]}',
    )
    const [record] = parseRecords(body, options)
    expect([...record!.key!]).toEqual([255])
    expect([...record!.value!]).toEqual([0, 1])
  })

  test('headers, partition and timestamp are passed on', () => {
    const body = bytesOf(
      '{"records":[{"value":1,"headers":{"__proto__":"x","b":""},"partition":3,"timestamp":5}]}',
    )
    const [record] = parseRecords(body, options)
    expect(record!.headers!.map(({ key, value }) => [key, textOf(value)])).toEqual([
      ['__proto__', 'x'],
      ['b', ''],
    ])
    expect(record).toMatchObject({ partition: 3, timestamp: 5 })
  })

  test('a key field fills in for records without a key', () => {
    const body = bytesOf('{"records":[{"key":"own","value":{"id":1}},{"value":{"id":2.50}}]}')
    const keys = parseRecords(body, { ...options, keyField: 'id' }).map(({ key }) => textOf(key))
    expect(keys).toEqual(['own', '2.50'])
  })

  test.each([
    ['{"records":[]}', 'invalid_request', 'no records'],
    ['{"records":{}}', 'invalid_request', '"records" must be a list'],
    ['{"record":[]}', 'invalid_request', '"records" is missing'],
    ['[]', 'invalid_request', 'the body must be an object'],
    ['null', 'invalid_request', 'the body must be an object, not null'],
    ['{"records":[{"value":1}], "x":1}', 'invalid_request', '"x" is not a field here'],
    ['{"records":[{"value":1},{"key":"a"}]}', 'invalid_request', '"records[1].value" is missing'],
    [
      '{"records":[{"value":1,"partition":"0"}]}',
      'invalid_request',
      '"records[0].partition" must be a whole number',
    ],
    ['{"records":[{"value":1,"partition":-1}]}', 'invalid_request', '"records[0].partition" must be'],
    [
      '{"records":[{"value":1,"timestamp":1.5}]}',
      'invalid_request',
      '"records[0].timestamp" must be a whole number',
    ],
    [
      '{"records":[{"value":1,"headers":{"a":1}}]}',
      'invalid_request',
      '"records[0].headers.a" must be a text',
    ],
    ['{"records":[{"value":1,"encoding":{"value":"hex"}}]}', 'invalid_request', 'must be one of "base64"'],
    ['{"records":[{"value":1,"encoding":{"value":"base64"}}]}', 'invalid_request', 'records[0]: '],
    ['{"records":[{"value":"*","encoding":{"value":"base64"}}]}', 'invalid_request', 'records[0]: '],
    ['{"records":[{"value":1,"key":"\\ud800"}]}', 'invalid_request', 'records[0] has a key with half'],
    ['{"records":[{"value":1,}]}', 'invalid_request', 'the body is not JSON'],
    ['{"records":[{"value":1}]', 'invalid_request', 'the body is not JSON'],
    ['', 'invalid_request', 'the body is not JSON'],
  ])('%p is refused', (text, code, message) => {
    const error = failure(() => parseRecords(bytesOf(text), options))
    expect(error.code).toBe(code as BrokerError['code'])
    expect(error.message).toContain(message)
  })
})

describe('a list without end', () => {
  test('more records than the limit are refused', () => {
    const list = (count: number) => bytesOf(`{"records":[${Array(count).fill('{"value":1}').join(',')}]}`)
    expect(failure(() => parseRecords(list(1_001), options)).code).toBe('too_large')
    expect(parseRecords(list(1_000), options)).toHaveLength(1_000)
  })

  test('nesting that the parser refuses is bad JSON', () => {
    expect(failure(() => parseRecords(bytesOf('['.repeat(200_000)), options)).code).toBe('invalid_request')
  })
})

describe('lines of records', () => {
  test('each line is stored as it is, without its end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { minLength: 1 }),
        fc.constantFrom('\n', '\r\n'),
        (values, end) => {
          const lines = values.map((value) => JSON.stringify(value))
          const stored = parseLines(bytesOf(lines.join(end)), options).map(({ value }) => textOf(value))
          expect(stored).toEqual(lines)
          expect(parseLines(bytesOf(lines.join(end) + end), options)).toHaveLength(lines.length)
        },
      ),
    )
  })

  test('empty lines are skipped and counted', () => {
    expect(parseLines(bytesOf('\n 1\n\n \t\r\n2\n\n'), options).map(({ value }) => textOf(value))).toEqual([
      ' 1',
      '2',
    ])
    expect(failure(() => parseLines(bytesOf('1\n\n\nx\n'), options)).message).toStartWith(
      'line 4 is not JSON',
    )
  })

  test.each([
    ['{"id":"a"}', 'a'],
    ['{"id":12345678901234567890}', '12345678901234567890'],
    ['{"id":"\\u00e9"}', 'é'],
    ['{"id":false}', 'false'],
    [' {"x":{"id":1},"id":2}', '2'],
  ])('%s has the key %s', (line, key) => {
    expect(textOf(parseLines(bytesOf(line), { ...options, keyField: 'id' })[0]!.key)).toBe(key)
  })

  test.each([
    ['', 'there are no records'],
    ['\n \n', 'there are no records'],
    ['{"id":1}\n{"id":', 'line 2 is not JSON'],
    ['{"id":1}\n1,2', 'line 2 is not JSON'],
    ['{"id":1}\n{"other":1}', 'line 2 has no field "id"'],
    ['{"id":null}', 'line 1 has no field "id"'],
    ['{"id":{}}', 'line 1 has an object or a list in "id"'],
    ['7', 'line 1 has no field "id"'],
    ['\u00a0', 'line 1 is not JSON'],
  ])('%p is refused', (text, message) => {
    const error = failure(() => parseLines(bytesOf(text), { ...options, keyField: 'id' }))
    expect(error.code).toBe('invalid_request')
    expect(error.message).toContain(message)
  })

  test('text that is not UTF-8 is refused', () => {
    const error = failure(() => parseLines(Uint8Array.of(0x22, 0xff, 0x22), options))
    expect(error.message).toBe('the body is not valid UTF-8')
  })

  test('more lines than the limit are refused', () => {
    expect(failure(() => parseLines(bytesOf('1\n'.repeat(1001)), options)).code).toBe('too_large')
    expect(parseLines(bytesOf('1\n'.repeat(1000)), options)).toHaveLength(1000)
  })
})
