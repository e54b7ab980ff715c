// Values inside rows, thresholds, order: what every widget asks of its data.
import type { Threshold, WidgetSpec } from '../../src/http/contract.ts'
import { isNumber } from '../format/number.ts'

/** `window.start` of `{window: {start: 1}}` is 1; a key that itself holds a dot comes first. */
export function fieldOf(row: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(row, path)) return row[path]
  let value: unknown = row
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

/** The highest threshold at or below the value. */
export function thresholdAt(value: unknown, thresholds: readonly Threshold[] = []): Threshold | null {
  if (!isNumber(value)) return null
  return thresholds.reduce<Threshold | null>(
    (best, threshold) =>
      threshold.at <= value && (best === null || threshold.at >= best.at) ? threshold : best,
    null,
  )
}

const toneWords = { good: 'Good', warn: 'Warning', bad: 'Critical' }

export function wordOf({ tone, label }: Threshold): string {
  return label ?? toneWords[tone]
}

const natural = new Intl.Collator('en', { numeric: true })

/** `a2` before `a10`; equal only if the same. */
function compareText(a: string, b: string): number {
  return natural.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0)
}

/** As the server orders: numbers before texts; what is missing comes last, whatever the direction. */
export function compareValues(a: unknown, b: unknown, descending = false): number {
  const rankA = rank(a)
  const rankB = rank(b)
  if (rankA !== rankB || rankA === 2) return rankA - rankB
  const order = rankA === 0 ? (a as number) - (b as number) : compareText(textOf(a), textOf(b))
  return descending ? -order : order
}

function rank(value: unknown): number {
  if (typeof value === 'number') return 0
  return value === null || value === undefined ? 2 : 1
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

export type Bar = { readonly key: string; readonly value: number | null }

/** Largest first, unless the spec orders by `key`. */
export function orderBars(
  bars: readonly Bar[],
  spec: Pick<WidgetSpec, 'sortBy' | 'sortDescending' | 'limit'>,
) {
  const byKey = spec.sortBy === 'key'
  const descending = spec.sortDescending ?? !byKey
  const ordered = [...bars].sort(
    (a, b) =>
      (byKey ? compareValues(a.key, b.key, descending) : compareValues(a.value, b.value, descending)) ||
      compareValues(a.key, b.key),
  )
  return spec.limit === undefined ? ordered : ordered.slice(0, spec.limit)
}

/** Where a bar begins and how long it is, in percent of the track; negative values grow to the left of zero. */
export function barExtent(value: number, low: number, high: number): { left: number; width: number } {
  const place = (at: number) =>
    high > low ? ((Math.min(high, Math.max(low, at)) - low) / (high - low)) * 100 : 0
  const zero = place(0)
  const end = place(value)
  return { left: Math.min(zero, end), width: Math.abs(end - zero) }
}

/** A tenfold change is no percentage anybody reads. */
const percentMax = 1_000

export type Change = {
  readonly by: number
  /** `null` where it says nothing: from zero or nearly so, or across it. */
  readonly percent: number | null
}

/** `changeOf(3, 2) -> { by: 1, percent: 50 }`; `null` unless both are numbers. */
export function changeOf(value: unknown, previous: unknown): Change | null {
  if (!isNumber(value) || !isNumber(previous)) return null
  const by = value - previous
  const percent = (by / Math.abs(previous)) * 100
  const isClear = previous !== 0 && value * previous >= 0 && Math.abs(percent) < percentMax
  return { by, percent: isClear ? percent : null }
}
