// A process handler as users write it: a function for each row of a key, with state of its own and timers.
import type { Duration } from '#base'
import { BrokerError } from '#base'
import type { AppPart } from './app.ts'
import { checkedName } from './graph/collect.ts'
import { type KeyValue, link, type Node, type ProcessNode } from './graph/node.ts'
import type { HandlesOf, StateSpecs } from './keyed-state.ts'
import { type KeyedStream, keyedStreamOf, type Stream, streamOf } from './stream.ts'
import type { Late } from './windowed-stream.ts'

declare const rowOf: unique symbol
/** Says of what type the rows of an output are. */
export type Output<R> = { readonly [rowOf]?: R }
export type SideOutputs = Readonly<Record<string, Output<unknown>>>
export type RowsOf<O> = O extends Output<infer R> ? R : never

/**
 * Says of what type the rows of an output are.
 * @example output<{ sensor: string; since: number }>()
 */
export const output = <R>(): Output<R> => ({})

/** What a handler can do beside looking at its row. Valid until the handler returns. */
export interface ProcessContext<K, S, O, D, T extends string> {
  readonly key: K
  /** Of the row, or for which the timer was set. Of a wall-clock timer: where event time stands. */
  readonly eventTime: number
  /** No row before that is expected any more. */
  readonly watermark: number
  /** The wall clock, in milliseconds since 1970. What depends on it comes out differently when it is computed again. */
  readonly now: number
  readonly state: HandlesOf<S>
  readonly timers: Timers<T>
  /** A row for `out`; with a name, for that side output. */
  emit(row: O): void
  emit<N extends keyof D & string>(side: N, row: RowsOf<D[N]>): void
}

/** A timer is of the key at work and has a name: set again, it replaces the one before. */
export interface Timers<T extends string> {
  /**
   * Fires once event time has passed `at`: all rows up to then have been seen. A number is a time in milliseconds, a
   * duration counts from `eventTime`. One that lies in the past fires right after this handler.
   */
  event(name: T, at: number | Duration): void
  /**
   * Fires when the wall clock shows `at`, or after a stop as soon as the app runs again, before any new row. While the app
   * still reads what was there when it started, timers wait. A duration counts from `now`.
   */
  wall(name: T, at: number | Duration): void
  /** Of both clocks. */
  cancel(name: T): void
}

export type ProcessOptions<K, V, S, O, D, T extends string> = {
  /** By name: it identifies what is stored. */
  readonly state?: S
  /** Of what type the rows of `ctx.emit(row)` are. Default: as those that come in. */
  readonly out?: Output<O>
  /** Other outputs, by name: `ctx.emit('name', row)`. */
  readonly side?: D
  /** A row. Functions are synchronous: what they do is undone if they throw, and done again after a crash. */
  readonly on: (row: V, ctx: ProcessContext<K, S, O, D, T>) => void
  /** By the names with which they are set. */
  readonly timers?: { readonly [N in T]: (ctx: ProcessContext<K, S, O, D, T>) => void }
  /**
   * What becomes of rows behind event time. `'aside'`: they go to `late`. A function: it gets them instead of `on`.
   * Default: `on` gets them like any other.
   */
  readonly late?: 'aside' | ((row: V, ctx: ProcessContext<K, S, O, D, T>) => void)
}

export interface Processed<K extends KeyValue, V, O, D> extends AppPart {
  readonly out: KeyedStream<K, O>
  readonly side: { readonly [N in keyof D]: KeyedStream<K, RowsOf<D[N]>> }
  /** Rows behind event time, with `late: 'aside'`. */
  readonly late: Stream<Late<V>>
}

type AnyOptions = ProcessOptions<never, never, StateSpecs, never, SideOutputs, never>

export function processHandler<K extends KeyValue, V, S, O, D, T extends string>(
  parent: Node,
  name: string,
  options: ProcessOptions<K, V, S, O, D, T>,
): Processed<K, V, O, D> {
  const { state = {}, side = {}, timers = {}, on, late = null } = options as unknown as AnyOptions
  for (const own of [...Object.keys(state), ...Object.keys(side), ...Object.keys(timers)]) checkedName(own)
  if (typeof on !== 'function') {
    throw new BrokerError('invalid_request', `process "${name}" does nothing`, {
      fix: 'give it on(row, ctx)',
    })
  }
  const names = Object.keys(side)
  const handlers = { on, timers, late } as unknown as ProcessNode['handlers']
  const node = link<ProcessNode>({ kind: 'process', name, state, side: names, handlers, parents: [parent] })
  const out = keyedStreamOf<K, O>(node)
  const aside = streamOf<Late<V>>(link<Node>({ kind: 'late', parents: [node] }))
  const arms = names.map((arm, index) => {
    const linked = link<Node>({ kind: 'arm', name: arm, index, parents: [node] })
    return [arm, keyedStreamOf<K, unknown>(linked)] as const
  })
  const streams = [out, aside, ...arms.map(([, stream]) => stream)] as Iterable<Stream<unknown>>
  return { out, late: aside, side: Object.fromEntries(arms) as never, streams: () => streams }
}
