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
  /** Splits into one series (line, area), one bar, or one stat per value of this field. */
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
  /** stat: which of the matching records counts (default `last`). */
  readonly reduce?: 'last' | 'sum' | 'min' | 'max' | 'mean'
  /** bar, table: only the newest window per key stays (default true when rows carry a window). */
  readonly latestWindow?: boolean
  /** bar, table. */
  readonly limit?: number
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

/** A whole view (in a snapshot) or the parts that changed (in a delta: points replace those with the same x, rows and
 * bars those with the same key). */
export type WidgetData =
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
