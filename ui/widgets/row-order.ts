// The order of a table's rows: as declared or as clicked, ties by key, what is missing last.
import type { WidgetData } from '../../src/http/contract.ts'
import type { SortState } from '../parts/sort.tsx'
import { compareValues, fieldOf } from './value.ts'

type Rows = Extract<WidgetData, { kind: 'rows' }>

/** Drawn at once; more rows belong in a query, not on a board. */
const rowsMax = 500

export function orderRows(data: Rows, sort: SortState | null, limit: number | undefined): Rows['rows'] {
  const rows = [...data.rows]
  if (sort) {
    const { field, descending } = sort
    rows.sort(
      (a, b) =>
        compareValues(fieldOf(a.row, field), fieldOf(b.row, field), descending) ||
        compareValues(a.key, b.key),
    )
  }
  return rows.slice(0, Math.min(limit ?? rowsMax, rowsMax))
}
