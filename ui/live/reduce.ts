// Folds what the live socket sends into what a page shows: `(view, delta) -> view`, pure, never mutating its input.
import type { ChannelData, Overview, SeriesData, WidgetData } from '../../src/http/contract.ts'

/** Bounds of what one channel keeps in the page. */
export type FoldLimits = {
  readonly pointsMax: number
  readonly tailRecordsMax: number
  readonly overviewPointsMax: number
}

export const defaultLimits: FoldLimits = { pointsMax: 600, tailRecordsMax: 1_000, overviewPointsMax: 600 }

type Bars = Extract<ChannelData, { kind: 'bars' }>
type Rows = Extract<ChannelData, { kind: 'rows' }>
type Tail = Extract<ChannelData, { kind: 'tail' }>

/** The view after `delta`. A delta of another kind than the view replaces it: the widget was redefined. */
export function applyDelta(
  view: ChannelData | null,
  delta: ChannelData,
  limits: FoldLimits = defaultLimits,
): ChannelData {
  switch (delta.kind) {
    case 'series':
      return {
        kind: 'series',
        series: foldSeries(view?.kind === 'series' ? view.series : [], delta.series, limits.pointsMax),
        ...faultsOf(view, delta),
      }
    case 'bars':
      return view?.kind === 'bars' ? foldBars(view, delta) : { ...delta, removed: [] }
    case 'rows':
      return view?.kind === 'rows' ? foldRows(view, delta) : { ...delta, removed: [] }
    case 'tail':
      return foldTail(view?.kind === 'tail' ? view : null, delta, limits.tailRecordsMax)
    case 'overview':
      return {
        kind: 'overview',
        overview: foldOverview(
          view?.kind === 'overview' ? view.overview : null,
          delta.overview,
          limits.overviewPointsMax,
        ),
      }
    // A stat is one small value; the lists are sent whole, because a partial list could not say what is gone.
    default:
      return delta
  }
}

/** A delta names faults only when there are new ones. */
function faultsOf(view: ChannelData | null, delta: WidgetData): Pick<WidgetData, 'faults'> {
  const faults = delta.faults ?? (view !== null && 'faults' in view ? view.faults : undefined)
  return faults === undefined ? {} : { faults }
}

function foldSeries(view: readonly SeriesData[], delta: readonly SeriesData[], pointsMax: number) {
  const merged = new Map(view.map((series) => [series.name, series]))
  for (const change of delta) {
    const known = merged.get(change.name)
    merged.set(change.name, mergePoints(known ?? { name: change.name, x: [], y: [] }, change, pointsMax))
  }
  return [...merged.values()]
}

/** Points with the same x are replaced: `[1,2,3] + [3',4] -> [1,2,3',4]`; only the newest `pointsMax` stay. */
export function mergePoints(known: SeriesData, change: SeriesData, pointsMax: number): SeriesData {
  const added = ascending(change)
  const first = added.x[0]
  const last = known.x[known.x.length - 1]
  if (first === undefined) return trim(known, pointsMax)
  // By far the most common delta: everything is newer, or starts by correcting the newest point.
  if (last === undefined || first > last) {
    return trim({ name: known.name, x: [...known.x, ...added.x], y: [...known.y, ...added.y] }, pointsMax)
  }
  const x: number[] = []
  const y: (number | null)[] = []
  let left = 0
  let right = 0
  while (left < known.x.length || right < added.x.length) {
    const a = known.x[left] ?? Number.POSITIVE_INFINITY
    const b = added.x[right] ?? Number.POSITIVE_INFINITY
    x.push(Math.min(a, b))
    y.push((b <= a ? added.y[right] : known.y[left]) ?? null)
    if (a <= b) left += 1
    if (b <= a) right += 1
  }
  return trim({ name: known.name, x, y }, pointsMax)
}

function trim(series: SeriesData, pointsMax: number): SeriesData {
  const excess = series.x.length - pointsMax
  return excess > 0 ? { name: series.name, x: series.x.slice(excess), y: series.y.slice(excess) } : series
}

/** The chart needs x strictly ascending; a server that sends otherwise gets its points sorted, the last of equals kept. */
function ascending(series: SeriesData): SeriesData {
  const sorted = series.x.every((x, index) => index === 0 || x > series.x[index - 1]!)
  if (sorted) return series
  const points = new Map(series.x.map((x, index) => [x, series.y[index] ?? null]))
  const x = [...points.keys()].sort((a, b) => a - b)
  return { name: series.name, x, y: x.map((at) => points.get(at) ?? null) }
}

function foldBars(view: Bars, delta: Bars): Bars {
  const bars = new Map(view.bars.map((bar) => [bar.key, bar]))
  for (const key of delta.removed) bars.delete(key)
  for (const bar of delta.bars) bars.set(bar.key, bar)
  return { kind: 'bars', bars: [...bars.values()], removed: [], ...faultsOf(view, delta) }
}

function foldRows(view: Rows, delta: Rows): Rows {
  const gone = new Set(delta.removed)
  for (const row of delta.rows) gone.add(row.key)
  // Rows without a declared order come newest first, so what changed goes to the front.
  const rows = [...delta.rows, ...view.rows.filter((row) => !gone.has(row.key))]
  return { kind: 'rows', rows, removed: [], ...faultsOf(view, delta) }
}

function foldTail(view: Tail | null, delta: Tail, recordsMax: number): Tail {
  const records = [...(view?.records ?? []), ...delta.records]
  return {
    kind: 'tail',
    records: records.slice(Math.max(0, records.length - recordsMax)),
    skipped: (view?.skipped ?? 0) + delta.skipped,
  }
}

function foldOverview(view: Overview | null, delta: Overview, pointsMax: number): Overview {
  if (!view) return delta
  const points = new Map(view.points.map((point) => [point.at, point]))
  for (const point of delta.points) points.set(point.at, point)
  const ordered = [...points.values()].sort((a, b) => a.at - b.at)
  return { ...delta, points: ordered.slice(Math.max(0, ordered.length - pointsMax)) }
}
