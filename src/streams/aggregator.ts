// Aggregators: small folds that combine by name into the columns of a result row. Each is four pure functions over an
// accumulator that must survive JSON, since that is how it is stored: `add` and `merge` answer a new one and never
// change what they were given.
import { BrokerError } from '#base'

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
    add: (total, row) => total + (pick(row) ?? 0),
    merge: (a, b) => a + b,
    result: (total) => total,
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
      return value === null ? mean : [mean[0] + value, mean[1] + 1]
    },
    merge: (a, b) => [a[0] + b[0], a[1] + b[1]],
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

/**
 * @example agg.custom('span', { init: () => [Infinity, -Infinity], add: ..., merge: ..., result: ([a, b]) => b - a })
 * Accumulators are stored as JSON, so use numbers that JSON has.
 */
function custom<A, V, R>(name: string, steps: Steps<A, V, R>): Aggregator<V, R> {
  return aggregator(`custom:${name}`, name, steps)
}

export const agg = {
  count: (): Aggregator<unknown, number> =>
    aggregator<number, unknown, number>('count', 'count', {
      init: () => 0,
      add: (count) => count + 1,
      merge: (a, b) => a + b,
      result: (count) => count,
    }),
  /** Of a numeric field or of what the function answers; rows without it do not count, and a sum of none is 0. */
  sum,
  /** null when no row had a value. */
  min,
  max,
  avg,
  /** The value of the row with the greatest event time. */
  last,
  custom,
}
