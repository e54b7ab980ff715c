// Splits a page of records into the texts the node sent: a value goes out as the bytes that are stored, since parsing
// and writing it again would lose what JavaScript cannot hold (1e400, -0, the order of keys, a key that is there twice).
import type { RecordJson, RecordsPage } from './answers.ts'
import { parseExact } from './exact-json.ts'

/** A record, and its JSON as the node sent it. */
export type RecordRow = {
  readonly record: RecordJson
  readonly text: string
  readonly valueText: string
}

export type RowsPage = Omit<RecordsPage, 'records'> & { readonly rows: readonly RecordRow[] }

type Span = { readonly start: number; readonly end: number }

/** Throws what `JSON.parse` throws, so that all below reads good JSON. */
export function parseRecordsPage(text: string): RowsPage {
  const { records, ...rest } = parseExact(text) as RecordsPage
  const list = fieldOf(text, skipSpace(text, 0), 'records')
  const spans = list === null ? [] : elementsOf(text, list.start)
  const rows = spans.map(({ start, end }, index) => {
    const value = fieldOf(text, start, 'value')
    const valueText = value === null ? 'null' : text.slice(value.start, value.end)
    return { record: records[index]!, text: text.slice(start, end), valueText }
  })
  return { ...rest, rows }
}

function elementsOf(text: string, start: number): Span[] {
  const spans: Span[] = []
  let at = skipSpace(text, start + 1)
  while (text[at] !== ']') {
    const end = skipValue(text, at)
    spans.push({ start: at, end })
    at = skipSeparator(text, end)
  }
  return spans
}

/** The value of a field of the object at `start`; the node writes these names without escapes, and once. */
function fieldOf(text: string, start: number, name: string): Span | null {
  let at = skipSpace(text, start + 1)
  while (text[at] !== '}') {
    const nameEnd = skipString(text, at)
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const valueEnd = skipValue(text, valueStart)
    if (nameEnd - at - 2 === name.length && text.startsWith(name, at + 1)) {
      return { start: valueStart, end: valueEnd }
    }
    at = skipSeparator(text, valueEnd)
  }
  return null
}

const notSpace = /[^ \t\r\n]/g
const scalarEnd = /[,}\] \t\r\n]/g
const structure = /["{}[\]]/g
const stringMark = /["\\]/g

/** Where `pattern` is found next, or the end of the text. */
function next(text: string, start: number, pattern: RegExp): number {
  pattern.lastIndex = start
  return pattern.test(text) ? pattern.lastIndex - 1 : text.length
}

const skipSpace = (text: string, start: number) => next(text, start, notSpace)

function skipSeparator(text: string, start: number): number {
  const at = skipSpace(text, start)
  return text[at] === ',' ? skipSpace(text, at + 1) : at
}

function skipString(text: string, start: number): number {
  let at = next(text, start + 1, stringMark)
  while (text[at] === '\\') at = next(text, at + 2, stringMark)
  return at + 1
}

function skipValue(text: string, start: number): number {
  if (text[start] === '"') return skipString(text, start)
  if (text[start] !== '{' && text[start] !== '[') return next(text, start, scalarEnd)
  let depth = 0
  for (let at = start; at < text.length; at = next(text, at, structure)) {
    if (text[at] === '"') {
      at = skipString(text, at)
      continue
    }
    if (text[at] === '{' || text[at] === '[') depth++
    else if (--depth === 0) return at + 1
    at++
  }
  return text.length
}
