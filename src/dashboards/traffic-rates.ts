// Records and bytes per second, per topic and of all, from totals that only grow: the slope over the last few seconds.
import type { Broker } from '#broker'

export type Rates = { recordsIn: number; bytesIn: number; recordsOut: number; bytesOut: number }

/** Samples kept: rates are over this many intervals of one second. */
const samplesMax = 6
const none: Rates = { recordsIn: 0, bytesIn: 0, recordsOut: 0, bytesOut: 0 }

type Sample = {
  readonly at: number
  readonly totals: ReadonlyMap<string, Readonly<Rates>>
  readonly sum: Rates
}

export class TrafficRates {
  readonly #broker: Pick<Broker, 'traffic'>
  #samples: Sample[] = []
  #internal: ReadonlySet<string> = new Set()

  constructor(broker: Pick<Broker, 'traffic'>) {
    this.#broker = broker
  }

  /**
   * `monotonicMs` never goes back, so a clock that jumps makes no burst. What pspf and its apps write for themselves
   * (`internal`) is not what came in.
   */
  sample(monotonicMs: number, internal: ReadonlySet<string>): void {
    this.#internal = internal
    const totals = new Map<string, Rates>()
    const sum = { ...none }
    for (const [topic, now] of this.#broker.traffic()) {
      totals.set(topic, { ...now })
      if (internal.has(topic)) continue
      for (const name of rateNames) sum[name] += now[name]
    }
    this.#samples.push({ at: monotonicMs, totals, sum })
    if (this.#samples.length > samplesMax) this.#samples.shift()
  }

  /** Of one topic, or of all together but internal ones. */
  of(topic?: string): Rates {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (!first || !last || last.at <= first.at) return { ...none }
    const seconds = (last.at - first.at) / 1000
    // A topic that is new since the first sample began at zero.
    const from = topic === undefined ? first.sum : (first.totals.get(topic) ?? none)
    const to = topic === undefined ? last.sum : (last.totals.get(topic) ?? none)
    const rates = { ...none }
    for (const name of rateNames) {
      // Totals of a topic that was deleted and created again start over.
      rates[name] = Math.max(0, Math.round(((to[name] - from[name]) / seconds) * 10) / 10)
    }
    return rates
  }

  /** Topics by records in per second, busiest first, without those at rest and internal ones. */
  busiest(countMax: number): { topic: string; rates: Rates }[] {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (!first || !last) return []
    const grown = [...last.totals].flatMap(([topic, { recordsIn }]) => {
      const records = recordsIn - (first.totals.get(topic)?.recordsIn ?? 0)
      return records > 0 && !this.#internal.has(topic) ? [{ topic, records }] : []
    })
    return grown
      .sort((a, b) => b.records - a.records || (a.topic < b.topic ? -1 : 1))
      .slice(0, countMax)
      .map(({ topic }) => ({ topic, rates: this.of(topic) }))
  }
}

const rateNames = ['recordsIn', 'bytesIn', 'recordsOut', 'bytesOut'] as const
