// Streams as users see them: values that flow from topics through operators into topics. Every call adds a node; nothing
// runs until an app that uses the stream is started.

import { BrokerError } from '#base'
import { type AggregateSpec, agg, type ResultOf } from './aggregator.ts'
import type { AppPart } from './app.ts'
import { type AsyncCall, type AsyncOptions, asyncMap } from './async-map.ts'
import { type Deduped, type DedupeOptions, dedupe } from './dedupe.ts'
import { type ErrorPolicy, errorSettings } from './error-policy.ts'
import { checkedName } from './graph/collect.ts'
import {
  type AggregateNode,
  type AsyncNode,
  type JoinHow,
  type KeyValue,
  link,
  type Node,
  type RepartitionNode,
} from './graph/node.ts'
import { type AsOf, asOf, type Interval, type JoinResult, joinWithin, lookup } from './join.ts'
import type { StateSpecs } from './keyed-state.ts'
import { type Processed, type ProcessOptions, processHandler, type SideOutputs } from './process-handler.ts'
import { type HistoryOptions, type HistoryTable, historyOf, type Table, tableOf } from './table.ts'
import { keyChoice, namedTopic, type SinkTopic, type SourceTopic, topicHandle } from './topic.ts'
import type { WindowDefinition } from './window.ts'
import { type WindowedStream, windowedStream } from './windowed-stream.ts'

/** Fields by which rows can be grouped. */
export type KeyField<V> = {
  [F in keyof V & string]: V[F] extends KeyValue | null | undefined ? F : never
}[keyof V & string]

export type VersionOptions = {
  /** From 1. Counted up, the state of the version before is left aside and the node is computed anew from the log. Default 1. */
  readonly version?: number
}

function checkedVersion(name: string, version: number | undefined): number | undefined {
  if (version === undefined || (Number.isSafeInteger(version) && version >= 1)) return version
  throw new BrokerError('invalid_request', `version ${version} of "${name}" is not a whole number from 1`)
}

export interface Stream<V> extends AppPart {
  readonly node: Node
  /** @example orders.stream().filter((order) => order.amount > 0) */
  filter<W extends V>(test: (value: V) => value is W): Stream<W>
  filter(test: (value: V) => boolean): Stream<V>
  /**
   * Functions are synchronous and pure: a row may be processed again after a crash.
   * @example orders.stream().map((order) => ({ ...order, cents: order.amount * 100 }))
   */
  map<W>(change: (value: V) => W): Stream<W>
  /**
   * None, one or many rows for each.
   * @example orders.stream().flatMap((order) => order.region.split('/'))
   */
  flatMap<W>(change: (value: V) => Iterable<W>): Stream<W>
  /**
   * Looks at each row and passes it on.
   * @example orders.stream().peek((order) => console.log(order.id))
   */
  peek(look: (value: V) => void): Stream<V>
  /**
   * Splits rows: each goes to the first branch whose test it passes, and to none if it passes none (counted as dropped).
   * @example
   * const { large, rest } = orders.stream().branch({ large: (order) => order.amount > 100, rest: () => true })
   * large.to('large-orders')
   * rest.to('other-orders')
   */
  branch<B extends Branches<V>>(tests: B): { readonly [Name in keyof B]: Stream<V> }
  /**
   * What happens when the function of the step before this throws: the whole record is undone, with all that it did in
   * this task, and tried again, left out or put aside.
   * @example orders.stream().map((order) => JSON.parse(order.region)).onError({ retry: 3, backoff: '1s', otherwise: 'dead-letter' })
   */
  onError(policy: ErrorPolicy): this
  /**
   * What an asynchronous function makes of each row: calls of a service, a model, a database. So many run at once; event
   * time behind it waits for the rows that are at work. Calls may be made again after a crash, with the same `call.key`.
   * @example
   * const scored = orders.stream().async('score', async (order, call) => ({ id: order.id, by: call.key }), {
   *   concurrency: 64, order: 'any', timeout: '5s', retry: 2,
   * })
   */
  async<W>(name: string, call: (row: V, call: AsyncCall) => Promise<W>, options?: AsyncOptions): Stream<W>
  /**
   * Rows of both, in no order between the two.
   * @example orders.stream().map((order) => order.at).merge(payments.stream().map((payment) => payment.at))
   */
  merge<W>(other: Stream<W>): Stream<V | W>
  /**
   * Groups by a field or by what the function answers. Rows whose key is null are dropped and counted.
   * @example orders.stream().keyBy((order) => order.region.toLowerCase())
   */
  keyBy<F extends KeyField<V>>(field: F): KeyedStream<Extract<V[F], KeyValue>, V>
  keyBy<K extends KeyValue>(key: (value: V) => K | null | undefined): KeyedStream<K, V>
  /**
   * Writes every row to a topic, as JSON, in the same commit as everything else that follows from the input row.
   * @example orders.stream().to('all-orders')
   */
  to(topic: SinkTopic<V> | string): this
  /** `to`, once per topic however often it is asked; answers the topic. */
  materialise(topicName: string): SourceTopic<V>
}

/** A stream whose rows have a key: only these can be windowed and aggregated. */
export interface KeyedStream<K extends KeyValue, V> extends Stream<V> {
  filter<W extends V>(test: (value: V) => value is W): KeyedStream<K, W>
  filter(test: (value: V) => boolean): KeyedStream<K, V>
  /** The key stays what it was. */
  map<W>(change: (value: V) => W): KeyedStream<K, W>
  flatMap<W>(change: (value: V) => Iterable<W>): KeyedStream<K, W>
  peek(look: (value: V) => void): KeyedStream<K, V>
  branch<B extends Branches<V>>(tests: B): { readonly [Name in keyof B]: KeyedStream<K, V> }
  async<W>(
    name: string,
    call: (row: V, call: AsyncCall) => Promise<W>,
    options?: AsyncOptions,
  ): KeyedStream<K, W>
  /**
   * Sends rows by key through an internal topic, over as many partitions as said: so many tasks work on what follows.
   * Nodes that need it do it by themselves; this is for another number of partitions, or to cut a heavy step off.
   * @example orders.stream().keyBy('region').repartition('by-region', { partitions: 8 }).count('per-region')
   */
  repartition(name: string, options?: { readonly partitions?: number }): KeyedStream<K, V>
  /**
   * As of event time: each row meets the version of the table that was valid at its own time, whenever either came. It
   * waits until event time has passed it by `wait` on both sides; rows that come later than that are in `late`.
   * @example
   * const rates = topic<{ region: string; percent: number; at: number }>('rates', {
   *   key: 'region', time: { at: (rate) => rate.at },
   * }).table({ history: '1d' })
   * const taxed = orders.stream().keyBy('region').join('taxed', rates, {
   *   asOf: 'event-time', wait: '10s', select: (order, rate) => ({ ...order, tax: order.amount * rate.percent }),
   * })
   * taxed.out.to('taxed')
   */
  join<T, R>(
    name: string,
    table: HistoryTable<T>,
    options: AsOf & { readonly how?: 'inner'; readonly select: (row: V, version: T) => R },
  ): JoinResult<K, R, V>
  join<T, R>(
    name: string,
    table: HistoryTable<T>,
    options: AsOf & { readonly how: 'left'; readonly select: (row: V, version: T | null) => R },
  ): JoinResult<K, R, V>
  /**
   * Each row beside the row that a table holds of its key as processed so far. At start the table is read to its end
   * first.
   * @example
   * const names = topic<{ id: string; name: string }>('drivers', { key: 'id' }).table()
   * orders.stream().keyBy('customer').join('with-name', names, {
   *   how: 'left', select: (order, driver) => ({ ...order, name: driver?.name ?? null }),
   * })
   */
  join<T, R>(
    name: string,
    table: Table<T>,
    options: { readonly how?: 'inner'; readonly select: (row: V, match: T) => R },
  ): KeyedStream<K, R>
  join<T, R>(
    name: string,
    table: Table<T>,
    options: { readonly how: 'left'; readonly select: (row: V, match: T | null) => R },
  ): KeyedStream<K, R>
  /**
   * Pairs rows of two streams whose keys are equal and whose times are near: the other from `before` earlier to `after`
   * later. With `how: 'left'` (or `'outer'`) rows without a match go out once none can come any more.
   * @example
   * orders.stream().keyBy('id').joinWithin('paid', payments.stream().keyBy('order'), {
   *   before: '0s', after: '10m', grace: '5s', select: (order, payment) => ({ ...order, paid: payment.paid }),
   * })
   */
  joinWithin<W, R>(
    name: string,
    other: KeyedStream<K, W>,
    options: Interval & { readonly how?: 'inner'; readonly select: (left: V, right: W) => R },
  ): JoinResult<K, R, V | W>
  joinWithin<W, R>(
    name: string,
    other: KeyedStream<K, W>,
    options: Interval & { readonly how: 'left'; readonly select: (left: V, right: W | null) => R },
  ): JoinResult<K, R, V | W>
  joinWithin<W, R>(
    name: string,
    other: KeyedStream<K, W>,
    options: Interval & { readonly how: 'outer'; readonly select: (left: V | null, right: W | null) => R },
  ): JoinResult<K, R, V | W>
  /**
   * Of rows that are the same and lie within `ttl` of each other in event time, the first. They are the same if their
   * keys are, and with `by` only if that is, too.
   * @example
   * orders.stream().keyBy('id').dedupe('once', { ttl: '1h' }).out.to('unique-orders')
   * orders.stream().keyBy('customer').dedupe('once-a-day', { by: 'region', ttl: '1d' }).out.to('visits')
   */
  dedupe<F extends KeyField<V>>(name: string, options: DedupeOptions<V, F>): Deduped<K, V>
  /**
   * Your own function for each row of a key, with state of that key and timers. What it emits goes to `out`, or to a side
   * output by name; its name identifies the state.
   * @example
   * const silent = orders.stream().keyBy('customer').process('silent', {
   *   state: { last: state.value(0) },
   *   out: output<{ customer: string; since: number }>(),
   *   on(order, ctx) {
   *     ctx.state.last.set(order.at)
   *     ctx.timers.event('quiet', '1h')
   *   },
   *   timers: { quiet: (ctx) => ctx.emit({ customer: ctx.key, since: ctx.state.last.get() }) },
   * })
   * silent.out.to('silent-customers')
   */
  process<
    S extends StateSpecs = Record<never, never>,
    O = V,
    D extends SideOutputs = Record<never, never>,
    T extends string = never,
  >(name: string, options: ProcessOptions<K, V, S, O, D, T>): Processed<K, V, O, D>
  /**
   * The last row of each key, to look rows up in.
   * @example
   * const keyed = orders.stream().keyBy('region')
   * keyed.join('so-far', keyed.count('counts').table(), { select: (order, so) => [order.id, so.count] })
   */
  table(): Table<V>
  /** With its past, for joins as of event time: a row is a version of its key from its own time on. */
  table(options: HistoryOptions): HistoryTable<V>
  /**
   * The name identifies the state: it must not change while the state is wanted.
   * @example
   * // Was '1m' in version 1 of the app: its state is left aside, and the five minutes are filled in from the log.
   * orders.stream().keyBy('region').window('revenue', window.tumbling('5m', { grace: '0s' }), { version: 2 })
   *   .aggregate({ total: agg.sum('amount') }).emit('on-close').out.to('per-five-minutes')
   */
  window(name: string, definition: WindowDefinition, options?: VersionOptions): WindowedStream<K, V>
  /**
   * One running result per key; a row for every key that changed, once per commit.
   * @example orders.stream().keyBy('region').aggregate('totals', { total: agg.sum('amount') })
   */
  aggregate<A extends AggregateSpec<V>>(
    name: string,
    spec: A,
    options?: VersionOptions,
  ): KeyedStream<K, AggregateRow<K, ResultOf<A>>>
  /**
   * `aggregate(name, { count: agg.count() })`
   * @example orders.stream().keyBy('region').count('per-region')
   */
  count(name: string): KeyedStream<K, AggregateRow<K, { count: number }>>
}

type Flat<T> = { [K in keyof T]: T[K] }
/** `revision` counts the key's rows from 1. */
export type AggregateRow<K, R> = Flat<{ key: K; revision: number } & R>

/** Tests by the name of the branch that they open, in the order in which they are tried. */
export type Branches<V> = Readonly<Record<string, (value: V) => boolean>>

/** Both faces in one: which of them shows is a matter of types, and of the check that every app passes. */
class NodeStream<K extends KeyValue, V> implements KeyedStream<K, V> {
  readonly node: Node
  constructor(node: Node) {
    this.node = node
  }

  filter<W extends V>(test: (value: V) => boolean): KeyedStream<K, W> {
    return this.#then({ kind: 'filter', test: test as (value: unknown) => boolean })
  }
  map<W>(change: (value: V) => W): KeyedStream<K, W> {
    return this.#then({ kind: 'map', change: change as (value: unknown) => unknown })
  }
  flatMap<W>(change: (value: V) => Iterable<W>): KeyedStream<K, W> {
    return this.#then({ kind: 'flatMap', change: change as (value: unknown) => Iterable<unknown> })
  }
  peek(look: (value: V) => void): KeyedStream<K, V> {
    return this.#then({ kind: 'peek', look: look as (value: unknown) => void })
  }
  branch<B extends Branches<V>>(tests: B): { readonly [Name in keyof B]: KeyedStream<K, V> } {
    const names = Object.keys(tests)
    if (names.length === 0) throw new BrokerError('invalid_request', 'a branch without tests has no way out')
    const all = names.map((name) => tests[name] as (value: unknown) => boolean)
    const node = link<Node>({ kind: 'branch', tests: all, parents: [this.node] })
    const arms = names.map((name, index) => {
      const arm = link<Node>({ kind: 'arm', name: checkedName(name), index, parents: [node] })
      return [name, keyedStreamOf<K, V>(arm)] as const
    })
    return Object.fromEntries(arms) as { [Name in keyof B]: KeyedStream<K, V> }
  }
  async<W>(
    name: string,
    call: (row: V, call: AsyncCall) => Promise<W>,
    options: AsyncOptions = {},
  ): KeyedStream<K, W> {
    return keyedStreamOf(asyncMap(this.node, name, { call: call as AsyncNode['call'], options }))
  }
  repartition(name: string, options: { readonly partitions?: number } = {}): KeyedStream<K, V> {
    const { partitions } = options
    if (partitions !== undefined && !(Number.isSafeInteger(partitions) && partitions > 0)) {
      throw new BrokerError('invalid_request', `"${name}" cannot have ${partitions} partitions`, {
        fix: 'use a whole number from 1 on',
      })
    }
    return keyedStreamOf(
      link<RepartitionNode>({ kind: 'spread', name: checkedName(name), partitions, parents: [this.node] }),
    )
  }
  onError(policy: ErrorPolicy): this {
    // Throws here what it would throw at start.
    errorSettings(policy)
    this.node.onError = policy
    return this
  }
  merge<W>(other: Stream<W>): Stream<V | W> {
    return streamOf(link<Node>({ kind: 'merge', parents: [this.node, other.node] }))
  }
  keyBy<L extends KeyValue>(key: string | ((value: V) => L | null | undefined)): KeyedStream<L, V> {
    return keyedStreamOf(link<Node>({ kind: 'keyBy', key: keyChoice(key), parents: [this.node] }))
  }
  to(target: SinkTopic<V> | string): this {
    const topic = typeof target === 'string' ? namedTopic(target) : target.settings
    link<Node>({ kind: 'sink', topic, parents: [this.node] })
    return this
  }
  materialise(topicName: string): SourceTopic<V> {
    for (const child of this.node.children) {
      if (child.kind === 'sink' && child.topic.name === topicName) return topicHandle(child.topic)
    }
    this.to(topicName)
    return topicHandle(namedTopic(topicName))
  }
  window(name: string, definition: WindowDefinition, { version }: VersionOptions = {}): WindowedStream<K, V> {
    return windowedStream(this.node, name, { definition, version: checkedVersion(name, version) })
  }
  aggregate<A extends AggregateSpec<V>>(
    name: string,
    spec: A,
    options: VersionOptions = {},
  ): KeyedStream<K, AggregateRow<K, ResultOf<A>>> {
    const version = checkedVersion(name, options.version)
    return keyedStreamOf(
      link<AggregateNode>({ kind: 'aggregate', name, aggregates: spec, version, parents: [this.node] }),
    )
  }
  join<T, R>(
    name: string,
    table: HistoryTable<T>,
    options: AsOf & { readonly how?: JoinHow; readonly select: (row: V, version: T) => R },
  ): JoinResult<K, R, V>
  join<T, R>(
    name: string,
    table: Table<T>,
    options: { readonly how?: JoinHow; readonly select: (row: V, match: T) => R },
  ): KeyedStream<K, R>
  join<T, R>(
    name: string,
    table: Table<T>,
    options: { readonly how?: JoinHow; readonly select: (row: V, match: T) => R } & Partial<AsOf>,
  ): KeyedStream<K, R> | JoinResult<K, R, V> {
    const sides = { name, parents: [this.node, table.node] } as const
    if (options.asOf === undefined) return lookup(sides, options)
    return asOf(sides, table as HistoryTable<T>, options as AsOf & typeof options)
  }
  joinWithin<W, R>(
    name: string,
    other: KeyedStream<K, W>,
    options: Interval & { readonly how?: JoinHow; readonly select: (left: V, right: W) => R },
  ): JoinResult<K, R, V | W> {
    return joinWithin({ name, parents: [this.node, other.node] }, options)
  }
  dedupe(name: string, options: DedupeOptions<V, string>): Deduped<K, V> {
    return dedupe(this.node, name, options)
  }
  process<S extends StateSpecs, O, D extends SideOutputs, T extends string>(
    name: string,
    options: ProcessOptions<K, V, S, O, D, T>,
  ): Processed<K, V, O, D> {
    return processHandler(this.node, name, options)
  }
  table(): Table<V>
  table(options: HistoryOptions): HistoryTable<V>
  table(options?: HistoryOptions): Table<V> {
    const table = tableOf<V>(this.node)
    return options === undefined ? table : historyOf(table, options)
  }
  count(name: string): KeyedStream<K, AggregateRow<K, { count: number }>> {
    return this.aggregate(name, { count: agg.count() })
  }
  streams(): Iterable<Stream<unknown>> {
    return [this as Stream<unknown>]
  }

  #then<W>(node: StatelessNode): KeyedStream<K, W> {
    return keyedStreamOf(link<Node>({ ...node, parents: [this.node] }))
  }
}

type StatelessNode<N = Node> = N extends { readonly kind: 'filter' | 'map' | 'flatMap' | 'peek' }
  ? Omit<N, 'parents' | 'children'>
  : never

export function streamOf<V>(node: Node): Stream<V> {
  return new NodeStream<never, V>(node)
}

export function keyedStreamOf<K extends KeyValue, V>(node: Node): KeyedStream<K, V> {
  return new NodeStream<K, V>(node)
}
