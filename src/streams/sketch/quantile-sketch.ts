// Quantiles within one per cent of the true value, however many values, mergeable without loss: the DDSketch of Masson,
// Rim and Lee (VLDB 2019). Values fall into buckets whose bounds grow by the same factor; a quantile is the middle of the
// bucket in which it lies.
//
// Stored as JSON: [[bucket, count], ...]. A bucket is 0 for zero, else 2^20 + 2i for values in (g^(i-1), g^i], and one
// more for the same below zero. Never changed in place: `add` puts a value on a short list, which is counted when full.

/** Relative error. Part of what is stored: another one is another sketch. */
export const relativeError = 0.01
const growth = (1 + relativeError) / (1 - relativeError)
const logGrowth = Math.log(growth)
/** Values nearer to zero count as zero. */
const smallest = 1e-300
const zeroBucket = 0
const firstBucket = 2 ** 20
const recentMax = 64
/** Above that the lowest are thrown together: only with values that span more than 17 orders of magnitude. */
export const bucketsMax = 2_048

export type StoredQuantiles = readonly (readonly [bucket: number, count: number])[]

type Recent = { readonly bucket: number; readonly next: Recent | null }

export class QuantileSketch {
  readonly #counted: ReadonlyMap<number, number>
  readonly #recent: Recent | null
  readonly #recentCount: number

  private constructor(counted: ReadonlyMap<number, number>, recent: Recent | null, recentCount: number) {
    this.#counted = counted
    this.#recent = recent
    this.#recentCount = recentCount
  }

  static readonly empty = new QuantileSketch(new Map(), null, 0)

  /** As it was stored, or as it is. */
  static of(stored: QuantileSketch | StoredQuantiles): QuantileSketch {
    return stored instanceof QuantileSketch ? stored : new QuantileSketch(new Map(stored), null, 0)
  }

  add(value: number): QuantileSketch {
    const recent = { bucket: bucketOf(value), next: this.#recent }
    const grown = new QuantileSketch(this.#counted, recent, this.#recentCount + 1)
    return grown.#recentCount < recentMax ? grown : new QuantileSketch(grown.#counts(), null, 0)
  }

  merge(other: QuantileSketch): QuantileSketch {
    const counts = this.#counts()
    for (const [bucket, count] of other.#counts()) counts.set(bucket, (counts.get(bucket) ?? 0) + count)
    return new QuantileSketch(collapse(counts), null, 0)
  }

  /** The values at those places between the least (0) and the greatest (1); null without values. */
  quantiles(places: readonly number[]): number[] | null {
    const buckets = [...this.#counts()]
      .map(([bucket, count]) => ({ value: middleOf(bucket), count }))
      .sort((a, b) => a.value - b.value)
    const total = buckets.reduce((sum, { count }) => sum + count, 0)
    if (total === 0) return null
    return places.map((place) => {
      const rank = place * (total - 1)
      let seen = 0
      for (const { value, count } of buckets) {
        seen += count
        if (seen > rank) return value
      }
      return buckets.at(-1)!.value
    })
  }

  toJSON(): StoredQuantiles {
    return [...this.#counts()].sort(([a], [b]) => a - b)
  }

  #counts(): Map<number, number> {
    const counts = new Map(this.#counted)
    for (let one = this.#recent; one !== null; one = one.next) {
      counts.set(one.bucket, (counts.get(one.bucket) ?? 0) + 1)
    }
    return collapse(counts)
  }
}

function bucketOf(value: number): number {
  const size = Math.abs(value)
  if (size < smallest) return zeroBucket
  return firstBucket + 2 * Math.ceil(Math.log(size) / logGrowth) + (value < 0 ? 1 : 0)
}

function middleOf(bucket: number): number {
  if (bucket === zeroBucket) return 0
  const below = bucket % 2 === 1
  const index = (bucket - firstBucket - (below ? 1 : 0)) / 2
  // In two steps, since the growth of the outermost bucket alone is beyond what a number holds.
  const middle = growth ** (index / 2) * (2 / (growth + 1)) * growth ** (index / 2)
  return below ? -middle : middle
}

function collapse(counts: Map<number, number>): Map<number, number> {
  if (counts.size <= bucketsMax) return counts
  const byValue = [...counts.keys()].sort((a, b) => middleOf(a) - middleOf(b))
  const lowest = byValue[byValue.length - bucketsMax]!
  for (const bucket of byValue.slice(0, byValue.length - bucketsMax)) {
    counts.set(lowest, counts.get(lowest)! + counts.get(bucket)!)
    counts.delete(bucket)
  }
  return counts
}
