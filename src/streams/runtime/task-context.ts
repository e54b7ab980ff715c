// What the operators of one task share: which record and which node are at work (so that an error can say where), how
// much the next commit already holds, and savepoints, by which a row that fails leaves no trace.
import { AssertionError, BrokerError, type Clock, type Logger, toError } from '#base'
import type { ErrorPolicy } from '../app.ts'
import type { KeyValue } from '../graph/node.ts'
import type { NodeCounters } from './counters.ts'
import type { RuntimeLimits } from './limits.ts'

/** undefined: the key of the record that the row came from. */
export type RowKey = KeyValue | undefined
export type Emit = (value: unknown, at: number, key: RowKey) => void

export type RecordPlace = {
  topic: string
  partition: number
  offset: number
  /** A view: copy it to keep it. */
  key: () => Uint8Array | null
}

/** Holds back what a row does until it is done, where rows that fail are skipped. */
export class Savepoint {
  #open = false
  readonly #undo: (() => void)[] = []
  readonly #then: (() => void)[] = []

  get open(): boolean {
    return this.#open
  }
  begin(): void {
    this.#open = true
  }
  /** `undo` puts back what is about to change. */
  remember(undo: () => void): void {
    this.#undo.push(undo)
  }
  /** `action` cannot be undone: it waits until the row is done. */
  defer(action: () => void): void {
    this.#then.push(action)
  }
  release(): void {
    for (const action of this.#then) action()
    this.#end()
  }
  rollback(): void {
    for (let index = this.#undo.length - 1; index >= 0; index--) this.#undo[index]!()
    this.#end()
  }
  #end(): void {
    this.#open = false
    this.#undo.length = 0
    this.#then.length = 0
  }
}

export type TaskContextOptions = {
  readonly clock: Clock
  /** Called when something is due although nothing else happens. */
  readonly wake: () => void
  readonly onError: ErrorPolicy
  readonly logger: Logger
  readonly limits: RuntimeLimits
}

export class TaskContext {
  readonly task: string
  readonly record: RecordPlace = { topic: '', partition: 0, offset: -1, key: () => null }
  /** Id of the node whose code runs. */
  node = ''
  /** Bytes of output and state that the next commit holds, roughly. */
  pendingBytes = 0
  /** Something happened that is in no commit yet, even if it wrote nothing. */
  touched = false
  /** null: a row that fails stops the task, so nothing needs to be undone. */
  readonly savepoint: Savepoint | null
  readonly counters = new Map<string, NodeCounters>()
  readonly limits: RuntimeLimits
  readonly clock: Clock
  readonly wake: () => void
  readonly #logger: Logger
  readonly #seen = new Map<string, number>()

  constructor(task: string, options: TaskContextOptions) {
    this.task = task
    this.savepoint = options.onError === 'skip' ? new Savepoint() : null
    this.limits = options.limits
    this.clock = options.clock
    this.wake = options.wake
    this.#logger = options.logger
  }

  get uncommitted(): boolean {
    return this.touched || this.pendingBytes > 0
  }

  get full(): boolean {
    return this.pendingBytes >= this.limits.commitSizeBytesMax
  }

  /** Sends a row on; if anything behind throws, and rows may be skipped, it is as if the row had never been. */
  attempt(emit: Emit, value: unknown, at: number, key: RowKey): void {
    const { savepoint } = this
    if (savepoint === null) {
      emit(value, at, key)
      return
    }
    const pendingBytes = this.pendingBytes
    savepoint.begin()
    try {
      emit(value, at, key)
      savepoint.release()
    } catch (thrown) {
      savepoint.rollback()
      this.pendingBytes = pendingBytes
      if (!isUserError(thrown)) throw thrown
      this.drop(this.node, 'a function threw', toError(thrown))
    }
  }

  /** Counts a row that is left out, and says so at the 1st, 10th, 100th ... time. */
  drop(node: string, reason: string, cause: Error): void {
    this.counters.get(node)!.errors++
    const what = `${node} ${reason}`
    const times = (this.#seen.get(what) ?? 0) + 1
    this.#seen.set(what, times)
    if (!/^10*$/.test(String(times))) return
    const { topic, partition, offset } = this.record
    this.#logger.warn(
      { task: this.task, node, topic, partition, offset, times, err: cause },
      `row skipped: ${reason}`,
    )
  }
}

/** Whatever user code throws; damage and our own broken invariants are never skipped. */
export function isUserError(thrown: unknown): boolean {
  if (thrown instanceof AssertionError) return false
  return !(thrown instanceof BrokerError && (thrown.code === 'corrupt' || thrown.code === 'too_large'))
}
