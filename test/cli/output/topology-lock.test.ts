import { expect, test } from 'bun:test'
import { lockChanges, topologyLock } from '../../../src/cli/output/topology-lock.ts'

const graph = {
  app: 'shop',
  nodes: [
    { id: 'orders', kind: 'source', label: 'orders', topic: 'orders', stateful: false },
    { id: 'totals', kind: 'aggregate', label: 'total = sum(amount)', stateful: true },
  ],
  edges: [],
  topics: [
    { name: 'shop.orders.changelog', role: 'changelog' as const, partitions: 1 },
    { name: 'orders', role: 'source' as const },
  ],
}

test('a lock says what lasts, one fact a line, in a fixed order', () => {
  expect(topologyLock(graph)).toBe(
    'app shop\nstate totals: aggregate, total = sum(amount)\ntopic orders: source\ntopic shop.orders.changelog: changelog, 1 partition\n',
  )
  const turned = { ...graph, nodes: graph.nodes.toReversed(), topics: graph.topics.toReversed() }
  expect(topologyLock(turned)).toBe(topologyLock(graph))
})

test('a rename is one line gone and one line new', () => {
  const before = topologyLock(graph)
  expect(lockChanges(before, before)).toEqual([])
  expect(lockChanges(before, before.replace('totals', 'sums'))).toEqual([
    '- state totals: aggregate, total = sum(amount)',
    '+ state sums: aggregate, total = sum(amount)',
  ])
})
