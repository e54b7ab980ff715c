// One step of a task becomes one commit: outputs, state, positions and time in one append. When it is durable, the store
// may have the same state. One commit is on its way at a time; the next is cut as soon as that one is durable.
import { asOffset, type BrokerError, type Clock, type Logger, type Random, sleep, toError } from '#base'
import type { BatchAppend } from '#broker'
import { BatchBuilder } from '#record'
import type { LogPort } from '../api.ts'
import { taskKey } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { RuntimeLimits } from './limits.ts'
import type { StoreWriter } from './store-writer.ts'
import { encodeTaskState, type TaskState } from './task-state.ts'

export type CommitterOptions = {
  readonly port: LogPort
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: RuntimeLimits
  readonly writer: StoreWriter
  readonly group: string
  readonly task: string
  readonly epoch: number
  /** null: the task keeps no state. */
  readonly changelog: { readonly topic: string; readonly partition: number; readonly logId: string } | null
  /** The task's last commit, as restored. */
  readonly last: Pick<TaskState, 'commit' | 'id'>
}

/** What one commit is made of. */
export type Cut = {
  readonly outputs: readonly BatchAppend[]
  readonly mutations: Mutation[]
  readonly inputs: TaskState['inputs']
  readonly times: TaskState['times']
}

const averageOver = 16

export class Committer {
  /** Commits that are durable, since the task started. */
  commits = 0
  /** From sending a commit to knowing that it is durable, on average of late. */
  commitMs = 0
  readonly #options: CommitterOptions
  readonly #builder = new BatchBuilder()
  #number: number
  #id: string

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#number = options.last.commit
    this.#id = options.last.id
  }

  /** The number that the next commit will have. */
  get nextNumber(): number {
    return this.#number + 1
  }

  /** Resolves when it is durable. */
  async commit(cut: Cut): Promise<void> {
    const { port, clock, writer, changelog, group, task, epoch } = this.#options
    const number = ++this.#number
    const batches = [...cut.outputs]
    if (changelog !== null) batches.unshift(this.#changelogBatch(cut, number))
    const id = this.#id
    const own = cut.inputs.filter(({ of }) => of === undefined)
    const offsets = own.map(({ topic, partition, next }) => ({ topic, partition, offset: next }))
    const began = clock.monotonic()
    const { positions } = await this.#untilTaken(() =>
      port.commit({ group, owner: task, epoch, batches, offsets }),
    )
    const tookMs = clock.monotonic() - began
    this.commitMs += (tookMs - this.commitMs) / Math.min(averageOver, this.commits + 1)
    this.commits++
    if (changelog !== null) {
      const next = asOffset(positions[0]! + cut.mutations.length)
      writer.add(cut.mutations, { position: { log: changelog.logId, next, chain: id }, commit: number })
    }
  }

  #changelogBatch(cut: Cut, number: number): BatchAppend {
    const { changelog, random, epoch, clock } = this.#options
    const previous = this.#id
    this.#id = random.id()
    const { inputs, times } = cut
    const state: TaskState = { commit: number, id: this.#id, previous, epoch, inputs, times }
    cut.mutations.push({ key: taskKey, value: encodeTaskState(state) })
    const timestamp = Math.floor(clock.now())
    for (const { key, value } of cut.mutations) this.#builder.append({ key, value, timestamp })
    const batch = this.#builder.build()
    this.#builder.reset()
    return { topic: changelog!.topic, partition: changelog!.partition, batch }
  }

  /** `busy` and `disk_full` say that nothing was written: only then is it safe to send the same again. */
  async #untilTaken<T>(send: () => Promise<T>): Promise<T> {
    const { clock, logger, task, limits } = this.#options
    for (let tries = 1; ; tries++) {
      try {
        return await send()
      } catch (thrown) {
        const { code, message } = toError(thrown) as BrokerError
        if ((code !== 'busy' && code !== 'disk_full') || tries === limits.commitTriesMax) throw thrown
        if (tries === 1) logger.warn({ task, code, reason: message }, 'the log takes no commit for now')
        await sleep(clock, limits.retryMs)
      }
    }
  }
}
