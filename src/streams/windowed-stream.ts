// What follows `.window(...)`: aggregates, and when their rows are emitted. The policy is mandatory: nothing is a good
// default between "wait until it is certain" and "tell me now".
import { type Duration, parseDuration } from '#base'
import type { AggregateSpec, ResultOf } from './aggregator.ts'
import type { AppPart } from './app.ts'
import {
  type EmitPolicy,
  type EmitSettings,
  type KeyValue,
  link,
  type Node,
  type WindowNode,
} from './graph/node.ts'
import { type KeyedStream, keyedStreamOf, type Stream, streamOf } from './stream.ts'
import type { WindowBounds, WindowDefinition } from './window.ts'

export interface WindowedStream<K extends KeyValue, V> {
  /**
   * @example
   * orders.stream().keyBy('region').window('hours', window.tumbling('1h', { grace: '1m' }))
   *   .aggregate({ n: agg.count(), total: agg.sum('amount') }).emit('on-close').out.to('per-hour')
   */
  aggregate<A extends AggregateSpec<V>>(spec: A): WindowAggregate<K, V, ResultOf<A>>
}

export interface WindowAggregate<K extends KeyValue, V, R> {
  /**
   * `'on-close'`: one final row per key and window, when the watermark has passed its end and grace.
   * `'on-update'`: one row for each key and window that changed, once per commit; each replaces the one before.
   * `{ every: '10s' }`: the same, at most once per interval of the wall clock.
   * A session that grew takes back the bounds it had: a row with those, `removed: true` and the results of no rows.
   * @example
   * orders.stream().keyBy('region').window('live', window.tumbling('1h', { grace: '0s' }))
   *   .aggregate({ n: agg.count() }).emit({ every: '5s' }, { afterSilence: '1m' })
   */
  emit(policy: EmitPolicy, options?: EmitOptions): WindowResult<K, V, R>
}

export type EmitOptions = {
  /**
   * When nothing has come for that long (and what there is has been read), open windows close although event time
   * stands still. Rows for them that come later are late. Without it the last window waits for a later row.
   */
  readonly afterSilence?: Duration
}

export interface WindowResult<K extends KeyValue, V, R> extends AppPart {
  readonly out: KeyedStream<K, WindowRow<K, R>>
  /** Rows that came after all of their windows had closed. */
  readonly late: Stream<Late<V>>
}

type Flat<T> = { [K in keyof T]: T[K] }
/** `revision` counts the rows of this key and window from 1; after a `final` one there is no other. */
export type WindowRow<K, R> = Flat<
  { key: K; window: WindowBounds; revision: number; final: boolean; removed?: true } & R
>

export type Late<V> = {
  value: V
  /** The last of the windows that would have taken it. */
  window: WindowBounds
  /** Where event time stood. */
  watermark: number
  /** By how many milliseconds it missed that window. */
  lateBy: number
  /** The record it came from: in its topic, or in the internal one behind a repartition. */
  position: { topic: string; partition: number; offset: number }
}

export function windowedStream<K extends KeyValue, V>(
  parent: Node,
  name: string,
  { definition, version }: { readonly definition: WindowDefinition; readonly version: number | undefined },
): WindowedStream<K, V> {
  return {
    aggregate<A extends AggregateSpec<V>>(spec: A): WindowAggregate<K, V, ResultOf<A>> {
      return {
        emit(policy, options = {}) {
          const node = link<WindowNode>({
            kind: 'window',
            name,
            window: definition,
            aggregates: spec,
            emit: emitSettings(policy, options),
            version,
            parents: [parent],
          })
          const out = keyedStreamOf<K, WindowRow<K, ResultOf<A>>>(node)
          const late = streamOf<Late<V>>(link<Node>({ kind: 'late', parents: [node] }))
          return { out, late, streams: () => [out, late] as Iterable<Stream<unknown>> }
        },
      }
    },
  }
}

function emitSettings(policy: EmitPolicy, { afterSilence }: EmitOptions): EmitSettings {
  return {
    kind: policy === 'on-close' ? 'on-close' : 'on-update',
    everyMs: typeof policy === 'string' ? null : parseDuration(policy.every),
    afterSilenceMs: afterSilence === undefined ? null : parseDuration(afterSilence),
  }
}
