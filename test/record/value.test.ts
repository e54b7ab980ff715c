import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readText, readValue, writeKey, writeValue } from '#record'

const utf8 = (text: string) => new TextEncoder().encode(text)

test.each([
  ['12345', 12345],
  ['"12345"', '12345'],
  ['{"a":[1,null]}', { a: [1, null] }],
  ['hello', 'hello'],
  ['', ''],
  ['NaN', 'NaN'],
  ['\ufeffx', '\ufeffx'],
])('the bytes of %j are shown as %j', (text, value) => {
  expect(readValue(utf8(text))).toEqual({ value })
})

test('bytes that are not text are shown as base64', () => {
  expect(readValue(Uint8Array.of(0xff, 0xfe))).toEqual({ value: '//4=', encoding: 'base64' })
  expect(readText(Uint8Array.of(0xff, 0xfe))).toEqual({ value: '//4=', encoding: 'base64' })
})

test('no bytes are null, both ways', () => {
  expect(readValue(null)).toEqual({ value: null })
  expect(readText(null)).toEqual({ value: null })
  expect(writeValue(null)).toBeNull()
  expect(writeKey(null)).toBeNull()
})

test('N20: text that looks like a number stays that text, as a value and as a key', () => {
  expect(writeValue('12345')).toEqual(utf8('"12345"'))
  expect(readValue(writeValue('12345'))).toEqual({ value: '12345' })
  expect(writeKey('12345')).toEqual(utf8('12345'))
  expect(readText(writeKey('12345'))).toEqual({ value: '12345' })
})

test('every JSON value comes back as itself', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const asJson = JSON.parse(JSON.stringify(value))
      expect(readValue(writeValue(asJson))).toEqual({ value: asJson })
    }),
  )
})

test('every key that is text, and every bytes as base64, come back byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const shown = readText(bytes)
      expect(writeKey(shown.value, shown.encoding)).toEqual(bytes)
      expect(writeValue(bytes.toBase64(), 'base64')).toEqual(bytes)
    }),
  )
})

test.each([
  ['not base64!', 'base64' as const],
  [5, 'base64' as const],
  [undefined, undefined],
])('%j with encoding %s is refused', (value, encoding) => {
  expect(() => writeValue(value, encoding)).toThrow(/base64|not a JSON value/)
})
