// Sends bids over HTTP: at fixed times, or as many as are taken.
import type { Bids } from './bids.ts'

/** Requests that are not answered yet; the loop stays open up to there, and what waits is late. */
const inFlightMax = 64
const tickMs = 1
/** Of one request, when as much is sent as is taken. */
const burst = 2_000
const burstsInFlight = 4

export class Sender {
  sent = 0
  readonly #url: string
  readonly #bids: Bids
  readonly #inFlight = new Set<Promise<void>>()

  constructor(url: string, bids: Bids) {
    this.#url = url
    this.#bids = bids
  }

  /** Each bid carries when it was due, however late it is sent. */
  async openLoop(perSecond: number, seconds: number): Promise<void> {
    const began = now()
    const total = Math.floor(perSecond * seconds)
    const dueAt = (index: number) => began + (index * 1000) / perSecond
    for (let next = 0; next < total; ) {
      const lines: string[] = []
      for (const until = now(); next < total && dueAt(next) <= until; next++)
        lines.push(this.#bids.line(dueAt(next)))
      if (lines.length > 0) await this.#send(lines, inFlightMax)
      await Bun.sleep(tickMs)
    }
    await Promise.all(this.#inFlight)
  }

  /** For that long, or so many. */
  async asFastAsPossible(seconds: number, most = Infinity): Promise<void> {
    for (const end = now() + seconds * 1000; now() < end && this.sent < most; ) {
      const at = now()
      await this.#send(
        Array.from({ length: Math.min(burst, most - this.sent) }, () => this.#bids.line(at)),
        burstsInFlight,
      )
    }
    await Promise.all(this.#inFlight)
  }

  async #send(lines: readonly string[], most: number): Promise<void> {
    while (this.#inFlight.size >= most) await Promise.race(this.#inFlight)
    this.sent += lines.length
    const sending = post(this.#url, lines.join('')).finally(() => this.#inFlight.delete(sending))
    this.#inFlight.add(sending)
  }
}

const now = (): number => performance.timeOrigin + performance.now()

async function post(url: string, body: string): Promise<void> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const response = await fetch(url, { method: 'POST', headers, body })
  if (!response.ok) throw new Error(await response.text())
  await response.arrayBuffer()
}
