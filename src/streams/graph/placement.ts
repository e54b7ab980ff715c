// In which generation each node of a graph lives. What an app computes was not all begun at the same time: nodes that a
// later version added read their inputs from the beginning while the older ones go on where they were, so they cannot
// share a task, which has one position per input. A generation is what was begun together.
//
//   v1   orders -> totals            generation 1: task orders-0
//   v2   orders -> totals            generation 1: task orders-0, goes on
//               \-> perHour          generation 2: task orders.g2-0, reads orders from its beginning
//
// Only what lasts is placed: nodes that keep state, and topics that rows are written to. The stateless nodes between a
// source and those are copied into each generation that needs them, and so are repartitions: their topics lose what was
// read, so that whoever comes later needs one of his own, filled from the source.
import { BrokerError } from '#base'
import type { KeyChoice, Node } from './node.ts'
import { isStateful } from './stateful.ts'

/** Something that lasts: by its name it is found again in the next version of the app. */
export type Anchor = {
  readonly name: string
  readonly shape: Shape
}

/** What may not change as long as state and topics are to keep their meaning. */
export type Shape = {
  readonly kind: Node['kind']
  readonly window?: string
  /** Aggregates in the order of their names, each with its kind. */
  readonly columns?: readonly (readonly [name: string, kind: string])[]
  /** The field by which its rows are grouped. */
  readonly key?: string
  /** Over how many partitions its rows are brought together, for each parent. */
  readonly partitions?: readonly (number | null)[]
  /** What the user says of it; 1 unless said. */
  readonly version?: number
}

/**
 * The generation in which an anchor lives. `reach`: homes of the state whose rows come to it without going through a topic.
 * `behind`: all anchors upstream.
 */
export type PlaceAnchor = (anchor: Anchor, reach: ReadonlySet<number>, behind: ReadonlySet<string>) => number

export const firstGeneration: PlaceAnchor = () => 1

export type Placement = {
  /** The generations in which a node is needed. */
  readonly needs: ReadonlyMap<Node, ReadonlySet<number>>
  /** Where the rows for a repartition are written that is read in that generation. */
  writes(parent: Node, generation: number): number
}

export type PlacementOptions = {
  /** Parents first. */
  readonly nodes: readonly Node[]
  readonly ids: ReadonlyMap<Node, string>
  readonly repartitioned: ReadonlyMap<Node, readonly (number | null)[]>
  /** Nodes of no user: they are where their parents are. */
  readonly taps: ReadonlySet<Node>
  readonly shapeOf: (node: Node) => Shape
  readonly place: PlaceAnchor
}

export const generationSuffix = (generation: number): string => (generation > 1 ? `.g${generation}` : '')

/** The name of what stands between a node and its parent, when rows must be brought together first. */
export function sideOf(node: Node, id: string, parent: number): string {
  return node.parents.length > 1 ? `${id}.${parent === 0 ? 'left' : 'right'}` : id
}

export function placeNodes(options: PlacementOptions): Placement {
  const { nodes, needs, reach } = new Placing(options)
  const writes = (parent: Node, generation: number) => [...reach.get(parent)!][0] ?? generation
  const needParents = (node: Node) => {
    node.parents.forEach((parent, index) => {
      const isCut = isCutAt(options, node, index)
      for (const own of needs.get(node)!) needs.get(parent)!.add(isCut ? writes(parent, own) : own)
    })
  }
  for (const node of [...nodes].reverse()) needParents(node)
  // What leads nowhere is where its rows are anyway.
  for (const node of nodes) {
    const own = needs.get(node)!
    if (own.size > 0) continue
    const near = node.parents.flatMap((parent, index) =>
      isCutAt(options, node, index) ? [] : [...needs.get(parent)!],
    )
    own.add(near.length === 0 ? 1 : Math.min(...near))
    needParents(node)
  }
  return { needs, writes }
}

const isCutAt = ({ repartitioned }: PlacementOptions, node: Node, parent: number): boolean =>
  (repartitioned.get(node)?.[parent] ?? null) !== null

/** Finds homes, from the sources down. */
class Placing {
  readonly nodes: readonly Node[]
  readonly needs: Map<Node, Set<number>>
  readonly reach = new Map<Node, ReadonlySet<number>>()
  readonly #options: PlacementOptions
  readonly #behind = new Map<Node, ReadonlySet<string>>()
  readonly #sinks = new Map<string, number>()

  constructor(options: PlacementOptions) {
    this.#options = options
    this.nodes = options.nodes
    this.needs = new Map(this.nodes.map((node) => [node, new Set<number>()]))
    for (const node of this.nodes) this.#visit(node)
  }

  #visit(node: Node): void {
    const { ids, repartitioned, taps, shapeOf } = this.#options
    const id = ids.get(node)!
    const reach = new Set<number>()
    const behind = new Set<string>()
    node.parents.forEach((parent, index) => {
      for (const name of this.#behind.get(parent)!) behind.add(name)
      const homes = this.reach.get(parent)!
      if (!isCutAt(this.#options, node, index)) for (const home of homes) reach.add(home)
      else if (homes.size > 1) throw tiesGenerations(id)
    })
    this.reach.set(node, reach)
    this.#behind.set(node, behind)
    if (isStateful(node)) {
      const partitions = repartitioned.get(node)
      const shape = { ...shapeOf(node), ...(partitions === undefined ? {} : { partitions }) }
      const home = this.#place({ name: id, shape }, reach, behind)
      this.needs.get(node)!.add(home)
      this.reach.set(node, new Set([home]))
      behind.add(id)
    } else if (node.kind === 'sink' && !taps.has(node)) {
      this.needs.get(node)!.add(this.#placeSink(node, reach, behind))
    }
  }

  #placeSink(node: Node & { kind: 'sink' }, reach: ReadonlySet<number>, behind: ReadonlySet<string>): number {
    // Below state its home is decided, and nothing of its own lasts.
    if (reach.size === 1) return [...reach][0]!
    const from = [...sourcesOf(node)].sort().join(' + ')
    const plain = `${from} → ${node.topic.name}`
    const count = (this.#sinks.get(plain) ?? 0) + 1
    this.#sinks.set(plain, count)
    const name = count === 1 ? plain : `${plain} (${count})`
    return this.#place({ name, shape: { kind: 'sink' } }, reach, behind)
  }

  #place(anchor: Anchor, reach: ReadonlySet<number>, behind: ReadonlySet<string>): number {
    if (reach.size > 1) throw tiesGenerations(anchor.name)
    return this.#options.place(anchor, reach, behind)
  }
}

function tiesGenerations(name: string): BrokerError {
  return new BrokerError(
    'conflict',
    `"${name}" would put together state that was begun at different times and has read different parts of the log`,
    { fix: 'put .keyBy(...).repartition(...) behind each of them, before they meet' },
  )
}

/** The topics and generators from which rows come to a node, whatever is between. */
function sourcesOf(node: Node): Set<string> {
  if (node.kind === 'source' || node.kind === 'broadcast') return new Set([node.topic.name])
  return new Set(node.parents.flatMap((parent) => [...sourcesOf(parent)]))
}

/** The field by which the rows of a node are grouped, if that can be said. */
export function keyAbove(node: Node): string | undefined {
  for (let at: Node | undefined = node; at !== undefined; at = at.parents[0]) {
    if (at.kind === 'keyBy') return fieldOf(at.key)
    if (at.kind === 'table' || at.kind === 'source' || isStateful(at)) return undefined
  }
  return undefined
}

const fieldOf = ({ field }: KeyChoice): string | undefined => field
