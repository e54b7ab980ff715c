import { describe, expect, test } from 'bun:test'
import { type Harness, postLines, problemOf, sendRaw, startHarness } from './harness.ts'

const KiB = 1024
const limits = { bodySizeBytesMax: 64 * KiB, bodiesInFlightBytesMax: 100 * KiB, stopMsMax: 20 }

async function withOrders(): Promise<Harness> {
  const h = await startHarness({ limits })
  await h.broker.createTopic({ name: 'orders' })
  return h
}

const head = (headers: string) =>
  `POST /api/v1/topics/orders/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n${headers}\r\n\r\n`
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
const lines = (sizeBytes: number) => '1234567\n'.repeat(sizeBytes / 8)
const next = 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'

describe('the size of a body', () => {
  test('at the limit it is taken, above it refused', async () => {
    await using h = await withOrders()
    const path = '/api/v1/topics/orders/records'
    expect((await h.ask(path, postLines(lines(64 * KiB)))).status).toBe(200)
    const problem = await problemOf(await h.ask(path, postLines(`${lines(64 * KiB)}1`)))
    expect(problem).toMatchObject({ status: 413, code: 'too_large', bodySizeBytesMax: 64 * KiB })
    expect(problem.fix).toContain('split')
    expect(h.broker.dump('orders')).toHaveLength(8 * KiB)
  })

  test('a body that says it is too large is refused before any of it is sent', async () => {
    await using h = await withOrders()
    for (const size of ['65537', '99000000000', '9'.repeat(15)]) {
      const answer = await sendRaw(h.server.port, [head(`Content-Length: ${size}`)])
      expect(answer).toStartWith('HTTP/1.1 413 ')
      expect(answer.toLowerCase()).toContain('connection: close')
      expect(answer).toContain('"code":"too_large"')
    }
  })

  test('a body of unknown size is taken up to the limit, then cut', async () => {
    await using h = await withOrders()
    const small = await sendRaw(h.server.port, [
      head('Transfer-Encoding: chunked'),
      chunk('{"n":'),
      chunk('1}\n{"n":2}'),
      '0\r\n\r\n',
      next,
    ])
    expect(small).toContain('"count":2')
    expect(h.broker.dump('orders').map(({ value }) => value)).toEqual(['{"n":1}', '{"n":2}'])
    const large = await sendRaw(
      h.server.port,
      [head('Transfer-Encoding: chunked'), ...Array(9).fill(chunk(lines(8 * KiB)))],
      (received) => received.includes('too_large'),
    )
    expect(large).toStartWith('HTTP/1.1 413 ')
    expect(h.broker.dump('orders')).toHaveLength(2)
  })

  test('a GET with a body of unknown size is refused', async () => {
    await using h = await withOrders()
    const request = 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n'
    const answer = await sendRaw(h.server.port, [request], (received) => received.includes('no body'))
    expect(answer).toStartWith('HTTP/1.1 400 ')
  })
})

describe('bodies of all requests together', () => {
  test('are bounded: one too many is told to come again, and the room is given back', async () => {
    await using h = await withOrders()
    const first = sendRaw(h.server.port, [head(`Content-Length: ${60 * KiB}`)])
    await until(() => h.metrics.text().includes(`pspf_http_bodies_in_flight_bytes ${60 * KiB}`))
    const refused = await h.ask('/api/v1/topics/orders/records', postLines(lines(48 * KiB)))
    expect(await problemOf(refused)).toMatchObject({ status: 503, code: 'busy', retriable: true })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect((await h.ask('/api/v1/topics/orders/records', postLines(lines(32 * KiB)))).status).toBe(200)
    expect(h.metrics.text()).toContain(`pspf_http_bodies_in_flight_bytes ${60 * KiB}`)
    await h.server.stop()
    await first
    await until(() => h.metrics.text().includes('pspf_http_bodies_in_flight_bytes 0'))
  })

  test('hold no room after a refusal', async () => {
    await using h = await withOrders()
    for (const body of ['', 'nope', '\xff', lines(64 * KiB), `${lines(64 * KiB)}x`]) {
      await h.ask('/api/v1/topics/orders/records', postLines(body))
      await h.ask('/api/v1/topics/nope/records', postLines(body))
    }
    expect(h.metrics.text()).toContain('pspf_http_bodies_in_flight_bytes 0')
  })
})

describe('bytes that are no request', () => {
  test.each([
    ['garbage\r\n\r\n'],
    ['GET /health HTTP/1.1\r\n\r\n'],
    ['\0\0\0\0\r\n\r\n'],
    ['POST /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n'],
    ['POST /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ])('%p gets no 5xx and the server goes on', async (text) => {
    await using h = await withOrders()
    const answer = await sendRaw(h.server.port, [text], (received) => received.includes('\r\n\r\n'))
    expect(answer).not.toMatch(/^HTTP\/1\.1 [25]/)
    expect((await h.ask('/health')).status).toBe(200)
  })

  test('a body that ends early stores nothing', async () => {
    await using h = await withOrders()
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: h.server.port,
      socket: { data: () => undefined },
    })
    socket.write(`${head('Content-Length: 100')}{"n":1}\n`)
    socket.flush()
    await until(() => h.metrics.text().includes('pspf_http_bodies_in_flight_bytes 100'))
    socket.terminate()
    await until(() => h.metrics.text().includes('pspf_http_bodies_in_flight_bytes 0'))
    expect(h.broker.dump('orders')).toEqual([])
  })
})

/** Gives other work a turn until the fact holds; the test's own time limit ends what never does. */
async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((resolve) => setImmediate(resolve))
}
