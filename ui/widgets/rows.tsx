// A table of rows: columns as declared, sorted on a click, times and numbers written properly.
import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import type { NumberFormat, WidgetData, WidgetSpec } from '../../src/http/contract.ts'
import { formatValue, isNumber } from '../format/number.ts'
import { formatClock, formatUtc, isTime } from '../format/time.ts'
import { Time } from '../parts/clock.tsx'
import { SortHeader, type SortState } from '../parts/sort.tsx'
import { orderRows } from './row-order.ts'
import { fieldOf } from './value.ts'

type Rows = Extract<WidgetData, { kind: 'rows' }>
type Column = NumberFormat & { readonly field: string; readonly label?: string; readonly time?: boolean }

const columnsMax = 12

export function columnsOf(spec: WidgetSpec, data: Rows): readonly Column[] {
  if (spec.columns && spec.columns.length > 0) return spec.columns
  const first = data.rows[0]?.row ?? {}
  return Object.keys(first)
    .slice(0, columnsMax)
    .map((field) => ({ field, time: looksLikeTime(field, first[field]) }))
}

const timeNames = /(^|[._])(at|time|timestamp|start|end|createdAt|updatedAt)$/i

/** Undeclared columns: a field named like a time that holds milliseconds of 1973 to 2100. */
function looksLikeTime(field: string, value: unknown): boolean {
  return timeNames.test(field) && isNumber(value) && value > 1e11 && value < 4.1e12
}

export function RowsWidget({ spec, data }: { spec: WidgetSpec; data: Rows }): JSX.Element {
  const declared = spec.sortBy ? { field: spec.sortBy, descending: spec.sortDescending ?? false } : null
  const [chosen, setChosen] = useState<SortState | null>(null)
  const sort = chosen ?? declared
  const columns = columnsOf(spec, data)
  const rows = useMemo(
    () => orderRows(data, sort, spec.limit),
    [data, sort?.field, sort?.descending, spec.limit],
  )
  const numeric = columns.map(({ field, time }) => !time && isNumber(fieldOf(data.rows[0]?.row ?? {}, field)))
  return (
    <div class="table-scroll">
      <table class="table compact" aria-label={spec.title}>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <SortHeader
                key={column.field}
                field={column.field}
                label={column.label ?? column.field}
                number={numeric[index] === true}
                sort={sort}
                onSort={setChosen}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, row }) => (
            <tr key={key}>
              {columns.map((column, index) => (
                <Cell
                  key={column.field}
                  value={fieldOf(row, column.field)}
                  column={column}
                  number={numeric[index] === true}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Cut by the cell's width at the earliest here: only then is the full text worth a hover. */
const cutLength = 16

function Cell(props: { value: unknown; column: Column; number: boolean }): JSX.Element {
  const { value, column } = props
  const kind = props.number ? 'number' : undefined
  if (column.time && isTime(value)) {
    return (
      <td class={kind}>
        <Time at={value} />
      </td>
    )
  }
  const span = windowOf(value)
  if (span) {
    return (
      <td class={kind} title={`${formatUtc(span.start)} to ${formatUtc(span.end)}`}>
        {formatClock(span.start)}–{formatClock(span.end)}
      </td>
    )
  }
  const text = formatValue(value, column)
  return (
    <td class={kind} title={text.length > cutLength ? text : undefined}>
      {text}
    </td>
  )
}

function windowOf(value: unknown): { start: number; end: number } | null {
  if (typeof value !== 'object' || value === null) return null
  const { start, end } = value as { start?: unknown; end?: unknown }
  return isTime(start) && isTime(end) ? { start, end } : null
}
