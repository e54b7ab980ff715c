// From series as they arrive to columns as a chart draws them: one shared x, a span back from the newest point, stacks.
import type { SeriesData } from '../../src/http/contract.ts'

/** `undefined` means "this series has no point here, draw through"; `null` means "no value, break the line". */
export type Column = (number | null | undefined)[]
export type Aligned = { readonly x: number[]; readonly ys: Column[] }

/** The newest x of all series: charts of data from years ago follow the data, not the clock. */
export function newestX(series: readonly SeriesData[]): number | null {
  let newest: number | null = null
  for (const { x } of series) {
    const last = x[x.length - 1]
    if (last !== undefined && (newest === null || last > newest)) newest = last
  }
  return newest
}

/** Shown around a single moment, to either side. */
const aloneMs = 30_000

/**
 * What the x axis shows: the span back from the newest point, or less while the data are younger than that, so that
 * the first minute of a new node is not a sliver at the right edge. One moment lies in the middle.
 */
export function domainOf(x: readonly number[], spanMs: number | null): [number, number] | null {
  const first = x[0]
  const last = x[x.length - 1]
  if (first === undefined || last === undefined) return null
  if (last <= first) return [first - aloneMs, last + aloneMs]
  return [spanMs === null ? first : Math.max(first, last - spanMs), last]
}

/** Series with a point in the span: one that ended long ago would only fill the legend. */
export function seriesWithin(series: readonly SeriesData[], spanMs: number | null): readonly SeriesData[] {
  const newest = newestX(series)
  if (spanMs === null || newest === null) return series
  return series.filter(({ x }) => (x[x.length - 1] ?? Number.NEGATIVE_INFINITY) >= newest - spanMs)
}

export function alignSeries(series: readonly SeriesData[], spanMs: number | null): Aligned {
  const newest = newestX(series)
  const from = spanMs === null || newest === null ? Number.NEGATIVE_INFINITY : newest - spanMs
  const only = series.length === 1 ? series[0] : undefined
  if (only) {
    const start = firstAtOrAfter(only.x, from)
    return { x: only.x.slice(start), ys: [only.y.slice(start).map(finiteOrNull)] }
  }
  const xs = new Set<number>()
  for (const { x } of series)
    for (let index = firstAtOrAfter(x, from); index < x.length; index += 1) xs.add(x[index]!)
  const x = [...xs].sort((a, b) => a - b)
  const rowOf = new Map(x.map((at, row) => [at, row]))
  const ys = series.map((one) => {
    const column: Column = new Array(x.length).fill(undefined)
    one.x.forEach((at, index) => {
      const row = rowOf.get(at)
      if (row !== undefined) column[row] = finiteOrNull(one.y[index])
    })
    return column
  })
  return { x, ys }
}

function finiteOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function firstAtOrAfter(x: readonly number[], from: number): number {
  let low = 0
  let high = x.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (x[middle]! < from) low = middle + 1
    else high = middle
  }
  return low
}

/** Each column on top of those before it; a missing value adds nothing. `[[1,2],[3,null]] -> [[1,2],[4,2]]`. */
export function stackColumns(ys: readonly Column[]): Column[] {
  const sums: number[] = []
  return ys.map((column) =>
    column.map((value, row) => {
      sums[row] = (sums[row] ?? 0) + (value ?? 0)
      return sums[row]!
    }),
  )
}

/** Rows worth drawing when there are many more points than pixels: of each bucket the extremes of every column. */
export function pickRows(aligned: Aligned, buckets: number): number[] | null {
  const rows = aligned.x.length
  if (rows <= buckets * 2 * Math.max(1, aligned.ys.length)) return null
  const picked: number[] = []
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const start = Math.floor((bucket * rows) / buckets)
    const end = Math.floor(((bucket + 1) * rows) / buckets)
    const chosen = new Set<number>([start])
    for (const column of aligned.ys) for (const row of extremes(column, start, end)) chosen.add(row)
    picked.push(...[...chosen].sort((a, b) => a - b))
  }
  if (picked[picked.length - 1] !== rows - 1) picked.push(rows - 1)
  return picked
}

function extremes(column: Column, start: number, end: number): number[] {
  let low = -1
  let high = -1
  for (let row = start; row < end; row += 1) {
    const value = column[row]
    if (value === null || value === undefined) continue
    if (low < 0 || value < column[low]!) low = row
    if (high < 0 || value > column[high]!) high = row
  }
  return low < 0 ? [] : [low, high]
}

export function decimate(aligned: Aligned, buckets: number): Aligned {
  const rows = pickRows(aligned, buckets)
  if (!rows) return aligned
  return {
    x: rows.map((row) => aligned.x[row]!),
    ys: aligned.ys.map((column) => rows.map((row) => column[row])),
  }
}

/** Bounds of the y axis: fixed ones stay, others get a little air, and zero is in the picture if it is near. */
export function yRange(
  low: number | null,
  high: number | null,
  fixed: { min?: number | undefined; max?: number | undefined; fromZero?: boolean },
): [number, number] {
  // An area says "this much": cut off below, it would say something else.
  const bottom = fixed.min ?? (fixed.fromZero ? Math.min(0, low ?? 0) : (low ?? 0))
  const top = fixed.max ?? (fixed.fromZero ? Math.max(0, high ?? 1) : (high ?? 1))
  const size = top - bottom || Math.abs(top) || 1
  let min = fixed.min ?? bottom - size * 0.08
  const max = fixed.max ?? top + size * 0.12
  if (fixed.min === undefined && bottom >= 0 && (min < 0 || bottom < size)) min = 0
  return max > min ? [min, max] : [min, min + 1]
}
