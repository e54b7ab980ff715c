// Sends lines in requests, one in flight at a time, so that order is kept. While one is in flight lines gather into the
// next; a full next one holds the reader back. So a slow trickle leaves at once and a flood leaves in large requests.
import { BrokerError, type Clock, sleep, toError } from '#base'
import type { ProduceAnswer } from '../answers.ts'

export const requestLinesMax = 2_000
export const requestSizeBytesMax = 2 ** 20
/** A busy or full node is asked again this often, waiting twice as long each time. */
export const retriesMax = 6
const firstRetryMs = 100

export type LineSenderOptions = {
  post(lines: Uint8Array<ArrayBuffer>): Promise<ProduceAnswer>
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Called after each acknowledged request. */
  acknowledged(count: number): void
}

type Gathering = {
  parts: Uint8Array[]
  count: number
  sizeBytes: number
  firstLine: number
  lastLine: number
}

const lineEnd = Uint8Array.of(0x0a)

/** The last request's fate is open: the node may or may not have taken it. */
const fateUnknown = new Set(['unreachable', 'timeout', 'closed'])

export class LineSender {
  count = 0
  /** The last line that is acknowledged; 0: none. */
  lastLine = 0
  readonly #options: LineSenderOptions
  #next: Gathering = emptyGathering()
  #inFlight: Promise<void> | null = null
  #failure: Error | null = null

  constructor(options: LineSenderOptions) {
    this.#options = options
  }

  /** Takes a checked line, and waits while too many are waiting. Throws what an earlier request failed with. */
  async add(line: number, json: Uint8Array): Promise<void> {
    while (this.#inFlight && this.#isFull(json.length)) await this.#inFlight
    this.#throwFailure()
    if (this.#isFull(json.length)) this.#send()
    while (this.#inFlight && this.#isFull(json.length)) await this.#inFlight
    const next = this.#next
    if (next.count === 0) next.firstLine = line
    next.lastLine = line
    next.count++
    next.sizeBytes += json.length + 1
    next.parts.push(json, lineEnd)
  }

  /** Sends what has gathered, if nothing is in flight. */
  flush(): void {
    if (!this.#inFlight && !this.#failure && this.#next.count > 0) this.#send()
  }

  /** Sends everything and waits for the answers. */
  async finish(): Promise<void> {
    this.flush()
    while (this.#inFlight) await this.#inFlight
    this.#throwFailure()
  }

  /** Forgets what has not been sent and waits for the request in flight. Answers whether that one failed. */
  async abandon(): Promise<Error | null> {
    this.#next = emptyGathering()
    while (this.#inFlight) await this.#inFlight
    return this.#failure
  }

  #isFull(another: number): boolean {
    const { count, sizeBytes } = this.#next
    return count >= requestLinesMax || (count > 0 && sizeBytes + another + 1 > requestSizeBytesMax)
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure
  }

  #send(): void {
    const request = this.#next
    this.#next = emptyGathering()
    this.#inFlight = this.#deliver(request).then(
      () => {
        this.#inFlight = null
        this.flush()
      },
      (thrown) => {
        this.#inFlight = null
        this.#failure = toError(thrown)
      },
    )
  }

  async #deliver(request: Gathering): Promise<void> {
    const { post, clock, signal, acknowledged } = this.#options
    const body = new Uint8Array(Buffer.concat(request.parts))
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await post(body)
        this.count += answer.count
        this.lastLine = request.lastLine
        acknowledged(this.count)
        return
      } catch (thrown) {
        const again = thrown instanceof BrokerError && thrown.retriable && !fateUnknown.has(thrown.code)
        if (!again || attempt >= retriesMax) throw withLines(thrown, request)
        await sleep(clock, firstRetryMs * 2 ** attempt, signal)
        signal.throwIfAborted()
      }
    }
  }
}

function emptyGathering(): Gathering {
  return { parts: [], count: 0, sizeBytes: 0, firstLine: 0, lastLine: 0 }
}

/** The same failure, saying which lines it concerns. */
function withLines(thrown: unknown, { firstLine, lastLine }: Gathering): unknown {
  if (!(thrown instanceof BrokerError)) return thrown
  const lines = firstLine === lastLine ? `line ${firstLine}` : `lines ${firstLine}-${lastLine}`
  const fate = fateUnknown.has(thrown.code) ? `${lines} may or may not be stored` : `${lines} refused`
  return new BrokerError(thrown.code, `${fate}: ${thrown.message}`, {
    ...(thrown.fix === undefined ? {} : { fix: thrown.fix }),
    retriable: thrown.retriable,
    details: thrown.details,
    cause: thrown,
  })
}
