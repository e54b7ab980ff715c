// What a version of an app would do to the one that ran before, without doing it.
import { BrokerError } from '#base'
import type { TopicInfo } from '#broker'
import type { LogPort } from '../api.ts'
import type { App } from '../app.ts'
import { type Plan, planApp, type Subtopology } from '../graph/plan.ts'
import type { SliceReader } from '../runtime/slice-reader.ts'
import { type AppChange, type NodeChange, type OutputChange, refusedNodes } from './app-change.ts'
import { type Layout, readLayout } from './layout.ts'
import { noRebuild, type Rebuild, type Settlement, settle } from './settle.ts'

export type PreviewOptions = {
  readonly port: LogPort
  readonly readSlice: SliceReader
  readonly rebuild?: Omit<Rebuild, 'after'> | undefined
}

export type Preview = {
  readonly change: AppChange
  /** For the start that is to do what was shown. */
  readonly rebuild: Rebuild
}

/** Creates and changes nothing. Throws as a start would, but for state that does not fit: that is in the answer. */
export async function previewChange(app: App, options: PreviewOptions): Promise<Preview> {
  const draft = planApp(app)
  const topics = new Map<string, TopicInfo>()
  for (const info of await options.port.findTopics([...draft.topics.keys()])) topics.set(info.name, info)
  const partitionsOf = (topic: string) =>
    topics.get(topic)?.partitions.length ?? draft.topics.get(topic)?.partitions ?? 1
  const layout = await readLayout(app.id, options)
  const rebuild = { ...noRebuild, ...options.rebuild, after: layout?.generation ?? 1 }
  checkNames(rebuild, app, layout)
  const settlement = settle(app, { layout, rebuild, partitionsOf })
  return { change: changeOf(settlement, topics), rebuild }
}

function checkNames({ names }: Rebuild, app: App, layout: Layout | null): void {
  const { nodes } = settle(app, { layout: null })
  const known = nodes.filter(({ kind }) => kind !== 'sink').map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown === undefined) return
  const was = layout?.entries.some(({ name }) => name === unknown) ? ' any more' : ''
  throw new BrokerError(
    'invalid_request',
    `app "${app.id}" has no node "${unknown}"${was} that keeps state`,
    {
      fix: known.length === 0 ? 'leave it out' : `name one of ${known.join(', ')}`,
    },
  )
}

/** A topic that does not exist yet. */
const empty = { partition: 0, startOffset: 0, endOffset: 0 }

function changeOf(settlement: Settlement, topics: ReadonlyMap<string, TopicInfo>): AppChange {
  const { plan, begins } = settlement
  const partitionsOf = (topic: string) => topics.get(topic)?.partitions ?? [empty]
  const nodes = settlement.nodes.map((node): NodeChange => {
    const inputs = begins.has(node.name) ? backFilledFrom(settlement, node.name) : []
    const from = inputs.flatMap((topic) =>
      partitionsOf(topic).map(({ partition, startOffset, endOffset }) => {
        return { topic, partition, offset: startOffset, records: endOffset - startOffset }
      }),
    )
    return { ...node, from }
  })
  const outputs = settlement.outputs.map((output): OutputChange => {
    const { topic, what } = output
    const again = partitionsOf(topic).reduce(
      (sum, { startOffset, endOffset }) => sum + endOffset - startOffset,
      0,
    )
    return what === 'removed' || again === 0 || !isWrittenAnew(settlement, topic)
      ? output
      : { topic, what, again }
  })
  return { app: plan.app.id, nodes, outputs }
}

/** The topics that a node reads from the beginning, through repartitions of its own; none: it begins with what comes. */
function backFilledFrom({ plan, layout, generation }: Settlement, name: string): string[] {
  const task = layout.entries.find((entry) => entry.name === name && entry.left !== true)?.task
  const found = new Set<string>()
  const visit = (subtopology: Subtopology | undefined): boolean => {
    if (subtopology?.generation !== generation) return false
    return subtopology.inputs.every(({ topic }) => {
      if (plan.topics.has(topic)) found.add(topic)
      return plan.topics.has(topic) || visit(writerOf(plan, topic))
    })
  }
  return visit(plan.subtopologies.find((subtopology) => subtopology.name === task)) ? [...found].sort() : []
}

const writerOf = ({ subtopologies }: Plan, topic: string): Subtopology | undefined =>
  subtopologies.find(({ nodes }) =>
    nodes.some(({ node }) => node.kind === 'repartition' && node.topic === topic),
  )

/** By a node that begins, of which the topic may have rows already. */
function isWrittenAnew({ plan, generation }: Settlement, topic: string): boolean {
  return plan.subtopologies.some(
    (subtopology) =>
      subtopology.generation === generation &&
      subtopology.nodes.some(({ node }) => node.kind === 'sink' && node.topic.name === topic),
  )
}

/** Throws `conflict` where a start would read state as what it is not. */
export function refuseMisfits({ plan, nodes }: Settlement): void {
  const refused = refusedNodes({
    app: plan.app.id,
    nodes: nodes.map((node) => ({ ...node, from: [] })),
    outputs: [],
  })
  const [first] = refused
  if (first === undefined) return
  const more = refused.length > 1 ? ` (and ${refused.length - 1} more)` : ''
  throw new BrokerError('conflict', `the state of "${first.name}" does not fit: ${first.why}${more}`, {
    fix: 'give it another name or a higher version to compute it anew from its inputs, put it back as it was, or deploy with --replace',
  })
}
