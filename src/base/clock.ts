// Time, passed in. Only node creates the real one; tests and the simulation bring their own.

export type Timer = { cancel(): void }

export interface Clock {
  /** Wall clock: milliseconds since 1970 UTC. May jump, backwards too. */
  now(): number
  /** Milliseconds from an arbitrary start; never goes back. For spans, rates and time-outs. */
  monotonic(): number
  /** Calls `action` once after `delayMs`.. */
  after(delayMs: number, action: () => void): Timer
}

/** Waits, or ends early (without an error) when `signal` is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const end = () => {
      timer.cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(delayMs, end)
    signal?.addEventListener('abort', end)
  })
}

/** The machine's own clock. */
export function realClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(delayMs, action) {
      const timer = setTimeout(action, delayMs)
      return { cancel: () => clearTimeout(timer) }
    },
  }
}
