// A record on its way through the nodes of a task: undone and tried again after a while, as its node's policy says.
// Meanwhile its feed stands still.
import type { Timer } from '#base'
import type { Emit, RowKey, TaskContext } from './task-context.ts'

export class RecordTries {
  readonly #context: TaskContext
  #failed = 0
  #timer: Timer | null = null

  constructor(context: TaskContext) {
    this.#context = context
  }

  /** The record is not through, and it is not time yet to try it again. */
  get waiting(): boolean {
    return this.#timer !== null
  }

  /** True: the record is done with, if need be left out. False: it is to be tried again, once nobody waits any more. */
  run(emit: Emit, value: unknown, at: number, key: RowKey): boolean {
    const { savepoint } = this.#context
    if (savepoint === null) {
      emit(value, at, key)
      return true
    }
    const waitMs = this.#context.attemptRecord(savepoint, { emit, value, at, key }, this.#failed + 1)
    if (waitMs === null) {
      this.#failed = 0
      return true
    }
    this.#failed++
    this.#timer = this.#context.clock.after(waitMs, () => {
      this.#timer = null
      this.#context.wake()
    })
    return false
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
