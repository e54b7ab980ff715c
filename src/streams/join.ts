// Joins as users write them. Rows meet by key, so both sides must lie over the same partitions: what is not grouped by
// its key yet is sent there first; what is, over another number, is refused with the way out.
import { BrokerError, type Duration, parseDuration } from '#base'
import type { AppPart } from './app.ts'
import {
  type AsOfNode,
  type JoinHow,
  type JoinNode,
  type KeyValue,
  type LookupNode,
  link,
  type Node,
} from './graph/node.ts'
import { type KeyedStream, keyedStreamOf, type Stream, streamOf } from './stream.ts'
import type { HistoryTable } from './table.ts'
import type { Late } from './windowed-stream.ts'

export type Interval = {
  /** A right row matches from so long before the left row ... */
  readonly before: Duration
  /** ... to so long after it; both ends are included. */
  readonly after: Duration
  /** How long rows may lie behind event time and still be joined. */
  readonly grace: Duration
}

export interface JoinResult<K extends KeyValue, R, L> extends AppPart {
  readonly out: KeyedStream<K, R>
  /** Rows of either side that came too late to be joined. */
  readonly late: Stream<Late<L>>
}

export type AsOf = {
  /** Each row meets the version that was valid at its own event time. */
  readonly asOf: 'event-time'
  /** How long a row waits, in event time, for versions that come later than it. At most the history of the table. */
  readonly wait: Duration
  /** How old, in event time, a version may be. Default: as old as it is. */
  readonly tolerance?: Duration
}

type Select = (left: unknown, right: unknown) => unknown
type Sides = { readonly name: string; readonly parents: readonly [Node, Node] }

export function lookup<K extends KeyValue, R>(
  { name, parents }: Sides,
  options: { readonly how?: JoinHow; readonly select: unknown },
): KeyedStream<K, R> {
  const { how = 'inner', select } = options
  return keyedStreamOf<K, R>(
    link<LookupNode>({ kind: 'lookup', name, how, select: select as Select, parents }),
  )
}

export function asOf<K extends KeyValue, R, L>(
  { name, parents }: Sides,
  { historyMs }: HistoryTable<unknown>,
  options: AsOf & { readonly how?: JoinHow; readonly select: unknown },
): JoinResult<K, R, L> {
  const { how = 'inner', select, tolerance } = options
  const waitMs = parseDuration(options.wait)
  if (historyMs === undefined || historyMs < waitMs) {
    const why =
      historyMs === undefined ? 'its table keeps no history' : 'its table forgets before a row is looked up'
    throw new BrokerError('invalid_request', `join "${name}" as of event time: ${why}`, {
      fix: `give the table a history of at least its wait: .table({ history: '${options.wait}' })`,
    })
  }
  const toleranceMs = tolerance === undefined ? null : parseDuration(tolerance)
  const node = link<AsOfNode & Node>({
    kind: 'as-of',
    name,
    how,
    waitMs,
    toleranceMs,
    historyMs,
    select: select as Select,
    parents,
  })
  return withLate(node)
}

export function joinWithin<K extends KeyValue, R, L>(
  { name, parents }: Sides,
  options: Interval & { readonly how?: JoinHow; readonly select: unknown },
): JoinResult<K, R, L> {
  const { how = 'inner', select } = options
  const node = link<JoinNode>({
    kind: 'join',
    name,
    how,
    beforeMs: parseDuration(options.before),
    afterMs: parseDuration(options.after),
    graceMs: parseDuration(options.grace),
    select: select as Select,
    parents,
  })
  return withLate(node)
}

function withLate<K extends KeyValue, R, L>(node: Node): JoinResult<K, R, L> {
  const out = keyedStreamOf<K, R>(node)
  const late = streamOf<Late<L>>(link<Node>({ kind: 'late', parents: [node] }))
  return { out, late, streams: () => [out, late] as Iterable<Stream<unknown>> }
}
