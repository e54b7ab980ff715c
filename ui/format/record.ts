// Records as text: for rows, copies and the commands that would do the same from a shell.
import type { RecordJson } from '../../src/http/contract.ts'

/** One line, never longer than `lengthMax`. */
export function previewOf(value: unknown, lengthMax = 240): string {
  if (value === undefined || value === null) return 'null'
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const line = text.replace(/\s+/g, ' ')
  return line.length > lengthMax ? `${line.slice(0, lengthMax)}…` : line
}

export function prettyOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? 'null')
}

/** Case-insensitive; a record matches if its key, value or headers contain every word. */
export function matchesText(record: RecordJson, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const haystack = `${previewOf(record.key, 10_000)} ${previewOf(record.value, 100_000)} ${JSON.stringify(
    record.headers,
  )}`.toLowerCase()
  return words.every((word) => haystack.includes(word))
}

/** Safe inside single quotes of a POSIX shell. */
export function shellQuote(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

export type RecordsQuery = {
  topic: string
  partition: number | null
  from: string
  limit: number
}

export function recordsUrl(base: string, query: RecordsQuery): string {
  const url = new URL(`api/v1/topics/${encodeURIComponent(query.topic)}/records`, base)
  if (query.partition !== null) url.searchParams.set('partition', String(query.partition))
  url.searchParams.set('from', query.from)
  url.searchParams.set('limit', String(query.limit))
  return url.href
}

export function curlOf(base: string, query: RecordsQuery): string {
  return `curl -s ${shellQuote(recordsUrl(base, query))}`
}

export function cliOf(query: RecordsQuery): string {
  const partition = query.partition === null ? '' : ` --partition ${query.partition}`
  return `pspf consume ${shellQuote(query.topic)} --from ${shellQuote(query.from)}${partition} -n ${query.limit}`
}
