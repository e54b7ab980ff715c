// The plan of an app: its nodes as operators, cut at repartitions into subtopologies. One subtopology on one partition
// is a task. Pure; `describe` shows it, the runtime runs it.
//
//   rides(4) -> keyBy -> [zones.repartition]  |  [zones.repartition](4) -> zones -> to(results)
//   tasks rides-0 .. rides-3                  |  tasks zones.repartition-0 .. -3
import { BrokerError } from '#base'
import type { App } from '../app.ts'
import { collect, declaredTopics, nameNodes } from './collect.ts'
import { flowsOf } from './flow.ts'
import type { BroadcastNode, Node, TopicSettings } from './node.ts'

/** Rows leave a subtopology by key, and watermarks with them. */
export type RepartitionSink = {
  readonly kind: 'repartition'
  readonly topic: string
  readonly partitions: number
}
/** ... and enter the next one. */
export type RepartitionSource = {
  readonly kind: 'repartition-source'
  readonly topic: string
  /** Each keeps a watermark of its own; the least of them counts. */
  readonly upstreamTasks: readonly string[]
}

export type PlannedNode = {
  readonly id: string
  readonly node: Node | RepartitionSink | RepartitionSource
  readonly parents: readonly PlannedNode[]
  readonly children: readonly PlannedNode[]
  /** There is a watermark at its output. */
  readonly timed: boolean
}

export type Subtopology = {
  readonly name: string
  /** Parents first. */
  readonly nodes: readonly PlannedNode[]
  /** Topics it reads, with their partitions: task `p` reads partition `p` of each that has it. */
  readonly inputs: readonly { readonly topic: string; readonly partitions: number }[]
  readonly tasks: number
  /** Where its state is kept; null: it has none. */
  readonly changelog: string | null
}

export type Plan = {
  readonly app: App
  readonly subtopologies: readonly Subtopology[]
  readonly topics: ReadonlyMap<string, TopicSettings>
}

export const taskName = (subtopology: string, partition: number): string => `${subtopology}-${partition}`

/** Partitions as declared: for the description of an app that does not run. */
export function declaredPartitions(topics: ReadonlyMap<string, TopicSettings>): (topic: string) => number {
  return (topic) => topics.get(topic)?.partitions ?? 1
}

/**
 * Throws `invalid_request` if the graph is unsound. `partitionsOf`: as topics really are, once that is known. `taps`:
 * nodes of no user, such as sinks through which tests look into a stream.
 */
export function planApp(
  app: App,
  partitionsOf?: (topic: string) => number,
  taps: readonly Node[] = [],
): Plan {
  const nodes = [...collect(app), ...taps]
  const topics = declaredTopics(nodes)
  const ids = nameNodes(nodes)
  const { flows, repartitioned } = flowsOf(nodes, topics, partitionsOf ?? declaredPartitions(topics))
  const builder = new PlanBuilder(app.id, topics)
  for (const node of nodes) {
    // Made for each node that uses it: otherwise it would tie together what has nothing else in common.
    if (node.kind === 'broadcast') continue
    const { timed } = flows.get(node)!
    const id = ids.get(node)!
    const wanted = repartitioned.get(node)
    const parents = node.parents.map((parent, index) => {
      if (parent.kind === 'broadcast') return builder.broadcast(`${id}.table`, parent)
      const partitions = wanted?.[index] ?? null
      const planned = builder.planned(parent)
      if (partitions === null) return planned
      const side = node.parents.length > 1 ? `${id}.${index === 0 ? 'left' : 'right'}` : id
      return builder.repartition(side, planned, { partitions, upstream: flows.get(parent)!.partitions })
    })
    builder.add(node, { id, timed, parents })
  }
  const subtopologies = builder.cut(partitionsOf ?? declaredPartitions(topics))
  checkLoops(subtopologies)
  return { app, subtopologies, topics }
}

type Growing = PlannedNode & { readonly parents: Growing[]; readonly children: Growing[]; group: Group }
/** A growing subtopology; when two meet, one takes over the members of the other. */
type Group = { members: Growing[] }
type Placed = { readonly id: string; readonly timed: boolean; readonly parents: readonly Growing[] }

class PlanBuilder {
  readonly #app: string
  readonly #topics: ReadonlyMap<string, TopicSettings>
  readonly #planned = new Map<Node, Growing>()
  readonly #sources = new Map<string, Growing>()
  readonly #all: Growing[] = []

  constructor(app: string, topics: ReadonlyMap<string, TopicSettings>) {
    this.#app = app
    this.#topics = topics
  }

  planned(node: Node): Growing {
    return this.#planned.get(node)!
  }

  add(node: Node, placed: Placed): void {
    const shared = node.kind === 'source' ? this.#sources.get(node.topic.name) : undefined
    const known =
      node.kind === 'source' || node.kind === 'sink' ? this.#topics.get(node.topic.name)! : undefined
    const made = shared ?? this.#make(known ? ({ ...node, topic: known } as Node) : node, placed)
    if (node.kind === 'source') this.#sources.set(node.topic.name, made)
    this.#planned.set(node, made)
  }

  broadcast(id: string, node: BroadcastNode): Growing {
    const topic = this.#topics.get(node.topic.name)!
    return this.#make({ ...node, topic }, { id, timed: false, parents: [] })
  }

  /** `upstream`: over how many partitions rows arrive; `partitions`: over how many they leave. */
  repartition(
    id: string,
    parent: Growing,
    { partitions, upstream }: { readonly partitions: number; readonly upstream: number },
  ): Growing {
    const topic = `${this.#app}.${id}.repartition`
    const name = `${id}.repartition`
    const { timed } = parent
    const sink = this.#make(
      { kind: 'repartition', topic, partitions },
      { id: name, timed, parents: [parent] },
    )
    // Tasks are named once the groups are final; until then the list stays empty.
    const source: RepartitionSource = { kind: 'repartition-source', topic, upstreamTasks: [] }
    const made = this.#make(source, { id: `${name}.source`, timed, parents: [] })
    this.#upstreams.push({ source: made, sink, partitions, upstream })
    return made
  }
  readonly #upstreams: { source: Growing; sink: Growing; partitions: number; upstream: number }[] = []

  cut(partitionsOf: (topic: string) => number): Subtopology[] {
    const partitionsAt = (topic: string) =>
      this.#upstreams.find(({ source }) => topicOf(source) === topic)?.partitions ?? partitionsOf(topic)
    const groups = [...new Set(this.#all.map(({ group }) => group))]
    const subtopologies = groups.map(({ members }) => this.#subtopology(members, partitionsAt))
    const names = subtopologies.map(({ name }) => name)
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) {
      throw new BrokerError(
        'invalid_request',
        `two parts of app "${this.#app}" would both be named "${twice}"`,
        {
          fix: 'rename the source or window after which one of them is named',
        },
      )
    }
    for (const { source, sink, upstream } of this.#upstreams) {
      const { name } = subtopologies.find(({ nodes }) => nodes.includes(sink))!
      const upstreamTasks = Array.from({ length: upstream }, (_, p) => taskName(name, p))
      Object.assign(source.node, { upstreamTasks })
    }
    return subtopologies
  }

  #make(node: PlannedNode['node'], { id, timed, parents }: Placed): Growing {
    const group: Group = { members: [] }
    const made: Growing = { id, node, timed, parents: [...parents], children: [], group }
    group.members.push(made)
    this.#all.push(made)
    for (const parent of parents) {
      parent.children.push(made)
      unite(parent.group, made.group)
    }
    return made
  }

  #subtopology(members: readonly Growing[], partitionsAt: (topic: string) => number): Subtopology {
    const nodes = this.#all.filter((node) => members.includes(node))
    const inputs = [...new Set(nodes.flatMap((node) => topicOf(node) ?? []))]
      .sort()
      .map((topic) => ({ topic, partitions: partitionsAt(topic) }))
    const generator = nodes.find(({ node }) => node.kind === 'generator')
    const name = generator
      ? `${generator.id}.source`
      : inputs.map(({ topic }) => this.#shortName(topic, nodes)).join('--')
    const stateful = nodes.some(
      ({ node, timed }) => isStateful(node) || (node.kind === 'repartition' && timed),
    )
    return {
      name,
      nodes,
      inputs,
      tasks: Math.max(1, ...inputs.map(({ partitions }) => partitions)),
      changelog: stateful ? `${this.#app}.${name}.changelog` : null,
    }
  }

  #shortName(topic: string, nodes: readonly Growing[]): string {
    const source = nodes.find(({ node }) => node.kind === 'repartition-source' && node.topic === topic)
    return source ? source.id.slice(0, -'.source'.length) : topic
  }
}

function unite(a: Group, b: Group): void {
  if (a === b) return
  for (const member of b.members) {
    member.group = a
    a.members.push(member)
  }
}

export function isStateful(node: PlannedNode['node']): boolean {
  switch (node.kind) {
    case 'window':
    case 'aggregate':
    case 'generator':
    case 'join':
    case 'dedupe':
    case 'lookup':
    case 'table-join':
      return true
    default:
      return false
  }
}

/** The topic that a node reads. */
export function topicOf({ node }: PlannedNode): string | undefined {
  if (node.kind === 'repartition-source') return node.topic
  return node.kind === 'source' ? node.topic.name : undefined
}

/** The topic that a node reads whole, in every task. */
export function broadcastOf({ node }: PlannedNode): string | undefined {
  return node.kind === 'broadcast' ? node.topic.name : undefined
}

/** The topic that a node writes. */
export function targetOf({ node }: PlannedNode): string | undefined {
  if (node.kind === 'repartition') return node.topic
  return node.kind === 'sink' ? node.topic.name : undefined
}

/** Output that comes back as input would never end. */
function checkLoops(subtopologies: readonly Subtopology[]): void {
  const nodes = subtopologies.flatMap((subtopology) => subtopology.nodes)
  const readers = new Map<string, PlannedNode[]>()
  for (const node of nodes) {
    const topic = topicOf(node) ?? broadcastOf(node)
    if (topic !== undefined) readers.set(topic, [...(readers.get(topic) ?? []), node])
  }
  const next = (node: PlannedNode) => [...node.children, ...(readers.get(targetOf(node) ?? '') ?? [])]
  const done = new Set<PlannedNode>()
  const walk = (node: PlannedNode, path: readonly PlannedNode[]): void => {
    if (path.includes(node)) {
      const loop = [...path.slice(path.indexOf(node)), node].flatMap((step) => topicOf(step) ?? [])
      throw new BrokerError('invalid_request', `topics form a loop: ${loop.join(' -> ')}`, {
        fix: 'write to another topic than the one the rows come from',
      })
    }
    if (done.has(node)) return
    for (const child of next(node)) walk(child, [...path, node])
    done.add(node)
  }
  for (const node of nodes) walk(node, [])
}
