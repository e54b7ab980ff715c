// How the state of a node is read as rows. Each kind of state has a view: it knows the keys under which its operator
// stores (state/state-key.ts) and what the values mean, and changes nothing.
//
// Every row has a place: bytes by which the rows of a table are in order, whatever task they are from. A query goes on
// behind one.
//
//   keys      <tag> <key>
//   windows   <start> <tag> <key>
//   lists     <tag> <key> 00 <at> <seq>
//   process   <state> 00, then as stored
//   sides     'l' or 'r', then the place on that side
import type { WindowNode } from '../graph/node.ts'
import type { PlannedNode } from '../graph/plan.ts'
import { foldingOf } from '../runtime/keyed-rows.ts'
import { keepsPanes } from '../runtime/signature.ts'
import { aggregatePrefix, listsPrefix, tablePrefix, tablesPrefix } from '../state/state-key.ts'
import type { StateEntry } from '../state/state-store.ts'
import { keyRows } from './key-rows.ts'
import { listRows, sessionRows } from './list-rows.ts'
import { paneRows } from './pane-rows.ts'
import { processRows } from './process-rows.ts'
import { sideRows } from './side-rows.ts'
import { slidingRows } from './sliding-rows.ts'
import type { RowChoice, TableKind, TableRow } from './table-question.ts'
import { storedResults, windowRows } from './window-rows.ts'

/** State that can be looked at. */
export type ReadableState = {
  get(key: Uint8Array): Uint8Array | null
  /** Entries with `from <= key < to` in the order of their bytes. */
  scan(from: Uint8Array, to: Uint8Array): Iterable<StateEntry>
}

export type PlacedRow = { readonly place: Uint8Array; readonly row: TableRow }

/** Which rows, and behind which place; null: from the first. */
export type RowRange = RowChoice & { readonly after: Uint8Array | null }

/** Rows of the range in the order of their places, read as they are taken. */
export type ReadRows = (state: ReadableState, range: RowRange) => Iterable<PlacedRow>

export type TableView = {
  readonly kind: TableKind
  readonly columns: readonly string[]
  readonly rows: ReadRows
}

/** null: the node keeps nothing to be looked at. */
export function tableViewOf({ id, node }: PlannedNode): TableView | null {
  switch (node.kind) {
    case 'aggregate': {
      const read = storedResults(foldingOf(id, node.aggregates, 'nothing'))
      return { kind: 'aggregate', columns: columnsOf(node), rows: keyRows(aggregatePrefix(id), id, read) }
    }
    case 'window':
      return windowView(id, node)
    case 'lookup':
      return { kind: 'table', columns: [], rows: keyRows(tablePrefix(id), id, asStored) }
    case 'table-join': {
      const of = (side: 'l' | 'r') => keyRows(tablesPrefix(id, side), id, asStored)
      return { kind: 'table', columns: [], rows: sideRows(of('l'), of('r')) }
    }
    case 'as-of': {
      const of = (side: 'l' | 'r') => listRows(listsPrefix(id, side), id, (stored) => stored)
      return { kind: 'join', columns: [], rows: sideRows(of('l'), of('r')) }
    }
    case 'join': {
      const of = (side: 'l' | 'r') => listRows(listsPrefix(id, side), id, firstOf)
      return { kind: 'join', columns: [], rows: sideRows(of('l'), of('r')) }
    }
    case 'process':
      return { kind: 'process', columns: ['state', 'entry', 'value'], rows: processRows(id, node) }
    case 'dedupe':
      return { kind: 'dedupe', columns: [], rows: listRows(listsPrefix(id, 'i'), id, () => null) }
    default:
      return null
  }
}

function windowView(id: string, node: WindowNode): TableView {
  const folding = foldingOf(id, node.aggregates, 'nothing')
  const columns = columnsOf(node)
  const { window } = node
  switch (window.kind) {
    case 'session':
      return { kind: 'session', columns, rows: sessionRows(id, folding) }
    case 'sliding':
      return { kind: 'sliding', columns, rows: slidingRows(id, folding, window) }
    default: {
      const whole = windowRows(id, folding, window)
      const panes = paneRows(id, folding, window)
      const rows: ReadRows = (state, range) =>
        keepsPanes(id, node, state) ? panes(state, range) : whole(state, range)
      return { kind: 'window', columns, rows }
    }
  }
}

const columnsOf = ({ aggregates }: { readonly aggregates: object }): string[] =>
  Object.keys(aggregates).sort()

const asStored = (stored: unknown) => ({ value: stored })
const firstOf = (stored: unknown) => (stored as readonly unknown[])[0]
