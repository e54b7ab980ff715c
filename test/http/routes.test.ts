import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { AssertionError, BrokerError } from '#base'
import { type ModelName, models } from '../../src/http/models.ts'
import { checkShape, list, named } from '../../src/http/shape.ts'
import { fakeNow } from './fake-broker.ts'
import { type Harness, postJson, postLines, problemOf, startHarness } from './harness.ts'

let h: Harness

beforeAll(async () => {
  h = await startHarness()
  await h.broker.createTopic({ name: 'orders' })
  await h.broker.createTopic({ name: 'clicks', partitions: 3 })
  await h.broker.createTopic({ name: '_pspf.kept' })
  await h.broker.produce('orders', [
    { key: new TextEncoder().encode('a'), value: new TextEncoder().encode('{"n": 12345678901234567890}') },
    { key: null, value: null },
    { key: Uint8Array.of(255), value: Uint8Array.of(254), headers: [{ key: 'h', value: null }] },
    { key: null, value: new TextEncoder().encode('plain text') },
    { key: null, value: new TextEncoder().encode('[1,\r\n2]'), timestamp: fakeNow + 5_000 },
  ])
  h.broker.commitOffset('billing', 'orders', 0, 2)
})
afterAll(() => h.server.stop())

const put = (init: RequestInit, change: RequestInit): RequestInit => ({ ...init, ...change })
const send = (method: string, body?: unknown): RequestInit =>
  body === undefined ? { method } : put(postJson(body), { method })

/** Answers in the documented shape: a scenario also checks the document. */
function expectModel(model: ModelName | readonly [ModelName], value: unknown): void {
  const schema = typeof model === 'string' ? named(model) : list(named(model[0]))
  checkShape(schema, value, models)
}

describe('what works', () => {
  // biome-ignore format: one scenario a line
  const scenarios: [string, RequestInit | undefined, number, ModelName | [ModelName] | null, unknown][] = [
    ['/health', undefined, 200, 'Health', { status: 'ok' }],
    ['/livez', undefined, 200, 'Probe', { status: 'ok' }],
    ['/readyz', undefined, 200, 'Probe', { status: 'ok', detail: 'ready' }],
    ['/startupz', undefined, 200, 'Probe', { status: 'ok' }],
    ['/api/v1/overview', undefined, 200, 'Overview', { verdict: { status: 'ok' } }],
    ['/api/v1/diagnostics', undefined, 200, 'Diagnostics', { checks: [{ name: 'disk' }] }],
    ['/api/v1/config', undefined, 200, null, { token: '(hidden)' }],
    ['/api/v1/topics', undefined, 200, ['TopicSummary'], [{ name: 'clicks' }, { name: 'orders', records: 5 }]],
    ['/api/v1/topics/', undefined, 200, ['TopicSummary'], [{ name: 'clicks' }, { name: 'orders' }]],
    ['/api/v1/topics?internal=true', undefined, 200, ['TopicSummary'], [{ name: '_pspf.kept', internal: true }, {}, {}]],
    ['/api/v1/topics/orders', undefined, 200, 'TopicDetail', { readers: [{ group: 'billing', lag: 3 }] }],
    ['/api/v1/topics/%6frders', undefined, 200, 'TopicDetail', { name: 'orders' }],
    ['/api/v1/topics', send('POST', { name: 'new', partitions: 2, config: { retentionMs: null } }), 201, 'TopicDetail', { name: 'new', partitions: 2, config: { retentionMs: null } }],
    ['/api/v1/topics/new', send('PATCH', { config: { retentionMs: 1000 } }), 200, 'TopicDetail', { config: { retentionMs: 1000 } }],
    ['/api/v1/topics/new', send('DELETE'), 204, null, null],
    ['/api/v1/apps/shop', send('DELETE'), 204, null, null],
    ['/api/v1/groups', undefined, 200, ['Group'], [{ id: 'billing', lag: 3 }]],
    ['/api/v1/groups/billing', undefined, 200, 'Group', { offsets: [{ topic: 'orders', offset: 2, endOffset: 5 }] }],
    ['/api/v1/apps', undefined, 200, ['App'], [{ id: 'shop', state: 'running' }]],
    ['/api/v1/apps/shop', undefined, 200, 'App', { id: 'shop' }],
    ['/api/v1/apps', send('POST', { source: 'x', dryRun: true }), 200, 'DeployAnswer', { version: 2, dryRun: true }],
    ['/api/v1/apps/shop/rollback', send('POST', { to: 1 }), 200, 'DeployAnswer', { version: 2, dryRun: false }],
    ['/api/v1/apps/shop/reset', send('POST', { dryRun: true }), 200, 'AppChange', { app: 'shop' }],
    ['/api/v1/apps/shop/versions', undefined, 200, ['AppVersion'], [{ version: 1, restores: null }]],
    ['/api/v1/apps/shop/pause', send('POST'), 200, 'App', { state: 'paused' }],
    ['/api/v1/apps/shop/resume', send('POST'), 200, 'App', { state: 'running' }],
    ['/api/v1/tables', undefined, 200, ['Table'], []],
    ['/api/v1/dashboards', undefined, 200, ['Dashboard'], [{ id: 'sales' }]],
    ['/api/v1/dashboards/sales', undefined, 200, 'Dashboard', { widgets: [{ id: 'shop.total' }] }],
    ['/api/v1/widgets/shop.total/history', undefined, 200, 'WidgetHistory', { epoch: 'e1', seq: 7 }],
    ['/api/v1/topics/orders/records', undefined, 200, 'RecordsPage', { next: 5, startOffset: 0, endOffset: 5 }],
    ['/api/v1/topics/orders/records?from=3', undefined, 200, 'RecordsPage', { records: [{ offset: 3, value: 'plain text' }, { offset: 4, value: [1, 2] }] }],
    ['/api/v1/topics/orders/records?limit=2', undefined, 200, 'RecordsPage', { next: 2 }],
    ['/api/v1/topics/orders/records?from=latest', undefined, 200, 'RecordsPage', { records: [], next: 5 }],
    ['/api/v1/topics/orders/records?from=2023-11-14T22:13:25Z', undefined, 200, 'RecordsPage', { records: [{ offset: 4 }] }],
    ['/api/v1/topics/orders/records?from=2023-11-14T22:13:25', undefined, 200, 'RecordsPage', { records: [{ offset: 4 }] }],
    ['/api/v1/topics/orders/records?from=2023-11-14T23:13:25%2B01:00', undefined, 200, 'RecordsPage', { records: [{ offset: 4 }] }],
    ['/api/v1/topics/clicks/records?partition=2', undefined, 200, 'RecordsPage', { records: [] }],
    ['/api/v1/groups/billing/offsets', send('POST', { to: 'earliest', dryRun: true }), 200, 'ResetAnswer', { group: 'billing', dryRun: true, changes: [{ topic: 'orders', partition: 0, from: 2, to: 0, skipped: 0, replayed: 2 }] }],
    ['/api/v1/groups/billing', undefined, 200, 'Group', { offsets: [{ offset: 2 }] }],
    ['/api/v1/groups/billing/offsets', send('POST', { offsets: [{ topic: 'orders', partition: 0, offset: 4 }] }), 200, 'ResetAnswer', { dryRun: false, changes: [{ from: 2, to: 4, skipped: 2, replayed: 0 }] }],
    ['/api/v1/groups/billing', undefined, 200, 'Group', { offsets: [{ offset: 4 }] }],
    ['/api/v1/groups/billing/offsets', send('POST', { to: '3', topic: 'orders', partition: 0 }), 200, 'ResetAnswer', { changes: [{ to: 3 }] }],
    ['/api/v1/groups/billing', send('DELETE'), 204, null, null],
  ]

  for (const [path, init, status, model, body] of scenarios) {
    test(`${init?.method ?? 'GET'} ${path} answers ${status}`, async () => {
      const response = await h.ask(path, init)
      const text = await response.text()
      expect({ status: response.status, text }).toMatchObject({ status })
      if (body === null) return expect(text).toBe('')
      const answer = JSON.parse(text)
      expect(answer).toMatchObject(body as object)
      if (Array.isArray(body)) expect(answer).toHaveLength(body.length)
      if (model !== null) expectModel(model, answer)
    })
  }

  test('a record is shown as it is stored: big numbers, tombstones, bytes, text', async () => {
    const text = await (await h.ask('/api/v1/topics/orders/records')).text()
    expect(text).toContain('"key":"a","value":{"n": 12345678901234567890},"headers":{}}')
    const { records } = JSON.parse(text)
    expect(records[1]).toMatchObject({ key: null, value: null })
    expect(records[2]).toMatchObject({
      key: '/w==',
      value: '/g==',
      headers: { h: '' },
      encoding: { key: 'base64', value: 'base64' },
    })
  })

  test('records are produced and their places answered', async () => {
    const before = h.broker.dump('clicks').length
    const json = await h.ask(
      '/api/v1/topics/clicks/records',
      postJson(
        '{"records":[{"key":"k","value":1.0,"partition":2},{"key":"k","value":{"big":12345678901234567890},"partition":2}]}',
      ),
    )
    expect(await json.json()).toEqual({
      count: 2,
      offsets: [
        { partition: 2, offset: 0 },
        { partition: 2, offset: 1 },
      ],
    })
    const lines = await h.ask(
      '/api/v1/topics/clicks/records?keyField=user.id',
      postLines('{"user":{"id":"u1"}}\n'),
    )
    const answer = await lines.json()
    expectModel('ProduceAnswer', answer)
    expect(answer.count).toBe(1)
    const stored = h.broker.dump('clicks').slice(before)
    expect(stored).toContainEqual({ key: 'k', value: '1.0' })
    expect(stored).toContainEqual({ key: 'k', value: '{"big":12345678901234567890}' })
    expect(h.broker.dump('clicks')).toContainEqual({ key: 'u1', value: '{"user":{"id":"u1"}}' })
  })

  test('truncation says what is left', async () => {
    await h.broker.createTopic({ name: 'old', partitions: 2 })
    await h.broker.produce('old', [
      { key: null, value: null, partition: 0 },
      { key: null, value: null, partition: 0 },
      { key: null, value: null, partition: 1 },
    ])
    const one = await h.ask('/api/v1/topics/old/records?before=1&partition=0', send('DELETE'))
    expect(await one.json()).toEqual({ partitions: [{ partition: 0, startOffset: 1, endOffset: 2 }] })
    const all = await h.ask('/api/v1/topics/old/records?before=latest', send('DELETE'))
    const answer = await all.json()
    expectModel('TruncateAnswer', answer)
    expect(answer).toEqual({
      partitions: [
        { partition: 0, startOffset: 2, endOffset: 2 },
        { partition: 1, startOffset: 1, endOffset: 1 },
      ],
    })
  })

  test('a created topic is where the answer says', async () => {
    const response = await h.ask('/api/v1/topics', postJson({ name: 'placed' }))
    expect(response.headers.get('location')).toBe('/api/v1/topics/placed')
    expect((await h.ask(response.headers.get('location')!)).status).toBe(200)
  })

  test('HEAD answers like GET, without a body', async () => {
    for (const path of [
      '/health',
      '/api/v1/topics/orders',
      '/api/v1/topics/orders/records',
      '/',
      '/client.js',
    ]) {
      const response = await h.ask(path, { method: 'HEAD' })
      expect({ path, status: response.status }).toEqual({ path, status: 200 })
      expect(await response.text()).toBe('')
    }
    const lines = await h.ask('/api/v1/topics/orders/records?follow=true', {
      method: 'HEAD',
      headers: { accept: 'application/x-ndjson' },
    })
    expect(lines.status).toBe(200)
  })

  test('metrics count answers by route and status', async () => {
    await h.ask('/api/v1/topics/nope')
    const response = await h.ask('/metrics')
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await response.text()).toContain(
      'pspf_http_request_duration_seconds_count{route="GET /api/v1/topics/:topic",code="404"}',
    )
  })

  test('health is 503 only when down, probes when they fail', async () => {
    const { health } = h.facts
    try {
      h.facts.health = { ...health, status: 'degraded' }
      expect((await h.ask('/health')).status).toBe(200)
      h.facts.health = { ...health, status: 'down' }
      expect((await h.ask('/health')).status).toBe(503)
      h.facts.isReady = false
      expect((await h.ask('/readyz')).status).toBe(503)
      expect((await h.ask('/livez')).status).toBe(200)
    } finally {
      h.facts.health = health
      h.facts.isReady = true
    }
  })
})

describe('what is refused', () => {
  const topics = '/api/v1/topics'
  const records = '/api/v1/topics/orders/records'
  const offsets = '/api/v1/groups/readers/offsets'
  // biome-ignore format: one scenario a line
  const scenarios: [string, RequestInit | undefined, number, string, string, string?][] = [
    ['/nope', undefined, 404, 'not_found', 'there is no route GET /nope', '/swagger'],
    ['/api/v1/dlqs', undefined, 404, 'not_found', 'there is no route GET /api/v1/dlqs'],
    ['/api/v1/overview', send('POST', {}), 405, 'method_not_allowed', 'does not take POST', 'GET'],
    [topics, send('PUT'), 405, 'method_not_allowed', 'does not take PUT', 'GET or POST'],
    ['/health', send('DELETE'), 405, 'method_not_allowed', 'does not take DELETE'],
    [records, send('OPTIONS'), 405, 'method_not_allowed', 'does not take OPTIONS'],
    [`${topics}/ordrs`, undefined, 404, 'not_found', 'did you mean "orders"?', 'pspf topic create'],
    [`${topics}/%E0%A4%A`, undefined, 400, 'invalid_request', 'the path is malformed'],
    [`${topics}?intrnal=true`, undefined, 400, 'invalid_request', 'query parameter "intrnal" is not known', 'did you mean "internal"?'],
    [`${topics}?internal=yes`, undefined, 400, 'invalid_request', '"internal" must be true or false'],
    ['/health?x=1', undefined, 400, 'invalid_request', 'query parameter "x"', 'takes no query parameters'],
    [topics, send('POST'), 415, 'unsupported_media_type', 'does not say', 'Content-Type: application/json'],
    [topics, put(send('POST', { name: 'x' }), { headers: { 'content-type': 'text/plain' } }), 415, 'unsupported_media_type', '"text/plain"'],
    [topics, put(send('POST', { name: 'x' }), { headers: { 'content-type': 'application/json; charset=latin1' } }), 415, 'unsupported_media_type', 'latin1'],
    [topics, put(send('POST', { name: 'x' }), { headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } }), 415, 'unsupported_media_type', 'content-encoding gzip'],
    [topics, send('POST', '{"name":'), 400, 'invalid_request', 'the body is not JSON'],
    [topics, send('POST', {}), 400, 'invalid_request', '"name" is missing'],
    [topics, send('POST', { name: 'x', partitions: '2' }), 400, 'invalid_request', '"partitions" must be a whole number from 1 to 2147483647, not "2"'],
    [topics, send('POST', { name: 'x', partitions: 1.5 }), 400, 'invalid_request', '"partitions" must be a whole number'],
    [topics, send('POST', { name: 'x', partitions: 0 }), 400, 'invalid_request', '"partitions" must be a whole number from 1'],
    [topics, send('POST', { name: 'x', partition: 2 }), 400, 'invalid_request', '"partition" is not a field', 'did you mean "partitions"?'],
    [topics, send('POST', { name: 'x', config: { compression: 'lz4' } }), 400, 'invalid_request', '"config.compression" must be one of "none", "gzip", "zstd"'],
    [topics, send('POST', { name: 'a/b' }), 400, 'invalid_request', 'not a topic name'],
    [topics, send('POST', { name: 'orders' }), 409, 'already_exists', 'exists already'],
    [`${topics}/orders`, send('PATCH', { config: {} }), 400, 'invalid_request', 'changes nothing'],
    [`${topics}/orders`, send('PATCH', { retentionMs: 1 }), 400, 'invalid_request', '"config" is missing'],
    [`${topics}/nope`, send('DELETE'), 404, 'not_found', '"nope"'],
    [`${topics}/ordrs/records`, postJson({ records: [{ value: 1 }] }), 404, 'not_found', 'did you mean "orders"?'],
    [records, postJson({ records: [] }), 400, 'invalid_request', 'no records'],
    [records, postJson({ records: [{ value: 1, partition: 9 }] }), 404, 'not_found', 'no partition 9'],
    [records, postJson('{"records":[{"value":1},{"valeu":2}]}'), 400, 'invalid_request', '"records[1].value" is missing'],
    [records, put(postJson({ records: [] }), { headers: { 'content-type': 'application/x-www-form-urlencoded' } }), 415, 'unsupported_media_type', 'urlencoded', 'application/x-ndjson'],
    [records, postLines(''), 400, 'invalid_request', 'no records'],
    [records, postLines('{"n":1}\nnope\n'), 400, 'invalid_request', 'line 2 is not JSON'],
    [`${records}?keyField=id`, postLines('{"id":1}\n{"n":1}\n'), 400, 'invalid_request', 'line 2 has no field "id"', 'leave keyField out'],
    [`${records}?keyField=`, postLines('{"id":1}\n'), 400, 'invalid_request', '"keyField" must be a text'],
    [`${records}?keyfield=id`, postLines('{"id":1}\n'), 400, 'invalid_request', '"keyfield" is not known', 'did you mean "keyField"?'],
    [records, postLines(Uint8Array.of(0x22, 0xc3, 0x28, 0x22)), 400, 'invalid_request', 'not valid UTF-8', 'base64'],
    [`${records}?limit=0`, undefined, 400, 'invalid_request', '"limit" must be a whole number from 1'],
    [`${records}?limit=ten`, undefined, 400, 'invalid_request', 'not "ten"'],
    [`${records}?limit=1&limit=2`, undefined, 400, 'invalid_request', 'given twice'],
    [`${records}?from=yesterday`, undefined, 400, 'invalid_request', '"yesterday" is no position for "from"', 'earliest'],
    [`${records}?from=-5`, undefined, 400, 'invalid_request', '"-5" is no position'],
    [`${records}?from=2023-99-99`, undefined, 400, 'invalid_request', 'no position'],
    [`${records}?from=99`, undefined, 416, 'offset_out_of_range', 'holds offsets 0 to 5, not 99'],
    [`${records}?partition=7`, undefined, 404, 'not_found', 'no partition 7'],
    [`${topics}/clicks/records`, undefined, 400, 'invalid_request', 'has 3 partitions; say which one', 'partition=0'],
    [`${records}?follow=true`, undefined, 400, 'invalid_request', 'follow needs an answer in lines'],
    [`${records}?waitMs=5`, { headers: { accept: 'application/x-ndjson' } }, 400, 'invalid_request', 'waitMs is for pages'],
    [records, send('DELETE'), 400, 'invalid_request', '"before" is missing'],
    [`${topics}/clicks/records?before=5`, send('DELETE'), 400, 'invalid_request', 'say which one'],
    [`${records}?before=99`, send('DELETE'), 416, 'offset_out_of_range', 'not 99'],
    ['/api/v1/groups/nope', undefined, 404, 'not_found', '"nope"'],
    [offsets, send('POST', {}), 400, 'invalid_request', 'either "to" or "offsets"'],
    [offsets, send('POST', { to: 'earliest', offsets: [{ topic: 'orders', partition: 0, offset: 0 }] }), 400, 'invalid_request', 'either'],
    [offsets, send('POST', { to: 'earliest', topic: 'clicks' }), 404, 'not_found', 'reads nothing of that topic', 'orders'],
    [offsets, send('POST', { offsets: [{ topic: 'orders', partition: 0, offset: 99 }] }), 416, 'offset_out_of_range', 'not 99'],
    [offsets, send('POST', { offsets: [{ topic: 'orders', partition: 0, offset: 1 }, { topic: 'orders', partition: 0, offset: 2 }] }), 400, 'invalid_request', 'named twice'],
    [offsets, send('POST', { topic: 'orders', offsets: [{ topic: 'orders', partition: 0, offset: 1 }] }), 400, 'invalid_request', 'narrow "to"'],
    ['/api/v1/apps/shp', undefined, 404, 'not_found', 'did you mean "shop"?'],
    ['/api/v1/apps/nope/pause', send('POST'), 404, 'not_found', 'no app "nope"'],
    ['/api/v1/apps/shop/resume', send('POST'), 409, 'conflict', 'is running'],
    ['/api/v1/tables/totals', undefined, 404, 'not_found', 'no table "totals"'],
    ['/api/v1/dashboards/sale', undefined, 404, 'not_found', 'did you mean "sales"?'],
    ['/api/v1/widgets/shop.totl/history', undefined, 404, 'not_found', 'did you mean "shop.total"?'],
    ['/ws', undefined, 400, 'invalid_request', '/ws speaks WebSocket only'],
  ]

  beforeAll(() => h.broker.commitOffset('readers', 'orders', 0, 1))

  for (const [path, init, status, code, detail, fix] of scenarios) {
    test(`${init?.method ?? 'GET'} ${path}: ${status}, ${detail}`, async () => {
      const before = JSON.stringify(h.broker.dump('orders'))
      const response = await h.ask(path, init)
      expect({ status: response.status, text: response.ok ? await response.text() : '' }).toEqual({
        status,
        text: '',
      })
      const problem = await problemOf(response)
      expect(problem.code).toBe(code)
      expect(problem.detail).toContain(detail)
      expect(problem.title.length).toBeGreaterThan(0)
      expect(problem.type).toBe(`urn:pspf:problem:${code}`)
      if (fix !== undefined) expect(problem.fix).toContain(fix)
      expectModel('Problem', problem)
      expect(JSON.stringify(h.broker.dump('orders'))).toBe(before)
    })
  }

  test('a wrong method names those that are allowed', async () => {
    const response = await h.ask(records, { method: 'PUT' })
    expect(response.headers.get('allow')?.split(', ').sort()).toEqual(['DELETE', 'GET', 'HEAD', 'POST'])
  })

  test('a bad record among good ones stores none of them', async () => {
    const before = h.broker.dump('orders').length
    const good = '{"n":1}\n'.repeat(500)
    expect((await h.ask(records, postLines(`${good}{"n":\n${good}`))).status).toBe(400)
    const list = Array(500).fill({ value: 1 })
    expect(
      (await h.ask(records, postJson({ records: [...list, { value: 1, partition: 1.5 }] }))).status,
    ).toBe(400)
    expect(h.broker.dump('orders')).toHaveLength(before)
  })
})

describe('failures inside', () => {
  const records = '/api/v1/topics/orders/records'
  const one = postJson({ records: [{ value: 1 }] })

  test.each([
    ['busy', 503, '1'],
    ['disk_full', 507, null],
    ['disk_failed', 503, null],
    ['closed', 503, null],
  ] as const)('a broker that is %s answers %p', async (code, status, retryAfter) => {
    h.broker.failNext(new BrokerError(code, 'because', { details: { limitBytes: 5, status: 1 } }))
    const response = await h.ask(records, one)
    expect(response.headers.get('retry-after')).toBe(retryAfter)
    // Details stand beside the standard members, not over them.
    expect(await problemOf(response)).toMatchObject({ status, code, detail: 'because', limitBytes: 5 })
  })

  test('a bug is a 500 that hides its text, and is logged in full', async () => {
    h.broker.failNext(new TypeError('secret is not a function'))
    const problem = await problemOf(await h.ask(records, one))
    expect(problem).toMatchObject({ status: 500, code: 'internal' })
    expect(JSON.stringify(problem)).not.toContain('secret')
    expect(h.log.join('')).toContain('secret is not a function')
    expect(h.broken).toEqual([])
  })

  test('a broken invariant is reported, so that the node stops', async () => {
    const broken = new AssertionError('broken invariant: offsets rise')
    h.broker.failNext(broken)
    expect((await h.ask(records, one)).status).toBe(500)
    expect(h.broken).toEqual([broken])
    h.broken.length = 0
  })
})
