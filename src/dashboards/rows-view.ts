// table: one row per record key (per value of `by`, per record without a key), updated in place, removed by a tombstone.
// A row travels as one cell per field: `{ 'window.start': 0, n: 3 }`.
import type { WidgetData, WidgetSpec } from './api.ts'
import { compareCells, KeyedRows, rowKey } from './keyed-rows.ts'
import {
  cellLengthMax,
  type FieldReader,
  fieldReader,
  shortText,
  type WidgetRecord,
  windowStart,
} from './widget-record.ts'
import type { WidgetView } from './widget-view.ts'

export const rowsLimitDefault = 100
/** When no columns are named: the first so many fields of a record. */
export const columnsMax = 32

type Cell = number | string | boolean | null
type Row = { readonly cells: Readonly<Record<string, Cell>>; readonly order: unknown }

export class RowsView implements WidgetView {
  readonly #columns: readonly { field: string; read: FieldReader }[] | null
  readonly #by: FieldReader | null
  readonly #order: FieldReader | null
  readonly #latestWindow: boolean
  readonly #rows: KeyedRows<Row>
  #writes = 0

  constructor(spec: WidgetSpec) {
    const fields = spec.columns?.map(({ field }) => field)
    // The cell that rows are sorted by travels too, so that a viewer can keep the order.
    if (fields && spec.sortBy !== undefined && !fields.includes(spec.sortBy)) fields.push(spec.sortBy)
    this.#columns = fields?.map((field) => ({ field, read: fieldReader(field) })) ?? null
    this.#by = spec.by === undefined ? null : fieldReader(spec.by)
    this.#order = spec.sortBy === undefined ? null : fieldReader(spec.sortBy)
    this.#latestWindow = spec.latestWindow ?? true
    // Unsorted rows are kept by age: the order is the number of the write, newest first.
    const descending = this.#order === null || (spec.sortDescending ?? false)
    this.#rows = new KeyedRows({
      limit: spec.limit ?? rowsLimitDefault,
      compare: (a, b) => compareCells(a.row.order, b.row.order, descending),
      equal: sameCells,
      rowsPerRecordKey: spec.by === undefined && this.#latestWindow ? 'one' : 'many',
    })
  }

  fold(record: WidgetRecord): boolean {
    if (record.deleted) return record.key !== null && this.#rows.remove(record.key)
    const start = windowStart(record)
    const order = this.#order ? cell(this.#order(record)) : this.#writes++
    return this.#rows.put({
      key: this.#keyOf(record, start),
      row: { cells: this.#cells(record), order },
      recordKey: record.key,
      window: this.#latestWindow ? start : null,
    })
  }

  snapshot(): WidgetData {
    const rows = this.#rows.shown().map(({ key, row }) => ({ key, row: row.cells }))
    return { kind: 'rows', rows, removed: [] }
  }

  takeDelta(): WidgetData | null {
    const changes = this.#rows.takeChanges()
    if (!changes) return null
    const rows = changes.rows.map(({ key, row }) => ({ key, row: row.cells }))
    return { kind: 'rows', rows, removed: changes.removed }
  }

  #keyOf(record: WidgetRecord, start: number | null): string {
    if (!this.#by && record.key === null) return `${record.partition}:${record.offset}`
    const key = rowKey(this.#by ? this.#by(record) : record.key)
    return start === null || this.#latestWindow ? key : `${key} @ ${start}`
  }

  #cells(record: WidgetRecord): Row['cells'] {
    if (this.#columns) {
      return fromEntries(this.#columns.map(({ field, read }) => [field, cell(read(record))]))
    }
    const fields = flatten(record.value)
    if (record.key !== null && !fields.some(([field]) => field === 'key')) fields.unshift(['key', record.key])
    return fromEntries(
      fields.slice(0, columnsMax).map(([field, value]) => [shortText(field, 64), cell(value)]),
    )
  }
}

/** Fields of a record's value, nested ones by their path, one level deep: `{ window: { start } } -> window.start`. */
function flatten(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [['value', value]]
  return Object.entries(value).flatMap(([field, inner]): [string, unknown][] =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) && Object.keys(inner).length > 0
      ? Object.entries(inner).map(([name, deep]): [string, unknown] => [`${field}.${name}`, deep])
      : [[field, inner]],
  )
}

/** Numbers, texts and booleans as they are (long texts cut), what JSON cannot carry and nested values as text. */
function cell(value: unknown): Cell {
  if (value === null || value === undefined) return null
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : String(value)
  return shortText(value, cellLengthMax)
}

/** A field may have any name, `__proto__` too. */
function fromEntries(entries: readonly (readonly [string, Cell])[]): Row['cells'] {
  return Object.fromEntries(entries)
}

function sameCells(a: Row, b: Row): boolean {
  const names = Object.keys(a.cells)
  return (
    names.length === Object.keys(b.cells).length &&
    names.every((name) => Object.hasOwn(b.cells, name) && a.cells[name] === b.cells[name])
  )
}
