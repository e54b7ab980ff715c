// Sinks through which a test looks into streams. The user's own graph stays as it is.
import type { App } from '../app.ts'
import { collect, nameNodes } from '../graph/collect.ts'
import { link, type Node } from '../graph/node.ts'
import { namedTopic } from '../topic.ts'

export type Taps = {
  /** For `planApp`. */
  readonly nodes: readonly Node[]
  /** Where the rows of a node can be read. */
  readonly topicOf: ReadonlyMap<Node, string>
}

const tapped: ReadonlySet<Node['kind']> = new Set([
  'window',
  'aggregate',
  'async',
  'dedupe',
  'process',
  'join',
  'lookup',
  'as-of',
  'table-join',
  'late',
])

const judgesLate: ReadonlySet<Node['kind']> = new Set(['window', 'join', 'as-of', 'dedupe', 'process'])

/** One behind each window and join (their late rows, too), each aggregate and each end of a stream. */
export function tapsOf(app: App): Taps {
  const own = collect(app)
  const ids = nameNodes(own)
  const topicOf = new Map<Node, string>()
  const nodes: Node[] = []
  const tap = (node: Node, id: string) => {
    const topic = namedTopic(`harness.${id}`)
    topicOf.set(node, topic.name)
    nodes.push({ kind: 'sink', topic, parents: [node], children: [] })
  }
  for (const node of own) {
    const id = ids.get(node)!
    const isEnd = node.kind !== 'sink' && !node.children.some((child) => own.includes(child))
    if (tapped.has(node.kind) || isEnd) tap(node, id)
    if (!judgesLate.has(node.kind)) continue
    const late = lateOf(node)
    if (own.includes(late)) continue
    nodes.push(late)
    tap(late, `${id}.late`)
  }
  return { nodes, topicOf }
}

function lateOf(window: Node): Node {
  const late = window.children.find(({ kind }) => kind === 'late')
  return late ?? link<Node>({ kind: 'late', parents: [window] })
}
