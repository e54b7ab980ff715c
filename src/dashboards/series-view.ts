// line and area: points by x, one series per field or per value of `by`. Late points are sorted in, a point with a known
// x replaces it (a corrected window), and only the newest points stay.
import type { SeriesData, WidgetData, WidgetSpec } from './api.ts'
import { FaultCount } from './fault-count.ts'
import { rowKey } from './keyed-rows.ts'
import {
  type FieldReader,
  fieldReader,
  readNumber,
  readTime,
  shortText,
  type WidgetRecord,
} from './widget-record.ts'
import type { WidgetView } from './widget-view.ts'

export const pointsMaxDefault = 600
/** Over all series of one widget: bounds its snapshot to well under a megabyte. */
export const pointsPerWidgetMax = 25_000
export const seriesMax = 50

export class SeriesView implements WidgetView {
  readonly #x: FieldReader
  readonly #xField: string
  readonly #fields: readonly { name: string; read: FieldReader }[]
  readonly #by: FieldReader | null
  readonly #pointsMax: number
  readonly #seriesMax: number
  readonly #spanMs: number
  readonly #series = new Map<string, Series>()
  readonly #faults = new FaultCount()
  /** Of all series: what `spanMs` counts back from. */
  #newestX = Number.NEGATIVE_INFINITY

  constructor(spec: WidgetSpec) {
    const fields = typeof spec.y === 'string' ? [spec.y] : (spec.y ?? ['$value'])
    this.#xField = spec.x ?? '$time'
    this.#x = fieldReader(this.#xField)
    this.#fields = fields.map((name) => ({ name, read: fieldReader(name) }))
    this.#by = spec.by === undefined ? null : fieldReader(spec.by)
    this.#pointsMax = Math.min(spec.pointsMax ?? pointsMaxDefault, pointsPerWidgetMax)
    this.#seriesMax = Math.max(1, Math.min(seriesMax, Math.floor(pointsPerWidgetMax / this.#pointsMax)))
    this.#spanMs = spec.spanMs ?? Number.POSITIVE_INFINITY
  }

  fold(record: WidgetRecord): boolean {
    // A tombstone names a key, not a point: what was drawn stays drawn.
    if (record.deleted) return false
    const x = readTime(this.#x(record))
    if (x === null) {
      this.#faults.add(this.#xField, this.#x(record), 'a time')
      return true
    }
    let changed = false
    for (const { name, read } of this.#fields) {
      const value = read(record)
      if (value === undefined) continue
      const y = readNumber(value)
      if (y === null && value !== null) {
        this.#faults.add(name, value)
        changed = true
      }
      if (this.#put(this.#seriesName(name, record), x, y)) changed = true
    }
    return changed
  }

  snapshot(): WidgetData {
    const series = this.#shown().map(({ name, points }) => points.all(name, this.#oldestX()))
    return { kind: 'series', series, ...this.#faults.all() }
  }

  takeDelta(): WidgetData | null {
    const series = this.#shown()
      .map(({ name, points }) => points.takeChanged(name, this.#oldestX()))
      .filter(({ x }) => x.length > 0)
    if (series.length === 0 && !this.#faults.changed) return null
    return { kind: 'series', series, ...this.#faults.take() }
  }

  #seriesName(field: string, record: WidgetRecord): string {
    if (!this.#by) return field
    const value = rowKey(this.#by(record))
    return this.#fields.length === 1 ? value : `${value} · ${field}`
  }

  #put(name: string, x: number, y: number | null): boolean {
    if (x < this.#oldestX()) return false
    let points = this.#series.get(name)
    if (!points) {
      this.#newestX = Math.max(this.#newestX, x)
      if (this.#series.size >= this.#seriesMax) this.#dropEmpty()
      if (this.#series.size >= this.#seriesMax) {
        this.#faults.note(`more than ${this.#seriesMax} series: "${shortText(name, 40)}" is left out`)
        return true
      }
      points = new Series(this.#pointsMax)
      this.#series.set(name, points)
    }
    this.#newestX = Math.max(this.#newestX, x)
    return points.put(x, y)
  }

  #oldestX(): number {
    return this.#newestX - this.#spanMs
  }

  /** A series all of whose points left the span is gone, and makes room for another. */
  #dropEmpty(): void {
    const oldest = this.#oldestX()
    for (const [name, points] of this.#series) if (points.newestX < oldest) this.#series.delete(name)
  }

  #shown(): { name: string; points: Series }[] {
    this.#dropEmpty()
    return [...this.#series].map(([name, points]) => ({ name, points }))
  }
}

/** Points of one series, x ascending. Keeps some beyond its limit, so that dropping the oldest is not paid per point. */
class Series {
  readonly #pointsMax: number
  readonly #slack: number
  #x: number[] = []
  #y: (number | null)[] = []
  readonly #changed = new Set<number>()

  constructor(pointsMax: number) {
    this.#pointsMax = pointsMax
    this.#slack = Math.max(16, pointsMax >> 2)
  }

  get newestX(): number {
    return this.#x.at(-1) ?? Number.NEGATIVE_INFINITY
  }

  /** `put(2, 9): [1,2,3] -> [1,2',3]`, `put(2, 9): [1,3] -> [1,2,3]`. False if nothing visible changed. */
  put(x: number, y: number | null): boolean {
    const at = this.#find(x)
    if (this.#x[at] === x) {
      if (this.#y[at] === y) return false
      this.#y[at] = y
    } else {
      // Full of newer points: this one would be the first to go.
      if (at === 0 && this.#x.length >= this.#pointsMax) return false
      this.#x.splice(at, 0, x)
      this.#y.splice(at, 0, y)
    }
    const visible = at >= this.#firstIndex()
    this.#trim()
    if (!visible) return false
    this.#changed.add(x)
    return true
  }

  all(name: string, oldestX: number): SeriesData {
    const first = Math.max(this.#firstIndex(), this.#find(oldestX))
    return { name, x: this.#x.slice(first), y: this.#y.slice(first) }
  }

  takeChanged(name: string, oldestX: number): SeriesData {
    const first = Math.max(this.#firstIndex(), this.#find(oldestX))
    const x: number[] = []
    const y: (number | null)[] = []
    for (const changed of [...this.#changed].sort((a, b) => a - b)) {
      const at = this.#find(changed)
      if (at < first || this.#x[at] !== changed) continue
      x.push(changed)
      y.push(this.#y[at]!)
    }
    this.#changed.clear()
    return { name, x, y }
  }

  /** Index of the first visible point. */
  #firstIndex(): number {
    return Math.max(0, this.#x.length - this.#pointsMax)
  }

  #trim(): void {
    const excess = this.#x.length - this.#pointsMax
    if (excess <= this.#slack) return
    for (let index = 0; index < excess; index++) this.#changed.delete(this.#x[index]!)
    this.#x = this.#x.slice(excess)
    this.#y = this.#y.slice(excess)
  }

  /** Index of the first point at or after x. Almost every point is newer than the last. */
  #find(x: number): number {
    if (x > this.newestX) return this.#x.length
    let low = 0
    let high = this.#x.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#x[middle]! < x) low = middle + 1
      else high = middle
    }
    return low
  }
}
