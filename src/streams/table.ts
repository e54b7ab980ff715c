// Tables: the last row of each key. A table is made where it is used, out of the changelog of the node that uses it.
import { type Duration, type Millis, parseDuration } from '#base'
import type { AppPart } from './app.ts'
import {
  type BroadcastNode,
  type JoinHow,
  link,
  type Node,
  type TableJoinNode,
  type TopicSettings,
} from './graph/node.ts'
import { type KeyedStream, keyedStreamOf, type Stream, streamOf } from './stream.ts'

/** A table that also knows what its rows were. */
export interface HistoryTable<out V> extends Table<V> {
  /** How long a version is kept after the one that replaced it, in milliseconds of event time. */
  readonly historyMs: Millis
}

export type HistoryOptions = {
  /** How long a version is kept after the one that replaced it, in event time. */
  readonly history: Duration
}

export interface Table<out V> extends AppPart {
  readonly node: Node
  /**
   * The two together by key: its row changes when one of theirs does, and goes when there is none any more.
   * @example
   * const counts = orders.stream().keyBy('region').count('counts').table()
   * const totals = orders.stream().keyBy('region').aggregate('totals', { total: agg.sum('amount') }).table()
   * counts.join('means', totals, { select: (n, sum) => ({ mean: sum.total / n.count }) }).changes().to('means')
   */
  join<W, R>(
    name: string,
    other: Table<W>,
    options: { readonly how?: 'inner'; readonly select: (left: V, right: W) => R },
  ): Table<R>
  join<W, R>(
    name: string,
    other: Table<W>,
    options: { readonly how: 'left'; readonly select: (left: V, right: W | null) => R },
  ): Table<R>
  join<W, R>(
    name: string,
    other: Table<W>,
    options: { readonly how: 'outer'; readonly select: (left: V | null, right: W | null) => R },
  ): Table<R>
  /** Its rows as they change; null: the key's row has gone. Written to a topic, that is a record without a value. */
  changes(): KeyedStream<string, V | null>
}

class NodeTable<V> implements Table<V> {
  readonly node: Node
  constructor(node: Node) {
    this.node = node
  }

  join<W, R>(
    name: string,
    other: Table<W>,
    { how = 'inner', select }: { readonly how?: JoinHow; readonly select: (left: V, right: W) => R },
  ): Table<R> {
    const parents = [this.node, other.node]
    const given = select as (left: unknown, right: unknown) => unknown
    return tableOf(link<TableJoinNode & Node>({ kind: 'table-join', name, how, select: given, parents }))
  }
  changes(): KeyedStream<string, V | null> {
    return keyedStreamOf(this.node)
  }
  streams(): Iterable<Stream<unknown>> {
    return [streamOf(this.node)]
  }
}

/** The same table, with its past. */
export function historyOf<V>({ node }: Table<V>, { history }: HistoryOptions): HistoryTable<V> {
  return Object.assign(new NodeTable<V>(node), { historyMs: parseDuration(history) })
}

/** `parent`: a topic, or rows that have a key. */
export function tableOf<V>(parent: Node): Table<V> {
  return new NodeTable<V>(link<Node>({ kind: 'table', parents: [parent] }))
}

/** A topic that every task reads whole. */
export function broadcastOf<V>(topic: TopicSettings): Table<V> {
  return new NodeTable<V>(link<BroadcastNode>({ kind: 'broadcast', topic, parents: [] }))
}
