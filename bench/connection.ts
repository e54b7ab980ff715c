// One connection that has one request under way at a time, for HTTP and for Redis: both sides pay for the same kind of
// client, a bare socket with a prepared request.
import type { Socket } from 'bun'

export type Connection = { request(done: (ok: boolean) => void): void; close(): void }

type Protocol = {
  /** Whole answers end here: the number of bytes that the first one takes, or 0 if it is not complete. */
  answerLength(text: string): number
  succeeded(text: string): boolean
}

const http: Protocol = {
  answerLength(text) {
    const head = text.indexOf('\r\n\r\n')
    if (head < 0) return 0
    const length = Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? Number.NaN)
    if (Number.isNaN(length)) throw new Error(`an answer without content-length: ${text.slice(0, 300)}`)
    return text.length >= head + 4 + length ? head + 4 + length : 0
  },
  succeeded: (text) => text.startsWith('HTTP/1.1 2'),
}

const redis: Protocol = {
  answerLength(text) {
    const line = text.indexOf('\r\n')
    if (line < 0) return 0
    if (text[0] !== '$') return line + 2
    const length = line + 2 + Number(text.slice(1, line)) + 2
    return text.length >= length ? length : 0
  },
  succeeded: (text) => text[0] !== '-',
}

/** `answers`: how many answers one request gets (a Redis pipeline gets one per command). */
async function connect(
  port: number,
  bytes: Uint8Array,
  protocol: Protocol,
  answers: number,
): Promise<Connection> {
  let waiting: ((ok: boolean) => void) | null = null
  let missing = 0
  let ok = true
  let text = ''
  let unsent = bytes.subarray(0, 0)
  const send = (socket: Socket<unknown>, part: Uint8Array) => {
    unsent = part.subarray(socket.write(part))
  }
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data(_socket, chunk) {
        text += chunk.toString('latin1')
        for (let length = protocol.answerLength(text); length > 0; length = protocol.answerLength(text)) {
          ok &&= protocol.succeeded(text)
          text = text.slice(length)
          missing--
        }
        if (missing > 0 || !waiting) return
        const done = waiting
        waiting = null
        done(ok)
      },
      drain(socket) {
        if (unsent.length > 0) send(socket, unsent)
      },
    },
  })
  return {
    request(done) {
      waiting = done
      missing = answers
      ok = true
      send(socket, bytes)
    },
    close: () => socket.end(),
  }
}

export type Payload = { records: number; bytes: number }

const letters = (length: number) =>
  Array.from({ length }, (_, n) => String.fromCharCode(97 + ((n * 7) % 26))).join('')

/** `POST /api/v1/topics/:topic/records`, NDJSON: one line a record. */
export function httpConnection(
  port: number,
  topic: string,
  { records, bytes }: Payload,
): Promise<Connection> {
  const body = `"${letters(bytes - 2)}"\n`.repeat(records)
  const head = `POST /api/v1/topics/${topic}/records HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${body.length}\r\n\r\n`
  return connect(port, Buffer.from(head + body), http, 1)
}

/** XADD, one command a record, sent together. */
export function redisConnection(
  port: number,
  stream: string,
  { records, bytes }: Payload,
): Promise<Connection> {
  const value = letters(bytes)
  const command = `*5\r\n$4\r\nXADD\r\n$${stream.length}\r\n${stream}\r\n$1\r\n*\r\n$1\r\nv\r\n$${bytes}\r\n${value}\r\n`
  return connect(port, Buffer.from(command.repeat(records)), redis, records)
}
