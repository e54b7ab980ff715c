// The graph as people think of it: a topic that is written and read again is one box, not two.
import type { GraphDescription, GraphNode } from '../../src/http/contract.ts'

export type Shape = Pick<GraphDescription, 'nodes' | 'edges'>

/** Where the graph meets the log. */
export function isTopic(node: GraphNode): boolean {
  return node.topic !== undefined && (node.kind === 'source' || node.kind === 'sink')
}

const widgetTopic = /^_pspf\.widgets\.[^.]+\.(.+)$/

/** The widget that a topic exists for, by its short name; null for a topic of the user. */
export function widgetOf(topic: string): string | null {
  return widgetTopic.exec(topic)?.[1] ?? null
}

/** `a -> sink(t) -> source(t) -> b` becomes `a -> source(t) -> b`. */
export function mergeTopics(graph: Shape): Shape {
  const sources = new Map(
    graph.nodes.filter((node) => node.kind === 'source').map((node) => [node.topic, node.id]),
  )
  const merged = new Map(
    graph.nodes.flatMap((node) => {
      const source = node.kind === 'sink' ? sources.get(node.topic) : undefined
      return source === undefined ? [] : [[node.id, source] as const]
    }),
  )
  const edges = new Map<string, readonly [string, string]>()
  for (const [from, to] of graph.edges) {
    const edge = [merged.get(from) ?? from, merged.get(to) ?? to] as const
    if (edge[0] !== edge[1]) edges.set(JSON.stringify(edge), edge)
  }
  return { nodes: graph.nodes.filter((node) => !merged.has(node.id)), edges: [...edges.values()] }
}
