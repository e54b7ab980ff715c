// A topic as an app declares it: its values' schema, key and event time, and what it shall be like if it does not exist.
import { BrokerError, type Duration, type Millis, parseDuration } from '#base'
import type { LastResort } from './error-policy.ts'
import {
  defaultIdleAfter,
  type KeyChoice,
  link,
  type SourceNode,
  type TimeSettings,
  type TopicSettings,
} from './graph/node.ts'
import type { StandardSchema } from './schema/standard-schema.ts'
import { type KeyField, type Stream, streamOf } from './stream.ts'
import {
  broadcastOf,
  type HistoryOptions,
  type HistoryTable,
  historyOf,
  type Table,
  tableOf,
} from './table.ts'

export type TimeOptions<V> = {
  /** Event time in whole milliseconds since 1970 UTC. Default: the record's own timestamp. */
  readonly at?: (value: V) => number
  /** How far a row may lie behind the newest before it in its partition and still be on time. Default `'0s'`. */
  readonly outOfOrder?: Duration
  /** After this long without a record, a partition no longer holds the others' windows open. Default `'30s'`. */
  readonly idleAfter?: Duration | 'never'
  /** A row further than this after the moment it was appended is a bad record and moves no window. Without it, one row
   * from a wrong clock makes all that follow late. */
  readonly maxAhead?: Duration
}

export type TopicOptions<V> = {
  /** The record key of a value, when rows without a key of their own are written; and by what it is partitioned. */
  readonly key?: KeyField<V> | ((value: V) => string)
  /** For a topic that does not exist yet. Default 1. */
  readonly partitions?: number
  /** By append time. Default: the node's. */
  readonly retention?: Duration | 'forever'
  readonly time?: TimeOptions<V>
  /** A record that is not JSON, does not match the schema or has no time: skipped, counted and logged (the default; it
   * stays in its topic), copied to `<topic>.dead` with the reason, or the app fails on it. */
  readonly onBad?: LastResort
}

/** A topic that takes rows of type `V` or wider. */
export interface SinkTopic<in V> {
  readonly name: string
  readonly settings: TopicSettings
  /** Never there: it only lets the compiler compare row types. */
  readonly accepts?: (value: V) => void
}

/** A topic whose records are rows of type `V`. */
export interface SourceTopic<out V> {
  readonly name: string
  readonly settings: TopicSettings
  /** All records from the oldest on, then new ones. */
  stream(): Stream<V>
  /**
   * The last record of each key; one without a value deletes. The key is the one that the topic declares, else that of
   * the record.
   * @example const drivers = topic<Driver>('drivers', { key: 'id' }).table()
   */
  table(): Table<V>
  /**
   * With its past, for joins as of event time: a record is a version of its key from its own time on, whenever it comes.
   * @example const rates = topic<{ currency: string; rate: number; at: number }>('rates', {
   *   key: 'currency', time: { at: (rate) => rate.at },
   * }).table({ history: '1d' })
   */
  table(options: HistoryOptions): HistoryTable<V>
  /**
   * The same, for a small topic: every task holds all of it, so that rows can be looked up however they are partitioned.
   * @example orders.stream().keyBy('region').join('managed', topic<{ manager: string }>('regions').broadcast(), {
   *   select: (order, region) => [order.id, region.manager],
   * })
   */
  broadcast(): Table<V>
}

export interface TopicHandle<in out V> extends SinkTopic<V>, SourceTopic<V> {}

type Output<S> = S extends StandardSchema<infer _, infer V> ? V : never

/**
 * @example const rides = topic('rides', { value: Ride, key: 'driver', time: { at: (ride) => ride.at, outOfOrder: '5s' } })
 */
export function topic<S extends StandardSchema<unknown, unknown>>(
  name: string,
  options: TopicOptions<Output<S>> & { readonly value: S },
): TopicHandle<Output<S>>
export function topic<V = unknown>(
  name: string,
  options?: TopicOptions<V> & { readonly value?: undefined },
): TopicHandle<V>
export function topic<V>(
  name: string,
  options: TopicOptions<V> & { readonly value?: StandardSchema<unknown, unknown> | undefined } = {},
): TopicHandle<V> {
  return topicHandle({
    ...namedTopic(name),
    schema: options.value,
    key: options.key === undefined ? undefined : keyChoice(options.key),
    partitions: options.partitions,
    retentionMs: retentionOf(options.retention),
    time: options.time === undefined ? undefined : timeSettings(options.time),
    onBad: options.onBad ?? 'skip',
  })
}

/** A topic of which nothing but the name is known. */
export function namedTopic(name: string): TopicSettings {
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
    throw new BrokerError('invalid_request', `${JSON.stringify(name)} is not a topic name`, {
      fix: 'use up to 249 letters, digits, dots, underscores or dashes',
    })
  }
  return {
    name,
    schema: undefined,
    key: undefined,
    partitions: undefined,
    retentionMs: undefined,
    time: undefined,
    onBad: 'skip',
  }
}

export function topicHandle<V>(settings: TopicSettings): TopicHandle<V> {
  let source: SourceNode | undefined
  let table: Table<V> | undefined
  let broadcast: Table<V> | undefined
  const node = () => {
    source ??= link<SourceNode>({ kind: 'source', topic: settings, parents: [] })
    return source
  }
  return {
    name: settings.name,
    settings,
    stream: () => streamOf<V>(node()),
    table: ((options?: HistoryOptions) => {
      table ??= tableOf<V>(node())
      return options === undefined ? table : historyOf(table, options)
    }) as TopicHandle<V>['table'],
    broadcast() {
      broadcast ??= broadcastOf<V>(settings)
      return broadcast
    },
  }
}

export function keyChoice<V>(key: string | ((value: V) => unknown)): KeyChoice {
  return typeof key === 'string'
    ? { field: key, of: (value) => (value as Record<string, unknown> | null)?.[key] }
    : { field: undefined, of: key as (value: unknown) => unknown }
}

function timeSettings<V>(time: TimeOptions<V>): TimeSettings {
  const idleAfter = time.idleAfter ?? defaultIdleAfter
  return {
    at: time.at as ((value: unknown) => number) | undefined,
    outOfOrderMs: parseDuration(time.outOfOrder ?? '0s'),
    idleAfterMs: idleAfter === 'never' ? null : parseDuration(idleAfter),
    maxAheadMs: time.maxAhead === undefined ? null : parseDuration(time.maxAhead),
  }
}

function retentionOf(retention: Duration | 'forever' | undefined): Millis | null | undefined {
  if (retention === undefined) return undefined
  return retention === 'forever' ? null : parseDuration(retention)
}
