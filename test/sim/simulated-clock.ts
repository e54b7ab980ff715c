// Time that moves only when nothing else is left to do: the run is a function of its seed, not of the machine.
import type { Clock, Timer } from '#base'

type Event = { at: number; order: number; action: () => void }

export class SimulatedClock implements Clock {
  #now: number
  #events: Event[] = []
  #order = 0
  #stopped = false
  /** The wall clock may be set; what lasts how long is not told by it. */
  #wallAheadMs: number

  constructor(wallMs: number) {
    this.#now = 1_000_000
    this.#wallAheadMs = wallMs - this.#now
  }

  now(): number {
    return Math.max(0, Math.floor(this.#now + this.#wallAheadMs))
  }

  /** Somebody, or a time server, sets the clock. */
  setWall(wallMs: number): void {
    this.#wallAheadMs = wallMs - this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(delayMs: number, action: () => void): Timer {
    const event = { at: this.#now + delayMs, order: this.#order++, action }
    if (!this.#stopped) this.#events.push(event)
    return {
      cancel: () => {
        this.#events = this.#events.filter((other) => other !== event)
      },
    }
  }

  /** A crash: what was planned never happens. */
  stop(): void {
    this.#stopped = true
    this.#events = []
  }

  /** Runs everything that happens within so much time. */
  async advance(spanMs: number): Promise<void> {
    const until = this.#now + spanMs
    while (await this.step(until));
    this.#now = until
  }

  /** Lets everything that can run now run; then moves to the next event. False when there is none by then. */
  async step(until = Number.POSITIVE_INFINITY): Promise<boolean> {
    await settled()
    let next: Event | undefined
    for (const event of this.#events) {
      if (next === undefined || event.at < next.at || (event.at === next.at && event.order < next.order))
        next = event
    }
    if (next === undefined || next.at > until) return false
    this.#events = this.#events.filter((event) => event !== next)
    this.#now = Math.max(this.#now, next.at)
    next.action()
    return true
  }

  /** Runs until a promise settles. Throws if nothing is left that could settle it. */
  async runUntil<T>(promise: Promise<T>): Promise<T> {
    let done = false
    const watched = promise.finally(() => {
      done = true
    })
    watched.catch(() => undefined)
    for (let idle = 0; !done; ) {
      idle = (await this.step()) ? 0 : idle + 1
      if (idle > 3 && !done) throw new Error('the simulation is stuck: nothing is left to happen')
    }
    return watched
  }
}

/** All microtasks have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
