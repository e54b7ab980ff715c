import { afterEach, beforeEach, expect, test } from 'bun:test'
import { FakeNode, problem } from '../fake-node.ts'
import { runLine } from '../running.ts'

const health = (status: string) => ({
  status,
  version: '1.2.3',
  uptimeSeconds: 90,
  checks: [{ name: 'disk', status: 'pass', detail: '10 GB free' }],
  connections: { websocket: 2 },
  topics: { count: 1, records: 5, sizeBytes: 1024 },
  apps: { count: 2, running: 1, failed: 1 },
  throughput: { recordsInPerSecond: 1, bytesInPerSecond: 2, recordsOutPerSecond: 3 },
})

let node: FakeNode
beforeEach(() => {
  node = new FakeNode()
})
afterEach(() => node.stop())

test.each([
  ['ok', 'ctl status', 200, 0],
  ['degraded', 'ctl status', 200, 0],
  ['degraded', 'ctl status --strict', 200, 9],
  ['down', 'ctl status', 503, 9],
])('a node that is %s: %s', async (status, line, httpStatus, exitCode) => {
  node.override = () => Response.json(health(status), { status: httpStatus })
  const { code, out } = await runLine(node, line)
  expect(code).toBe(exitCode)
  expect(out).toContain(status)
  expect(out).toContain('2 (1 running, 1 failed)')
  expect(out).toContain('disk   pass    10 GB free')
})

test('pspfctl status is the same command', async () => {
  node.override = () => Response.json(health('ok'))
  expect((await runLine(node, 'status -o name', { program: 'pspfctl' })).out).toBe('ok\n')
})

test('a problem with status 503 is a failure, not a health report', async () => {
  node.override = () => problem(503, 'closed', 'the node is stopping')
  const { code, err } = await runLine(node, 'ctl status')
  expect(code).toBe(6)
  expect(err).toContain('the node is stopping')
})

test('dashboards are listed', async () => {
  node.override = () => Response.json([{ id: 'd', title: 'D', app: null, widgets: [{}, {}] }])
  expect((await runLine(node, 'dashboard list --no-headers')).out).toBe('d  D  -  2\n')
})
