import { describe, expect, test } from 'bun:test'
import { asOffset, BrokerError } from '#base'
import type { RecordsPage } from '#http'
import { type Harness, postLines, problemOf, startHarness } from './harness.ts'

const path = '/api/v1/topics/orders/records'
const asLines = { headers: { accept: 'application/x-ndjson' } }

async function withRecords(
  count: number,
  options: Parameters<typeof startHarness>[0] = {},
): Promise<Harness> {
  const h = await startHarness(options)
  await h.broker.createTopic({ name: 'orders' })
  if (count > 0) await produce(h, 0, count)
  return h
}

async function produce(h: Harness, from: number, count: number, size = 0): Promise<void> {
  const filling = 'x'.repeat(size)
  const lines = Array.from({ length: count }, (_, index) => JSON.stringify({ n: from + index, filling }))
  expect((await h.ask(path, postLines(lines.join('\n')))).status).toBe(200)
}

const page = async (h: Harness, query: string) =>
  (await (await h.ask(`${path}?${query}`)).json()) as RecordsPage

describe('pages', () => {
  test('lead from one to the next, each record once', async () => {
    await using h = await withRecords(123)
    const seen: number[] = []
    for (let from = 0; ; ) {
      const { records, next } = await page(h, `from=${from}&limit=50`)
      if (records.length === 0) break
      seen.push(...records.map(({ offset }) => offset))
      from = next
    }
    expect(seen).toEqual(Array.from({ length: 123 }, (_, offset) => offset))
  })

  test('end early when they are large, and say where to go on', async () => {
    await using h = await withRecords(0, { limits: { pageSizeBytesMax: 4_000 } })
    await produce(h, 0, 100, 1_000)
    const { records, next } = await page(h, 'limit=100')
    expect(records.length).toBeGreaterThan(0)
    expect(records.length).toBeLessThan(6)
    expect(next).toBe(records.length)
  })

  test('end before what is damaged, and only the next one says so', async () => {
    await using h = await withRecords(120)
    const fetch = h.broker.fetch
    h.broker.fetch = (request) => {
      if (request.from >= 50) throw new BrokerError('corrupt', 'damaged')
      return fetch(request)
    }
    const { records, next } = await page(h, 'limit=100')
    expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 50 }, (_, offset) => offset))
    expect(next).toBe(50)
    expect(await problemOf(await h.ask(`${path}?from=50`))).toMatchObject({ code: 'corrupt' })
  })

  test('hold a hundred records unless more are asked for, and never more than the limit', async () => {
    await using h = await withRecords(300, { limits: { pageRecordsMax: 200 } })
    expect((await page(h, '')).records).toHaveLength(100)
    expect((await page(h, 'limit=5000')).records).toHaveLength(200)
  })
})

describe('long polls', () => {
  test('answer when a record comes', async () => {
    await using h = await withRecords(3)
    const waiting = page(h, 'from=latest&waitMs=20000')
    await until(() => h.broker.waiting === 1)
    await produce(h, 3, 1)
    expect(await waiting).toMatchObject({ records: [{ offset: 3, value: { n: 3 } }], next: 4 })
  })

  test('do not wait when there is something', async () => {
    await using h = await withRecords(3)
    expect((await page(h, 'from=0&waitMs=20000')).records).toHaveLength(3)
  })

  test('end when the client leaves', async () => {
    await using h = await withRecords(0)
    const client = new AbortController()
    const waiting = h.ask(`${path}?waitMs=20000`, { signal: client.signal })
    await until(() => h.broker.waiting === 1)
    client.abort()
    await waiting.catch(() => undefined)
    await until(() => h.broker.waiting === 0)
    await until(() => h.metrics.text().includes('pspf_http_waiting_requests 0'))
  })

  test('are bounded in number', async () => {
    await using h = await withRecords(0, { limits: { waitingMax: 1 } })
    const waiting = page(h, 'waitMs=20000')
    await until(() => h.broker.waiting === 1)
    expect(await problemOf(await h.ask(`${path}?waitMs=20000`))).toMatchObject({ code: 'busy', status: 503 })
    expect((await h.ask(`${path}?waitMs=0`)).status).toBe(200)
    await produce(h, 0, 1)
    await waiting
    expect((await h.ask(`${path}?waitMs=1`)).status).toBe(200)
  })

  test('answer with what there is when the server stops', async () => {
    const h = await withRecords(2)
    const waiting = page(h, 'from=latest&waitMs=20000')
    await until(() => h.broker.waiting === 1)
    await h.server.stop()
    expect(await waiting).toMatchObject({ records: [], next: 2 })
  })
})

describe('streams of lines', () => {
  test('end where the partition ended when they began', async () => {
    await using h = await withRecords(130)
    const response = await h.ask(path, asLines)
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = (await response.text()).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).offset)).toEqual(Array.from({ length: 130 }, (_, n) => n))
  })

  test('keep one record a line, whatever its value looks like', async () => {
    await using h = await withRecords(0)
    const text = new TextEncoder()
    await h.broker.produce('orders', [
      { key: text.encode('a\nb'), value: text.encode('{\r\n "a": "x\\ny",\n "b": [\n1]}') },
      { key: null, value: text.encode('no\njson') },
    ])
    const lines = (await (await h.ask(path, asLines)).text()).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { key: 'a\nb', value: { a: 'x\ny', b: [1] } },
      { value: 'no\njson' },
    ])
  })

  test('stop at the limit', async () => {
    await using h = await withRecords(130)
    const text = await (await h.ask(`${path}?limit=70&from=10`, asLines)).text()
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).offset),
    ).toEqual(Array.from({ length: 70 }, (_, n) => n + 10))
  })

  test('follow what comes, until the client leaves', async () => {
    await using h = await withRecords(2)
    const reader = (await h.ask(`${path}?follow=true`, asLines)).body!.getReader()
    const offsets: number[] = []
    const read = async (count: number) => {
      while (offsets.length < count) {
        const { value, done } = await reader.read()
        if (done) break
        const lines = new TextDecoder().decode(value).trimEnd().split('\n')
        offsets.push(...lines.map((line) => JSON.parse(line).offset))
      }
    }
    await read(2)
    await until(() => h.broker.waiting === 1)
    await produce(h, 2, 3)
    await read(5)
    expect(offsets).toEqual([0, 1, 2, 3, 4])
    await reader.cancel()
    await until(() => h.metrics.text().includes('pspf_http_waiting_requests 0'))
    await until(() => h.broker.waiting === 0)
  })

  test('are ended by a stop of the server', async () => {
    const h = await withRecords(1)
    const response = await h.ask(`${path}?follow=true`, asLines)
    const text = response.text()
    await until(() => h.broker.waiting === 1)
    await h.server.stop()
    expect((await text).trimEnd().split('\n')).toHaveLength(1)
  })

  test('read on only as fast as the client takes', async () => {
    await using h = await withRecords(0)
    await produce(h, 0, 50, 20_000)
    const { batches } = await h.broker.fetch({
      topic: 'orders',
      partition: 0,
      from: asOffset(0),
      bytesMax: 1,
      waitMs: 0,
    })
    let fetches = 0
    // The same megabyte again and again: without an end, and so without rest unless the reader decides.
    h.broker.fetch = async ({ from }) => {
      if (++fetches > 500) throw new Error('nobody holds the stream back')
      const next = batches.slice()
      new DataView(next.buffer).setBigInt64(0, BigInt(from))
      return { batches: next, startOffset: asOffset(0), endOffset: asOffset(from + 50) }
    }
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: h.server.port,
      socket: { data: () => undefined },
    })
    socket.pause()
    socket.write(
      `GET ${path}?follow=true HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n`,
    )
    socket.flush()
    await until(() => fetches > 0)
    await settled(() => fetches)
    expect(fetches).toBeLessThan(100)
    const held = fetches
    socket.resume()
    await until(() => fetches > held + 20)
    socket.terminate()
    await until(() => h.metrics.text().includes('pspf_http_waiting_requests 0'))
  })

  test('end with a problem when the log fails under them', async () => {
    await using h = await withRecords(100)
    const fetch = h.broker.fetch
    h.broker.fetch = async (request) => {
      if (request.from > 0) throw new BrokerError('corrupt', 'damaged')
      return fetch(request)
    }
    const response = await h.ask(path, asLines)
    expect(response.status).toBe(200)
    const lines = (await response.text()).trimEnd().split('\n')
    expect(lines).toHaveLength(51)
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ code: 'corrupt', status: 500, detail: 'damaged' })
    expect(h.metrics.text()).toContain('pspf_http_waiting_requests 0')
    expect(h.log.join('')).toContain('damaged')
  })
})

async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((resolve) => setImmediate(resolve))
}

/** Until a number has stayed the same for many turns of the event loop. */
async function settled(count: () => number): Promise<void> {
  for (let same = 0, last = count(); same < 2_000; same++) {
    await new Promise((resolve) => setImmediate(resolve))
    if (count() !== last) {
      last = count()
      same = 0
    }
  }
}
