// Quantiles of appends during the last second, from a histogram that counts since the start and shows quantiles only.
import { type Histogram, latencyBuckets, type Metrics } from '#base'

export const appendHistogram = 'pspf_log_append_duration_seconds'

export class AppendLatency {
  readonly #histogram: Histogram
  #before: number[]

  constructor(metrics: Metrics) {
    this.#histogram = metrics.histogram(appendHistogram, 'Time from append to durable and visible')
    this.#before = countsUpTo(this.#histogram)
  }

  /** p50 and p99 in milliseconds of what was appended since the last take; 0 if nothing was. */
  take(): { p50Ms: number; p99Ms: number } {
    const now = countsUpTo(this.#histogram)
    const counts = now.map((count, index) => count - this.#before[index]!)
    this.#before = now
    return { p50Ms: quantileMs(counts, 0.5), p99Ms: quantileMs(counts, 0.99) }
  }
}

/** How many observations were at most each bound: the largest rank whose quantile is not above it. */
function countsUpTo(histogram: Histogram): number[] {
  const total = histogram.count
  const below = latencyBuckets.map((bound) => {
    let low = 0
    let high = total
    while (low < high) {
      const rank = Math.ceil((low + high) / 2)
      if (histogram.quantile((rank - 0.5) / total) <= bound) low = rank
      else high = rank - 1
    }
    return low
  })
  // Above the last bound the histogram answers the bound itself.
  return [...below.slice(0, -1), total]
}

/** Linear inside a bucket. `counts` is cumulative, one per bound. */
function quantileMs(counts: readonly number[], q: number): number {
  const total = counts.at(-1)!
  if (total <= 0) return 0
  const rank = q * total
  const index = counts.findIndex((count) => count >= rank)
  const low = index === 0 ? 0 : latencyBuckets[index - 1]!
  const before = index === 0 ? 0 : counts[index - 1]!
  const high = latencyBuckets[index]!
  const seconds = low + ((high - low) * (rank - before)) / (counts[index]! - before)
  return Math.round(seconds * 1e6) / 1e3
}
