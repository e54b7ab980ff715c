// Keeps a task at work with the store it has: a store that turns out to be damaged is dropped and rebuilt from the log,
// a bounded number of times.
import type { TaskStatus } from '../api.ts'
import { isStoreDamage } from '../state/state-store.ts'
import type { CommittedState } from '../tables/committed-state.ts'
import type { NodeCounters } from './counters.ts'
import { Task, type TaskOptions } from './task.ts'

export class TaskRunner {
  readonly #options: TaskOptions
  #task: Task
  #rebuilds = 0
  /** Its store was dropped, and is not filled again yet. */
  #rebuilding = false
  #wanted: 'run' | 'pause' | 'stop' = 'run'

  private constructor(options: TaskOptions, task: Task, rebuilds: number) {
    this.#options = options
    this.#task = task
    this.#rebuilds = rebuilds
  }

  static async open(options: TaskOptions): Promise<TaskRunner> {
    const { task, rebuilds } = await openTask(options, 0)
    return new TaskRunner(options, task, rebuilds)
  }

  get task(): Task {
    return this.#task
  }

  get name(): string {
    return this.#task.name
  }

  /** null: it is not known just now. */
  get committed(): CommittedState | null {
    return this.#rebuilding ? null : this.#task.committed
  }

  get counters(): ReadonlyMap<string, NodeCounters> {
    return this.#task.counters
  }

  status(): TaskStatus[] {
    return this.#task.status()
  }

  /** Resolves after `stop`, with the store closed. */
  async run(): Promise<void> {
    try {
      for (;;) {
        try {
          await this.#task.run()
          return
        } catch (thrown) {
          this.#rebuilding = true
          dropStore(this.#options, thrown, this.#rebuilds++)
          const opened = await openTask(this.#options, this.#rebuilds)
          this.#task = opened.task
          this.#rebuilds = opened.rebuilds
          this.#rebuilding = false
          if (this.#wanted === 'stop') this.#task.stop()
          else if (this.#wanted === 'pause') void this.#task.pause()
        }
      }
    } finally {
      this.#options.store.close()
    }
  }

  async pause(): Promise<void> {
    if (this.#wanted === 'run') this.#wanted = 'pause'
    await this.#task.pause()
  }

  resume(): void {
    if (this.#wanted === 'pause') this.#wanted = 'run'
    this.#task.resume()
  }

  stop(): void {
    this.#wanted = 'stop'
    this.#task.stop()
  }
}

/** Opens the task, if need be on a store that is filled anew; answers how often that happened so far. */
async function openTask(options: TaskOptions, before: number): Promise<{ task: Task; rebuilds: number }> {
  for (let rebuilds = before; ; rebuilds++) {
    try {
      return { task: await Task.open(options), rebuilds }
    } catch (thrown) {
      dropStore(options, thrown, rebuilds)
    }
  }
}

/** Throws on unless it is the store that is damaged, and not for the umpteenth time. */
function dropStore({ store, logger, limits }: TaskOptions, thrown: unknown, rebuilds: number): void {
  if (!isStoreDamage(thrown) || rebuilds >= limits.rebuildsMax) throw thrown
  logger.warn(
    { err: thrown, rebuilds: rebuilds + 1 },
    'a state store is damaged: rebuilding it from its changelog',
  )
  store.clear()
}
