// An app's graph as text: an outline for terminals, Mermaid for documents.
import type { GraphDescription, GraphNode } from '../answers.ts'

/** Each source with what follows it, indented; a node that was shown already is only named. */
export function graphOutline(graph: GraphDescription): string {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const targets = Map.groupBy(graph.edges, ([from]) => from)
  const entered = new Set(graph.edges.map(([, to]) => to))
  const shown = new Set<string>()
  const lines: string[] = []
  const show = (id: string, before: string, last: boolean | null): void => {
    const node = nodes.get(id)
    const branch = last === null ? '' : last ? '└─ ' : '├─ '
    const again = shown.has(id)
    lines.push(`${before}${branch}${node ? nodeText(node) : id}${again ? ' (see above)' : ''}`)
    if (again) return
    shown.add(id)
    const below = targets.get(id) ?? []
    const indent = last === null ? '' : last ? '   ' : '│  '
    below.forEach(([, to], index) => {
      show(to, before + indent, index === below.length - 1)
    })
  }
  for (const node of graph.nodes) if (!entered.has(node.id)) show(node.id, '', null)
  // Only a cycle has nodes that no source reaches; they are still part of the graph.
  for (const node of graph.nodes) if (!shown.has(node.id)) show(node.id, '', null)
  return `${lines.join('\n')}\n`
}

export function graphMermaid(graph: GraphDescription): string {
  const names = new Map(graph.nodes.map((node, index) => [node.id, `n${index}`]))
  const lines = graph.nodes.map((node) => `  ${names.get(node.id)}["${nodeText(node).replaceAll('"', "'")}"]`)
  const arrows = graph.edges.map(([from, to]) => `  ${names.get(from)} --> ${names.get(to)}`)
  return `flowchart LR\n${[...lines, ...arrows].join('\n')}\n`
}

function nodeText(node: GraphNode): string {
  const label = node.label && node.label !== node.kind ? ` ${node.label}` : ''
  return `${node.kind} ${node.id}${label}${node.stateful ? ' [state]' : ''}`
}
