// A record as a widget sees it, and how a widget's fields are read out of it. Nothing here throws for odd data: a value
// that cannot be used is `undefined` or null, and the view that wanted it says so.
import { type RecordView, readText, readValue } from '#record'

export type WidgetRecord = {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  /** As text; base64 if the bytes are no text. */
  readonly key: string | null
  /** JSON, else text, else base64. null for a tombstone. */
  readonly value: unknown
  /** A tombstone: the key is gone. A value that is JSON's `null` is no tombstone. */
  readonly deleted: boolean
}

export function widgetRecord(partition: number, view: RecordView): WidgetRecord {
  return {
    partition,
    offset: view.offset,
    timestamp: view.timestamp,
    key: readText(view.key).value,
    value: readValue(view.value).value,
    deleted: view.value === null,
  }
}

export type FieldReader = (record: WidgetRecord) => unknown

/**
 * Reads a dotted path. A field of exactly that name wins over a path into it; `key` is the record's key unless the value
 * has a field of that name; `$time $key $value $offset $partition` are the record's own.
 * @example fieldReader('window.start')(record) // record.value['window.start'] ?? record.value.window.start
 */
export function fieldReader(path: string): FieldReader {
  const own = recordFields[path]
  if (own) return own
  const parts = path.split('.')
  if (parts.length === 1) {
    return path === 'key'
      ? (record) => fieldOf(record.value, path) ?? record.key
      : (record) => fieldOf(record.value, path)
  }
  return (record) => {
    const whole = fieldOf(record.value, path)
    if (whole !== undefined) return whole
    let value: unknown = record.value
    for (const part of parts) value = fieldOf(value, part)
    return value
  }
}

/** What `fieldReader` reads from the record itself. */
const recordFields: Readonly<Record<string, FieldReader | undefined>> = Object.assign(Object.create(null), {
  $time: (record: WidgetRecord) => record.timestamp,
  $key: (record: WidgetRecord) => record.key,
  $value: (record: WidgetRecord) => record.value,
  $offset: (record: WidgetRecord) => record.offset,
  $partition: (record: WidgetRecord) => record.partition,
} satisfies Record<string, FieldReader>)

/** Own fields only, so that no name in a record or an option reaches a prototype. */
function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** A finite number, also from decimal text (`"12.50"`: exact decimals travel as text) and booleans; null if it is none. */
export function readNumber(value: unknown): number | null {
  // `+ 0` makes 0 of -0, which JSON would.
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value !== 'string' || value.length > 40 || !decimal.test(value)) return null
  const number = Number(value)
  return Number.isFinite(number) ? number + 0 : null
}

const isoTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2}))?$/

/** Milliseconds as they stand, or an ISO 8601 time with its zone. Seconds are never guessed: 1000 times wrong is worse
 * than an empty chart. */
export function readTime(value: unknown): number | null {
  if (typeof value === 'string' && isoTime.test(value)) {
    const time = Date.parse(value)
    return Number.isFinite(time) ? time : null
  }
  return typeof value === 'boolean' ? null : readNumber(value)
}

/** Longest text of a key or a cell that travels to viewers. */
export const cellLengthMax = 256

/** One line for a viewer, of any value. */
export function shortText(value: unknown, lengthMax = cellLengthMax): string {
  const text = typeof value === 'string' ? value : typeof value === 'object' ? json(value) : String(value)
  return text.length > lengthMax ? `${text.slice(0, lengthMax - 1).toWellFormed()}…` : text.toWellFormed()
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    // A cycle or a bigint cannot come out of a record's bytes, but nothing shown may depend on that.
    return String(value)
  }
}

/** The start of the window a row belongs to, or null if it carries none. */
export function windowStart(record: WidgetRecord): number | null {
  const window = fieldOf(record.value, 'window')
  const start = readTime(fieldOf(window, 'start') ?? fieldOf(record.value, 'window.start'))
  return start
}
