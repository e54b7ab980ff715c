import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { AppStatus } from '../../../src/http/contract.ts'
import { FakeNode } from '../fake-node.ts'
import { runLine } from '../running.ts'

const app = {
  id: 'revenue',
  state: 'running',
  file: '/apps/revenue.ts',
  graph: {
    app: 'revenue',
    topics: [],
    nodes: [
      { id: 'orders', kind: 'source', label: 'topic orders', stateful: false },
      { id: 'sum', kind: 'aggregate', label: 'sum(amount)', stateful: true },
    ],
    edges: [['orders', 'sum']],
  },
  nodes: [{ id: 'sum', recordsIn: 10, recordsOut: 4, errors: 0, late: 1 }],
  tasks: [
    {
      task: '0_0',
      topic: 'orders',
      partition: 0,
      position: 10,
      lag: 0,
      watermark: null,
      commits: 2,
      commitMs: 1,
    },
  ],
  recordsPerSecond: 12.5,
  lag: 0,
  memoryBytes: 2 ** 20,
  restarts: 0,
  error: null,
  startedAt: 1_700_000_000_000,
} as unknown as AppStatus

let node: FakeNode
beforeEach(() => {
  node = new FakeNode()
  node.override = ({ path }) => {
    if (path === '/api/v1/apps') return Response.json([app])
    return path.startsWith('/api/v1/apps/revenue') ? Response.json(app) : undefined
  }
})
afterEach(() => node.stop())

test('list shows state, rate and lag', async () => {
  const { out } = await runLine(node, 'app list')
  expect(out).toContain('revenue  running')
  expect((await runLine(node, 'app list -o name')).out).toBe('revenue\n')
})

test('describe shows operators, tasks, and the error with its place', async () => {
  const well = await runLine(node, 'app describe revenue')
  expect(well.out).toContain('sum       aggregate  10    4     1       0  sum(amount)')
  expect(well.out).toContain('0_0   orders          0        10    0  -')
  const error = { message: 'app.ts:3: unlucky', frame: '> 3 | throw x' }
  node.override = () => Response.json({ ...app, state: 'failed', error })
  expect((await runLine(node, 'app describe revenue')).out).toContain('> 3 | throw x')
  expect(JSON.parse((await runLine(node, 'app describe revenue -o json')).out).error).toEqual(error)
})

test('pause and resume are sent and said', async () => {
  expect((await runLine(node, 'app pause revenue')).out).toBe('revenue pauses at its next commit\n')
  expect((await runLine(node, 'app resume revenue')).out).toBe('resumed revenue\n')
  expect(node.asked).toEqual(['POST /api/v1/apps/revenue/pause', 'POST /api/v1/apps/revenue/resume'])
})

test('an app that does not answer is not said to run, nor to be paused before it is', async () => {
  const silent = { ...app, error: { message: 'the app has not answered for 6s' } }
  node.override = ({ path }) => Response.json(path === '/api/v1/apps' ? [silent] : silent)
  expect((await runLine(node, 'app list')).out).toMatch(/revenue +not answering +\S+( rec\/s)? +- /)
  expect((await runLine(node, 'app pause revenue')).out).toStartWith('revenue does not answer')
  node.override = () => Response.json({ ...app, state: 'paused' })
  expect((await runLine(node, 'app pause revenue')).out).toBe('paused revenue\n')
})

test('a graph is an outline, Mermaid or data', async () => {
  expect((await runLine(node, 'app graph revenue')).out).toBe(
    'source orders topic orders\n└─ aggregate sum sum(amount) [state]\n',
  )
  expect((await runLine(node, 'app graph revenue --mermaid')).out).toStartWith('flowchart LR\n')
  expect(JSON.parse((await runLine(node, 'app graph revenue -o json')).out)).toEqual(app.graph)
})
