import { afterEach, beforeEach, expect, test } from 'bun:test'
import { FakeNode } from '../fake-node.ts'
import { runLine } from '../running.ts'

const topic = {
  topic: 'orders.dead',
  of: 'orders',
  letters: 3,
  replayed: 1,
  waiting: 2,
  sizeBytes: 2_048,
  lastAppendTime: Date.UTC(2026, 0, 1),
  causes: [{ error: 'RangeError: negative', app: 'shop', node: 'check', letters: 2 }],
}
const letter = {
  partition: 0,
  offset: 12,
  state: 'waiting',
  app: 'shop',
  task: 'orders-0',
  node: 'check',
  stage: 'process',
  kind: 'record',
  error: 'RangeError: negative',
  stack: 'RangeError: negative\n    at check (shop.ts:3:1)',
  attempts: 3,
  topic: 'orders',
  record: { partition: 2, offset: 7, timestamp: 1_000, key: 'k', value: { amount: -5 }, headers: {} },
}
const sent = { topic: 'orders.dead', dryRun: false, alreadyReplayed: 0, skipped: 0, why: [], more: false }

let node: FakeNode
let replays: object[]
beforeEach(() => {
  node = new FakeNode()
  replays = [{ ...sent, replayed: 2, into: [{ topic: 'orders', records: 2 }] }]
  node.override = ({ path }) => {
    if (path === '/api/v1/dlq') return Response.json([topic])
    if (path.endsWith('/replay')) return Response.json(replays.shift())
    if (path.endsWith('/purge')) return Response.json({ topic: 'orders.dead', purged: 3, dryRun: false })
    return Response.json({ letters: [letter], next: null })
  }
})
afterEach(() => node.stop())

const body = () => JSON.parse(node.requests.at(-1)!.body)

test('list shows how many letters wait, and why', async () => {
  const { out } = await runLine(node, 'dlq list --no-headers')
  expect(out).toBe('orders.dead  2  1  2026-01-01T00:00:00.000Z  check  RangeError: negative\n')
})

test('inspect shows where each record was, and one letter with its stack and value', async () => {
  const all = await runLine(node, 'dlq inspect orders.dead --node check --state waiting -n 5')
  expect(all.out).toContain('0:12    waiting  check  orders-2:7')
  expect(node.asked).toEqual(['GET /api/v1/dlq/orders.dead?limit=5&node=check&state=waiting'])
  const one = await runLine(node, 'dlq inspect orders.dead --letter 0:12')
  expect(node.asked.at(-1)).toBe('GET /api/v1/dlq/orders.dead?before=0%3A13&limit=1')
  expect(one.out).toContain('{"amount":-5}')
  expect(one.out).toContain('    at check (shop.ts:3:1)')
  expect((await runLine(node, 'dlq inspect orders.dead --letter 0:11')).code).toBe(2)
  expect((await runLine(node, 'dlq inspect orders.dead --letter 12')).code).toBe(2)
})

test('replay sends what is asked for, and says where it went', async () => {
  const { code, out } = await runLine(node, 'dlq replay orders.dead --letter 0:12 --letter 0:14 --at now')
  expect({ code, out }).toEqual({ code: 0, out: 'replayed orders.dead: 2 records into orders\n' })
  expect(body()).toEqual({
    letters: [
      { partition: 0, offset: 12 },
      { partition: 0, offset: 14 },
    ],
    at: 'now',
    dryRun: false,
  })
})

test('replay goes on until nothing is left', async () => {
  const into = [{ topic: 'orders', records: 2 }]
  replays = [
    { ...sent, replayed: 2, into, more: true },
    { ...sent, replayed: 2, into, alreadyReplayed: 2 },
  ]
  expect((await runLine(node, 'dlq replay orders.dead')).out).toBe(
    'replayed orders.dead: 4 records into orders\n',
  )
})

test('letters that cannot be sent are named, with an exit code of their own', async () => {
  const why = [{ partition: 0, offset: 3, why: 'topic orders is gone' }]
  replays = [{ ...sent, replayed: 0, into: [], skipped: 1, why }]
  const { code, err, out } = await runLine(node, 'dlq replay orders.dead')
  expect(code).toBe(8)
  expect(out).toBe('replayed nothing of orders.dead; 1 cannot be sent\n')
  expect(err).toContain('0:3 was left: topic orders is gone')
})

test('purge wants consent', async () => {
  expect((await runLine(node, 'dlq purge orders.dead')).code).toBe(2)
  expect(node.requests).toEqual([])
  expect((await runLine(node, 'dlq purge orders.dead --yes')).out).toBe('purged 3 letters of orders.dead\n')
  await runLine(node, 'dlq purge orders.dead --dry-run')
  expect(body()).toEqual({ dryRun: true })
})
