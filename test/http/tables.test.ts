import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { BrokerError } from '#base'
import { type AppStatus, NodeTables } from '#streams'
import { type ModelName, models } from '../../src/http/models.ts'
import { checkShape, list, named } from '../../src/http/shape.ts'
import type { TableAnswer, TableQuestion } from '../../src/streams/tables/table-question.ts'
import { type Harness, problemOf, startHarness } from './harness.ts'

const node = (id: string, kind: string) => ({ id, kind, label: `${kind} of ${id}`, stateful: true })
const appOf = (id: string, ...nodes: ReturnType<typeof node>[]) =>
  ({ id, state: 'running', graph: { app: id, nodes, edges: [], topics: [] } }) as unknown as AppStatus

const position = {
  task: 'orders-0',
  inputs: [{ topic: 'orders', partition: 0, next: 15 }],
  changelog: { topic: 'shop.orders.changelog', partition: 0, next: 7 },
  watermark: 1_000,
}
const info = {
  node: 'totals',
  kind: 'aggregate',
  key: 'region',
  columns: ['n'],
  rows: 2,
  more: false,
} as const
const row = { key: 'north', at: 5, value: { n: 1 } }

let h: Harness
let asked: { app: string; question: TableQuestion; withinMs: number }[]
let answer: (question: TableQuestion) => TableAnswer
beforeAll(async () => {
  const apps = [
    appOf('shop', node('totals', 'aggregate'), node('visits', 'window'), node('orders', 'source')),
    appOf('other', node('visits', 'window')),
  ]
  const tables = new NodeTables({
    list: () => apps,
    ask: async (app, question, withinMs) => {
      if (app === 'other') throw new BrokerError('unreachable', 'app "other" is failed')
      asked.push({ app, question, withinMs })
      return answer(question)
    },
  })
  h = await startHarness({ tables })
})
beforeEach(() => {
  asked = []
  answer = ({ t }) =>
    t === 'tables'
      ? { tables: [{ ...info, positions: [position] }] }
      : { rows: [row], next: null, positions: [position] }
})
afterAll(() => h.server.stop())

async function get(path: string, model: ModelName | readonly [ModelName]) {
  const response = await h.ask(path)
  const body = await response.json()
  expect(response.status, JSON.stringify(body)).toBe(200)
  checkShape(typeof model === 'string' ? named(model) : list(named(model[0])), body, models)
  return body
}

test('the list has every table, also of apps that do not answer', async () => {
  expect(await get('/api/v1/tables', ['Table'])).toMatchObject([
    { name: 'shop.totals', kind: 'aggregate', key: 'region', rows: 2, positions: [position] },
    { name: 'shop.visits', kind: 'window', label: 'window of visits', rows: null },
    { name: 'other.visits', kind: 'window', state: 'running', rows: null, positions: [] },
  ])
})

test('rows are asked for by range, window and position, within a deadline', async () => {
  const query =
    'from=a&to=b&prefix=ab&window=1970-01-01T00:01..120000&limit=5&waitFor=0:14,orders.eu:1:2&timeoutMs=500'
  expect(await get(`/api/v1/tables/shop.totals?${query}`, 'TableRows')).toEqual({
    rows: [row],
    next: null,
    positions: [position],
  })
  expect(asked).toEqual([
    {
      app: 'shop',
      withinMs: 1_500,
      question: {
        t: 'rows',
        node: 'totals',
        from: 'a',
        to: 'b',
        prefix: 'ab',
        windowFrom: 60_000,
        windowTo: 120_000,
        limit: 5,
        waitFor: [
          { partition: 0, offset: 14 },
          { topic: 'orders.eu', partition: 1, offset: 2 },
        ],
        waitMs: 500,
      },
    },
  ])
})

test('a table is found by the name of its node where only one app has it', async () => {
  await get('/api/v1/tables/totals/north', 'TableRows')
  expect(asked[0]).toMatchObject({ app: 'shop', question: { node: 'totals', key: 'north', limit: 100 } })
  await get('/api/v1/tables/totals/a%2Fb%20%C3%A9', 'TableRows')
  expect(asked[1]).toMatchObject({ question: { key: 'a/b é' } })
  const problem = await problemOf(await h.ask('/api/v1/tables/visits'))
  expect(problem).toMatchObject({ status: 409, fix: 'say which: shop.visits, other.visits' })
})

test('a key that has no row is not found', async () => {
  answer = () => ({ rows: [], next: null, positions: [] })
  expect(await get('/api/v1/tables/shop.totals', 'TableRows')).toMatchObject({ rows: [] })
  const problem = await problemOf(await h.ask('/api/v1/tables/shop.totals/south'))
  expect(problem).toMatchObject({ status: 404, detail: 'table "shop.totals" has no row of key "south"' })
})

test('a key may stand in the query, and may be empty; a slash at the end is no question for all rows', async () => {
  await get('/api/v1/tables/totals?key=', 'TableRows')
  expect(asked[0]).toMatchObject({ question: { node: 'totals', key: '', limit: 100 } })
  await get('/api/v1/tables/totals?key=..%2Fa', 'TableRows')
  expect(asked[1]).toMatchObject({ question: { key: '../a' } })
  answer = () => ({ rows: [], next: null, positions: [] })
  const none = await problemOf(await h.ask('/api/v1/tables/totals?key='))
  expect(none).toMatchObject({ status: 404, detail: 'table "totals" has no row of key ""' })
  const slash = await problemOf(await h.ask('/api/v1/tables/totals/'))
  expect(slash).toMatchObject({
    status: 400,
    fix: expect.stringContaining('/api/v1/tables/totals?key= asks'),
  })
  expect(asked).toHaveLength(3)
})

test('what is wrong is named', async () => {
  const cases: [string, number, string][] = [
    ['/api/v1/tables/shop.total', 404, 'not_found'],
    ['/api/v1/tables/other.visits', 503, 'unreachable'],
    ['/api/v1/tables/totals?window=5', 400, 'invalid_request'],
    ['/api/v1/tables/totals?window=1..2..3', 400, 'invalid_request'],
    ['/api/v1/tables/totals?window=latest..', 400, 'invalid_request'],
    ['/api/v1/tables/totals?waitFor=5', 400, 'invalid_request'],
    ['/api/v1/tables/totals?limit=0', 400, 'invalid_request'],
    ['/api/v1/tables/totals?prefix=', 400, 'invalid_request'],
    ['/api/v1/tables/totals/north?prefix=n', 400, 'invalid_request'],
  ]
  for (const [path, status, code] of cases) {
    const problem = await problemOf(await h.ask(path))
    expect([path, problem.status, problem.code]).toEqual([path, status, code])
  }
})
