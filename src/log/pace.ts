// How fast work behind the scenes may go (backups, compaction, scrubbing), so that those who wait for the disk do not notice.
import { type Clock, sleep } from '#base'

export class Pace {
  readonly #clock: Clock
  readonly #bytesPerSecondMax: number
  #nextAt: number

  /** `Infinity`: as fast as it goes. */
  constructor(clock: Clock, bytesPerSecondMax: number) {
    this.#clock = clock
    this.#bytesPerSecondMax = bytesPerSecondMax
    this.#nextAt = clock.monotonic()
  }

  /** Of a step of so many bytes, before or after it; an aborted signal ends the rest at once. */
  async rest(sizeBytes: number, signal?: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic()
    // A step that took long anyway is no credit for the next one.
    this.#nextAt = Math.max(this.#nextAt + (sizeBytes / this.#bytesPerSecondMax) * 1000, now)
    if (this.#nextAt > now) await sleep(this.#clock, this.#nextAt - now, signal)
  }
}
