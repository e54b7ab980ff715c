// stat: one number (or text) now, the one before, and the recent ones behind it.
//
// Which value counts when several records match, always the same way:
//   reduce 'last'   the record with the newest x; of equal x the one that came last.
//   other reduces   combine the newest value of every key (of every value of `by`, if given); where rows carry a window,
//                   only those of the newest window. Records without a key stand for themselves.
import type { WidgetData, WidgetSpec } from './api.ts'
import { FaultCount } from './fault-count.ts'
import { rowKey } from './keyed-rows.ts'
import {
  type FieldReader,
  fieldReader,
  readNumber,
  readTime,
  shortText,
  type WidgetRecord,
  windowStart,
} from './widget-record.ts'
import type { WidgetView } from './widget-view.ts'

export const sparkPointsMax = 60
/** Keys whose values are combined; the least recently seen go first. */
export const statKeysMax = 5_000

type StatValue = number | string | null
type Reduce = NonNullable<WidgetSpec['reduce']>
type Moment = { readonly x: number; value: StatValue }

export class StatView implements WidgetView {
  readonly #x: FieldReader
  readonly #xField: string
  readonly #y: FieldReader
  readonly #yField: string
  readonly #by: FieldReader | null
  readonly #reduce: Reduce
  readonly #sparkline: boolean
  readonly #faults = new FaultCount()
  /** x ascending, at most `sparkPointsMax`. */
  #moments: Moment[] = []
  /** Newest number of every key, in the order in which they were last seen. */
  readonly #keys = new Map<string, number>()
  #window: number | null = null
  /** The newest moment does not yet say what the keys add up to: combining them waits until someone looks. */
  #unsettled = false
  #changed = false

  constructor(spec: WidgetSpec) {
    this.#xField = spec.x ?? '$time'
    this.#x = fieldReader(this.#xField)
    this.#yField = (typeof spec.y === 'string' ? spec.y : spec.y?.[0]) ?? '$value'
    this.#y = fieldReader(this.#yField)
    this.#by = spec.by === undefined ? null : fieldReader(spec.by)
    this.#reduce = spec.reduce ?? 'last'
    this.#sparkline = spec.sparkline ?? true
  }

  fold(record: WidgetRecord): boolean {
    if (record.deleted) return this.#forget(record)
    const value = this.#y(record)
    if (value === undefined) return false
    const x = readTime(this.#x(record))
    let changed = true
    if (x === null) this.#faults.add(this.#xField, this.#x(record), 'a time')
    else if (this.#reduce === 'last') changed = this.#put(x, statValue(value))
    else changed = this.#combine(record, x, value)
    this.#changed ||= changed
    return changed
  }

  snapshot(): WidgetData {
    this.#settle()
    const newest = this.#moments.at(-1)
    return {
      kind: 'stat',
      value: newest?.value ?? null,
      previous: this.#moments.at(-2)?.value ?? null,
      at: newest?.x ?? null,
      spark: this.#sparkline ? this.#moments.map(({ value }) => value).filter(isNumber) : [],
      ...this.#faults.all(),
    }
  }

  takeDelta(): WidgetData | null {
    if (!this.#changed) return null
    this.#changed = false
    this.#faults.take()
    return this.snapshot()
  }

  #combine(record: WidgetRecord, x: number, value: unknown): boolean {
    const number = readNumber(value)
    if (number === null) {
      if (value !== null) this.#faults.add(this.#yField, value)
      return value !== null
    }
    const window = windowStart(record)
    if (window !== null && this.#window !== null && window < this.#window) return false
    // One moment per window, else one per second of event time: what a key did within it is not a trend.
    const at = window ?? Math.floor(x / 1000) * 1000
    const newest = this.#moments.at(-1)
    if (!newest || at > newest.x) {
      this.#settle()
      this.#put(at, null)
    }
    if (window !== null && window !== this.#window) {
      this.#window = window
      this.#keys.clear()
    }
    const key = this.#keyOf(record)
    this.#keys.delete(key)
    this.#keys.set(key, number)
    if (this.#keys.size > statKeysMax) this.#keys.delete(this.#keys.keys().next().value!)
    this.#unsettled = true
    return true
  }

  #forget(record: WidgetRecord): boolean {
    if (this.#reduce === 'last' || this.#by !== null || !this.#keys.delete(this.#keyOf(record))) return false
    this.#unsettled = true
    this.#changed = true
    return true
  }

  #settle(): void {
    const newest = this.#moments.at(-1)
    if (!this.#unsettled || !newest) return
    this.#unsettled = false
    newest.value = combine(this.#reduce, this.#keys.values())
  }

  /** Sorts a moment in, or replaces the one with the same x. */
  #put(x: number, value: StatValue): boolean {
    let at = this.#moments.length
    while (at > 0 && this.#moments[at - 1]!.x >= x) at--
    const found = this.#moments[at]
    if (found?.x === x) {
      if (found.value === value) return false
      found.value = value
      return true
    }
    if (at === 0 && this.#moments.length >= sparkPointsMax) return false
    this.#moments.splice(at, 0, { x, value })
    if (this.#moments.length > sparkPointsMax) this.#moments.shift()
    return true
  }

  #keyOf(record: WidgetRecord): string {
    if (this.#by) return rowKey(this.#by(record))
    return record.key ?? `${record.partition}:${record.offset}`
  }
}

/** Numbers stay numbers; anything else is shown as it is, so that a status or "NaN" is seen rather than hidden. */
function statValue(value: unknown): StatValue {
  if (value === null) return null
  return typeof value === 'boolean' ? String(value) : (readNumber(value) ?? shortText(value))
}

function isNumber(value: StatValue): value is number {
  return typeof value === 'number'
}

function combine(reduce: Reduce, numbers: Iterable<number>): number | null {
  let count = 0
  let sum = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const number of numbers) {
    count++
    sum += number
    min = Math.min(min, number)
    max = Math.max(max, number)
  }
  if (count === 0) return null
  if (reduce === 'sum') return sum
  if (reduce === 'mean') return sum / count
  return reduce === 'min' ? min : max
}
