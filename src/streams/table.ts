// Tables: the last row of each key. A table is made where it is used, out of the changelog of the node that uses it.
import type { AppPart } from './app.ts'
import { type BroadcastNode, link, type Node, type TopicSettings } from './graph/node.ts'
import { type Stream, streamOf } from './stream.ts'

export interface Table<out V> extends AppPart {
  readonly node: Node
  /** Never there: it only lets the compiler compare row types. */
  readonly rows?: V
}

/** `parent`: a topic, or rows that have a key. */
export function tableOf<V>(parent: Node): Table<V> {
  const node = link<Node>({ kind: 'table', parents: [parent] })
  return { node, streams: () => [streamOf<V>(node) as Stream<unknown>] }
}

/** A topic that every task reads whole. */
export function broadcastOf<V>(topic: TopicSettings): Table<V> {
  const node = link<BroadcastNode>({ kind: 'broadcast', topic, parents: [] })
  return { node, streams: () => [streamOf<V>(node) as Stream<unknown>] }
}
