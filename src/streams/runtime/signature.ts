// What kind of state a node keeps, written beside the state, so that a changed app is refused rather than let it read
// what means something else.
import { BrokerError } from '#base'
import type { WindowNode } from '../graph/node.ts'
import type { PlannedNode, Subtopology } from '../graph/plan.ts'
import { columnsOf, extentOf, sharesPanes } from '../graph/shape.ts'
import { decodeValue, encodeValue, signatureKey } from '../state/state-key.ts'
import type { Mutation, StateStore } from '../state/state-store.ts'

type Signature = {
  readonly kind:
    | 'window'
    | 'aggregate'
    | 'join'
    | 'lookup'
    | 'as-of'
    | 'table-join'
    | 'dedupe'
    | 'process'
    | 'async'
  readonly window: string | null
  /** Aggregates or states in the order of their names, each with its kind. */
  readonly columns: readonly (readonly [name: string, kind: string])[]
}

/** Records for what is not stored yet. Throws `conflict` for what is stored otherwise. */
export function checkSignatures(subtopology: Subtopology, store: StateStore): Mutation[] {
  const missing: Mutation[] = []
  for (const { id, node } of subtopology.nodes) {
    const wanted = signatureOf(id, node, store)
    if (wanted === null) continue
    const key = signatureKey(id)
    const stored = store.get(key)
    if (stored === null) {
      missing.push({ key, value: encodeValue(wanted) })
      continue
    }
    const known = decodeValue(stored, id) as Signature
    if (wanted.kind === 'process' && known.kind === 'process') {
      // States come and go. One that is gone keeps its kind, should it come back.
      const all = withStatesOf(wanted, known)
      refuseChange(id, all, withStatesOf(known, wanted))
      if (all.columns.length > known.columns.length) missing.push({ key, value: encodeValue(all) })
    } else {
      refuseChange(id, known, wanted)
    }
  }
  return missing
}

/** Grace may change: it decides when a window closes, not what is in it. */
function signatureOf(id: string, node: PlannedNode['node'], store: StateStore): Signature | null {
  // Rows that wait for an answer.
  if (node.kind === 'async') return { kind: 'async', window: null, columns: [] }
  // Rows as they came: another interval only decides which are kept from now on.
  if (node.kind === 'join' || node.kind === 'lookup' || node.kind === 'as-of' || node.kind === 'table-join') {
    return { kind: node.kind, window: null, columns: [] }
  }
  if (node.kind === 'process') {
    return { kind: 'process', window: null, columns: columnsOf(node.state) }
  }
  // Times of rows, by identity.
  if (node.kind === 'dedupe') {
    return {
      kind: 'dedupe',
      window: node.by === undefined ? 'dedupe by key' : 'dedupe by a part',
      columns: [],
    }
  }
  if (node.kind !== 'window' && node.kind !== 'aggregate') return null
  const columns = columnsOf(node.aggregates)
  if (node.kind === 'aggregate') return { kind: 'aggregate', window: null, columns }
  const shared = keepsPanes(id, node, store)
  return {
    kind: 'window',
    window: shared ? `${extentOf(node.window)} panes` : extentOf(node.window),
    columns,
  }
}

/** Whether the node's windows share panes: not if it has begun without them. */
export function keepsPanes(id: string, node: WindowNode, store: Pick<StateStore, 'get'>): boolean {
  if (!sharesPanes(node)) return false
  const stored = store.get(signatureKey(id))
  if (stored === null) return true
  return (decodeValue(stored, id) as Signature).window?.endsWith(' panes') ?? false
}

/** The states of both; where they differ, the second decides. */
function withStatesOf(a: Signature, b: Signature): Signature {
  return { ...b, columns: [...new Map([...a.columns, ...b.columns])].sort(([x], [y]) => (x < y ? -1 : 1)) }
}

function refuseChange(id: string, stored: Signature, wanted: Signature): void {
  if (JSON.stringify(stored) === JSON.stringify(wanted)) return
  const shown = ({ kind, window, columns }: Signature) =>
    columns.length === 0
      ? (window ?? kind)
      : `${window ?? kind} of ${columns.map(([name, of]) => `${name} (${of})`).join(', ')}`
  throw new BrokerError(
    'conflict',
    `"${id}" keeps state of a ${shown(stored)}, and is now a ${shown(wanted)}`,
    {
      fix: 'give it another name to start it anew, or put it back as it was',
    },
  )
}
