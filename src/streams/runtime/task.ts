// A task: one subtopology on one partition, with the state of its keys. It owns everything it changes; nothing it does
// is visible before its commit is.
import { AssertionError, BrokerError, type Timer, toError } from '#base'
import type { BatchAppend } from '#broker'
import type { TaskStatus } from '../api.ts'
import { isStoreDamage, type Mutation } from '../state/state-store.ts'
import type { CommittedState } from '../tables/committed-state.ts'
import type { Committer } from './committer.ts'
import type { NodeCounters } from './counters.ts'
import type { Feed } from './feed.ts'
import { GeneratorFeed } from './generator-feed.ts'
import type { Pipeline } from './pipeline.ts'
import type { StoreWriter } from './store-writer.ts'
import type { TaskContext } from './task-context.ts'
import { assembleTask, type TaskOptions, type TaskParts } from './task-parts.ts'
import type { StoredInput } from './task-state.ts'
import type { WakeSignal } from './wake-signal.ts'

export type { TaskOptions }

type Wanted = 'run' | 'pause' | 'stop'

export class Task {
  readonly name: string
  readonly #context: TaskContext
  readonly #pipeline: Pipeline
  /** Tables first. */
  readonly #feeds: readonly Feed[]
  readonly #leading: readonly Feed[]
  readonly #committer: Committer
  readonly #writer: StoreWriter
  readonly #signal: WakeSignal
  readonly #epoch: number
  readonly #changelog: boolean
  /** Goes out with the first commit. */
  #signatures: Mutation[]
  #wanted: Wanted = 'run'
  #pendingRecords = 0
  #inFlight = false
  /** Runs while a commit waits to get full, and says when it has waited long enough. */
  #gathering: Timer | null = null
  #gathered = false
  #failure: Error | null = null
  #atRest: (() => void)[] = []

  private constructor(parts: TaskParts) {
    this.name = parts.context.task
    this.#context = parts.context
    this.#pipeline = parts.pipeline
    this.#leading = parts.feeds.filter(({ leads }) => leads === true)
    this.#feeds = [...this.#leading, ...parts.feeds.filter(({ leads }) => leads !== true)]
    this.#committer = parts.committer
    this.#writer = parts.writer
    this.#signal = parts.signal
    this.#epoch = parts.epoch
    this.#changelog = parts.changelog
    this.#signatures = parts.signatures
  }

  /** Fences whoever ran it before, restores its state, finds its place in its inputs. */
  static async open(options: TaskOptions): Promise<Task> {
    return new Task(await assembleTask(options))
  }

  get counters(): ReadonlyMap<string, NodeCounters> {
    return this.#context.counters
  }

  /** For those who look from outside. */
  get committed(): CommittedState {
    return this.#writer.committed
  }

  /** Where tests ask for a change of time. */
  get feeds(): readonly Feed[] {
    return this.#feeds
  }

  /** User code is at something that neither the task nor the clock knows of. */
  get outside(): boolean {
    return this.#pipeline.stateful.some((operator) => operator.outside === true)
  }

  readonly wake = (): void => this.#signal.wake()

  /** Resolves after `stop`; rejects with what went wrong. */
  async run(): Promise<void> {
    try {
      while (!(await this.#step())) await this.#signal.wait()
    } finally {
      for (const feed of this.#feeds) feed.stop()
      this.#pipeline.stop()
      this.#gathering?.cancel()
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
      if (this.#writer.due) this.#apply()
      const worked = this.#wanted === 'run' && this.#work()
      if (!this.#inFlight && this.#context.uncommitted && !this.#gathers()) this.#cut()
      if (this.#wanted !== 'run' && !this.#inFlight && !this.#context.uncommitted) {
        this.#apply()
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
    if (room <= 0 || this.#context.commitFull) return false
    for (const feed of this.#feeds) feed.prefetch()
    return this.#blaming(() => {
      const behind = this.#feeds.some((feed) => feed.behind === true)
      const emitted = this.#pipeline.emitReady(behind)
      // What a watermark made due and the last commit had no room for comes before any other row.
      if (!this.#pipeline.advance()) return emitted || this.#context.commitFull
      let worked = emitted
      if (this.#endSilence()) worked = true
      const held = this.#leading.some(({ behind }) => behind === true)
      for (const feed of this.#feeds) {
        if (!feed.ready || this.#context.full || (held && feed.leads !== true)) continue
        this.#pendingRecords += feed.run(Math.min(room, stepRecordsMax))
        worked = true
      }
      return worked
    })
  }

  /**
   * Far behind, a commit waits until it is full: nobody looks for one row of a backlog, and a row for each key that
   * changed, a record of its state and a sync are then paid for once in many records.
   */
  #gathers(): boolean {
    const { commitRecordsMax, gatherMs } = this.#context.limits
    const full = this.#pendingRecords >= commitRecordsMax || this.#context.full
    const far = this.#feeds.some(({ backlog = 0 }) => backlog >= commitRecordsMax)
    if (full || !far || this.#wanted !== 'run' || this.#gathered) return false
    this.#gathering ??= this.#context.clock.after(gatherMs, () => {
      this.#gathered = true
      this.#signal.wake()
    })
    return true
  }

  /** Windows that are to close after some silence; true if any does. */
  #endSilence(): boolean {
    let silentMs = Infinity
    for (const feed of this.#feeds) silentMs = Math.min(silentMs, feed.silentMs)
    if (silentMs === 0 || silentMs === Infinity || !this.#pipeline.endSilence(silentMs)) return false
    this.#context.touched = true
    this.#pipeline.advance()
    return true
  }

  /** The store catches up; what it has may leave memory. */
  #apply(): void {
    const applied = this.#writer.apply()
    if (applied !== null) this.#pipeline.release(applied)
  }

  #cut(): void {
    this.#gathering?.cancel()
    this.#gathering = null
    this.#gathered = false
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
