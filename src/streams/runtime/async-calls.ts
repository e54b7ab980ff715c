// Calls of a user's asynchronous function: so many at once, each with a time limit and its tries. What comes of a call is
// told once; after `stop` nothing is.
import { type Clock, type Timer, toError } from '#base'
import type { AsyncCall, AsyncSettings } from '../async-map.ts'
import { backoffBefore } from '../error-policy.ts'

export type Outcome =
  | { readonly kind: 'answered'; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly error: Error; readonly attempts: number }

export type Asked = {
  readonly value: unknown
  readonly key: string
  readonly done: (outcome: Outcome) => void
}

export type AsyncCallsOptions = {
  readonly call: (row: unknown, call: AsyncCall) => unknown
  readonly settings: AsyncSettings
  /** How often a call that failed is made again. */
  readonly retries: number
  readonly clock: Clock
}

class TimedOut extends Error {
  override readonly name = 'TimedOut'
}

export class AsyncCalls {
  readonly #options: AsyncCallsOptions
  readonly #waiting: { readonly asked: Asked; readonly attempt: number }[] = []
  readonly #stops = new Set<() => void>()
  #running = 0

  constructor(options: AsyncCallsOptions) {
    this.#options = options
  }

  /** Calls of which no answer has come yet. */
  get running(): number {
    return this.#running
  }

  ask(asked: Asked): void {
    this.#waiting.push({ asked, attempt: 1 })
    this.#startWaiting()
  }

  /** Ends all calls; nobody hears of their outcomes. */
  stop(): void {
    this.#waiting.length = 0
    for (const stop of this.#stops) stop()
    this.#stops.clear()
  }

  #startWaiting(): void {
    while (this.#running < this.#options.settings.concurrency) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#start(next.asked, next.attempt)
    }
  }

  #start(asked: Asked, attempt: number): void {
    const { clock, settings, call } = this.#options
    const stopping = new AbortController()
    let timer: Timer | null = null
    const stop = () => {
      timer?.cancel()
      stopping.abort()
    }
    const end = (finish: () => void) => {
      if (!this.#stops.delete(stop)) return
      timer?.cancel()
      this.#running--
      finish()
      this.#startWaiting()
    }
    const failed = (thrown: unknown) => end(() => this.#failed(asked, attempt, toError(thrown)))
    this.#stops.add(stop)
    this.#running++
    timer = clock.after(settings.timeoutMs, () => {
      failed(new TimedOut(`no answer within ${settings.timeoutMs} ms`))
      stopping.abort()
    })
    // A call that throws at once is one that failed.
    const answering = new Promise((resolve) => {
      resolve(call(asked.value, { key: asked.key, attempt, signal: stopping.signal }))
    })
    answering.then((answer) => end(() => asked.done({ kind: 'answered', answer })), failed)
  }

  #failed(asked: Asked, attempts: number, error: Error): void {
    const { retries, settings, clock } = this.#options
    if (attempts > retries) {
      asked.done({ kind: 'failed', error, attempts })
      return
    }
    const stop = () => timer.cancel()
    const timer = clock.after(backoffBefore(settings, attempts), () => {
      this.#stops.delete(stop)
      this.#waiting.push({ asked, attempt: attempts + 1 })
      this.#startWaiting()
    })
    this.#stops.add(stop)
  }
}
