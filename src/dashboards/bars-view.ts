// bar: one bar per value of `by`, or per record key; the largest first unless told otherwise.
import type { WidgetData, WidgetSpec } from './api.ts'
import { FaultCount } from './fault-count.ts'
import { compareCells, KeyedRows, rowKey } from './keyed-rows.ts'
import { type FieldReader, fieldReader, readNumber, type WidgetRecord, windowStart } from './widget-record.ts'
import type { WidgetView } from './widget-view.ts'

export const barsLimitDefault = 20

export class BarsView implements WidgetView {
  readonly #key: FieldReader
  readonly #y: FieldReader
  readonly #yField: string
  readonly #latestWindow: boolean
  readonly #bars: KeyedRows<number | null>
  readonly #faults = new FaultCount()

  constructor(spec: WidgetSpec) {
    this.#key = fieldReader(spec.by ?? '$key')
    this.#yField = (typeof spec.y === 'string' ? spec.y : spec.y?.[0]) ?? '$value'
    this.#y = fieldReader(this.#yField)
    this.#latestWindow = spec.latestWindow ?? true
    const byKey = spec.sortBy === 'key'
    const descending = spec.sortDescending ?? !byKey
    this.#bars = new KeyedRows({
      limit: spec.limit ?? barsLimitDefault,
      compare: (a, b) =>
        byKey ? compareCells(a.key, b.key, descending) : compareCells(a.row, b.row, descending),
      equal: (a, b) => a === b,
      rowsPerRecordKey: spec.by === undefined ? 'one' : 'many',
    })
  }

  fold(record: WidgetRecord): boolean {
    if (record.deleted) return record.key !== null && this.#bars.remove(record.key)
    const shown = this.#y(record)
    if (shown === undefined) return false
    const value = readNumber(shown)
    const odd = value === null && shown !== null
    if (odd) this.#faults.add(this.#yField, shown)
    const changed = this.#bars.put({
      key: rowKey(this.#key(record)),
      row: value,
      recordKey: record.key,
      window: this.#latestWindow ? windowStart(record) : null,
    })
    return changed || odd
  }

  snapshot(): WidgetData {
    const bars = this.#bars.shown().map(({ key, row }) => ({ key, value: row }))
    return { kind: 'bars', bars, removed: [], ...this.#faults.all() }
  }

  takeDelta(): WidgetData | null {
    const changes = this.#bars.takeChanges()
    if (!changes && !this.#faults.changed) return null
    const bars = (changes?.rows ?? []).map(({ key, row }) => ({ key, value: row }))
    return { kind: 'bars', bars, removed: changes?.removed ?? [], ...this.#faults.take() }
  }
}
