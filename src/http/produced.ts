// Turns the body of a produce request into records: a JSON object with a list, or one JSON value a line.
//
// Both are checked whole before anything is produced, and say which record or line is wrong. Values are views into the
// body: the bytes that were sent are the bytes that are stored.
import { BrokerError } from '#base'
import type { Header, ProduceRecord } from '#broker'
import { writeKey, writeValue } from '#record'
import { decodeText, parseJson } from './body.ts'
import { eachElement, findField, findFields, findPath, type Span, skipSpace } from './json-spans.ts'
import { checkShape, exactly, integer, oneOf, type Static, t, texts } from './shape.ts'

export type ParseOptions = {
  /** Dotted path of the field that becomes the key. */
  readonly keyField: string | undefined
  readonly recordsMax: number
}

const encoder = new TextEncoder()
const backslash = 0x5c
const base64 = oneOf(['base64'])

/** One record of a JSON body. */
export const recordShape = exactly({
  key: t.Optional(t.Unknown({ description: 'text as it is; any other JSON value as its JSON text' })),
  value: t.Unknown({ description: 'stored as the JSON text that was sent; null is a tombstone' }),
  headers: t.Optional(texts()),
  partition: t.Optional(integer(0, 2 ** 31 - 1)),
  timestamp: t.Optional(integer(0, 8_640_000_000_000_000, { description: 'event time, milliseconds UTC' })),
  encoding: t.Optional(exactly({ key: t.Optional(base64), value: t.Optional(base64) })),
})

export const produceShape = exactly({ records: t.Array(recordShape, { minItems: 1 }) })

type RecordJson = Static<typeof recordShape>

/** `{"records": [{"key": "a", "value": {"n": 1}}]}`. */
export function parseRecords(body: Uint8Array, options: ParseOptions): ProduceRecord[] {
  const parsed = parseJson(decodeText(body))
  checkCount(countOf(parsed), options)
  const request = checkShape(produceShape, parsed)
  const records: ProduceRecord[] = []
  const list = findField(body, skipSpace(body, 0), 'records')!
  eachElement(body, list.start, (start) => {
    const record = request.records[records.length]!
    const where = `records[${records.length}]`
    const { spans, end } = findFields(body, start, ['value', 'key'])
    try {
      records.push(recordOf(record, { body, value: spans[0]!, key: spans[1] ?? null, where, options }))
    } catch (thrown) {
      throw at(where, thrown)
    }
    return end
  })
  return records
}

/** Where a record's parts lie in the body. */
type Source = {
  readonly body: Uint8Array
  readonly value: Span
  readonly key: Span | null
  readonly where: string
  readonly options: ParseOptions
}

function recordOf(record: RecordJson, source: Source): ProduceRecord {
  return {
    key: keyBytes(record, source),
    value: valueBytes(record, source),
    ...(record.headers === undefined ? {} : { headers: headersOf(record.headers) }),
    ...(record.partition === undefined ? {} : { partition: record.partition }),
    ...(record.timestamp === undefined ? {} : { timestamp: record.timestamp }),
  }
}

function valueBytes(record: RecordJson, { body, value }: Source): Uint8Array | null {
  if (record.value === null) return null
  if (record.encoding?.value === 'base64') return writeValue(record.value, 'base64')
  return body.subarray(value.start, value.end)
}

/** The record's own key, else the field of its value that `keyField` names. */
function keyBytes(record: RecordJson, { body, value, key, where, options }: Source): Uint8Array | null {
  const { keyField } = options
  if (key === null || record.key === null) {
    return keyField === undefined
      ? null
      : keyFrom(body, findPath(body, value.start, keyField), { where, keyField })
  }
  if (record.encoding?.key === 'base64') return writeKey(record.key, 'base64')
  if (typeof record.key === 'string') return textKey(record.key, where)
  return body.subarray(key.start, key.end)
}

/** One JSON value a line; empty lines are skipped. */
export function parseLines(body: Uint8Array, options: ParseOptions): ProduceRecord[] {
  const text = decodeText(body)
  const records: ProduceRecord[] = []
  // Both break at the same places: in UTF-8 no other character has the byte of a line feed.
  let textAt = 0
  let byteAt = 0
  for (let line = 1; byteAt < body.length; line++) {
    const textEnd = endOf(text.indexOf('\n', textAt), text.length)
    const byteEnd = endOf(body.indexOf(0x0a, byteAt), body.length)
    const lineText = text.slice(textAt, textEnd)
    if (!/^[ \t\r]*$/.test(lineText)) {
      checkCount(records.length + 1, options)
      const where = `line ${line}`
      parseJson(lineText, where)
      const value = body.subarray(byteAt, body[byteEnd - 1] === 0x0d ? byteEnd - 1 : byteEnd)
      const { keyField } = options
      const key =
        keyField === undefined
          ? null
          : keyFrom(value, findPath(value, skipSpace(value, 0), keyField), { where, keyField })
      records.push({ key, value })
    }
    textAt = textEnd + 1
    byteAt = byteEnd + 1
  }
  checkCount(records.length, options)
  return records
}

const endOf = (index: number, length: number) => (index < 0 ? length : index)

function keyFrom(
  bytes: Uint8Array,
  field: Span | null,
  source: { where: string; keyField: string },
): Uint8Array {
  const first = field === null ? undefined : String.fromCharCode(bytes[field.start]!)
  if (field === null || first === undefined || first === 'n') {
    throw badKey(source, `has no field "${source.keyField}" to take the key from`)
  }
  if (first === '{' || first === '[') {
    throw badKey(
      source,
      `has an object or a list in "${source.keyField}"; a key is a text, a number, true or false`,
    )
  }
  const raw = bytes.subarray(field.start, field.end)
  if (first !== '"') return raw
  // Without escapes the text is what stands between the quotes.
  if (!raw.includes(backslash)) return raw.subarray(1, -1)
  return textKey(JSON.parse(decodeText(raw)), source.where)
}

/** Halves of surrogate pairs (`"\\ud800"`) have no UTF-8: written, they would all become the same key. */
function textKey(key: string, where: string): Uint8Array {
  if (key.isWellFormed()) return encoder.encode(key)
  throw new BrokerError('invalid_request', `${where} has a key with half a surrogate pair in it`, {
    fix: 'send whole characters, or bytes as base64 text with encoding: {"key": "base64"}',
  })
}

function badKey(source: { where: string; keyField: string }, why: string): BrokerError {
  return new BrokerError('invalid_request', `${source.where} ${why}`, {
    fix: 'name a field that every value has, or leave keyField out',
    details: { keyField: source.keyField, where: source.where },
  })
}

function headersOf(headers: Readonly<Record<string, string>>): Header[] {
  return Object.entries(headers).map(([key, value]) => ({ key, value: Buffer.from(value) }))
}

function countOf(parsed: unknown): number {
  const records = (parsed as { records?: unknown } | null)?.records
  // Anything else than a list is refused by its shape, which says more.
  return Array.isArray(records) ? records.length : 1
}

function checkCount(count: number, { recordsMax }: ParseOptions): void {
  if (count === 0) {
    throw new BrokerError('invalid_request', 'there are no records in the body', {
      fix: 'send at least one record',
    })
  }
  if (count <= recordsMax) return
  throw new BrokerError('too_large', `a request carries at most ${recordsMax} records`, {
    fix: 'split it into several requests',
    details: { recordsPerRequestMax: recordsMax },
  })
}

/** The same failure, with the record it happened in. */
function at(where: string, thrown: unknown): unknown {
  if (!(thrown instanceof BrokerError) || thrown.message.startsWith(where)) return thrown
  return new BrokerError(thrown.code, `${where}: ${thrown.message}`, {
    ...(thrown.fix === undefined ? {} : { fix: thrown.fix }),
    retriable: thrown.retriable,
    cause: thrown,
    details: { ...thrown.details, where },
  })
}
