// Requests that are held open: long polls and record streams. Each takes a place, and all end when the server stops.
import { BrokerError } from '#base'

export type Waiter = { readonly signal: AbortSignal; done(): void }

export class WaitingRoom {
  readonly #max: number
  readonly #waiters = new Set<AbortController>()

  constructor(max: number) {
    this.#max = max
  }

  get count(): number {
    return this.#waiters.size
  }

  /** Throws `busy` when all places are taken. The signal fires when the client leaves or `end` is called. */
  enter(request: Request): Waiter {
    if (this.#waiters.size >= this.#max) {
      throw new BrokerError('busy', 'too many requests are waiting for records', {
        fix: 'ask again in a moment, with a shorter waitMs',
        details: { waitingMax: this.#max },
      })
    }
    const waiter = new AbortController()
    const leave = () => waiter.abort()
    request.signal.addEventListener('abort', leave)
    this.#waiters.add(waiter)
    const done = () => {
      request.signal.removeEventListener('abort', leave)
      this.#waiters.delete(waiter)
    }
    return { signal: waiter.signal, done }
  }

  /** Ends every wait. */
  end(): void {
    for (const waiter of this.#waiters) waiter.abort()
  }
}
