// As much of NATS as it takes to publish into a stream of JetStream and to read all of it back.
//   MSG <subject> <subscription> [<reply>] <bytes>\r\n<payload>\r\n
import { openWire, type Wire } from '../../bench/log/wire.ts'
import type { PeerClient } from './peer.ts'

const stream = 'TORTURE'
const subject = 'torture'
const inbox = '_INBOX.torture'
const readAtOnceMax = 1000

type Answer = {
  error?: { description: string }
  state?: { first_seq: number; last_seq: number }
  message?: { data: string }
}

class NatsClient implements PeerClient {
  readonly #waiters = new Map<string, (payload: string) => void>()
  #next = 0
  #wire: Wire | null = null

  async connect(port: number): Promise<void> {
    this.#wire = await openWire(port, (text) => this.#receive(text))
    this.#send('CONNECT {"verbose":false,"pedantic":false,"headers":false,"protocol":1}\r\n')
    this.#send(`SUB ${inbox}.> 1\r\n`)
    await this.#ask('STREAM.CREATE', { name: stream, subjects: [subject], storage: 'file', num_replicas: 1 })
  }

  async append(value: string): Promise<void> {
    const answer = JSON.parse(await this.#request(subject, value)) as Answer
    if (answer.error) throw new Error(answer.error.description)
  }

  async values(): Promise<string[]> {
    const { state } = await this.#ask('STREAM.INFO', {})
    const { first_seq, last_seq } = state!
    const values: string[] = []
    for (let from = first_seq; from <= last_seq; from += readAtOnceMax) {
      const count = Math.min(readAtOnceMax, last_seq + 1 - from)
      const sequences = Array.from({ length: count }, (_, index) => from + index)
      const answers = await Promise.all(sequences.map((seq) => this.#call('STREAM.MSG.GET', { seq })))
      // One that is gone is answered with an error.
      for (const { message } of answers) if (message) values.push(atob(message.data))
    }
    return values
  }

  close(): void {
    this.#wire?.close()
  }

  async #ask(what: string, request: unknown): Promise<Answer> {
    const answer = await this.#call(what, request)
    if (answer.error) throw new Error(answer.error.description)
    return answer
  }

  async #call(what: string, request: unknown): Promise<Answer> {
    return JSON.parse(await this.#request(`$JS.API.${what}.${stream}`, JSON.stringify(request))) as Answer
  }

  #request(to: string, payload: string): Promise<string> {
    const reply = `${inbox}.${this.#next++}`
    return new Promise((resolve) => {
      this.#waiters.set(reply, resolve)
      this.#send(`PUB ${to} ${reply} ${payload.length}\r\n${payload}\r\n`)
    })
  }

  #send(text: string): void {
    this.#wire?.write(Buffer.from(text, 'latin1'))
  }

  /** Answers what is not complete yet. */
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
        this.#take(words[1]!, text.slice(payloadAt, end - 2))
      } else if (words[0] === 'PING') this.#send('PONG\r\n')
      at = end
    }
    return text.slice(at)
  }

  #take(to: string, payload: string): void {
    this.#waiters.get(to)?.(payload)
    this.#waiters.delete(to)
  }
}

export async function connectNats(port: number): Promise<PeerClient> {
  const client = new NatsClient()
  await client.connect(port)
  return client
}
