// Latencies in buckets of 1 % width: a bounded array however long the run, quantiles within 1 %.

const growth = Math.log(1.01)
const bucketCount = 2400 // 1 µs to more than 5 hours

export class Histogram {
  readonly #counts = new Float64Array(bucketCount)
  #total = 0
  max = 0

  /** In milliseconds. */
  add(valueMs: number): void {
    const index = Math.max(
      0,
      Math.min(bucketCount - 1, Math.ceil(Math.log(Math.max(valueMs, 0.001) * 1000) / growth)),
    )
    this.#counts[index]!++
    this.#total++
    if (valueMs > this.max) this.max = valueMs
  }

  get count(): number {
    return this.#total
  }

  /** `quantile(0.99)`: in milliseconds; 0 when empty. */
  quantile(q: number): number {
    let remaining = q * this.#total
    for (let index = 0; index < bucketCount; index++) {
      remaining -= this.#counts[index]!
      if (remaining <= 0 && this.#counts[index]! > 0)
        return Math.min(this.max, Math.exp(index * growth) / 1000)
    }
    return this.max
  }

  summary(): Latency {
    return { p50: this.quantile(0.5), p99: this.quantile(0.99), p999: this.quantile(0.999), max: this.max }
  }
}

export type Latency = { p50: number; p99: number; p999: number; max: number }
