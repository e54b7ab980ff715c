// What a version of an app would do to the one that ran before, without doing it.
import { BrokerError } from '#base'
import type { TopicInfo } from '#broker'
import type { LogPort } from '../api.ts'
import type { App } from '../app.ts'
import { planApp } from '../graph/plan.ts'
import type { SliceReader } from '../runtime/slice-reader.ts'
import { type AppChange, type NodeChange, refusedNodes } from './app-change.ts'
import { type Layout, readLayout } from './layout.ts'
import { noRebuild, type Rebuild, type Settlement, settle } from './settle.ts'

export type PreviewOptions = {
  readonly port: LogPort
  readonly readSlice: SliceReader
  /** Names of nodes that are to be computed anew; `misfits`: and whatever does not fit. */
  readonly rebuild?: { readonly names: readonly string[]; readonly misfits?: boolean } | undefined
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
  const rebuild = { ...noRebuild, ...options.rebuild, after: layout?.generation ?? 0 }
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

function changeOf(settlement: Settlement, topics: ReadonlyMap<string, TopicInfo>): AppChange {
  const { plan, backFilled, layout } = settlement
  const nodes = settlement.nodes.map((node): NodeChange => {
    if (!backFilled.has(node.name)) return { ...node, from: [] }
    const task = layout.entries.find(
      ({ name, born }) => name === node.name && born === layout.generation,
    )?.task
    const inputs = plan.subtopologies.find(({ name }) => name === task)?.inputs ?? []
    const from = inputs.flatMap(({ topic }) =>
      (topics.get(topic)?.partitions ?? []).map(({ partition, startOffset, endOffset }) => {
        return { topic, partition, offset: startOffset, records: endOffset - startOffset }
      }),
    )
    return { ...node, from }
  })
  const begins = nodes.some(({ what, from }) => (what === 'rebuilt' || what === 'added') && from.length > 0)
  const outputs = settlement.outputs.map(({ topic, what }) => {
    const held = (topics.get(topic)?.partitions ?? []).reduce(
      (sum, { startOffset, endOffset }) => sum + endOffset - startOffset,
      0,
    )
    return what === 'removed' || !begins || held === 0 || !writesAgain(settlement, topic)
      ? { topic, what }
      : { topic, what, again: held }
  })
  return { app: plan.app.id, nodes, outputs }
}

/** A node that begins anew writes what a topic may have from its like. */
function writesAgain({ plan, backFilled }: Settlement, topic: string): boolean {
  const nodes = plan.subtopologies.flatMap((subtopology) =>
    subtopology.nodes.map((planned) => ({ planned, generation: subtopology.generation })),
  )
  const newest = Math.max(...plan.subtopologies.map(({ generation }) => generation))
  return (
    backFilled.size > 0 &&
    nodes.some(
      ({ planned: { node }, generation }) =>
        node.kind === 'sink' && node.topic.name === topic && generation === newest,
    )
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
