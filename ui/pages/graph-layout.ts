// Where the operators of a graph lie: dagre's layers, as plain numbers. Loaded only by the page that draws a graph.
import { Graph, layout } from '@dagrejs/dagre'
import type { Shape } from './graph-shape.ts'

export type Box = { readonly id: string; readonly left: number; readonly top: number }
export type Wire = {
  readonly from: string
  readonly to: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}
export type GraphLayout = {
  readonly width: number
  readonly height: number
  readonly boxes: readonly Box[]
  readonly wires: readonly Wire[]
}

export const boxWidth = 172
export const boxHeight = 68
const margin = 20

export type Direction = 'LR' | 'TB'

/** Edges to nodes that do not exist are left out: a picture of part of a graph is better than none. */
export function layoutGraph(graph: Shape, direction: Direction): GraphLayout {
  const laid = new Graph()
  laid.setGraph({
    rankdir: direction,
    nodesep: direction === 'LR' ? 22 : 20,
    ranksep: direction === 'LR' ? 62 : 52,
    marginx: margin,
    marginy: margin,
  })
  laid.setDefaultEdgeLabel(() => ({}))
  for (const node of graph.nodes) laid.setNode(node.id, { width: boxWidth, height: boxHeight })
  const edges = graph.edges.filter(([from, to]) => laid.hasNode(from) && laid.hasNode(to))
  for (const [from, to] of edges) laid.setEdge(from, to)
  layout(laid)
  const size = laid.graph() as { width?: number; height?: number }
  return {
    width: Math.ceil(size.width ?? 0),
    height: Math.ceil(size.height ?? 0),
    boxes: graph.nodes.map((node) => {
      const { x, y } = laid.node(node.id) as { x: number; y: number }
      return { id: node.id, left: x - boxWidth / 2, top: y - boxHeight / 2 }
    }),
    wires: edges.map(([from, to]) => {
      const edge = laid.edge(from, to) as { points: { x: number; y: number }[] }
      return {
        from,
        to,
        points: dock(edge.points, laid.node(from) as Center, laid.node(to) as Center, direction),
      }
    }),
  }
}

type Center = { readonly x: number; readonly y: number }

/** Lines leave and enter in the middle of a side; dagre lets them end wherever they cross the border. */
function dock(points: readonly Center[], from: Center, to: Center, direction: Direction): Center[] {
  const inner = points.slice(1, -1)
  return direction === 'LR'
    ? [{ x: from.x + boxWidth / 2, y: from.y }, ...inner, { x: to.x - boxWidth / 2, y: to.y }]
    : [{ x: from.x, y: from.y + boxHeight / 2 }, ...inner, { x: to.x, y: to.y - boxHeight / 2 }]
}

/** A smooth line through the points dagre gives, leaving and entering along the direction of the graph. */
export function wirePath(points: Wire['points'], direction: Direction): string {
  const first = points[0]
  const last = points[points.length - 1]
  if (!first || !last) return ''
  const inner = points.slice(1, -1)
  const stops = [first, ...inner, last]
  let path = `M${first.x} ${first.y}`
  for (let index = 1; index < stops.length; index += 1) {
    const from = stops[index - 1]!
    const to = stops[index]!
    const bend = direction === 'LR' ? (to.x - from.x) / 2 : (to.y - from.y) / 2
    path +=
      direction === 'LR'
        ? `C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`
        : `C${from.x} ${from.y + bend} ${to.x} ${to.y - bend} ${to.x} ${to.y}`
  }
  return path
}

export function middleOf(points: Wire['points']): { x: number; y: number } {
  const half = (points.length - 1) / 2
  const a = points[Math.floor(half)] ?? { x: 0, y: 0 }
  const b = points[Math.ceil(half)] ?? a
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }
}
