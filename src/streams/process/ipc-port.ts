// The log port as an app's own process sees it: each call is a message to the node, and its answer comes back by number.
import { BrokerError } from '#base'
import type { LogPort } from '../api.ts'
import { errorFromMessage } from './failure.ts'
import { type FromChild, type PortMethod, packed, type ToChild } from './message.ts'

export type IpcPortLimits = {
  /** Calls sent and not yet answered. */
  readonly inFlightMax: number
  /** Calls that wait for one of those to end; one more is refused with `busy`. */
  readonly waitingMax: number
}

export const ipcPortLimits: IpcPortLimits = { inFlightMax: 256, waitingMax: 4_096 }

type Call = { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }
type Answer = Extract<ToChild, { t: 'answer' | 'refusal' }>

export class IpcPort implements LogPort {
  readonly #send: (message: FromChild) => void
  readonly #limits: IpcPortLimits
  readonly #inFlight = new Map<number, Call>()
  readonly #waiting: { readonly message: FromChild & { t: 'call' }; readonly call: Call }[] = []
  #lastId = 0

  constructor(send: (message: FromChild) => void, limits: IpcPortLimits = ipcPortLimits) {
    this.#send = send
    this.#limits = limits
  }

  ensureTopics: LogPort['ensureTopics'] = (specs) => this.#call('ensureTopics', [specs])
  findTopics: LogPort['findTopics'] = (names) => this.#call('findTopics', [names])
  fetchSlice: LogPort['fetchSlice'] = (request) => this.#call('fetchSlice', [request])
  committed: LogPort['committed'] = (...args) => this.#call('committed', args)
  fence: LogPort['fence'] = (...args) => this.#call('fence', args)

  commit: LogPort['commit'] = (commit) => {
    const batches = commit.batches.map((entry) => ({ ...entry, batch: packed(entry.batch) }))
    return this.#call('commit', [{ ...commit, batches }])
  }

  /** Takes an answer from the channel. */
  receive(answer: Answer): void {
    const call = this.#inFlight.get(answer.id)
    if (call === undefined) return
    this.#inFlight.delete(answer.id)
    const next = this.#waiting.shift()
    if (next !== undefined) this.#start(next.message, next.call)
    if (answer.t === 'answer') call.resolve(answer.value as never)
    else call.reject(errorFromMessage(answer.error))
  }

  #call<Result>(method: PortMethod, args: readonly unknown[]): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const message = { t: 'call', id: ++this.#lastId, method, args } as const
      const call: Call = { resolve, reject }
      if (this.#inFlight.size < this.#limits.inFlightMax) this.#start(message, call)
      else if (this.#waiting.length < this.#limits.waitingMax) this.#waiting.push({ message, call })
      else reject(new BrokerError('busy', `${this.#limits.waitingMax} calls to the node are waiting already`))
    })
  }

  #start(message: FromChild & { t: 'call' }, call: Call): void {
    this.#inFlight.set(message.id, call)
    this.#send(message)
  }
}
