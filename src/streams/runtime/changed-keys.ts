// Keys of which there is something to say since it was last said, for windows that speak before they close: with each commit,
// or as often as `emit({ every })` asks.
import type { KeyValue, WindowNode } from '../graph/node.ts'
import { compareKeys } from '../state/state-key.ts'
import type { TaskContext } from './task-context.ts'
import { Tick } from './tick.ts'

const none: readonly KeyValue[] = []

export class ChangedKeys {
  /** False: each window speaks once, when it closes. */
  readonly speaksEarly: boolean
  readonly #tick: Tick | null
  readonly #keys = new Set<KeyValue>()

  constructor({ kind, everyMs }: WindowNode['emit'], context: TaskContext) {
    this.speaksEarly = kind !== 'on-close'
    this.#tick = everyMs === null ? null : new Tick(everyMs, context)
  }

  add(key: KeyValue): void {
    if (this.speaksEarly) this.#keys.add(key)
  }

  /** With a clock in between, what the last process had not said yet is not known: all is said once more. */
  addRestored(key: KeyValue): void {
    if (this.#tick === null) return
    this.#keys.add(key)
    this.#tick.take()
  }

  /** Those to speak of now, in the order of keys; none while the clock has them wait. */
  take(): readonly KeyValue[] {
    if (this.#keys.size === 0 || this.#tick?.take() === false) return none
    const keys = [...this.#keys].sort(compareKeys)
    this.#keys.clear()
    return keys
  }

  stop(): void {
    this.#tick?.stop()
  }
}
