// Anything may come in over a socket. Whatever it is: no 5xx, no crash, an answer in the agreed form, and nothing stored
// unless all of it was good.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { allRoutes } from '../../src/http/server.ts'
import { type Harness, sendRaw, startHarness } from './harness.ts'

let h: Harness
let patterns: string[]

beforeAll(async () => {
  h = await startHarness({ limits: { bodySizeBytesMax: 64 * 1024, waitMsMax: 5 } })
  patterns = allRoutes(h.services).map(({ path }) => path)
})
afterAll(() => h.server.stop())

const name = fc.oneof(
  fc.constantFrom(
    'orders',
    'clicks',
    'readers',
    'shop',
    'sales',
    'shop.total',
    '..',
    '%00',
    '%',
    '%E0%A4%A',
    '%2F',
    '__proto__',
    'constructor',
  ),
  fc.string({ unit: 'grapheme' }).map(encodeWell),
)
const path = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(), fc.array(name, { minLength: 2, maxLength: 2 })).map(fillPattern),
  },
  { weight: 1, arbitrary: fc.webPath() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/ws',
      '/',
      '//',
      '/swagger',
      '/embed/w/x',
      '/api/v1/',
      '/api/v1/topics//records',
    ),
  },
)
const queryNames = 'partition from limit waitMs before keyField internal dryRun x __proto__'.split(' ')
const queryValue = fc.oneof(
  fc.constantFrom(
    'earliest',
    'latest',
    '0',
    '1',
    '-1',
    '99999999999999999999',
    '1e3',
    '2024-01-01',
    'true',
    '',
    'NaN',
    'n',
    'a.b',
  ),
  fc.string({ unit: 'grapheme' }).map(encodeWell),
)
const query = fc
  .array(fc.tuple(fc.constantFrom(...queryNames), queryValue), { maxLength: 3 })
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map(([key, value]) => `${key}=${value}`).join('&')}`))
const method = fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'HEAD', 'OPTIONS', 'get', 'PROPFIND')
const contentType = fc.constantFrom(
  'application/json',
  'application/x-ndjson',
  'text/plain',
  'application/json; charset=utf-16',
  ';;',
  '',
)

/** Bodies that are nearly right come closer to the inside than noise does. */
const jsonish = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      name: fc.oneof(fc.string(), fc.integer()),
      partitions: fc.oneof(fc.integer(), fc.double(), fc.string()),
      config: fc.record(
        { retentionMs: fc.jsonValue(), compression: fc.string(), x: fc.jsonValue() },
        { requiredKeys: [] },
      ),
      to: fc.constantFrom('earliest', 'latest', 'soon', '0', 5),
      offsets: fc.array(
        fc.record({ topic: fc.constantFrom('orders', 'x'), partition: fc.integer(), offset: fc.double() }),
      ),
      records: fc.array(
        fc.record(
          {
            key: fc.jsonValue(),
            value: fc.jsonValue(),
            partition: fc.oneof(fc.integer({ min: -2, max: 4 }), fc.string()),
            timestamp: fc.oneof(fc.maxSafeInteger(), fc.double()),
            headers: fc.jsonValue(),
            encoding: fc.constantFrom({ value: 'base64' }, { key: 'hex' }, null),
          },
          { requiredKeys: [] },
        ),
      ),
    },
    { requiredKeys: [] },
  ),
)
const body = fc.oneof(
  { weight: 4, arbitrary: jsonish.map((value) => Buffer.from(JSON.stringify(value) ?? '')) },
  {
    weight: 1,
    arbitrary: fc
      .array(jsonish)
      .map((values) => Buffer.from(values.map((one) => JSON.stringify(one)).join('\n'))),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: jsonish.map((value) => Buffer.from((JSON.stringify(value) ?? '').slice(1))) },
)

const answered = (text: string) => text.includes('\r\n\r\n')

test('no request gets a 5xx, and every refusal is a problem', async () => {
  const statuses = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(
      method,
      path,
      query,
      contentType,
      body,
      async (method, path, query, contentType, body) => {
        await restore()
        const before = count()
        const head = `${method} ${path}${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`
        const answer = await sendRaw(
          h.server.port,
          [head, body],
          (text) => answered(text) && method === 'HEAD',
        )
        const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        // 0: Bun closes the connection on a method it does not know.
        expect(status).toBeLessThan(500)
        if (status >= 400 && answer.includes('problem+json') && method !== 'HEAD') {
          const problem = JSON.parse(
            Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1').toString(),
          )
          expect(problem).toMatchObject({ status, code: expect.any(String), detail: expect.any(String) })
        }
        if (status >= 400 && status !== 404) expect(count()).toBe(before)
        expect(h.broken).toEqual([])
      },
    ),
    { numRuns: 1_500 },
  )
  // It came past the door: some requests worked, and many different refusals were seen.
  expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 400, 404, 405, 415]))
  expect(h.log.filter((line) => line.includes('"level":"error"'))).toEqual([])
}, 20_000)

test('bytes that are no HTTP at all hurt nobody', async () => {
  const noise = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .array(
        fc.constantFrom(
          'GET ',
          'POST ',
          '/',
          '/ws',
          ' HTTP/1.1',
          '\r\n',
          '\r\n\r\n',
          'Host: a',
          'Content-Length: 5',
          ': ',
          '\0',
          'Transfer-Encoding: chunked',
          '5\r\n',
          'zz\r\n',
        ),
      )
      .map((parts) => Buffer.from(parts.join(''))),
  )
  await fc.assert(
    fc.asyncProperty(noise, async (bytes) => {
      // A whole request in the end makes sure that there is an answer or a closed connection.
      const closing = '\r\n\r\nGET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'
      const socket = await Bun.connect({
        hostname: '127.0.0.1',
        port: h.server.port,
        socket: { data: () => undefined },
      })
      socket.write(bytes)
      socket.write(closing)
      socket.flush()
      socket.end()
    }),
    { numRuns: 300 },
  )
  expect((await h.ask('/livez')).status).toBe(200)
  expect(h.broken).toEqual([])
  expect(h.log.filter((line) => line.includes('"level":"error"'))).toEqual([])
})

/** What good requests have deleted is made again, so that later ones find something. */
async function restore(): Promise<void> {
  const names = h.broker.topics().map(({ name }) => name)
  if (!names.includes('clicks')) await h.broker.createTopic({ name: 'clicks', partitions: 3 })
  if (!names.includes('orders')) {
    await h.broker.createTopic({ name: 'orders' })
    await h.broker.produce('orders', [{ key: null, value: Buffer.from('{"n":1}') }])
  }
  h.broker.commitOffset('readers', 'orders', 0, h.broker.topic('orders').partitions[0]!.startOffset)
}

const count = () =>
  h.broker.topics().reduce((sum, { name }) => sum + h.broker.dump(name).length, h.broker.topics().length)

/** Half of a surrogate pair has no percent-escape. */
function encodeWell(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

function fillPattern([pick, names]: [number, string[]]): string {
  let used = 0
  return patterns[pick % patterns.length]!.replaceAll(/:\w+/g, () => names[used++ % names.length]!)
}
