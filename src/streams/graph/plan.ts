// The plan of an app: its nodes as operators, cut at repartitions and generations (placement.ts) into subtopologies. One
// subtopology on one partition is a task. Pure; `describe` shows it, the runtime runs it.
//
//   rides(4) -> keyBy -> [zones.repartition]  |  [zones.repartition](4) -> zones -> to(results)
//   tasks rides-0 .. rides-3                  |  tasks zones.repartition-0 .. -3
import { BrokerError } from '#base'
import type { App } from '../app.ts'
import { collect, declaredTopics, nameNodes } from './collect.ts'
import { flowsOf } from './flow.ts'
import type { BroadcastNode, Node, TopicSettings } from './node.ts'
import { firstGeneration, generationSuffix, type PlaceAnchor, placeNodes, sideOf } from './placement.ts'
import { shapeOf } from './shape.ts'
import { isStateful } from './stateful.ts'

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
  /** What was begun together: see placement.ts. */
  readonly generation: number
  /** Keeps the positions of its tasks: each generation has its own. */
  readonly group: string
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

export type PlanOptions = {
  /** As topics really are, once that is known. */
  readonly partitionsOf?: ((topic: string) => number) | undefined
  /** Nodes of no user, such as sinks through which tests look into a stream. */
  readonly taps?: readonly Node[] | undefined
  /** Default: everything begins together. */
  readonly place?: PlaceAnchor | undefined
}

/** Throws `invalid_request` if the graph is unsound. */
export function planApp(app: App, { partitionsOf, taps = [], place }: PlanOptions = {}): Plan {
  const nodes = [...collect(app), ...taps]
  const topics = declaredTopics(nodes)
  const ids = nameNodes(nodes)
  const partitionsAt = partitionsOf ?? declaredPartitions(topics)
  const { flows, repartitioned } = flowsOf(nodes, topics, partitionsAt)
  const placement = placeNodes({
    nodes,
    ids,
    repartitioned,
    taps: new Set(taps),
    shapeOf,
    place: place ?? firstGeneration,
  })
  const builder = new PlanBuilder(app.id, topics)
  for (const node of nodes) {
    // Made for each node that uses it: otherwise it would tie together what has nothing else in common.
    if (node.kind === 'broadcast') continue
    const { timed } = flows.get(node)!
    const id = ids.get(node)!
    const wanted = repartitioned.get(node)
    for (const generation of [...placement.needs.get(node)!].sort((a, b) => a - b)) {
      const parents = node.parents.map((parent, index) => {
        if (parent.kind === 'broadcast') return builder.broadcast(`${id}.table`, parent, generation)
        const partitions = wanted?.[index] ?? null
        if (partitions === null) return builder.planned(parent, generation)
        const written = {
          home: placement.writes(parent, generation),
          upstream: flows.get(parent)!.partitions,
        }
        return builder.repartition(sideOf(node, id, index), parent, { ...written, partitions, generation })
      })
      builder.add(node, { id, timed, parents, generation })
    }
  }
  const subtopologies = builder.cut(partitionsAt)
  checkLoops(subtopologies)
  return { app, subtopologies, topics }
}

type Growing = PlannedNode & {
  readonly parents: Growing[]
  readonly children: Growing[]
  readonly generation: number
  group: Group
}
/** A growing subtopology; when two meet, one takes over the members of the other. */
type Group = { members: Growing[] }
type Placed = {
  readonly id: string
  readonly timed: boolean
  readonly parents: readonly Growing[]
  readonly generation: number
}
type Cut = {
  /** The generation in which it is written. */
  readonly home: number
  /** Over how many partitions rows arrive, and over how many they leave. */
  readonly upstream: number
  readonly partitions: number
  /** The one in which it is read. */
  readonly generation: number
}

class PlanBuilder {
  readonly #app: string
  readonly #topics: ReadonlyMap<string, TopicSettings>
  readonly #planned = new Map<Node, Map<number, Growing>>()
  readonly #sources = new Map<string, Growing>()
  readonly #all: Growing[] = []

  constructor(app: string, topics: ReadonlyMap<string, TopicSettings>) {
    this.#app = app
    this.#topics = topics
  }

  planned(node: Node, generation: number): Growing {
    return this.#planned.get(node)!.get(generation)!
  }

  add(node: Node, placed: Placed): void {
    const source = node.kind === 'source' ? `${node.topic.name} ${placed.generation}` : undefined
    const shared = source === undefined ? undefined : this.#sources.get(source)
    const known =
      node.kind === 'source' || node.kind === 'sink' ? this.#topics.get(node.topic.name)! : undefined
    const made = shared ?? this.#make(known ? ({ ...node, topic: known } as Node) : node, placed)
    if (source !== undefined) this.#sources.set(source, made)
    const instances = this.#planned.get(node) ?? new Map<number, Growing>()
    this.#planned.set(node, instances.set(placed.generation, made))
  }

  broadcast(id: string, node: BroadcastNode, generation: number): Growing {
    const topic = this.#topics.get(node.topic.name)!
    return this.#make({ ...node, topic }, { id, timed: false, parents: [], generation })
  }

  repartition(id: string, from: Node, { home, upstream, partitions, generation }: Cut): Growing {
    const topic = `${this.#app}.${id}${generationSuffix(generation)}.repartition`
    const name = `${id}.repartition`
    const parent = this.planned(from, home)
    const { timed } = parent
    const written: RepartitionSink = { kind: 'repartition', topic, partitions }
    const sink = this.#make(written, { id: name, timed, parents: [parent], generation: home })
    // Tasks are named once the groups are final; until then the list stays empty.
    const source: RepartitionSource = { kind: 'repartition-source', topic, upstreamTasks: [] }
    const made = this.#make(source, { id: `${name}.source`, timed, parents: [], generation })
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

  #make(node: PlannedNode['node'], { id, timed, parents, generation }: Placed): Growing {
    const group: Group = { members: [] }
    const made: Growing = { id, node, timed, parents: [...parents], children: [], generation, group }
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
    const { generation } = nodes[0]!
    const suffix = generationSuffix(generation)
    const read = generator
      ? `${generator.id}.source`
      : inputs.map(({ topic }) => this.#shortName(topic, nodes)).join('--')
    const name = `${read}${suffix}`
    const stateful = nodes.some(
      ({ node, timed }) => isStateful(node) || (node.kind === 'repartition' && timed),
    )
    return {
      name,
      generation,
      group: `${this.#app}${suffix}`,
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
