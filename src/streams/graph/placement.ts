// In which generation each node of a graph lives. What an app computes was not all begun at the same time: nodes that a
// later version added read their inputs from the beginning while the older ones go on where they were, so they cannot
// share a task, which has one position per input. A generation is what was begun together.
//
//   v1   orders -> totals            generation 1: task orders-0
//   v2   orders -> totals            generation 1: task orders-0, goes on
//               \-> perHour          generation 2: task orders.g2-0, reads orders from its beginning
//
// Only what lasts is placed: nodes that keep state, and topics that rows are written to. The stateless nodes between a
// source and those are copied into each generation that needs them.
import { BrokerError } from '#base'
import type { KeyChoice, Node } from './node.ts'
import { isStateful } from './stateful.ts'

/** Something that lasts: by its name it is found again in the next version of the app. */
export type Anchor = {
  readonly name: string
  readonly shape: Shape
  /** Its name, without what pspf adds: of a repartition, the node behind it. */
  readonly of: string
}

/** What may not change as long as state and topics are to keep their meaning. */
export type Shape = {
  readonly kind: Node['kind'] | 'repartition'
  readonly window?: string
  /** Aggregates in the order of their names, each with its kind. */
  readonly columns?: readonly (readonly [name: string, kind: string])[]
  /** The field by which its rows are grouped. */
  readonly key?: string
  readonly partitions?: number
  /** What the user says of it; 1 unless said. */
  readonly version?: number
}

/** Where an anchor lives. `born`: the generation in which it was begun; its home is older if it hangs below older state. */
export type Place = { readonly home: number; readonly born: number }

/** `reach`: homes of the state whose rows come to it without going through a topic. `behind`: all anchors upstream. */
export type PlaceAnchor = (anchor: Anchor, reach: ReadonlySet<number>, behind: ReadonlySet<string>) => Place

export const firstGeneration: PlaceAnchor = () => ({ home: 1, born: 1 })

export type Placement = {
  /** The generations in which a node is needed. */
  readonly needs: ReadonlyMap<Node, ReadonlySet<number>>
  /** Of the repartition in front of a node, for each parent. */
  repartition(node: Node, parent: number): Place
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
  const { nodes, needs, repartitions } = new Placing(options)
  for (const node of [...nodes].reverse()) needParents(node, { needs, repartitions, options })
  // What leads nowhere is where its rows are anyway.
  for (const node of nodes) {
    const own = needs.get(node)!
    if (own.size > 0) continue
    const near = node.parents.flatMap((parent, index) =>
      repartitions.get(node)?.[index] ? [] : [...needs.get(parent)!],
    )
    own.add(near.length === 0 ? 1 : Math.min(...near))
    needParents(node, { needs, repartitions, options })
  }
  return { needs, repartition: (node, parent) => repartitions.get(node)![parent]! }
}

type Needs = {
  readonly needs: Map<Node, Set<number>>
  readonly repartitions: ReadonlyMap<Node, readonly (Place | null)[]>
  readonly options: PlacementOptions
}

function needParents(node: Node, { needs, repartitions }: Needs): void {
  node.parents.forEach((parent, index) => {
    const cut = repartitions.get(node)?.[index]
    for (const generation of cut ? [cut.home] : needs.get(node)!) needs.get(parent)!.add(generation)
  })
}

/** Finds homes, from the sources down. */
class Placing {
  readonly nodes: readonly Node[]
  readonly needs: Map<Node, Set<number>>
  readonly repartitions = new Map<Node, (Place | null)[]>()
  readonly #options: PlacementOptions
  readonly #reach = new Map<Node, ReadonlySet<number>>()
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
    const partitions = repartitioned.get(node)
    const reach = new Set<number>()
    const behind = new Set<string>()
    const cuts = node.parents.map((parent, index): Place | null => {
      for (const name of this.#behind.get(parent)!) behind.add(name)
      const wanted = partitions?.[index] ?? null
      if (wanted === null) {
        for (const home of this.#reach.get(parent)!) reach.add(home)
        return null
      }
      const name = `${sideOf(node, id, index)}.repartition`
      const key = keyAbove(parent)
      const shape: Shape = { kind: 'repartition', partitions: wanted, ...(key === undefined ? {} : { key }) }
      const place = this.#place({ name, shape, of: id }, this.#reach.get(parent)!, this.#behind.get(parent)!)
      behind.add(name)
      return place
    })
    if (cuts.some((cut) => cut !== null)) this.repartitions.set(node, cuts)
    if (isStateful(node)) {
      const { home } = this.#place({ name: id, shape: shapeOf(node), of: id }, reach, behind)
      this.needs.get(node)!.add(home)
      this.#reach.set(node, new Set([home]))
      this.#behind.set(node, behind.add(id))
      return
    }
    this.#reach.set(node, reach)
    this.#behind.set(node, behind)
    if (node.kind === 'sink' && !taps.has(node))
      this.needs.get(node)!.add(this.#placeSink(node, reach, behind))
  }

  #placeSink(node: Node & { kind: 'sink' }, reach: ReadonlySet<number>, behind: ReadonlySet<string>): number {
    // Below state its home is decided, and nothing of its own lasts.
    if (reach.size === 1) return [...reach][0]!
    const from = [...sourcesOf(node)].sort().join(' + ')
    const plain = `${from} → ${node.topic.name}`
    const count = (this.#sinks.get(plain) ?? 0) + 1
    this.#sinks.set(plain, count)
    const name = count === 1 ? plain : `${plain} (${count})`
    return this.#place({ name, shape: { kind: 'sink' }, of: node.topic.name }, reach, behind).home
  }

  #place(anchor: Anchor, reach: ReadonlySet<number>, behind: ReadonlySet<string>): Place {
    if (reach.size > 1) throw tiesGenerations(anchor.of)
    return this.#options.place(anchor, reach, behind)
  }
}

function tiesGenerations(name: string): BrokerError {
  return new BrokerError(
    'conflict',
    `"${name}" would put together state that was begun at different times and has read different parts of the log`,
    { fix: `put .repartition('before-${name}') between them, or compute the app anew with pspf app reset` },
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
