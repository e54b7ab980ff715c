// How fast a backup may go, so that those who wait for the disk do not notice it.
import { type Clock, sleep } from '#base'

/** Ahead of its time by less than this, nobody waits. */
const slackMs = 5

export class Pace {
  readonly #clock: Clock
  readonly #bytesPerSecond: number
  #freeAt: number

  /** `Infinity`: as fast as it goes. */
  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#freeAt = clock.monotonic()
  }

  /** Resolves when so many bytes more may be moved. */
  async take(sizeBytes: number): Promise<void> {
    const now = this.#clock.monotonic()
    const waitMs = this.#freeAt - now
    this.#freeAt = Math.max(this.#freeAt, now) + (sizeBytes / this.#bytesPerSecond) * 1000
    if (waitMs > slackMs) await sleep(this.#clock, waitMs)
  }
}
