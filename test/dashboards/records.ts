// Records and viewers for tests: a record in one line, and a viewer who knows the contract and nothing else.
import fc from 'fast-check'
import type { WidgetData, WidgetSpec } from '../../src/dashboards/api.ts'
import type { WidgetRecord } from '../../src/dashboards/widget-record.ts'

let offset = 0

export function record(value: unknown, at: Partial<WidgetRecord> = {}): WidgetRecord {
  return {
    partition: 0,
    offset: offset++,
    timestamp: 0,
    key: null,
    value,
    deleted: false,
    ...at,
  }
}

export function tombstone(key: string): WidgetRecord {
  return record(null, { key, deleted: true })
}

export function spec(kind: WidgetSpec['kind'], options: Partial<WidgetSpec> = {}): WidgetSpec {
  return { id: 'app.widget', kind, title: 'Widget', topic: 'topic', ...options }
}

/** What a viewer shows after a delta, by the words of the contract alone. */
export function applyDelta(
  view: WidgetData,
  delta: WidgetData,
  options: Partial<WidgetSpec> = {},
): WidgetData {
  const faults = delta.faults ?? view.faults
  const rest = faults ? { faults } : {}
  if (view.kind === 'bars' && delta.kind === 'bars') {
    const bars = new Map(view.bars.map((bar) => [bar.key, bar]))
    for (const key of delta.removed) bars.delete(key)
    for (const bar of delta.bars) bars.set(bar.key, bar)
    return { kind: 'bars', bars: [...bars.values()], removed: [], ...rest }
  }
  if (view.kind === 'rows' && delta.kind === 'rows') {
    const rows = new Map(view.rows.map((row) => [row.key, row]))
    for (const key of delta.removed) rows.delete(key)
    for (const row of delta.rows) rows.set(row.key, row)
    return { kind: 'rows', rows: [...rows.values()], removed: [], ...rest }
  }
  if (view.kind === 'series' && delta.kind === 'series') {
    const series: PointsBySeries = new Map(
      view.series.map(({ name, x, y }) => [name, new Map(x.map((at, i) => [at, y[i]!]))]),
    )
    for (const { name, x, y } of delta.series) {
      const points = series.get(name) ?? new Map<number, number | null>()
      x.forEach((at, index) => {
        points.set(at, y[index]!)
      })
      series.set(name, points)
    }
    return { kind: 'series', series: trimmed(series, options), ...rest }
  }
  return { ...delta, ...rest }
}

type PointsBySeries = Map<string, Map<number, number | null>>

function trimmed(series: PointsBySeries, options: Partial<WidgetSpec>) {
  const newest = Math.max(...[...series.values()].flatMap((points) => [...points.keys()]))
  const oldest = newest - (options.spanMs ?? Number.POSITIVE_INFINITY)
  return [...series]
    .map(([name, points]) => {
      const kept = [...points]
        .sort(([a], [b]) => a - b)
        .slice(-(options.pointsMax ?? 600))
        .filter(([x]) => x >= oldest)
      return { name, x: kept.map(([x]) => x), y: kept.map(([, y]) => y) }
    })
    .filter(({ x }) => x.length > 0)
}

/** Content without order: which order rows and series are drawn in is the viewer's. */
export function canonical(data: WidgetData): unknown {
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
  const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1)
  if (data.kind === 'bars') return { ...data, bars: [...data.bars].sort(byKey) }
  if (data.kind === 'rows') return { ...data, rows: [...data.rows].sort(byKey) }
  if (data.kind === 'series') return { ...data, series: [...data.series].sort(byName) }
  return data
}

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e', '', '__proto__', '<script>alert(1)</script>')

/** Every kind of value that JSON can bring, and some that only other codecs can. */
export const oddValue = fc.oneof(
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, null, undefined),
  fc.string(),
  fc.constantFrom('12.50', 'NaN', '2024-01-01T00:00:00Z', '1e400', true, false),
  fc.jsonValue(),
)

const number = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -5, max: 5 }) },
  { weight: 1, arbitrary: oddValue },
)

/** Few keys, few windows, few times: duplicates, corrections, deletes and late points are the rule. */
export const anyRecord: fc.Arbitrary<WidgetRecord> = fc
  .record({
    partition: fc.nat(1),
    timestamp: fc.integer({ min: -3, max: 40 }),
    key: fc.option(keys),
    n: number,
    group: keys,
    window: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 3 }),
    deleted: fc.boolean().map((coin) => coin),
    shape: fc.oneof(
      { weight: 8, arbitrary: fc.constant('row') },
      { weight: 1, arbitrary: fc.constant('odd') },
    ),
    odd: oddValue,
  })
  .map(({ partition, timestamp, key, n, group, window, deleted, shape, odd }) => {
    const value =
      shape === 'odd'
        ? odd
        : { n, group, ...(window !== null && { window: { start: window * 10, end: window * 10 + 10 } }) }
    const gone = deleted && key !== null && n === 0
    return record(gone ? null : value, { partition, timestamp, key, deleted: gone })
  })

export const anySpec: fc.Arbitrary<WidgetSpec> = fc
  .record({
    kind: fc.constantFrom('stat', 'line', 'area', 'bar', 'table'),
    y: fc.constantFrom<string | string[]>('n', 'missing', '$value', '$time'),
    ys: fc.boolean(),
    by: fc.option(fc.constantFrom('group', 'key', 'n'), { nil: undefined }),
    x: fc.option(fc.constantFrom('$time', 'window.start', 'n', 'group'), { nil: undefined }),
    pointsMax: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
    spanMs: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
    reduce: fc.constantFrom('last', 'sum', 'min', 'max', 'mean'),
    latestWindow: fc.option(fc.boolean(), { nil: undefined }),
    limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    sortBy: fc.option(fc.constantFrom('n', 'group', 'key', 'value'), { nil: undefined }),
    sortDescending: fc.option(fc.boolean(), { nil: undefined }),
    columns: fc.option(fc.constantFrom([{ field: 'n' }], [{ field: 'key' }, { field: 'window.start' }]), {
      nil: undefined,
    }),
  })
  .map(({ ys, ...options }) => {
    const present = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
    return spec(options.kind as WidgetSpec['kind'], { ...present, y: ys ? ['n', '$time'] : options.y })
  })
