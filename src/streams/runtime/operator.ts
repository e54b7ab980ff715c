// What the pipeline asks of a node that keeps state, and what it hands to each.

import type { Mutation, StateStore } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import type { NodeCounters } from './counters.ts'
import type { Emit, TaskContext } from './task-context.ts'

export interface Operator {
  readonly id: string
  readonly time: OperatorTime
  /** Finds again what the store holds. */
  restore(): void
  /** Emits what time has made due, in order. False: the commit is full, call again after it. */
  closeDue(): boolean
  /**
   * Emits what the wall clock or an answer from outside has made due; true if there was anything. `behind`: the task
   * still reads what was there when it started.
   */
  emitReady?(behind: boolean): boolean
  /** Emits what goes out once per commit. */
  flush(): void
  /** Everything that changed since the last commit was cut. */
  collect(into: Mutation[], commit: number): void
  /** The store has everything up to that commit: memory above the limit may let go of it. */
  release(applied: number): void
  /** User code is at something that neither the task nor the clock knows of. */
  readonly outside?: boolean
  /** Ends what runs on its own. */
  stop?(): void
  /** After how much silence its open windows close although time stands still. */
  readonly afterSilenceMs?: number | null
  /** The watermark that would close everything that is open; null: nothing is. */
  lastClose?(): number | null
}

export type OperatorWiring = {
  readonly id: string
  readonly context: TaskContext
  readonly counters: NodeCounters
  readonly store: StateStore
  readonly time: OperatorTime
  readonly emit: Emit
}

export type WindowWiring = OperatorWiring & {
  /** null: nobody listens. */
  readonly emitLate: Emit | null
}
