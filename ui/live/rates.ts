// Short histories the page keeps by itself: rates that the server sends only as "now" or as running totals.

export const samplesMax = 60

/** A young history fills the curve's width no thinner than this. */
const slotsMin = 15

export function slotsFor(values: readonly number[]): number {
  return Math.min(samplesMax, Math.max(slotsMin, values.length))
}

export type Histories = {
  /** The recent values of each name, oldest first. */
  of(name: string): readonly number[]
  /** Adds one value per name; names that are gone are forgotten. */
  add(at: number, values: ReadonlyMap<string, number>): void
}

/** At most one sample per `everyMs`; a second one within it replaces the first. */
export function createHistories(everyMs = 1_000): Histories {
  const histories = new Map<string, number[]>()
  let lastAt = Number.NEGATIVE_INFINITY
  return {
    of: (name) => histories.get(name) ?? [],
    add(at, values) {
      const replace = at - lastAt < everyMs
      if (!replace) lastAt = at
      for (const name of histories.keys()) if (!values.has(name)) histories.delete(name)
      for (const [name, value] of values) {
        const known = histories.get(name) ?? []
        const kept = replace ? known.slice(0, -1) : known.slice(-(samplesMax - 1))
        histories.set(name, [...kept, value])
      }
    },
  }
}

export type Meter = {
  /** Per second, smoothed; null before two totals are known. */
  rate(name: string): number | null
  add(at: number, totals: ReadonlyMap<string, number>): void
}

/** Rates out of running totals. A total that falls (a restart) starts over instead of showing a negative rate. */
export function createMeter(smoothing = 0.4): Meter {
  const known = new Map<string, { at: number; total: number; rate: number | null }>()
  return {
    rate: (name) => known.get(name)?.rate ?? null,
    add(at, totals) {
      for (const name of known.keys()) if (!totals.has(name)) known.delete(name)
      for (const [name, total] of totals) {
        const before = known.get(name)
        const seconds = before ? (at - before.at) / 1_000 : 0
        if (!before || total < before.total) known.set(name, { at, total, rate: null })
        // Totals that arrive in the same moment would divide by nothing: they wait for the next.
        else if (seconds >= 0.2) {
          const rate = (total - before.total) / seconds
          const smooth = before.rate === null ? rate : before.rate + (rate - before.rate) * smoothing
          known.set(name, { at, total, rate: smooth })
        }
      }
    },
  }
}
