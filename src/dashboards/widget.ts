// Widgets as an app's file declares them, beside the stream they show: `stat('cpu', host, { y: 'cpu', unit: '%' })`.
// The row type of the stream decides which fields an option may name.
import { BrokerError, type Duration, parseDuration } from '#base'
import type { Stream, TopicHandle } from '#streams'
import type { NumberFormat, Threshold, WidgetKind, WidgetSpec } from './api.ts'

/** A topic, a stream, or the result of a window. */
export type WidgetSource<V> = TopicHandle<V> | Stream<V> | { readonly out: Stream<V> }

/** The record's own time, key, whole value and place. */
type RecordField = '$time' | '$key' | '$value' | '$offset' | '$partition' | 'key'
type Leaf = string | number | boolean | bigint | Date | null | undefined

/** Dotted paths to fields whose type is `L`, three levels deep: `sum`, `window.start`. */
type PathTo<V, L, Depth extends 0[] = []> = Depth['length'] extends 3
  ? never
  : V extends Leaf | readonly unknown[]
    ? never
    : {
        [F in keyof V & string]:
          | (V[F] extends L ? F : never)
          | (unknown extends V[F] ? F | `${F}.${string}` : never)
          | `${F}.${PathTo<NonNullable<V[F]>, L, [0, ...Depth]>}`
      }[keyof V & string]

/** Any field of a row; any text at all if nothing is known of the row. */
export type FieldOf<V> = unknown extends V ? string : PathTo<V, unknown> | RecordField
/** A field that is a number, or can be read as one. Rows that are numbers themselves are `$value`. */
export type NumberFieldOf<V> = unknown extends V
  ? string
  : PathTo<V, number | boolean | null | undefined> | '$value' | '$time' | '$offset'

type Common = {
  /** Default: the widget's name. */
  readonly title?: string
  readonly description?: string
  /** Columns of a grid of 12. */
  readonly width?: number
  /** Rows of 72 px. */
  readonly height?: number
}
type Drawn = Common & NumberFormat & { readonly thresholds?: readonly Threshold[] }
type Bounds = { readonly min?: number; readonly max?: number }

export type StatOptions<V> = Drawn & {
  readonly y: FieldOf<V>
  readonly x?: FieldOf<V>
  /** What `reduce` combines over; default: the record's key. */
  readonly by?: FieldOf<V>
  readonly reduce?: NonNullable<WidgetSpec['reduce']>
  readonly sparkline?: boolean
}
export type ChartOptions<V> = Drawn &
  Bounds & {
    readonly y: NumberFieldOf<V> | readonly NumberFieldOf<V>[]
    /** Milliseconds since 1970. Default `$time`, the record's own time. */
    readonly x?: FieldOf<V>
    /** One line per value of this field. */
    readonly by?: FieldOf<V>
    readonly pointsMax?: number
    /** Time shown, back from the newest point: `'15m'`. Default: all points kept. */
    readonly span?: Duration
    readonly stacked?: boolean
  }
export type BarOptions<V> = Drawn &
  Bounds & {
    readonly y: NumberFieldOf<V>
    /** One bar per value of this field; default: the record's key. */
    readonly by?: FieldOf<V>
    readonly latestWindow?: boolean
    readonly limit?: number
    readonly sortBy?: 'value' | 'key'
    readonly sortDescending?: boolean
  }
export type ColumnOptions<V> = NumberFormat & {
  readonly field: FieldOf<V>
  readonly label?: string
  /** Milliseconds, shown as date and time. */
  readonly time?: boolean
}
export type TableOptions<V> = Common & {
  readonly columns?: readonly (FieldOf<V> | ColumnOptions<V>)[]
  /** One row per value of this field; default: the record's key. */
  readonly by?: FieldOf<V>
  readonly latestWindow?: boolean
  readonly limit?: number
  readonly sortBy?: FieldOf<V>
  /** Default: the largest first, if `sortBy` is given. */
  readonly sortDescending?: boolean
}

/** A widget that does not yet know its dashboard and app. */
export type Widget = {
  readonly name: string
  readonly from: WidgetSource<unknown>
  /** Everything but what the dashboard and the app decide. */
  readonly spec: Omit<WidgetSpec, 'id' | 'topic'>
}

/**
 * One number. Of several records that match, the newest counts, unless `reduce` combines those of all keys.
 * @example stat('revenue', perMinute, { y: 'total', unit: '€', unitPosition: 'prefix', reduce: 'sum' })
 */
export function stat<V>(name: string, from: WidgetSource<V>, options: StatOptions<NoInfer<V>>): Widget {
  return widget('stat', name, from, options)
}

/** @example line('load', host, { y: ['user', 'system'], unit: '%', min: 0, max: 100, span: '15m' }) */
export function line<V>(name: string, from: WidgetSource<V>, options: ChartOptions<NoInfer<V>>): Widget {
  return widget('line', name, from, options)
}

/** @example area('traffic', perMinute, { y: 'bytes', by: 'host', stacked: true }) */
export function area<V>(name: string, from: WidgetSource<V>, options: ChartOptions<NoInfer<V>>): Widget {
  return widget('area', name, from, options)
}

/** @example bar('busiest', perHour, { y: 'flights', by: 'airport', limit: 10 }) */
export function bar<V>(name: string, from: WidgetSource<V>, options: BarOptions<NoInfer<V>>): Widget {
  return widget('bar', name, from, { ...options, sortBy: options.sortBy ?? 'value' })
}

/** @example table('latest', orders, { columns: ['region', { field: 'amount', unit: '€' }], sortBy: 'amount' }) */
export function table<V>(
  name: string,
  from: WidgetSource<V>,
  options: TableOptions<NoInfer<V>> = {},
): Widget {
  const { columns, sortBy, ...rest } = options
  return widget('table', name, from, {
    ...rest,
    ...(columns && {
      columns: columns.map((column) => (typeof column === 'string' ? { field: column } : column)),
    }),
    // Said in the spec, so that the server and the browser cannot differ about a default.
    ...(sortBy !== undefined && { sortBy, sortDescending: options.sortDescending ?? true }),
  })
}

function widget<V>(kind: WidgetKind, name: string, from: WidgetSource<V>, options: object): Widget {
  if (typeof name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    throw new BrokerError('invalid_request', `${JSON.stringify(name)} is not a widget name`, {
      fix: 'use 1 to 64 letters, digits, dashes or underscores; write the title for people as { title }',
    })
  }
  if (typeof from !== 'object' || from === null || !('settings' in from || 'node' in from || 'out' in from)) {
    throw new BrokerError('invalid_request', `widget "${name}" has no source`, {
      fix: `give a topic, a stream or the result of a window: ${kind}('${name}', stream, { ... })`,
    })
  }
  const { span, ...rest } = options as { span?: Duration; title?: string }
  const spec = { kind, title: name, ...rest, ...(span !== undefined && { spanMs: parseDuration(span) }) }
  return { name, from: from as WidgetSource<unknown>, spec }
}
