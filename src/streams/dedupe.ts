// Of rows that come more than once, the first. State is bounded: what is too old to be met again is forgotten.
import { BrokerError, type Duration, parseDuration } from '#base'
import type { AppPart } from './app.ts'
import { type DedupeNode, type KeyValue, link, type Node } from './graph/node.ts'
import { type KeyedStream, type KeyField, keyedStreamOf, type Stream, streamOf } from './stream.ts'
import { keyChoice } from './topic.ts'
import type { Late } from './windowed-stream.ts'

export type DedupeOptions<V, F = KeyField<V>> = {
  /**
   * What makes rows of one key the same. Rows for which it is null are dropped and counted. Default: the key itself.
   */
  readonly by?: F | ((value: V) => KeyValue | null | undefined)
  /** Rows further apart in event time are not the same. */
  readonly ttl: Duration
}

export interface Deduped<K extends KeyValue, V> extends AppPart {
  readonly out: KeyedStream<K, V>
  /** Rows more than `ttl` behind event time: nobody knows any more whether they were there before. */
  readonly late: Stream<Late<V>>
}

export function dedupe<K extends KeyValue, V>(
  parent: Node,
  name: string,
  { by, ttl }: DedupeOptions<V, string>,
): Deduped<K, V> {
  const ttlMs = parseDuration(ttl)
  if (ttlMs < 1) {
    throw new BrokerError('invalid_request', `dedupe "${name}" with a ttl of ${ttl} remembers nothing`, {
      fix: 'use at least 1ms',
    })
  }
  const node = link<DedupeNode>({
    kind: 'dedupe',
    name,
    by: by === undefined ? undefined : keyChoice(by as string | ((value: V) => unknown)),
    ttlMs,
    parents: [parent],
  })
  const out = keyedStreamOf<K, V>(node)
  const late = streamOf<Late<V>>(link<Node>({ kind: 'late', parents: [node] }))
  return { out, late, streams: () => [out, late] as Iterable<Stream<unknown>> }
}
