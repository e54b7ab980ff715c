import { afterAll, beforeAll, expect, test } from 'bun:test'
import { DeadLetters } from '#streams'
import { type ModelName, models } from '../../src/http/models.ts'
import { checkShape, list, named } from '../../src/http/shape.ts'
import { deadLetterHeaders } from '../../src/streams/dead-letter.ts'
import { type Fixture, memoryBroker } from '../broker/fixture.ts'
import { type Harness, postJson, problemOf, startHarness } from './harness.ts'

let h: Harness
let fixture: Fixture
const encoder = new TextEncoder()

beforeAll(async () => {
  fixture = await memoryBroker()
  const { broker } = fixture
  h = await startHarness({ deadLetters: new DeadLetters(fixture) })
  await broker.createTopic({ name: 'orders' })
  await broker.createTopic({ name: 'orders.dead' })
  for (const value of ['{"n": 12345678901234567890}', 'not json', '{}']) {
    const headers = deadLetterHeaders([{ key: 'trace', value: encoder.encode('t') }], {
      app: 'shop',
      task: 'orders-0',
      node: value === '{}' ? 'count' : 'check',
      stage: 'process',
      kind: 'record',
      topic: 'orders',
      partition: 0,
      offset: 9,
      timestamp: 1_000,
      error: 'RangeError: negative',
      stack: 'RangeError: negative\n    at f (shop.ts:1:2)',
      attempts: 3,
    })
    await broker.produce('orders.dead', [{ key: encoder.encode('k'), value: encoder.encode(value), headers }])
  }
})
afterAll(() => h.server.stop())

async function ask(path: string, model: ModelName | readonly [ModelName], init?: RequestInit) {
  const response = await h.ask(path, init)
  const text = await response.text()
  expect(response.status, text).toBe(200)
  checkShape(typeof model === 'string' ? named(model) : list(named(model[0])), JSON.parse(text), models)
  return text
}

test('topics of dead letters are listed with their causes', async () => {
  expect(JSON.parse(await ask('/api/v1/dlq', ['DeadLetterTopic']))).toMatchObject([
    {
      topic: 'orders.dead',
      of: 'orders',
      letters: 3,
      waiting: 3,
      causes: [
        { node: 'count', letters: 1 },
        { node: 'check', letters: 2 },
      ],
    },
  ])
})

test('a page has letters with their records, stored JSON to the letter', async () => {
  const text = await ask('/api/v1/dlq/orders.dead?limit=2&node=check', 'DeadLettersPage')
  expect(text).toContain('"value":{"n": 12345678901234567890}')
  const { letters } = JSON.parse(text)
  expect(letters).toMatchObject([
    { offset: 1, record: { value: 'not json' } },
    {
      partition: 0,
      offset: 0,
      state: 'waiting',
      topic: 'orders',
      attempts: 3,
      error: 'RangeError: negative',
      record: { partition: 0, offset: 9, timestamp: 1_000, key: 'k', headers: { trace: 't' } },
    },
  ])
  const next = JSON.parse(await ask('/api/v1/dlq/orders.dead?limit=1', 'DeadLettersPage')).next
  const page = JSON.parse(await ask(`/api/v1/dlq/orders.dead?before=${next}`, 'DeadLettersPage'))
  expect(page).toMatchObject({ letters: [{ offset: 1 }, { offset: 0 }], next: null })
})

test('a replay says what went where, and a second one that nothing is left', async () => {
  const path = '/api/v1/dlq/orders.dead/replay'
  const replay = async (body: object) => JSON.parse(await ask(path, 'ReplayAnswer', postJson(body)))
  expect(await replay({ node: 'check', dryRun: true })).toMatchObject({ replayed: 2, dryRun: true })
  expect(await replay({ letters: [{ partition: 0, offset: 0 }] })).toMatchObject({ replayed: 1 })
  expect(await replay({})).toMatchObject({
    replayed: 2,
    alreadyReplayed: 1,
    into: [{ topic: 'orders', records: 2 }],
  })
  expect(await replay({})).toMatchObject({ replayed: 0, alreadyReplayed: 3 })
  expect(fixture.broker.topic('orders').partitions[0]!.endOffset).toBe(3 as never)
  const page = JSON.parse(await ask('/api/v1/dlq/orders.dead?state=replayed', 'DeadLettersPage'))
  expect(page.letters).toHaveLength(3)
})

test('a purge forgets them', async () => {
  const purge = async (body: object) =>
    JSON.parse(await ask('/api/v1/dlq/orders.dead/purge', 'PurgeAnswer', postJson(body)))
  expect(await purge({ dryRun: true })).toMatchObject({ purged: 3 })
  expect(await purge({})).toEqual({ topic: 'orders.dead', purged: 3, dryRun: false })
  expect(JSON.parse(await ask('/api/v1/dlq', ['DeadLetterTopic']))).toMatchObject([
    { letters: 0, causes: [] },
  ])
})

test('what is wrong is named', async () => {
  // biome-ignore format: one case a line
  const cases: [string, RequestInit | undefined, number, string][] = [
    ['/api/v1/dlq/order.dead', undefined, 404, 'not_found'],
    ['/api/v1/dlq/orders', undefined, 404, 'not_found'],
    ['/api/v1/dlq/orders.dead?state=open', undefined, 400, 'invalid_request'],
    ['/api/v1/dlq/orders.dead?before=now', undefined, 400, 'invalid_request'],
    ['/api/v1/dlq/orders.dead/replay', postJson({ at: 'then' }), 400, 'invalid_request'],
    ['/api/v1/dlq/orders.dead/replay', postJson({ letters: [] }), 400, 'invalid_request'],
    ['/api/v1/dlq/orders.dead/purge', postJson({ yes: true }), 400, 'invalid_request'],
  ]
  for (const [path, init, status, code] of cases) {
    const problem = await problemOf(await h.ask(path, init))
    expect([path, problem.status, problem.code]).toEqual([path, status, code])
  }
})
