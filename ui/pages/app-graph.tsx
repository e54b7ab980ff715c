// The operator graph of an app as a picture: boxes with live rates, lines that move as records do.
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { AppStatus, GraphNode, NodeStats } from '../../src/http/contract.ts'
import { formatRate } from '../format/number.ts'
import { Icon, type IconName } from '../parts/icon.tsx'
import { Skeleton } from '../parts/surface.tsx'
import type { Direction, GraphLayout } from './graph-layout.ts'
import { isTopic, mergeTopics, type Shape, widgetOf } from './graph-shape.ts'

type LayoutModule = typeof import('./graph-layout.ts')

/** A wide graph is made smaller, but not beyond reading: then it scrolls. */
const scaleMin = 0.8

/** Below this width the graph runs from top to bottom. */
const narrowPx = 720

const icons: Readonly<Record<string, IconName>> = {
  generator: 'play',
  source: 'source',
  filter: 'filter',
  map: 'map',
  flatMap: 'map',
  keyBy: 'key',
  repartition: 'key',
  window: 'window',
  aggregate: 'state',
  table: 'table',
  lookup: 'table',
  'as-of': 'table',
  process: 'code',
  sink: 'sink',
}

export function iconOf(kind: string): IconName {
  return icons[kind] ?? 'apps'
}

export type RateOf = (node: string, direction: 'in' | 'out') => number | null

/** What flows along an edge: what the target takes in if this is its only input, else what the source gives. */
export function edgeRate(graph: Shape, from: string, to: string, rateOf: RateOf): number | null {
  const inputs = graph.edges.filter(([, target]) => target === to).length
  return inputs === 1 ? (rateOf(to, 'in') ?? rateOf(from, 'out')) : rateOf(from, 'out')
}

export function AppGraph({ app, rateOf }: { app: AppStatus; rateOf: RateOf }): JSX.Element {
  const box = useRef<HTMLElement>(null)
  const [module, setModule] = useState<LayoutModule | null>(null)
  const [direction, setDirection] = useState<Direction>('LR')
  const [widthPx, setWidthPx] = useState(0)
  // Each status is a new object; the picture changes only with what is in it.
  const shape = JSON.stringify([app.graph.nodes.map((node) => node.id), app.graph.edges])
  const graph = useMemo(() => mergeTopics(app.graph), [shape])

  useEffect(() => {
    void import('./graph-layout.ts').then(setModule)
    const element = box.current
    if (!element) return
    const observer = new ResizeObserver(() => {
      setDirection(element.clientWidth < narrowPx ? 'TB' : 'LR')
      setWidthPx(element.clientWidth)
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const laid = useMemo(() => module?.layoutGraph(graph, direction) ?? null, [module, graph, direction])
  return (
    <section class="graph" ref={box} aria-label={`Operators of ${app.id}. The list view has the same data.`}>
      {module && laid ? (
        <Picture
          app={app}
          graph={graph}
          laid={laid}
          module={module}
          direction={direction}
          scale={widthPx > 0 ? Math.max(scaleMin, Math.min(1, widthPx / laid.width)) : 1}
          rateOf={rateOf}
        />
      ) : (
        <Skeleton kind="chart" />
      )}
    </section>
  )
}

function Picture(props: {
  app: AppStatus
  graph: Shape
  laid: GraphLayout
  module: LayoutModule
  direction: Direction
  scale: number
  rateOf: RateOf
}): JSX.Element {
  const { app, graph, laid, module, direction, scale, rateOf } = props
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const stats = new Map(app.nodes.map((node) => [node.id, node]))
  return (
    <div class="graph-fit" style={{ width: `${laid.width * scale}px`, height: `${laid.height * scale}px` }}>
      <div
        class="graph-canvas"
        style={{ width: `${laid.width}px`, height: `${laid.height}px`, transform: `scale(${scale})` }}
      >
        <svg width={laid.width} height={laid.height} aria-hidden="true" focusable="false">
          {laid.wires.map(({ from, to, points }) => {
            const rate = edgeRate(graph, from, to, rateOf)
            const path = module.wirePath(points, direction)
            return (
              <g key={`${from} ${to}`} class={app.state === 'running' && rate ? 'wire flowing' : 'wire'}>
                <path class="wire-line" d={path} />
                <path class="wire-flow" d={path} />
              </g>
            )
          })}
        </svg>
        {laid.wires.map(({ from, to, points }) => {
          const rate = edgeRate(graph, from, to, rateOf)
          const middle = module.middleOf(points)
          return (
            rate !== null && (
              <span
                key={`${from} ${to}`}
                class="wire-rate"
                style={{ left: `${middle.x}px`, top: `${middle.y}px` }}
              >
                {formatRate(rate)} /s
              </span>
            )
          )
        })}
        {laid.boxes.map(({ id, left, top }) => {
          const node = nodes.get(id)
          return (
            node && (
              <div
                key={id}
                class={`operator kind-${roleOf(node)} ${stats.get(id)?.errors ? 'has-errors' : ''}`}
                style={{
                  left: `${left}px`,
                  top: `${top}px`,
                  width: `${module.boxWidth}px`,
                  height: `${module.boxHeight}px`,
                }}
              >
                <Operator node={node} stats={stats.get(id)} rate={rateOf(id, 'out') ?? rateOf(id, 'in')} />
              </div>
            )
          )
        })}
      </div>
    </div>
  )
}

function roleOf(node: GraphNode): 'topic' | 'state' | 'plain' {
  if (isTopic(node)) return 'topic'
  return node.stateful ? 'state' : 'plain'
}

/** `source` and `sink` are words of the graph's builder; people look for topics and widgets. */
function kindOf(node: GraphNode): string {
  if (!isTopic(node)) return node.kind
  return node.topic !== undefined && widgetOf(node.topic) !== null ? 'widget' : 'topic'
}

function Operator(props: {
  node: GraphNode
  stats: NodeStats | undefined
  rate: number | null
}): JSX.Element {
  const { node, stats, rate } = props
  return (
    <>
      <span class="operator-icon">
        <Icon
          name={node.topic !== undefined && widgetOf(node.topic) !== null ? 'dashboards' : iconOf(node.kind)}
        />
      </span>
      <span class="operator-text">
        <span class="operator-kind">
          {kindOf(node)}
          {node.stateful && <Icon name="state" size={11} />}
        </span>
        {node.topic !== undefined && isTopic(node) ? (
          <Link class="operator-label" href={`/topics/${encodeURIComponent(node.topic)}`} title={node.topic}>
            {widgetOf(node.topic) ?? node.topic}
          </Link>
        ) : (
          <span class="operator-label" title={`${node.id}: ${node.label}`}>
            {node.stateful ? node.id : node.label}
          </span>
        )}
        <span class="operator-rate">
          {rate === null ? '–' : `${formatRate(rate)} /s`}
          {stats !== undefined && stats.late > 0 && <em>{formatRate(stats.late)} late</em>}
          {stats !== undefined && stats.errors > 0 && <em class="bad">{formatRate(stats.errors)} errors</em>}
        </span>
      </span>
    </>
  )
}
