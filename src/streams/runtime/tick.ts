// The wall clock behind `emit({ every })`: opens a gate once per interval while something waits behind it.
import type { Millis, Timer } from '#base'
import type { TaskContext } from './task-context.ts'

export class Tick {
  readonly #everyMs: Millis
  readonly #context: TaskContext
  #timer: Timer | null = null
  #open = false

  constructor(everyMs: Millis, context: TaskContext) {
    this.#everyMs = everyMs
    this.#context = context
  }

  /** Something waits behind the gate: true once per interval; false: it will open, and let the task know. */
  take(): boolean {
    if (this.#open) {
      this.#open = false
      return true
    }
    this.#timer ??= this.#context.clock.after(this.#everyMs, () => {
      this.#timer = null
      this.#open = true
      this.#context.touched = true
      this.#context.wake()
    })
    return false
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
