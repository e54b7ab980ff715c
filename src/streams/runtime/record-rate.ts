// Records per second over the last few seconds, from a total that only grows.
import type { Clock } from '#base'

const spanMs = 5_000

export class RecordRate {
  readonly #clock: Clock
  readonly #samples: { at: number; total: number }[]

  constructor(clock: Clock) {
    this.#clock = clock
    this.#samples = [{ at: clock.monotonic(), total: 0 }]
  }

  /** Looks at the total again. */
  of(total: number): number {
    const at = this.#clock.monotonic()
    const samples = this.#samples
    samples.push({ at, total })
    // The first sample is the last one that is old enough.
    while (samples.length > 2 && samples[1]!.at <= at - spanMs) samples.shift()
    const [first] = samples
    const seconds = (at - first!.at) / 1000
    return seconds > 0 ? Math.max(0, total - first!.total) / seconds : 0
  }
}
