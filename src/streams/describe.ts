// The graph of an app as plain data. Pure: the same for an app that never ran.
import { formatDuration } from '#base'
import type { TopicSpec } from '#broker'
import type { GraphDescription, GraphNode } from './api.ts'
import type { App } from './app.ts'
import { errorRulesOf } from './graph/error-rules.ts'
import type { AsOfNode, EmitSettings, ProcessNode, TopicSettings } from './graph/node.ts'
import { broadcastOf, type Plan, type PlannedNode, planApp, targetOf, topicOf } from './graph/plan.ts'
import { isStateful } from './graph/stateful.ts'
import { describeWindow } from './window.ts'

/** Throws `invalid_request` if the graph is unsound. */
export function describe(app: App): GraphDescription {
  return describePlan(planApp(app))
}

export function describePlan(plan: Plan): GraphDescription {
  const all = plan.subtopologies.flatMap((subtopology) => subtopology.nodes)
  // What several generations have each for themselves is one node to the user.
  const nodes = [...new Map(all.map((node) => [node.id, node])).values()]
  const readers = (topic: string) => all.filter((node) => (topicOf(node) ?? broadcastOf(node)) === topic)
  const edges = all.flatMap((node) => [
    ...[...new Set(node.children)].map((child) => [node.id, child.id] as const),
    // A topic that the app both writes and reads joins its writer to its reader.
    ...readers(targetOf(node) ?? '').map((reader) => [node.id, reader.id] as const),
  ])
  const distinct = [...new Map(edges.map((edge) => [edge.join('\n'), edge])).values()]
  return { app: plan.app.id, nodes: nodes.map(describeNode), edges: distinct, topics: topicsOf(plan) }
}

function describeNode(planned: PlannedNode): GraphNode {
  const { id, node } = planned
  const topic = topicOf(planned) ?? targetOf(planned) ?? broadcastOf(planned)
  return {
    id,
    kind: node.kind === 'repartition-source' ? 'source' : node.kind,
    label: labelOf(planned),
    ...(topic === undefined ? {} : { topic }),
    stateful: isStateful(node),
  }
}

/** One line for people. */
export function labelOf({ node }: PlannedNode): string {
  switch (node.kind) {
    case 'window':
      return `${describeWindow(node.window)}, ${describeEmit(node.emit)}: ${columns(node.aggregates)}`
    case 'aggregate':
      return columns(node.aggregates)
    case 'keyBy':
      return node.key.field ?? 'by function'
    case 'source':
    case 'sink':
    case 'broadcast':
      return node.topic.name
    case 'lookup':
      return `${node.how}, as the table stands`
    case 'as-of':
      return describeAsOf(node)
    case 'table-join':
      return `${node.how}, of two tables`
    case 'join':
      return `${node.how}, from ${formatDuration(node.beforeMs)} before to ${formatDuration(node.afterMs)} after, grace ${formatDuration(node.graceMs)}`
    case 'dedupe':
      return `the first of ${node.by === undefined ? 'each key' : `each ${node.by.field ?? 'result of a function'}`} within ${formatDuration(node.ttlMs)}`
    case 'async':
      return `${node.settings.concurrency} at once, ${node.settings.order === 'any' ? 'in any order' : 'in order'}, ${formatDuration(node.settings.timeoutMs)} each`
    case 'process':
      return describeProcess(node)
    case 'branch':
      return `${node.tests.length} ways`
    case 'arm':
      return node.name
    case 'spread':
    case 'repartition':
      return node.partitions === undefined ? 'by key' : `by key, over ${node.partitions} partitions`
    case 'repartition-source':
      return 'by key'
    case 'generator':
      return node.settings.everyMs === null ? 'once' : `every ${formatDuration(node.settings.everyMs)}`
    default:
      return node.kind
  }
}

function describeProcess({ state, handlers }: ProcessNode): string {
  const kept = Object.entries(state).map(([name, { kind }]) => `${name} (${kind})`)
  const timers = Object.keys(handlers.timers)
  const parts = [
    ...(kept.length > 0 ? [`keeps ${kept.join(', ')}`] : []),
    ...(timers.length > 0 ? [`timers ${timers.join(', ')}`] : []),
  ]
  return parts.join('; ') || 'process'
}

function describeEmit({ kind, everyMs, afterSilenceMs }: EmitSettings): string {
  const when = everyMs === null ? kind : `every ${formatDuration(everyMs)}`
  return afterSilenceMs === null ? when : `${when}, after ${formatDuration(afterSilenceMs)} of silence`
}

function describeAsOf({ how, waitMs, historyMs, toleranceMs }: AsOfNode): string {
  const tolerance = toleranceMs === null ? '' : `, tolerance ${formatDuration(toleranceMs)}`
  return `${how}, as of its own time, wait ${formatDuration(waitMs)}, history ${formatDuration(historyMs)}${tolerance}`
}

function columns(aggregates: Readonly<Record<string, { readonly label: string }>>): string {
  return Object.entries(aggregates)
    .map(([name, { label }]) => (name === label ? name : `${name} = ${label}`))
    .join(', ')
}

type DescribedTopic = GraphDescription['topics'][number]

function topicsOf({ app, subtopologies, topics }: Plan): DescribedTopic[] {
  const nodes = subtopologies.flatMap((subtopology) => subtopology.nodes)
  const written = new Set(nodes.map((node) => targetOf(node)))
  const own = [...topics.values()].map(
    (topic): DescribedTopic => ({ ...specOf(topic), role: written.has(topic.name) ? 'sink' : 'source' }),
  )
  const internal = subtopologies.flatMap(({ inputs, tasks, changelog }): DescribedTopic[] => [
    ...inputs
      .filter(({ topic }) => !topics.has(topic))
      .map(({ topic, partitions }) => ({ ...keptSpec(topic, partitions), role: 'repartition' as const })),
    ...(changelog === null ? [] : [{ ...changelogSpec(changelog, tasks), role: 'changelog' as const }]),
  ])
  const dead = [
    ...new Set(subtopologies.flatMap((part) => [...errorRulesOf(app, part).deadTopics.values()])),
  ].flatMap((name): DescribedTopic[] => (topics.has(name) ? [] : [{ name, role: 'dead-letters' }]))
  return [...own, ...internal, ...dead]
}

export function specOf({ name, partitions, retentionMs }: TopicSettings): TopicSpec {
  return {
    name,
    ...(partitions === undefined ? {} : { partitions }),
    ...(retentionMs === undefined ? {} : { config: { retentionMs } }),
  }
}

/** Of each key of the state the newest version is enough to bring it back. */
function changelogSpec(name: string, partitions: number): TopicSpec {
  const kept = keptSpec(name, partitions)
  return { ...kept, config: { ...kept.config, cleanupPolicy: 'compact' } }
}

/** Neither state nor rows on their way may vanish with time. */
function keptSpec(name: string, partitions: number): TopicSpec {
  return { name, partitions, config: { retentionMs: null, retentionBytes: null } }
}
