// From an app's parts to the nodes that belong to it, parents before children, each with an id.
import { BrokerError } from '#base'
import type { App } from '../app.ts'
import type { Node, TopicSettings } from './node.ts'

/** What hangs below a part belongs to the app, and whatever feeds it; a sibling that only shares a source does not. */
export function collect(app: App): Node[] {
  const below = new Set<Node>()
  const queue = app.parts.flatMap((part) => [...part.streams()].map(({ node }) => node))
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    if (below.has(node)) continue
    below.add(node)
    queue.push(...node.children)
  }
  const ordered = new Set<Node>()
  const visit = (node: Node): void => {
    if (ordered.has(node)) return
    node.parents.forEach(visit)
    ordered.add(node)
  }
  below.forEach(visit)
  if (ordered.size === 0) {
    throw new BrokerError('invalid_request', `app "${app.id}" has nothing to do`, {
      fix: `hand it its streams: app({ id: '${app.id}' }).use(...)`,
    })
  }
  return [...ordered].filter((node) => node.kind !== 'late' || [...ordered].some(hasParent(node)))
}

const hasParent = (parent: Node) => (node: Node) => node.parents.includes(parent)

/** One declaration per topic, however many handles name it: a bare name yields to a real declaration. */
export function declaredTopics(nodes: readonly Node[]): Map<string, TopicSettings> {
  const topics = new Map<string, TopicSettings>()
  for (const node of nodes) {
    const settings =
      node.kind === 'source' || node.kind === 'sink' || node.kind === 'broadcast' ? node.topic : undefined
    if (settings === undefined) continue
    const known = topics.get(settings.name)
    if (known === undefined || isBareName(known)) topics.set(settings.name, settings)
    else if (known !== settings && !isBareName(settings)) {
      throw new BrokerError('invalid_request', `topic "${settings.name}" is declared twice`, {
        fix: 'declare it once with topic(...) and use that constant everywhere',
      })
    }
  }
  return topics
}

function isBareName({ schema, key, partitions, retentionMs, time, onBad }: TopicSettings): boolean {
  const declared = [schema, key, partitions, retentionMs, time]
  return onBad === 'skip' && declared.every((setting) => setting === undefined)
}

/** The name a user gave: part of topic names and of stored state. */
export function explicitName(node: Node): string | undefined {
  switch (node.kind) {
    case 'window':
    case 'aggregate':
    case 'generator':
    case 'spread':
    case 'join':
    case 'async':
    case 'dedupe':
    case 'process':
    case 'lookup':
    case 'as-of':
    case 'table-join':
      return node.name
    default:
      return undefined
  }
}

/**
 * Given names as they are; others read as the way to them, `rides.filter.keyBy`. Nothing durable hangs on those.
 */
export function nameNodes(nodes: readonly Node[]): Map<Node, string> {
  const ids = new Map<Node, string>()
  const taken = new Set<string>()
  for (const node of nodes) {
    const name = explicitName(node)
    if (name === undefined) continue
    checkedName(name)
    if (taken.has(name)) {
      throw new BrokerError('invalid_request', `two nodes are named "${name}"`, {
        fix: 'give each window, aggregate, join, repartition and source a name of its own',
      })
    }
    taken.add(name)
    ids.set(node, name)
  }
  for (const node of nodes) {
    if (ids.has(node)) continue
    const derived = derivedName(node, ids)
    const wanted = node.kind === 'source' && taken.has(derived) ? `${derived}.source` : derived
    let id = wanted
    for (let n = 2; taken.has(id); n++) id = `${wanted}-${n}`
    taken.add(id)
    ids.set(node, id)
  }
  return ids
}

function derivedName(node: Node, ids: ReadonlyMap<Node, string>): string {
  if (node.kind === 'source') return node.topic.name
  if (node.kind === 'broadcast') return `${node.topic.name}.broadcast`
  const step = node.kind === 'sink' ? 'to' : node.kind === 'arm' ? node.name : node.kind
  return `${ids.get(node.parents[0]!)}.${step}`
}

/** The name as it is, if it can be part of a topic's name. */
export function checkedName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,79}$/.test(name)) return name
  throw new BrokerError('invalid_request', `${JSON.stringify(name)} cannot name a node`, {
    fix: 'use up to 80 letters, digits, dashes or underscores, starting with a letter or digit',
  })
}
