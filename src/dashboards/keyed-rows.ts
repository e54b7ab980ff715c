// Rows by key, bounded: what bar and table widgets have in common. Knows which rows are shown (the first `limit` in
// order), and what changed among them since somebody last looked.
import { crc32c } from '#base'
import { cellLengthMax, shortText } from './widget-record.ts'

export type Keyed<Row> = { readonly key: string; readonly row: Row }

export type KeyedRowsOptions<Row> = {
  /** Rows shown. */
  readonly limit: number
  /** Order in which rows are shown; 0 falls back to the key. */
  compare(a: Keyed<Row>, b: Keyed<Row>): number
  /** Whether a viewer sees the same. */
  equal(a: Row, b: Row): boolean
  /** `one`: a row's key is its record's key, so that a tombstone finds it without a search. */
  rowsPerRecordKey: 'one' | 'many'
}

/** Rows tracked per widget, shown or not; the least recently written goes first. */
export const rowsTrackedMax = 5_000

type Entry<Row> = Keyed<Row> & { readonly recordKey: string | null; readonly window: number | null }

export class KeyedRows<Row> {
  readonly #options: KeyedRowsOptions<Row>
  /** In the order in which they were last written. */
  readonly #entries = new Map<string, Entry<Row>>()
  #newestWindow: number | null = null
  /** What a viewer who applied everything taken so far sees. */
  #taken = new Map<string, Row>()
  #touched = false

  constructor(options: KeyedRowsOptions<Row>) {
    this.#options = options
  }

  /**
   * Writes one row. With a window, only rows of the newest window stay:
   * `put(w2): {a@w1, b@w1} -> {a@w2}`; a row of an older window is ignored.
   */
  put(entry: Entry<Row>): boolean {
    const { key, window } = entry
    let changed = false
    if (window !== null) {
      if (this.#newestWindow !== null && window < this.#newestWindow) return false
      if (this.#newestWindow === null || window > this.#newestWindow) changed = this.#supersede(window)
    }
    const known = this.#entries.get(key)
    if (known) this.#entries.delete(key)
    this.#entries.set(key, entry)
    if (this.#entries.size > rowsTrackedMax) this.#entries.delete(this.#entries.keys().next().value!)
    const { compare, equal } = this.#options
    changed ||= !known || !equal(known.row, entry.row) || compare(known, entry) !== 0
    this.#touched ||= changed
    return changed
  }

  /** Removes every row that came from this record key. */
  remove(recordKey: string): boolean {
    let removed = false
    if (this.#options.rowsPerRecordKey === 'one') removed = this.#entries.delete(rowKey(recordKey))
    else {
      for (const [key, entry] of this.#entries) {
        if (entry.recordKey === recordKey) removed = this.#entries.delete(key) || removed
      }
    }
    this.#touched ||= removed
    return removed
  }

  /** The rows shown, in order. */
  shown(): Keyed<Row>[] {
    const { compare, limit } = this.#options
    return [...this.#entries.values()]
      .sort((a, b) => compare(a, b) || compareText(a.key, b.key))
      .slice(0, limit)
  }

  /** Rows that are new or other than at the last take, and keys that are no longer shown; null if neither. */
  takeChanges(): { rows: Keyed<Row>[]; removed: string[] } | null {
    if (!this.#touched) return null
    this.#touched = false
    const shown = this.shown()
    const now = new Map(shown.map(({ key, row }) => [key, row]))
    const rows = shown.filter(({ key, row }) => {
      const before = this.#taken.get(key)
      return before === undefined || !this.#options.equal(before, row)
    })
    const removed = [...this.#taken.keys()].filter((key) => !now.has(key))
    this.#taken = now
    return rows.length === 0 && removed.length === 0 ? null : { rows, removed }
  }

  /** Answers whether there were rows of the older windows. */
  #supersede(window: number): boolean {
    this.#newestWindow = window
    let removed = false
    for (const [key, entry] of this.#entries) {
      if (entry.window !== null) removed = this.#entries.delete(key)
    }
    return removed
  }
}

/** What a row is called on the wire: a long key is cut, and told apart from others that begin alike. */
export function rowKey(value: unknown): string {
  const text = shortText(value ?? '–', Number.POSITIVE_INFINITY)
  if (text.length <= cellLengthMax) return text
  return `${shortText(text, cellLengthMax - 10)} ${crc32c(encoder.encode(text)).toString(16)}`
}

const encoder = new TextEncoder()
const natural = new Intl.Collator('en', { numeric: true })

/** `a2` before `a10`; equal only if the same. */
export function compareText(a: string, b: string): number {
  return natural.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0)
}

/** Numbers by value, before texts; what is missing comes last, whatever the direction. */
export function compareCells(a: unknown, b: unknown, descending: boolean): number {
  const rankA = rank(a)
  const rankB = rank(b)
  if (rankA !== rankB || rankA === 2) return rankA - rankB
  const order = rankA === 0 ? (a as number) - (b as number) : compareText(String(a), String(b))
  return descending ? -order : order
}

function rank(value: unknown): number {
  if (typeof value === 'number') return 0
  return value === null || value === undefined ? 2 : 1
}
