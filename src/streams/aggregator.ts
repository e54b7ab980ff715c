// Aggregators: small folds that combine by name into the columns of a result row. Each is four pure functions over an
// accumulator that must survive JSON, since that is how it is stored: `add` and `merge` answer a new one and never
// change what they were given.
import { BrokerError } from '#base'
import { DistinctSketch, type StoredDistinct } from './sketch/distinct-sketch.ts'
import { QuantileSketch, type StoredQuantiles } from './sketch/quantile-sketch.ts'

/** Folds rows of type `V` into a result of type `R`. The accumulator's own type stays inside (see `agg.custom`). */
export interface Aggregator<in V, out R> {
  /** Part of the state's signature: state is never read by an aggregator of another kind. */
  readonly kind: string
  /** For people: `sum(amount)`. */
  readonly label: string
  readonly init: () => unknown
  /** `at` is the row's event time. */
  readonly add: (accumulator: unknown, row: V, at: number) => unknown
  readonly merge: (a: unknown, b: unknown) => unknown
  readonly result: (accumulator: unknown) => R
}

export type AggregateSpec<V> = Readonly<Record<string, Aggregator<V, unknown>>>

/** The columns that a spec computes. */
export type ResultOf<A> = {
  -readonly [K in keyof A]: A[K] extends Aggregator<never, infer R> ? R : never
}

type Steps<A, V, R> = {
  readonly init: () => A
  readonly add: (accumulator: A, row: V, at: number) => A
  readonly merge: (a: A, b: A) => A
  readonly result: (accumulator: A) => R
}

function aggregator<A, V, R>(kind: string, label: string, steps: Steps<A, V, R>): Aggregator<V, R> {
  return {
    kind,
    label,
    init: steps.init,
    add: steps.add as Aggregator<V, R>['add'],
    merge: steps.merge as Aggregator<V, R>['merge'],
    result: steps.result as Aggregator<V, R>['result'],
  }
}

/** Rows that have this field as a number; a row where it is missing or null does not count. */
type HasNumber<F extends string> = { readonly [K in F]?: number | null | undefined }
type Numeric = number | null | undefined
type Pick<V> = (row: V) => Numeric

function picker<V>(of: string | Pick<V>, kind: string): { pick: (row: V) => number | null; label: string } {
  const label = typeof of === 'string' ? `${kind}(${of})` : `${kind}(...)`
  const read = typeof of === 'string' ? (row: V) => (row as Record<string, Numeric>)[of] : of
  const pick = (row: V) => {
    const value = read(row)
    if (value === null || value === undefined) return null
    if (Number.isFinite(value)) return value
    const shown = typeof value === 'number' ? String(value) : JSON.stringify(value)
    throw new BrokerError('app_failed', `${label} needs a number, got ${shown}`)
  }
  return { pick, label }
}

function sum<F extends string>(field: F): Aggregator<HasNumber<F>, number>
function sum<V>(of: Pick<V>): Aggregator<V, number>
function sum<V>(of: string | Pick<V>): Aggregator<V, number> {
  const { pick, label } = picker(of, 'sum')
  return aggregator<number, V, number>('sum', label, {
    init: () => 0,
    add: (total, row) => finite(total + (pick(row) ?? 0), label),
    merge: (a, b) => finite(a + b, label),
    result: (total) => total,
  })
}

/** JSON knows no infinity: state that reached it would be lost. */
function finite(total: number, label: string): number {
  if (Number.isFinite(total)) return total
  throw new BrokerError('app_failed', `${label} went beyond the largest number there is, 1.8e308`, {
    fix: 'leave out or scale down such values before they are added',
  })
}

function extreme<V>(
  kind: 'min' | 'max',
  of: string | Pick<V>,
  better: (a: number, b: number) => number,
): Aggregator<V, number | null> {
  const { pick, label } = picker(of, kind)
  const merge = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : better(a, b))
  return aggregator<number | null, V, number | null>(kind, label, {
    init: () => null,
    add: (best, row) => merge(best, pick(row)),
    merge,
    result: (best) => best,
  })
}

function min<F extends string>(field: F): Aggregator<HasNumber<F>, number | null>
function min<V>(of: Pick<V>): Aggregator<V, number | null>
function min<V>(of: string | Pick<V>): Aggregator<V, number | null> {
  return extreme('min', of, Math.min)
}

function max<F extends string>(field: F): Aggregator<HasNumber<F>, number | null>
function max<V>(of: Pick<V>): Aggregator<V, number | null>
function max<V>(of: string | Pick<V>): Aggregator<V, number | null> {
  return extreme('max', of, Math.max)
}

type Mean = readonly [total: number, count: number]

function avg<F extends string>(field: F): Aggregator<HasNumber<F>, number | null>
function avg<V>(of: Pick<V>): Aggregator<V, number | null>
function avg<V>(of: string | Pick<V>): Aggregator<V, number | null> {
  const { pick, label } = picker(of, 'avg')
  return aggregator<Mean, V, number | null>('avg', label, {
    init: () => [0, 0],
    add: (mean, row) => {
      const value = pick(row)
      return value === null ? mean : [finite(mean[0] + value, label), mean[1] + 1]
    },
    merge: (a, b) => [finite(a[0] + b[0], label), a[1] + b[1]],
    result: ([total, count]) => (count === 0 ? null : total / count),
  })
}

/** The time it is from, and what it is; null before the first row. */
type Last = readonly [at: number, value: unknown] | null

function last<F extends string>(field: F): Aggregator<{ readonly [K in F]?: unknown }, unknown>
function last<V, R>(of: (row: V) => R): Aggregator<V, R | null>
function last<V>(of: string | ((row: V) => unknown)): Aggregator<V, unknown> {
  const read = typeof of === 'string' ? (row: V) => (row as Record<string, unknown>)[of] : of
  const label = typeof of === 'string' ? `last(${of})` : 'last(...)'
  const merge = (a: Last, b: Last) => (a === null || (b !== null && b[0] >= a[0]) ? b : a)
  return aggregator<Last, V, unknown>('last', label, {
    init: () => null,
    // By event time, not by arrival; of equal times the one that arrived later.
    add: (newest, row, at) => (newest !== null && at < newest[0] ? newest : [at, read(row) ?? null]),
    merge,
    result: (newest) => newest?.[1] ?? null,
  })
}

/** Of an aggregate that keeps rows or values: it bounds the state of a key. */
export const keptMax = 10_000

function keptCount(count: number, label: string): number {
  if (Number.isSafeInteger(count) && count > 0 && count <= keptMax) return count
  throw new BrokerError('invalid_request', `${label} cannot keep ${count}`, {
    fix: `use a whole number from 1 to ${keptMax}`,
  })
}

function quantile<F extends string>(field: F, at: number): Aggregator<HasNumber<F>, number | null>
function quantile<F extends string>(
  field: F,
  at: readonly number[],
): Aggregator<HasNumber<F>, number[] | null>
function quantile<V>(of: Pick<V>, at: number): Aggregator<V, number | null>
function quantile<V>(of: Pick<V>, at: readonly number[]): Aggregator<V, number[] | null>
function quantile<V>(of: string | Pick<V>, at: number | readonly number[]): Aggregator<V, unknown> {
  const { pick, label } = picker(of, 'quantile')
  const places = typeof at === 'number' ? [at] : at
  for (const place of places) {
    if (place >= 0 && place <= 1) continue
    throw new BrokerError('invalid_request', `${label} has no quantile ${place}`, {
      fix: 'use a number from 0 (the least) to 1 (the greatest): 0.99 is above 99 % of the values',
    })
  }
  type Stored = QuantileSketch | StoredQuantiles
  return aggregator<Stored, V, unknown>('quantile', label, {
    init: () => QuantileSketch.empty,
    add: (sketch, row) => {
      const value = pick(row)
      return value === null ? sketch : QuantileSketch.of(sketch).add(value)
    },
    merge: (a, b) => QuantileSketch.of(a).merge(QuantileSketch.of(b)),
    result: (sketch) => {
      const found = QuantileSketch.of(sketch).quantiles(places)
      return typeof at === 'number' ? (found?.[0] ?? null) : found
    },
  })
}

type Countable = string | number | boolean | null | undefined
type HasCountable<F extends string> = { readonly [K in F]?: Countable }

function distinct<F extends string>(field: F): Aggregator<HasCountable<F>, number>
function distinct<V>(of: (row: V) => Countable): Aggregator<V, number>
function distinct<V>(of: string | ((row: V) => Countable)): Aggregator<V, number> {
  const read = typeof of === 'string' ? (row: V) => (row as Record<string, Countable>)[of] : of
  const label = typeof of === 'string' ? `distinct(${of})` : 'distinct(...)'
  type Stored = DistinctSketch | StoredDistinct
  return aggregator<Stored, V, number>('distinct', label, {
    init: () => DistinctSketch.empty,
    add: (sketch, row) => {
      const value = read(row)
      return value === null || value === undefined ? sketch : DistinctSketch.of(sketch).add(value)
    },
    merge: (a, b) => DistinctSketch.of(a).merge(DistinctSketch.of(b)),
    result: (sketch) => DistinctSketch.of(sketch).count,
  })
}

type Ranked = readonly [score: number, at: number, row: unknown]

function topN<V>(count: number, by: Pick<V>): Aggregator<V, V[]> {
  const { pick, label } = picker(by, 'topN')
  const kept = keptCount(count, label)
  const comesBefore = (a: Ranked, b: Ranked) => a[0] > b[0] || (a[0] === b[0] && a[1] < b[1])
  const insert = (best: readonly Ranked[], one: Ranked): readonly Ranked[] => {
    if (best.length === kept && !comesBefore(one, best.at(-1)!)) return best
    let index = best.length
    while (index > 0 && comesBefore(one, best[index - 1]!)) index--
    return best.toSpliced(index, 0, one).slice(0, kept)
  }
  return aggregator<readonly Ranked[], V, V[]>(`topN ${kept}`, `top ${kept}`, {
    init: () => [],
    add: (best, row, at) => {
      const score = pick(row)
      return score === null ? best : insert(best, [score, at, row])
    },
    merge: (a, b) => b.reduce(insert, a),
    result: (best) => best.map(([, , row]) => row as V),
  })
}

type Collected = readonly [at: number, value: unknown]

function collect<V, R>(of: (row: V) => R, options: { readonly max: number }): Aggregator<V, R[]> {
  const kept = keptCount(options.max, 'collect(...)')
  const insert = (all: readonly Collected[], one: Collected): readonly Collected[] => {
    let index = all.length
    while (index > 0 && all[index - 1]![0] > one[0]) index--
    return index === 0 && all.length === kept ? all : all.toSpliced(index, 0, one).slice(-kept)
  }
  return aggregator<readonly Collected[], V, R[]>(`collect ${kept}`, `collect ${kept}`, {
    init: () => [],
    add: (all, row, at) => insert(all, [at, of(row) ?? null]),
    merge: (a, b) => b.reduce(insert, a),
    result: (all) => all.map(([, value]) => value as R),
  })
}

function reduce<V, R>(of: (row: V) => R, combine: (a: R, b: R) => R): Aggregator<V, R | null> {
  type Reduced = readonly [] | readonly [R]
  const merge = (a: Reduced, b: Reduced): Reduced =>
    a.length === 0 ? b : b.length === 0 ? a : [combine(a[0], b[0])]
  return aggregator<Reduced, V, R | null>('reduce', 'reduce', {
    init: () => [],
    add: (reduced, row) => merge(reduced, [of(row)]),
    merge,
    result: ([value]) => value ?? null,
  })
}

/**
 * Accumulators are stored as JSON, so use numbers that JSON has. `add` and `merge` answer new ones.
 * @example
 * orders.stream().keyBy('region').aggregate('weighed', { weighed: agg.custom('weighed', {
 *   init: () => 0, add: (sum: number, order: Order) => sum + order.amount * 2, merge: (a, b) => a + b, result: (sum) => sum,
 * }) })
 */
function custom<A, V, R>(name: string, steps: Steps<A, V, R>): Aggregator<V, R> {
  return aggregator(`custom:${name}`, name, steps)
}

export const agg = {
  /** @example orders.stream().keyBy('region').aggregate('counts', { n: agg.count() }) */
  count: (): Aggregator<unknown, number> =>
    aggregator<number, unknown, number>('count', 'count', {
      init: () => 0,
      add: (count) => count + 1,
      merge: (a, b) => a + b,
      result: (count) => count,
    }),
  /**
   * Of a numeric field or of what the function answers; rows without it do not count, and a sum of none is 0.
   * @example orders.stream().keyBy('region').aggregate('sums', { cents: agg.sum((order) => order.amount * 100) })
   */
  sum,
  /**
   * null when no row had a value.
   * @example orders.stream().keyBy('region').aggregate('least', { least: agg.min('amount'), mean: agg.avg('amount') })
   */
  min,
  max,
  avg,
  /**
   * The value of the row with the greatest event time.
   * @example orders.stream().keyBy('region').aggregate('newest', { newest: agg.last('id') })
   */
  last,
  /**
   * The value above that share of the others, within one per cent of it; with a list, several from one sketch.
   * @example orders.stream().keyBy('region').aggregate('amounts', { p99: agg.quantile('amount', 0.99) })
   */
  quantile,
  /**
   * How many different values: exactly up to 256, then with a standard error of 1.6 %.
   * @example orders.stream().keyBy('region').aggregate('buyers', { buyers: agg.distinct('customer') })
   */
  distinct,
  /**
   * The rows for which the function answers most, the greatest first; of equals the earlier.
   * @example orders.stream().keyBy('region').aggregate('best', { best: agg.topN(3, (order) => order.amount) })
   */
  topN,
  /**
   * Values in the order of event time; above `max` the oldest go.
   * @example orders.stream().keyBy('region').aggregate('recent', { ids: agg.collect((order) => order.id, { max: 20 }) })
   */
  collect,
  /**
   * Combines values two by two, in any grouping: `combine` must not care where the brackets are.
   * @example orders.stream().keyBy('region').aggregate('most', { most: agg.reduce((order) => order.amount, Math.max) })
   */
  reduce,
  custom,
}
