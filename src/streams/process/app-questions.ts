// Questions of the node to the process of an app: each goes out once, and ends with its answer, at its deadline, or with
// the process.
import { BrokerError, type Clock, type Timer } from '#base'
import { tableLimits } from '../tables/limits.ts'
import type { TableAnswer, TableQuestion } from '../tables/table-question.ts'
import { errorFromMessage } from './failure.ts'
import type { FromChild, ToChild } from './message.ts'

type Waiting = {
  readonly resolve: (answer: TableAnswer) => void
  readonly reject: (error: Error) => void
  readonly timer: Timer
}

export class AppQuestions {
  readonly #clock: Clock
  readonly #app: () => string
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  constructor(clock: Clock, app: () => string) {
    this.#clock = clock
    this.#app = app
  }

  /** Rejects with `busy` when too many wait, with `timeout` at the deadline, or with what the app answers. */
  ask(send: (message: ToChild) => void, question: TableQuestion, withinMs: number): Promise<TableAnswer> {
    const { questionsMax } = tableLimits
    if (this.#waiting.size >= questionsMax) {
      throw new BrokerError('busy', `${questionsMax} questions wait for an answer of app "${this.#app()}"`, {
        fix: 'ask again in a moment',
        details: { limit: questionsMax },
      })
    }
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(withinMs, () => {
        this.#waiting.delete(id)
        reject(
          new BrokerError('timeout', `app "${this.#app()}" did not answer within ${withinMs} ms`, {
            fix: 'ask for less, or allow more with timeoutMs',
          }),
        )
      })
      this.#waiting.set(id, { resolve, reject, timer })
      send({ t: 'ask', id, question })
    })
  }

  receive(message: Extract<FromChild, { t: 'told' | 'untold' }>): void {
    const waiting = this.#waiting.get(message.id)
    if (waiting === undefined) return
    this.#waiting.delete(message.id)
    waiting.timer.cancel()
    if (message.t === 'told') waiting.resolve(message.answer)
    else waiting.reject(errorFromMessage(message.error))
  }

  /** The process has ended: nobody will answer. */
  drop(): void {
    for (const { reject, timer } of this.#waiting.values()) {
      timer.cancel()
      reject(new BrokerError('unreachable', `app "${this.#app()}" ended while it was asked`))
    }
    this.#waiting.clear()
  }
}
