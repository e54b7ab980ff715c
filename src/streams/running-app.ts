// An app at work: its tasks over a log port, from start to stop.
import { BrokerError, type Clock, type Disk, type Logger, type Random, toError } from '#base'
import type { TopicInfo, TopicSpec } from '#broker'
import type { AppState, GraphDescription, LogPort, RunningStatus } from './api.ts'
import type { App } from './app.ts'
import { readLayout, writeLayout } from './change/layout.ts'
import { refuseMisfits } from './change/preview.ts'
import { type Rebuild, settle } from './change/settle.ts'
import { describePlan } from './describe.ts'
import type { Node } from './graph/node.ts'
import { type Plan, planApp, taskName } from './graph/plan.ts'
import { sumCounters } from './runtime/counters.ts'
import { defaultLimits, type RuntimeLimits } from './runtime/limits.ts'
import { RecordRate } from './runtime/record-rate.ts'
import { diskSliceReader, isDisk, type SegmentSlice, type SliceReader } from './runtime/slice-reader.ts'
import { TaskRunner } from './runtime/task-runner.ts'
import { MemoryStore } from './state/memory-store.ts'
import type { StoreOpener } from './state/state-store.ts'
import { storeOpener } from './state/store-kind.ts'
import { AppTables } from './tables/app-tables.ts'

export type { SegmentSlice, SliceReader }

export type StartOptions = {
  readonly port: LogPort
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** This app's own folder for its state stores; null keeps state in memory and rebuilds it at each start. */
  readonly stateDirectory: string | null
  /** File of RocksDB's C library, for an app that keeps its state there; absent: wherever the system has it. */
  readonly rocksdb?: string | undefined
  /** How the bytes of a slice are read: a function, or the disk on which they lie. */
  readonly readSlice: SliceReader | Disk
  /** What is to be computed anew although it has state. Default: nothing. */
  readonly rebuild?: Rebuild | undefined
}

export interface RunningApp {
  status(): RunningStatus
  /** The state of its nodes, as committed. */
  readonly tables: AppTables
  /** Stops reading; resolves when everything read is committed. */
  pause(): Promise<void>
  resume(): void
  /** Commits what was processed, closes the stores. Resolves once nothing of the app runs any more. */
  stop(): Promise<void>
  /** Resolves after `stop`; rejects when a task fails (then every task has stopped). */
  readonly done: Promise<void>
}

/** Creates missing topics, fences older owners, restores state and starts all tasks. Rejects if the graph is unsound. */
export async function startApp(app: App, options: StartOptions): Promise<RunningApp> {
  const { stateDirectory, rocksdb = null } = options
  const openStore: StoreOpener =
    stateDirectory === null
      ? () => new MemoryStore()
      : await storeOpener(app.store, { directory: stateDirectory, rocksdb })
  return openApp(app, { ...options, openStore })
}

export type OpenOptions = Omit<StartOptions, 'stateDirectory'> & {
  readonly openStore: StoreOpener
  readonly limits?: Partial<RuntimeLimits>
  /** Nodes of no user: see `PlanOptions`. */
  readonly taps?: readonly Node[]
}

/** `startApp` with stores of one's own. */
export async function openApp(app: App, options: OpenOptions): Promise<AppRun> {
  const { port, logger, readSlice } = options
  const limits = { ...defaultLimits, ...options.limits }
  const reader = isDisk(readSlice) ? diskSliceReader(readSlice, limits.openFilesMax) : readSlice
  const { plan, topics } = await settleApp(app, { ...options, readSlice: reader })
  const runners: TaskRunner[] = []
  try {
    for (const subtopology of plan.subtopologies) {
      for (let partition = 0; partition < subtopology.tasks; partition++) {
        const task = taskName(subtopology.name, partition)
        const store = subtopology.changelog === null ? new MemoryStore() : options.openStore(task)
        const { clock, random } = options
        const shared = { app, topics, port, clock, random, logger, limits, readSlice: reader }
        runners.push(await TaskRunner.open({ ...shared, subtopology, partition, store }))
      }
    }
  } catch (thrown) {
    for (const runner of runners) {
      runner.stop()
      await runner.run()
    }
    throw thrown
  }
  return new AppRun(plan, runners, options)
}

type Settled = { readonly plan: Plan; readonly topics: ReadonlyMap<string, TopicInfo> }

/** Topics first as the user named them, since how many partitions they really have decides how the graph is cut. */
async function settleApp(
  app: App,
  options: OpenOptions & { readonly readSlice: SliceReader },
): Promise<Settled> {
  const { port, clock, rebuild, taps } = options
  const specs = (plan: Plan) =>
    describePlan(plan).topics.map(({ role, ...spec }) => ({
      internal: role === 'changelog' || role === 'repartition',
      spec,
    }))
  const draft = planApp(app)
  const topics = new Map<string, TopicInfo>()
  const ensure = async (wanted: readonly TopicSpec[]) => {
    for (const info of await port.ensureTopics(wanted)) topics.set(info.name, info)
  }
  await ensure(specs(draft).flatMap(({ internal, spec }) => (internal ? [] : [spec])))
  const layout = await readLayout(app.id, options)
  const partitionsOf = (topic: string) =>
    topics.get(topic)?.partitions.length ?? draft.topics.get(topic)?.partitions ?? 1
  const settlement = settle(app, { layout, rebuild, taps, partitionsOf })
  refuseMisfits(settlement)
  const { plan } = settlement
  // Once more for what a plan of one's own may have added.
  await ensure(specs(plan).map(({ spec }) => spec))
  for (const { internal, spec } of specs(plan)) {
    const partitions = topics.get(spec.name)!.partitions.length
    if (!internal || partitions === spec.partitions) continue
    throw new BrokerError(
      'conflict',
      `app "${app.id}" needs ${spec.partitions} partitions of ${spec.name}, which has ${partitions}`,
      { fix: 'the partitions of its sources were changed: pspf app reset computes it anew' },
    )
  }
  const isNew = JSON.stringify(layout) !== JSON.stringify(settlement.layout)
  if (isNew) await writeLayout(app.id, settlement.layout, { port, timestamp: Math.floor(clock.now()) })
  return { plan, topics }
}

export class AppRun implements RunningApp {
  readonly done: Promise<void>
  readonly runners: readonly TaskRunner[]
  readonly plan: Plan
  readonly tables: AppTables
  readonly #graph: GraphDescription
  readonly #rate: RecordRate
  readonly #stopped: Promise<unknown>
  #state: AppState = 'running'

  constructor(plan: Plan, runners: readonly TaskRunner[], options: Pick<OpenOptions, 'clock' | 'logger'>) {
    this.plan = plan
    this.runners = runners
    this.#graph = describePlan(plan)
    this.#rate = new RecordRate(options.clock)
    this.tables = new AppTables({ plan, tasks: runners, clock: options.clock })
    const runs = runners.map((runner) => runner.run())
    this.#stopped = Promise.allSettled(runs)
    this.done = this.#finish(runs)
    // Told here once, so that a failure is not lost on somebody who does not wait for `done`.
    this.done.catch((error: unknown) =>
      options.logger.error({ app: plan.app.id, err: error }, 'the app failed'),
    )
  }

  status(): RunningStatus {
    const nodes = this.#graph.nodes.map(({ id }) =>
      sumCounters(
        id,
        this.runners.flatMap(({ counters }) => counters.get(id) ?? []),
      ),
    )
    const tasks = this.runners.flatMap((runner) => runner.status())
    return {
      id: this.#graph.app,
      state: this.#state,
      graph: this.#graph,
      nodes,
      tasks,
      recordsPerSecond: this.#rate.of(this.#recordsRead()),
      lag: tasks.reduce((sum, { lag }) => sum + lag, 0),
    }
  }

  async pause(): Promise<void> {
    if (this.#state !== 'running') return
    this.#state = 'paused'
    await Promise.all(this.runners.map((runner) => runner.pause()))
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'running'
    for (const runner of this.runners) runner.resume()
  }

  async stop(): Promise<void> {
    for (const runner of this.runners) runner.stop()
    await this.#stopped
  }

  /** One task that fails takes the others with it: what they do together would be half. */
  async #finish(runs: readonly Promise<void>[]): Promise<void> {
    try {
      await Promise.all(runs)
      this.#state = 'stopped'
    } catch (thrown) {
      this.#state = 'failed'
      await this.stop()
      throw toError(thrown)
    }
  }

  #recordsRead(): number {
    let records = 0
    const entries = this.plan.subtopologies.flatMap(({ nodes }) => nodes)
    for (const { id, node } of new Map(entries.map((entry) => [entry.id, entry])).values()) {
      if (node.kind !== 'source' && node.kind !== 'repartition-source') continue
      for (const { counters } of this.runners) records += counters.get(id)?.recordsIn ?? 0
    }
    return records
  }
}
