import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  eachElement,
  findField,
  findPath,
  type Span,
  skipSpace,
  skipValue,
} from '../../src/http/json-spans.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array, span: Span | null) =>
  span === null ? null : new TextDecoder().decode(bytes.subarray(span.start, span.end))

/** The same JSON in as many ways as JSON allows: other spacing, escaped names. */
const spelt = fc
  .tuple(fc.jsonValue(), fc.constantFrom(0, 1, '\t', ' \r\n '))
  .map(([value, indent]) => ({ value, text: `\n ${JSON.stringify(value, null, indent)} \t` }))

describe('spans of JSON values', () => {
  test('a value ends where JSON.parse says it does', () => {
    fc.assert(
      fc.property(spelt, fc.constantFrom('', ' ', ',', ']', '}', '\n'), ({ value, text }, after) => {
        const bytes = bytesOf(text + after)
        const start = skipSpace(bytes, 0)
        const found = textOf(bytes, { start, end: skipValue(bytes, start) })
        expect(JSON.parse(found!)).toEqual(JSON.parse(JSON.stringify(value)))
        expect(found).toBe(text.trim())
      }),
    )
  })

  test('elements are found in order, whatever lies between them', () => {
    fc.assert(
      fc.property(fc.array(spelt, { maxLength: 8 }), (elements) => {
        const bytes = bytesOf(`[${elements.map(({ text }) => text).join(',')}]`)
        const found: (string | null)[] = []
        eachElement(bytes, 0, (start) => {
          const end = skipValue(bytes, start)
          found.push(textOf(bytes, { start, end }))
          return end
        })
        expect(found).toEqual(elements.map(({ text }) => text.trim()))
      }),
    )
  })

  test('a field is found under any spelling of its name, the last one if there are two', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.string({
              unit: fc.constantFrom('a', 'é', '"', '\\', '\n', '\0', '😀', '\u2028'),
              maxLength: 6,
            }),
            spelt,
          ),
          { maxLength: 6 },
        ),
        fc.boolean(),
        (fields, escapes) => {
          const spellOut = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
          const spell = (name: string) =>
            escapes ? `"${name.split('').map(spellOut).join('')}"` : JSON.stringify(name)
          const bytes = bytesOf(`{${fields.map(([name, { text }]) => `${spell(name)} :${text}`).join(',')}}`)
          const expected = new Map(fields.map(([name, { text }]) => [name, text.trim()]))
          for (const [name, text] of expected) expect(textOf(bytes, findField(bytes, 0, name))).toBe(text)
        },
      ),
    )
  })

  test.each([
    ['{"v\\u0061lue": 1}', 'value', '1'],
    ['{"value": 1, "value": 2}', 'value', '2'],
    ['{"ключ": "я"}', 'ключ', '"я"'],
    ['{"a": {"value": 1}}', 'value', null],
    ['{"a\\"b": [1, 2]}', 'a"b', '[1, 2]'],
    ['{}', 'value', null],
  ])('%s has the field %s as %s', (text, name, expected) => {
    const bytes = bytesOf(text)
    expect(textOf(bytes, findField(bytes, 0, name))).toBe(expected)
  })

  test.each([
    ['{"user": {"id": 7}}', 'user.id', '7'],
    ['{"user.id": 1, "user": {"id": 7}}', 'user.id', '1'],
    ['{"user": 3}', 'user.id', null],
    ['{"user": {}}', 'user.id', null],
    ['[1]', '0', null],
    ['{"a": {"b": {"c": "x"}}}', 'a.b.c', '"x"'],
  ])('%s has at the path %s: %s', (text, path, expected) => {
    const bytes = bytesOf(text)
    expect(textOf(bytes, findPath(bytes, 0, path))).toBe(expected)
  })

  test('deep nesting needs no stack', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const bytes = bytesOf(deep)
    expect(skipValue(bytes, 0)).toBe(bytes.length)
  })
})
