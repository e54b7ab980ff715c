// Widgets and dashboards as data, and what a live view of a widget sends to its viewers.

export type WidgetKind = 'stat' | 'line' | 'area' | 'bar' | 'table'

/** How numbers are written. `unit: 'bytes'` and `'ms'` scale themselves; any other text is a suffix (or prefix). */
export type NumberFormat = {
  readonly unit?: string
  readonly unitPosition?: 'prefix' | 'suffix'
  readonly decimals?: number
}

/** Colours a value from `at` upwards. Shown as colour and text, never as colour alone. */
export type Threshold = {
  readonly at: number
  readonly tone: 'good' | 'warn' | 'bad'
  readonly label?: string
}

/** A widget: a live query over one topic. Fields are dotted paths into the record: `sum`, `window.start`, `key`. */
export type WidgetSpec = NumberFormat & {
  /** Unique in the node: `<app>.<name>`. */
  readonly id: string
  readonly kind: WidgetKind
  readonly title: string
  readonly description?: string
  /** The topic whose records are its points, and so its history. */
  readonly topic: string
  /** x axis: a field with milliseconds, `window.start`, or `$time` (the record's timestamp, the default). */
  readonly x?: string
  /** Field(s) of the value(s): one series each. */
  readonly y?: string | readonly string[]
  /** line, area: one series per value of this field; bar: one bar; table: one row; stat: what `reduce` combines over. */
  readonly by?: string
  /** Fixed bounds of the y axis or of the bars; 0 is a bound like any other. */
  readonly min?: number
  readonly max?: number
  readonly thresholds?: readonly Threshold[]
  /** line, area: newest points kept per series (default 600). */
  readonly pointsMax?: number
  /** line, area: span shown, back from the newest x, in milliseconds (default: everything kept). */
  readonly spanMs?: number
  readonly stacked?: boolean
  /** stat: draw the recent values behind the number. */
  readonly sparkline?: boolean
  /** stat: the newest record (`last`, default), or the newest values of all keys combined; of rows that carry a window,
   * those of the newest window. */
  readonly reduce?: 'last' | 'sum' | 'min' | 'max' | 'mean'
  /** bar, table: of rows that carry a window, only those of the newest one stay (default true). */
  readonly latestWindow?: boolean
  /** bar (default 20), table (default 100): rows sent, the first in order. */
  readonly limit?: number
  /** bar: `value` (default) or `key`; table: a field (default: the newest first). */
  readonly sortBy?: string
  readonly sortDescending?: boolean
  /** table: columns in order; default: the fields of the first row. */
  readonly columns?: readonly (NumberFormat & {
    readonly field: string
    readonly label?: string
    readonly time?: boolean
  })[]
  /** Width in a 12-column grid and height in rows of 72 px. */
  readonly width?: number
  readonly height?: number
}

export type DashboardSpec = {
  readonly id: string
  readonly title: string
  readonly description?: string
  readonly app: string | null
  readonly widgets: readonly WidgetSpec[]
}

/** Columnar points of one series, x ascending. */
export type SeriesData = {
  readonly name: string
  readonly x: readonly number[]
  readonly y: readonly (number | null)[]
}

/** Values that could not be shown, so that a widget can say why it looks odd: `42: delay is "soon", not a number`. */
export type WidgetFaults = { readonly count: number; readonly last: string }

/** A whole view (in a snapshot) or the parts that changed (in a delta: points replace those with the same x, rows and
 * bars those with the same key; `faults` replaces). Of a series only the newest `pointsMax` points within `spanMs` stay. */
export type WidgetData = (
  | {
      readonly kind: 'stat'
      readonly value: number | string | null
      readonly previous: number | string | null
      readonly at: number | null
      readonly spark: readonly number[]
    }
  | { readonly kind: 'series'; readonly series: readonly SeriesData[] }
  | {
      readonly kind: 'bars'
      readonly bars: readonly { readonly key: string; readonly value: number | null }[]
      readonly removed: readonly string[]
    }
  | {
      readonly kind: 'rows'
      readonly rows: readonly { readonly key: string; readonly row: Readonly<Record<string, unknown>> }[]
      readonly removed: readonly string[]
    }
) & { readonly faults?: WidgetFaults }
