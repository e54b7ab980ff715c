import { describe, expect, test } from 'bun:test'
import type { GraphNode } from '../../src/http/contract.ts'
import { boxHeight, boxWidth, layoutGraph, wirePath } from '../../ui/pages/graph-layout.ts'
import { mergeTopics, widgetOf } from '../../ui/pages/graph-shape.ts'

const node = (id: string, kind: string, topic?: string): GraphNode => ({
  id,
  kind,
  label: id,
  stateful: false,
  ...(topic !== undefined && { topic }),
})

const replayed = {
  nodes: [
    node('recorded', 'generator'),
    node('recorded.to', 'sink', 'flights'),
    node('flights', 'source', 'flights'),
    node('flights.filter', 'filter'),
    node('flights.filter.to', 'sink', '_pspf.widgets.flights.very-late'),
  ],
  edges: [
    ['recorded', 'recorded.to'],
    ['recorded.to', 'flights'],
    ['flights', 'flights.filter'],
    ['flights.filter', 'flights.filter.to'],
  ],
} as const

describe('the picture of a graph', () => {
  test('shows a topic that is written and read again once', () => {
    const { nodes, edges } = mergeTopics(replayed)
    expect(nodes.map(({ id }) => id)).toEqual(['recorded', 'flights', 'flights.filter', 'flights.filter.to'])
    expect(edges).toEqual([
      ['recorded', 'flights'],
      ['flights', 'flights.filter'],
      ['flights.filter', 'flights.filter.to'],
    ])
  })

  test('names widgets by their own name', () => {
    expect(widgetOf('_pspf.widgets.flights.very-late')).toBe('very-late')
    expect(widgetOf('orders')).toBeNull()
  })

  for (const direction of ['LR', 'TB'] as const) {
    test(`has every box inside and none on another (${direction})`, () => {
      const { boxes, wires, width, height } = layoutGraph(replayed, direction)
      expect(boxes).toHaveLength(5)
      expect(wires).toHaveLength(4)
      for (const box of boxes) {
        expect(box.left).toBeGreaterThanOrEqual(0)
        expect(box.top).toBeGreaterThanOrEqual(0)
        expect(box.left + boxWidth).toBeLessThanOrEqual(width)
        expect(box.top + boxHeight).toBeLessThanOrEqual(height)
        const others = boxes.filter((other) => other.id !== box.id)
        const apart = others.every(
          (other) =>
            Math.abs(other.left - box.left) >= boxWidth || Math.abs(other.top - box.top) >= boxHeight,
        )
        expect(apart).toBe(true)
      }
      for (const wire of wires) expect(wirePath(wire.points, direction)).toMatch(/^M[\d.]+ [\d.]+C/)
    })
  }

  test('survives edges to nowhere and an empty graph', () => {
    expect(layoutGraph({ nodes: [node('a', 'map')], edges: [['a', 'gone']] }, 'LR').wires).toEqual([])
    expect(layoutGraph({ nodes: [], edges: [] }, 'LR').boxes).toEqual([])
  })
})
