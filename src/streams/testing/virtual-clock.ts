// Time that passes when it is told to.
import type { Clock, Timer } from '#base'

type Pending = { readonly at: number; readonly order: number; readonly action: () => void }

export class VirtualClock implements Clock {
  #now: number
  readonly #began: number
  #timers: Pending[] = []
  #order = 0

  constructor(now: number) {
    this.#now = now
    this.#began = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now - this.#began
  }

  after(delayMs: number, action: () => void): Timer {
    const timer: Pending = { at: this.#now + Math.max(0, delayMs), order: this.#order++, action }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  /** When the next timer is due, if that is at or before `end`. */
  nextDue(end: number): number | null {
    let due = Infinity
    for (const { at } of this.#timers) due = Math.min(due, at)
    return due <= end ? due : null
  }

  /** Moves to that time and lets fire what is due, in order. */
  moveTo(now: number): void {
    this.#now = Math.max(this.#now, now)
    const due = this.#timers
      .filter(({ at }) => at <= this.#now)
      .sort((a, b) => a.at - b.at || a.order - b.order)
    this.#timers = this.#timers.filter(({ at }) => at > this.#now)
    for (const { action } of due) action()
  }

  /** Forgets every timer: whoever set them is gone. */
  clear(): void {
    this.#timers = []
  }
}
