import { expect, test } from 'bun:test'
import {
  lockChanges,
  lockSection,
  topologyLock,
  withLockSection,
} from '../../../src/cli/output/topology-lock.ts'

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

test('apps in one folder have a section each, and change only their own', () => {
  const shop = topologyLock(graph)
  const [bikes, zoo] = ['bikes', 'zoo'].map((app) => topologyLock({ ...graph, app })) as [string, string]
  const file = [zoo, shop, bikes].reduce((text, section) => {
    return withLockSection(text, section.slice(4, section.indexOf('\n')), section)
  }, '')
  expect(file).toBe(`${bikes}\n${shop}\n${zoo}`)
  const changed = shop.replace('totals', 'sums')
  expect(withLockSection(file, 'shop', changed)).toBe(`${bikes}\n${changed}\n${zoo}`)
  expect(withLockSection(shop, 'shop', changed)).toBe(changed)
  expect(lockSection(file.replaceAll('\n', '\r\n'), 'shop')).toBe(shop)
  expect(lockSection(file, 'sho')).toBe('')
  expect(lockChanges(lockSection(file, 'sho'), 'app sho\n')).toEqual(['+ app sho'])
})
