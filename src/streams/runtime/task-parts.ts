// Puts a task together: fences whoever ran it before, restores its state, builds its operators, finds its place in its
// inputs.
import type { Clock, Logger, Random } from '#base'
import type { TopicInfo } from '#broker'
import type { LogPort } from '../api.ts'
import type { App } from '../app.ts'
import { errorRulesOf } from '../graph/error-rules.ts'
import { type PlannedNode, type Subtopology, taskName, topicOf } from '../graph/plan.ts'
import type { Mutation, StateStore } from '../state/state-store.ts'
import { PartitionTime } from '../time/watermark.ts'
import { Committer } from './committer.ts'
import type { Feed } from './feed.ts'
import { GeneratorFeed } from './generator-feed.ts'
import { InputReader } from './input-reader.ts'
import type { RuntimeLimits } from './limits.ts'
import { PartitionFeed } from './partition-feed.ts'
import { Pipeline } from './pipeline.ts'
import { RepartitionFeed, UpstreamTime } from './repartition-feed.ts'
import { logIdOf, restore } from './restore.ts'
import { checkSignatures } from './signature.ts'
import type { SliceReader } from './slice-reader.ts'
import { startPosition } from './start-position.ts'
import { StoreWriter } from './store-writer.ts'
import { TaskContext } from './task-context.ts'
import { storedTaskState, type TaskState } from './task-state.ts'
import { WakeSignal } from './wake-signal.ts'

export type TaskOptions = {
  readonly app: App
  readonly subtopology: Subtopology
  readonly partition: number
  /** Every topic that it reads or writes, as it really is. */
  readonly topics: ReadonlyMap<string, TopicInfo>
  readonly store: StateStore
  readonly port: LogPort
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly readSlice: SliceReader
  readonly limits: RuntimeLimits
}

export type TaskParts = {
  readonly context: TaskContext
  readonly pipeline: Pipeline
  readonly feeds: readonly Feed[]
  readonly committer: Committer
  readonly writer: StoreWriter
  readonly signal: WakeSignal
  readonly epoch: number
  readonly changelog: boolean
  readonly signatures: Mutation[]
}

export async function assembleTask(options: TaskOptions): Promise<TaskParts> {
  const { app, subtopology, partition, topics, port, store, readSlice, limits } = options
  const name = taskName(subtopology.name, partition)
  const logger = options.logger.child({ task: name })
  const epoch = await port.fence(subtopology.group, name)
  const changelog = subtopology.changelog === null ? null : topics.get(subtopology.changelog)!
  if (changelog !== null) await restore({ port, readSlice, store, changelog, partition, logger, limits })
  const state = changelog === null ? null : storedTaskState(store)
  const signal = new WakeSignal()
  const context = new TaskContext(name, {
    rules: { ...errorRulesOf(app, subtopology), app: app.id },
    logger,
    limits,
    clock: options.clock,
    wake: signal.wake,
  })
  const { pipeline, feeds, readers } = wire({ ...options, logger }, context, signal)
  pipeline.restore(state?.times ?? {})
  for (const { reader, of, restoreTime } of readers) {
    const topic = topics.get(reader.topic)!
    const stored = state?.inputs.find(
      (input) => input.id === topic.id && input.partition === reader.partition && input.of === of,
    )
    const committed =
      of === undefined ? await port.committed(subtopology.group, reader.topic, partition) : null
    const place = {
      topic,
      partition: reader.partition,
      committed,
      stored,
      hasState: state !== null,
      keepsState: changelog !== null,
    }
    reader.seek(startPosition(place), topic.partitions[reader.partition]!.endOffset)
    if (stored !== undefined) restoreTime(stored)
  }
  const { clock, random } = options
  const writer = new StoreWriter({ store, clock, limits, wake: signal.wake })
  const committer = new Committer({
    port,
    clock,
    random,
    logger,
    limits,
    writer,
    group: subtopology.group,
    task: name,
    epoch,
    changelog: changelog && { topic: changelog.name, partition, logId: logIdOf(changelog, partition) },
    last: state ?? { commit: 0, id: '' },
  })
  const signatures = changelog === null ? [] : checkSignatures(subtopology, store)
  return {
    context,
    pipeline,
    feeds,
    committer,
    writer,
    signal,
    epoch,
    changelog: changelog !== null,
    signatures,
  }
}

type Wired = {
  readonly pipeline: Pipeline
  readonly feeds: readonly Feed[]
  readonly readers: readonly {
    readonly reader: InputReader
    /** Set for a table that every task holds. */
    readonly of?: string
    readonly restoreTime: (stored: NonNullable<TaskState['inputs'][number]>) => void
  }[]
}

/** Operators and what feeds them; inputs of other partitions stay out. */
function wire(options: TaskOptions, context: TaskContext, signal: WakeSignal): Wired {
  const { app, subtopology, partition, topics, store, port, clock, logger, readSlice, limits } = options
  const sources = subtopology.nodes.filter((planned) => {
    const topic = topicOf(planned)
    return topic !== undefined && partition < topics.get(topic)!.partitions.length
  })
  const times = new Map(sources.map((planned) => [topicOf(planned)!, timeOf(planned)] as const))
  const pipeline = new Pipeline({
    subtopology,
    context,
    store,
    timeOf: (topic) => times.get(topic) ?? null,
    partitionsOf: (topic) => topics.get(topic)!.partitions.length,
  })
  const { wake } = signal
  const readerOf = (topic: string, of: number) =>
    new InputReader({ port, clock, logger, readSlice, limits, topic, partition: of, wake })
  const feeds: Feed[] = []
  const readers: Wired['readers'][number][] = []
  for (const planned of sources) {
    const topic = topics.get(topicOf(planned)!)!
    const reader = readerOf(topic.name, partition)
    const common = { nodeId: planned.id, topicId: topic.id, reader, context, pipeline, broadcast: false }
    const time = times.get(topic.name)!
    if (time instanceof UpstreamTime) {
      feeds.push(new RepartitionFeed({ ...common, time }))
      readers.push({ reader, restoreTime: (stored) => time.restore(stored.time, stored.slots) })
    } else if (planned.node.kind === 'source') {
      feeds.push(new PartitionFeed({ ...common, logger, topic: planned.node.topic, time }))
      readers.push({ reader, restoreTime: ({ time: stored }) => stored && time?.restore(stored) })
    }
  }
  for (const { id, node } of subtopology.nodes) {
    if (node.kind !== 'broadcast') continue
    const topic = topics.get(node.topic.name)!
    for (const { partition: each } of topic.partitions) {
      const reader = readerOf(topic.name, each)
      const common = { nodeId: id, topicId: topic.id, reader, context, pipeline, broadcast: true }
      feeds.push(new PartitionFeed({ ...common, logger, topic: node.topic, time: null }))
      readers.push({ reader, of: id, restoreTime: () => undefined })
    }
  }
  for (const { id, node } of subtopology.nodes) {
    if (node.kind !== 'generator') continue
    const emit = () => pipeline.heads.get(id)!
    feeds.push(
      new GeneratorFeed({ node, context, clock, store, onError: app.onError, emit, wake: signal.wake }),
    )
  }
  return { pipeline, feeds, readers }
}

function timeOf({ node }: PlannedNode): PartitionTime | UpstreamTime | null {
  if (node.kind === 'repartition-source') return new UpstreamTime(node.upstreamTasks)
  if (node.kind !== 'source' || node.topic.time === undefined) return null
  return new PartitionTime(node.topic.time.outOfOrderMs)
}
