import { afterEach, beforeEach, expect, test } from 'bun:test'
import { run } from '../../../src/cli/run.ts'
import { FakeNode, problem } from '../fake-node.ts'
import { FakeTerminal } from '../fake-terminal.ts'
import { runLine } from '../running.ts'

const table = {
  name: 'shop.totals',
  app: 'shop',
  node: 'totals',
  kind: 'aggregate',
  label: 'n, total',
  state: 'running',
  key: 'region',
  columns: ['n', 'total'],
  rows: 1_000,
  more: true,
  positions: [
    { task: 'a', inputs: [], changelog: null, watermark: Date.UTC(2026, 0, 2) },
    { task: 'b', inputs: [], changelog: null, watermark: Date.UTC(2026, 0, 1) },
  ],
}
const row = (key: string) => ({ key, at: 5, value: { n: 1, total: 2.5 } })

let node: FakeNode
beforeEach(() => {
  node = new FakeNode()
  node.override = ({ path, query }) => {
    if (path === '/api/v1/tables') return Response.json([table])
    if (query['key'] === 'none')
      return problem(404, 'not_found', 'table "shop.totals" has no row of key "none"')
    const next = query['cursor'] === undefined && query['limit'] === '5' ? 'Y' : null
    return Response.json({ rows: [row(next === null ? 'south' : 'north')], next, positions: [] })
  }
})
afterEach(() => node.stop())

test('list shows tables with their rows and the least watermark of their tasks', async () => {
  expect((await runLine(node, 'table list --no-headers')).out).toBe(
    'shop.totals  aggregate  region  1000+  2026-01-01T00:00:00.000Z  running\n',
  )
})

test('get goes on until it has the rows that were asked for, results in columns', async () => {
  const { out } = await runLine(node, 'table get shop.totals -n 5 --prefix n --window 0..5 -o csv')
  expect(out).toBe('key,n,total\nnorth,1,2.5\nsouth,1,2.5\n')
  expect(node.asked).toEqual([
    'GET /api/v1/tables/shop.totals?prefix=n&window=0..5&limit=5',
    'GET /api/v1/tables/shop.totals?prefix=n&window=0..5&cursor=Y&limit=4',
  ])
})

test('get looks a key up, and one that is not there is exit code 3', async () => {
  const { out } = await runLine(node, 'table get shop.totals a/b --wait-for 0:5 -o jsonl')
  expect(JSON.parse(out)).toEqual(row('south'))
  expect(node.asked).toEqual(['GET /api/v1/tables/shop.totals?key=a%2Fb&waitFor=0%3A5&limit=100'])
  const environment = { PSPF_URL: node.url }
  await run(new FakeTerminal({ words: ['table', 'get', 'shop.totals', ''], environment }))
  expect(node.asked.at(-1)).toBe('GET /api/v1/tables/shop.totals?key=&limit=100')
  const none = await runLine(node, 'table get shop.totals none')
  expect(none.code).toBe(3)
  expect(none.err).toContain('has no row of key')
})
