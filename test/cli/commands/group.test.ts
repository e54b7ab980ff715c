import { afterEach, beforeEach, expect, test } from 'bun:test'
import { FakeNode } from '../fake-node.ts'
import { runLine } from '../running.ts'

const group = {
  id: 'revenue',
  lag: 5,
  offsets: [{ topic: 'orders', partition: 0, offset: 10, endOffset: 15, lag: 5 }],
}
const changes = [{ topic: 'orders', partition: 0, from: 10, to: 0, skipped: 0, replayed: 10 }]

let node: FakeNode
beforeEach(() => {
  node = new FakeNode()
  node.override = ({ path, method }) => {
    if (method === 'POST') return Response.json({ group: 'revenue', dryRun: false, changes })
    return Response.json(path === '/api/v1/groups' ? [group] : group)
  }
})
afterEach(() => node.stop())

test('list and describe show positions and lag', async () => {
  expect((await runLine(node, 'group list --no-headers')).out).toBe('revenue  orders  1  5\n')
  expect((await runLine(node, 'group describe revenue')).out).toContain(
    'orders          0      10   15    5\n',
  )
})

test('reset sends where to, and shows what moved', async () => {
  const { code, out } = await runLine(
    node,
    'group reset revenue --to 2026-01-01 --topic orders -p 0 --yes -o csv',
  )
  expect(code).toBe(0)
  expect(out).toBe('topic,partition,from,to,skipped,replayed\norders,0,10,0,0,10\n')
  expect(JSON.parse(node.requests[0]!.body)).toEqual({
    to: '2026-01-01T00:00:00.000Z',
    topic: 'orders',
    partition: 0,
    dryRun: false,
  })
})

test('reset previews without consent', async () => {
  const { code, err } = await runLine(node, 'group reset revenue --to earliest --dry-run')
  expect(code).toBe(0)
  expect(err).toContain('nothing was changed')
  expect(JSON.parse(node.requests[0]!.body)).toEqual({ to: 'earliest', dryRun: true })
})

test('reset wants to know where to', async () => {
  expect((await runLine(node, 'group reset revenue --yes')).err).toContain('--to is missing')
  expect((await runLine(node, 'group reset revenue --yes --to soon')).code).toBe(2)
  expect(node.requests).toEqual([])
})
