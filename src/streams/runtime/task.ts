// A task: one subtopology on one partition, with the state of its keys. It owns everything it changes; nothing it does
// is visible before its commit is.
import { AssertionError, BrokerError, type Clock, type Logger, type Random, toError } from '#base'
import type { BatchAppend, TopicInfo } from '#broker'
import type { LogPort, TaskStatus } from '../api.ts'
import type { App } from '../app.ts'
import { type PlannedNode, type Subtopology, taskName, topicOf } from '../graph/plan.ts'
import { isStoreDamage, type Mutation, type StateStore } from '../state/state-store.ts'
import { PartitionTime } from '../time/watermark.ts'
import { Committer } from './committer.ts'
import type { NodeCounters } from './counters.ts'
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
import { TaskContext } from './task-context.ts'
import { type StoredInput, storedTaskState, type TaskState } from './task-state.ts'
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

type Wanted = 'run' | 'pause' | 'stop'

export class Task {
  readonly name: string
  readonly #context: TaskContext
  readonly #pipeline: Pipeline
  readonly #feeds: readonly Feed[]
  readonly #committer: Committer
  readonly #signal: WakeSignal
  readonly #epoch: number
  readonly #changelog: boolean
  /** Goes out with the first commit. */
  #signatures: Mutation[]
  #wanted: Wanted = 'run'
  #pendingRecords = 0
  #inFlight = false
  #failure: Error | null = null
  #atRest: (() => void)[] = []

  private constructor(parts: TaskParts) {
    this.name = parts.context.task
    this.#context = parts.context
    this.#pipeline = parts.pipeline
    this.#feeds = parts.feeds
    this.#committer = parts.committer
    this.#signal = parts.signal
    this.#epoch = parts.epoch
    this.#changelog = parts.changelog
    this.#signatures = parts.signatures
  }

  /** Fences whoever ran it before, restores its state, finds its place in its inputs. */
  static async open(options: TaskOptions): Promise<Task> {
    return new Task(await assemble(options))
  }

  get counters(): ReadonlyMap<string, NodeCounters> {
    return this.#context.counters
  }

  /** Where tests ask for a change of time. */
  get feeds(): readonly Feed[] {
    return this.#feeds
  }

  readonly wake = (): void => this.#signal.wake()

  /** Resolves after `stop`; rejects with what went wrong. */
  async run(): Promise<void> {
    try {
      while (!(await this.#step())) await this.#signal.wait()
    } finally {
      for (const feed of this.#feeds) feed.stop()
      this.#settleRest()
    }
  }

  /** Resolves when everything processed is committed and nothing is read any more. */
  pause(): Promise<void> {
    if (this.#wanted === 'run') this.#wanted = 'pause'
    return this.#rest()
  }

  resume(): void {
    if (this.#wanted === 'pause') this.#wanted = 'run'
    this.#signal.wake()
  }

  stop(): void {
    this.#wanted = 'stop'
    for (const feed of this.#feeds) feed.stop()
    this.#signal.wake()
  }

  status(): TaskStatus[] {
    const { commits, commitMs } = this.#committer
    return this.#feeds.map((feed) => ({ task: this.name, ...feed.status(), commits, commitMs }))
  }

  #rest(): Promise<void> {
    const resting = new Promise<void>((resolve) => this.#atRest.push(resolve))
    this.#signal.wake()
    return resting
  }

  #settleRest(): void {
    for (const resolve of this.#atRest.splice(0)) resolve()
  }

  /** Works until there is nothing to do for now; true: it has stopped for good. */
  async #step(): Promise<boolean> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure
      const worked = this.#wanted === 'run' && this.#work()
      if (!this.#inFlight && this.#context.uncommitted) this.#cut()
      if (this.#wanted !== 'run' && !this.#inFlight && !this.#context.uncommitted) {
        this.#settleRest()
        return this.#wanted === 'stop'
      }
      if (!worked) return false
    }
  }

  /** Processes what is there, as far as the next commit has room. */
  #work(): boolean {
    const { commitRecordsMax, stepRecordsMax } = this.#context.limits
    const room = commitRecordsMax - this.#pendingRecords
    if (room <= 0 || this.#context.full) return false
    for (const feed of this.#feeds) feed.prefetch()
    return this.#blaming(() => {
      // What a watermark made due and the last commit had no room for comes before any other row.
      if (!this.#pipeline.advance()) return true
      let worked = false
      for (const feed of this.#feeds) {
        if (!feed.ready) continue
        this.#pendingRecords += feed.run(Math.min(room, stepRecordsMax))
        worked = true
      }
      return worked
    })
  }

  #cut(): void {
    const number = this.#committer.nextNumber
    const mutations: Mutation[] = this.#signatures
    const outputs: BatchAppend[] = []
    this.#blaming(() => this.#pipeline.flush(this.#epoch))
    if (this.#changelog) {
      this.#pipeline.collect(mutations, number)
      for (const feed of this.#feeds) if (feed instanceof GeneratorFeed) feed.collect(mutations)
    }
    for (const output of this.#pipeline.outputs.values()) output.takeInto(outputs)
    const inputs = this.#feeds.flatMap(({ input }): StoredInput[] => (input === null ? [] : [input]))
    this.#signatures = []
    this.#pendingRecords = 0
    this.#context.pendingBytes = 0
    this.#context.touched = false
    this.#inFlight = true
    this.#committer
      .commit({ outputs, mutations, inputs, times: this.#pipeline.times() })
      .then((applied) => this.#pipeline.release(applied))
      .catch((thrown: unknown) => {
        this.#failure = toError(thrown)
      })
      .finally(() => {
        this.#inFlight = false
        this.#signal.wake()
      })
  }

  /** What user code throws gets its node and its position; the rest is told as it is. */
  #blaming<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      if (thrown instanceof AssertionError || isStoreDamage(thrown)) throw thrown
      const { topic, partition, offset } = this.#context.record
      const { node, task } = this.#context
      const cause = toError(thrown)
      const code = thrown instanceof BrokerError ? thrown.code : 'app_failed'
      const fix = thrown instanceof BrokerError ? thrown.fix : undefined
      throw new BrokerError(
        code,
        `"${node}" failed at ${topic}/${partition} offset ${offset}: ${cause.message}`,
        {
          cause,
          ...(fix === undefined ? {} : { fix }),
          details: { task, node, topic, partition, offset },
        },
      )
    }
  }
}

type TaskParts = {
  readonly context: TaskContext
  readonly pipeline: Pipeline
  readonly feeds: readonly Feed[]
  readonly committer: Committer
  readonly signal: WakeSignal
  readonly epoch: number
  readonly changelog: boolean
  readonly signatures: Mutation[]
}

async function assemble(options: TaskOptions): Promise<TaskParts> {
  const { app, subtopology, partition, topics, port, store, readSlice, limits } = options
  const name = taskName(subtopology.name, partition)
  const logger = options.logger.child({ task: name })
  const epoch = await port.fence(app.id, name)
  const changelog = subtopology.changelog === null ? null : topics.get(subtopology.changelog)!
  if (changelog !== null) await restore({ port, readSlice, store, changelog, partition, logger, limits })
  const state = changelog === null ? null : storedTaskState(store)
  const signal = new WakeSignal()
  const context = new TaskContext(name, { onError: app.onError, logger, limits })
  const { pipeline, feeds, readers } = wire({ ...options, logger }, context, signal)
  pipeline.restore(state?.times ?? {})
  for (const { reader, restoreTime } of readers) {
    const topic = topics.get(reader.topic)!
    const stored = state?.inputs.find((input) => input.id === topic.id && input.partition === partition)
    const committed = await port.committed(app.id, reader.topic, partition)
    const place = {
      topic,
      partition,
      committed,
      stored,
      hasState: state !== null,
      keepsState: changelog !== null,
    }
    reader.seek(startPosition(place), topic.partitions[partition]!.endOffset)
    if (stored !== undefined) restoreTime(stored)
  }
  const { clock, random } = options
  const committer = new Committer({
    port,
    clock,
    random,
    logger,
    limits,
    store,
    group: app.id,
    task: name,
    epoch,
    changelog: changelog && { topic: changelog.name, partition, logId: logIdOf(changelog, partition) },
    last: state ?? { commit: 0, id: '' },
  })
  const signatures = changelog === null ? [] : checkSignatures(subtopology, store)
  return { context, pipeline, feeds, committer, signal, epoch, changelog: changelog !== null, signatures }
}

type Wired = {
  readonly pipeline: Pipeline
  readonly feeds: readonly Feed[]
  readonly readers: readonly {
    readonly reader: InputReader
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
  const feeds: Feed[] = []
  const readers: Wired['readers'][number][] = []
  for (const planned of sources) {
    const topic = topics.get(topicOf(planned)!)!
    const { wake } = signal
    const reader = new InputReader({
      port,
      clock,
      logger,
      readSlice,
      limits,
      topic: topic.name,
      partition,
      wake,
    })
    const common = { nodeId: planned.id, topicId: topic.id, reader, context, pipeline }
    const time = times.get(topic.name)!
    if (time instanceof UpstreamTime) {
      feeds.push(new RepartitionFeed({ ...common, time }))
      readers.push({ reader, restoreTime: (stored) => time.restore(stored.time, stored.slots) })
    } else if (planned.node.kind === 'source') {
      feeds.push(new PartitionFeed({ ...common, topic: planned.node.topic, time }))
      readers.push({ reader, restoreTime: ({ time: stored }) => stored && time?.restore(stored) })
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
