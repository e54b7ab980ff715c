// How much went in and out of each topic since the start, as totals for rates and as metrics with a bounded number of series.
import type { Counter, Metrics } from '#base'

export type TrafficTotals = { recordsIn: number; bytesIn: number; recordsOut: number; bytesOut: number }

/** One topic's counters. Handed out once per topic, so that the hot path touches numbers only. */
export class TopicTraffic {
  readonly totals: TrafficTotals = { recordsIn: 0, bytesIn: 0, recordsOut: 0, bytesOut: 0 }
  readonly #recordsIn: Counter
  readonly #bytesIn: Counter
  readonly #bytesOut: Counter

  constructor(metrics: Metrics, label: string) {
    const labels = { topic: label }
    this.#recordsIn = metrics.counter('pspf_topic_records_in_total', 'Records appended to the topic', labels)
    this.#bytesIn = metrics.counter('pspf_topic_bytes_in_total', 'Bytes of record batches appended', labels)
    this.#bytesOut = metrics.counter('pspf_topic_bytes_out_total', 'Bytes of record batches read', labels)
  }

  in(records: number, bytes: number): void {
    this.totals.recordsIn += records
    this.totals.bytesIn += bytes
    this.#recordsIn.add(records)
    this.#bytesIn.add(bytes)
  }

  out(records: number, bytes: number): void {
    this.totals.recordsOut += records
    this.totals.bytesOut += bytes
    this.#bytesOut.add(bytes)
  }
}

/** Label of all topics beyond the limit together. */
export const otherTopics = '(other)'

export class Traffic {
  readonly #metrics: Metrics
  readonly #seriesMax: number
  readonly #labels = new Set<string>()

  constructor(metrics: Metrics, seriesMax: number) {
    this.#metrics = metrics
    this.#seriesMax = seriesMax
  }

  open(topic: string): TopicTraffic {
    const own = this.#labels.has(topic) || this.#labels.size < this.#seriesMax
    if (own) this.#labels.add(topic)
    return new TopicTraffic(this.#metrics, own ? topic : otherTopics)
  }

  /** Forgets the series of a deleted topic, so that churn of names adds none for ever. */
  forget(topic: string): void {
    if (this.#labels.delete(topic)) this.#metrics.forget({ topic })
  }

  hasOwnSeries(topic: string): boolean {
    return this.#labels.has(topic)
  }
}
