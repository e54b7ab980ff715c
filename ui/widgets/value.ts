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

/** Numbers by size, text by language with numbers inside it counted, what is missing last. */
export function compareValues(a: unknown, b: unknown): number {
  const missing = Number(a === null || a === undefined) - Number(b === null || b === undefined)
  if (missing !== 0 || a === null || a === undefined) return missing
  if (isNumber(a) && isNumber(b)) return a - b
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  return text(a).localeCompare(text(b), 'en', { numeric: true })
}

export type Bar = { readonly key: string; readonly value: number | null }

/** Largest first, unless the spec orders by `key`. */
export function orderBars(
  bars: readonly Bar[],
  spec: Pick<WidgetSpec, 'sortBy' | 'sortDescending' | 'limit'>,
) {
  const byKey = spec.sortBy === 'key' || spec.sortBy === '$key'
  const direction = (spec.sortDescending ?? !byKey) ? -1 : 1
  const ordered = [...bars].sort((a, b) => {
    const missing = Number(a.value === null) - Number(b.value === null)
    if (!byKey && missing !== 0) return missing
    const order = byKey ? compareValues(a.key, b.key) : compareValues(a.value, b.value)
    return order === 0 ? compareValues(a.key, b.key) : order * direction
  })
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

/** The change in percent, where that says something. */
export function changeOf(value: unknown, previous: unknown): number | null {
  if (!isNumber(value) || !isNumber(previous) || previous === 0) return null
  return ((value - previous) / Math.abs(previous)) * 100
}
