// A small metrics registry with Prometheus text exposition. Hot paths hold the handle and touch one number.

export type Labels = Readonly<Record<string, string>>

export interface Counter {
  add(n?: number): void
  readonly value: number
}
export interface Gauge {
  set(n: number): void
  readonly value: number
}
export interface Histogram {
  /** Observes one value, in the unit the metric's name ends with. */
  observe(value: number): void
  /** Approximate quantile (0..1) over everything observed, linear inside a bucket; 0 when empty. */
  quantile(q: number): number
  readonly count: number
}

type Kind = 'counter' | 'gauge' | 'histogram'
type Family = { kind: Kind; help: string; series: Map<string, Counter | Gauge | HistogramSeries> }

/** Upper bounds in seconds: 50 µs to 10 s. */
export const latencyBuckets = [
  5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10,
]

export class Metrics {
  readonly #families = new Map<string, Family>()
  readonly #collectors: (() => void)[] = []

  /** @example const appended = metrics.counter('pspf_log_appended_bytes_total', 'Bytes appended to the log') */
  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.#series(name, { kind: 'counter', help, labels }, () => new Cell()) as Counter
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    return this.#series(name, { kind: 'gauge', help, labels }, () => new Cell()) as Gauge
  }

  histogram(name: string, help: string, labels: Labels = {}): Histogram {
    return this.#series(
      name,
      { kind: 'histogram', help, labels },
      () => new HistogramSeries(latencyBuckets),
    ) as Histogram
  }

  /** Runs just before each exposition: for gauges that are cheaper to read than to keep. */
  collect(collector: () => void): void {
    this.#collectors.push(collector)
  }

  /** Forgets every series that carries all of these labels, for example those of a deleted topic. */
  forget(labels: Labels): void {
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`)
    for (const family of this.#families.values()) {
      for (const key of family.series.keys())
        if (wanted.every((part) => key.includes(part))) family.series.delete(key)
    }
  }

  /** Prometheus text format 0.0.4. */
  text(): string {
    for (const collector of this.#collectors) collector()
    const lines: string[] = []
    for (const [name, family] of this.#families) {
      lines.push(`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.kind}`)
      for (const [labels, series] of family.series) {
        if (series instanceof HistogramSeries) lines.push(...series.lines(name, labels))
        else lines.push(`${name}${labels ? `{${labels}}` : ''} ${series.value}`)
      }
    }
    return lines.join('\n') + '\n'
  }

  #series(
    name: string,
    family: { kind: Kind; help: string; labels: Labels },
    make: () => Counter | Gauge | HistogramSeries,
  ) {
    let found = this.#families.get(name)
    if (!found) {
      found = { kind: family.kind, help: family.help, series: new Map() }
      this.#families.set(name, found)
    }
    const key = Object.entries(family.labels)
      .map(([label, value]) => `${label}="${escapeLabel(value)}"`)
      .join(',')
    let series = found.series.get(key)
    if (!series) {
      series = make()
      found.series.set(key, series)
    }
    return series
  }
}

class Cell implements Counter, Gauge {
  value = 0
  add(n = 1): void {
    this.value += n
  }
  set(n: number): void {
    this.value = n
  }
}

class HistogramSeries implements Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  #sum = 0
  count = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    let index = 0
    while (index < this.#bounds.length && value > this.#bounds[index]!) index++
    this.#counts[index]!++
    this.#sum += value
    this.count++
  }

  quantile(q: number): number {
    if (this.count === 0) return 0
    let remaining = q * this.count
    for (let index = 0; index < this.#bounds.length; index++) {
      const inBucket = this.#counts[index]!
      if (remaining <= inBucket && inBucket > 0) {
        const low = index === 0 ? 0 : this.#bounds[index - 1]!
        return low + ((this.#bounds[index]! - low) * remaining) / inBucket
      }
      remaining -= inBucket
    }
    return this.#bounds.at(-1)!
  }

  lines(name: string, labels: string): string[] {
    const lines: string[] = []
    let cumulative = 0
    const prefix = labels ? `${labels},` : ''
    for (let index = 0; index <= this.#bounds.length; index++) {
      cumulative += this.#counts[index]!
      lines.push(`${name}_bucket{${prefix}le="${this.#bounds[index] ?? '+Inf'}"} ${cumulative}`)
    }
    const suffix = labels ? `{${labels}}` : ''
    lines.push(`${name}_sum${suffix} ${this.#sum}`, `${name}_count${suffix} ${this.count}`)
    return lines
  }
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
