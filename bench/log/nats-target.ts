// NATS JetStream through its own protocol: one stream a partition, appends published with a reply subject, on which the
// acknowledgement of the stream comes.
import { connectionsMax } from './redis-target.ts'
import type { Shape } from './shape.ts'
import { letters, type Target } from './target.ts'
import { openWire, type Wire } from './wire.ts'

/** Kept by all streams together, as a retention by size. */
const keptBytes = 2 ** 30

const lineEnd = Buffer.from('\r\n')

type Waiter = { missing: number; failure: string; resolve(): void; reject(error: Error): void }

/** One connection: requests by number, answers on `_INBOX.<name>.<number>`. */
class Client {
  readonly #inbox: string
  readonly #waiters = new Map<number, Waiter>()
  #next = 0
  #wire: Wire | null = null

  constructor(name: string) {
    this.#inbox = `_INBOX.${name}`
  }

  async connect(port: number): Promise<void> {
    this.#wire = await openWire(port, (text) => this.#receive(text))
    this.#send('CONNECT {"verbose":false,"pedantic":false,"headers":false,"protocol":1}\r\n')
    this.#send(`SUB ${this.#inbox}.* 1\r\n`)
  }

  request(subject: string, payload: Uint8Array, times: number): Promise<void> {
    const number = this.#next++
    const head = Buffer.from(`PUB ${subject} ${this.#inbox}.${number} ${payload.length}\r\n`)
    return new Promise((resolve, reject) => {
      this.#waiters.set(number, { missing: times, failure: '', resolve, reject })
      for (let index = 0; index < times; index++)
        for (const part of [head, payload, lineEnd]) this.#wire?.write(part)
    })
  }

  close(): void {
    this.#wire?.close()
  }

  #send(text: string): void {
    this.#wire?.write(Buffer.from(text, 'latin1'))
  }

  #receive(text: string): string {
    let at = 0
    for (;;) {
      const line = text.indexOf('\r\n', at)
      if (line < 0) break
      const words = text.slice(at, line).split(' ')
      let end = line + 2
      if (words[0] === 'MSG') {
        const payloadAt = end
        end = payloadAt + Number(words.at(-1)) + 2
        if (end > text.length) break
        this.#answered(words[1]!, text.slice(payloadAt, end - 2))
      } else if (words[0] === 'PING') this.#send('PONG\r\n')
      else if (words[0] === '-ERR') this.#failAll(words.slice(1).join(' '))
      at = end
    }
    return text.slice(at)
  }

  #answered(subject: string, payload: string): void {
    const number = Number(subject.slice(this.#inbox.length + 1))
    const waiter = this.#waiters.get(number)
    if (waiter === undefined) return
    if (payload.includes('"error"')) waiter.failure = payload
    if (--waiter.missing > 0) return
    this.#waiters.delete(number)
    if (waiter.failure === '') waiter.resolve()
    else waiter.reject(new Error(waiter.failure))
  }

  #failAll(why: string): void {
    for (const { reject } of this.#waiters.values()) reject(new Error(why))
    this.#waiters.clear()
  }
}

export async function natsTarget(port: number, shape: Shape): Promise<Target> {
  const clients = Array.from(
    { length: Math.min(connectionsMax, shape.inFlight) },
    (_, index) => new Client(`bench${index}`),
  )
  for (const client of clients) await client.connect(port)
  for (let partition = 0; partition < shape.partitions; partition++) {
    const stream = {
      name: `bench-${partition}`,
      subjects: [`bench.${partition}`],
      storage: 'file',
      retention: 'limits',
      discard: 'old',
      max_bytes: Math.floor(keptBytes / shape.partitions),
      num_replicas: 1,
    }
    await clients[0]!.request(`$JS.API.STREAM.CREATE.${stream.name}`, Buffer.from(JSON.stringify(stream)), 1)
  }
  const payload = Buffer.from(letters(shape.bytes))
  let turn = 0
  return {
    append: (partition) =>
      clients[turn++ % clients.length]!.request(`bench.${partition}`, payload, shape.records),
    close() {
      for (const client of clients) client.close()
    },
  }
}
