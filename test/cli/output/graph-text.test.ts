import { expect, test } from 'bun:test'
import { graphMermaid, graphOutline } from '../../../src/cli/output/graph-text.ts'

const node = (id: string, kind: string, label = '', stateful = false) => ({ id, kind, label, stateful })
const graph = {
  app: 'a',
  topics: [],
  nodes: [
    node('orders', 'source', 'topic orders'),
    node('paid', 'filter'),
    node('sum', 'aggregate', 'count, sum', true),
    node('out', 'sink', 'topic "out"'),
  ],
  edges: [
    ['orders', 'paid'],
    ['paid', 'sum'],
    ['orders', 'out'],
    ['sum', 'out'],
  ] as const,
}

test('an outline shows every node below what feeds it, and each only once in full', () => {
  expect(graphOutline(graph)).toBe(
    [
      'source orders topic orders',
      '├─ filter paid',
      '│  └─ aggregate sum count, sum [state]',
      '│     └─ sink out topic "out"',
      '└─ sink out topic "out" (see above)',
      '',
    ].join('\n'),
  )
})

test('a cycle ends', () => {
  const cycle = {
    ...graph,
    edges: [
      ['paid', 'sum'],
      ['sum', 'paid'],
    ] as const,
  }
  expect(graphOutline(cycle)).toContain('(see above)')
})

test('Mermaid text names nodes by number and labels without quotes', () => {
  expect(graphMermaid(graph)).toBe(
    `flowchart LR
  n0["source orders topic orders"]
  n1["filter paid"]
  n2["aggregate sum count, sum [state]"]
  n3["sink out topic 'out'"]
  n0 --> n1
  n1 --> n2
  n0 --> n3
  n2 --> n3
`,
  )
})
