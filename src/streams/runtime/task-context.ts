// What the operators of one task share: which record and which node are at work (so that an error can say where), how
// much the next commit already holds, and savepoints, by which a row that fails leaves no trace.
import { AssertionError, assert, BrokerError, type Clock, type Logger, toError } from '#base'
import type { Header } from '#record'
import { type DeadLetter, deadLetterHeaders } from '../dead-letter.ts'
import { backoffBefore, type ErrorSettings } from '../error-policy.ts'
import type { ErrorRules } from '../graph/error-rules.ts'
import type { KeyValue } from '../graph/node.ts'
import { textOfKey } from '../state/state-key.ts'
import type { NodeCounters } from './counters.ts'
import type { RuntimeLimits } from './limits.ts'
import type { TopicOutput } from './outputs.ts'

/** undefined: the key of the record that the row came from. */
export type RowKey = KeyValue | undefined
export type Emit = (value: unknown, at: number, key: RowKey) => void

export type RecordPlace = {
  topic: string
  partition: number
  offset: number
  /** Key, value and headers are views: copy them to keep them. */
  key: () => Uint8Array | null
  value: () => Uint8Array | null
  headers: () => readonly Header[]
  timestamp: () => number
}

type Work = { readonly emit: Emit; readonly value: unknown; readonly at: number; readonly key: RowKey }
type Failed = { readonly attempts: number; readonly row: Omit<Work, 'emit'> | null }

const encoder = new TextEncoder()

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
  readonly rules: ErrorRules & { readonly app: string }
  readonly logger: Logger
  readonly limits: RuntimeLimits
}

export class TaskContext {
  readonly task: string
  readonly record: RecordPlace = {
    topic: '',
    partition: 0,
    offset: -1,
    key: () => null,
    value: () => null,
    headers: () => [],
    timestamp: () => 0,
  }
  /** The output into a topic of dead letters. */
  deadLetters: ((topic: string) => TopicOutput) | null = null
  /** Id of the node whose code runs. */
  node = ''
  /** Bytes of output and state that the next commit holds, roughly. */
  pendingBytes = 0
  /** Nodes that wait for answers and hold as many rows as they may. */
  saturations = 0
  /** Something happened that is in no commit yet, even if it wrote nothing. */
  touched = false
  /** null: a row that fails stops the task, so nothing needs to be undone. */
  readonly savepoint: Savepoint | null
  readonly counters = new Map<string, NodeCounters>()
  readonly limits: RuntimeLimits
  readonly clock: Clock
  readonly wake: () => void
  readonly #logger: Logger
  readonly #rules: TaskContextOptions['rules']
  readonly #seen = new Map<string, number>()

  constructor(task: string, options: TaskContextOptions) {
    this.task = task
    this.savepoint = options.rules.undoes ? new Savepoint() : null
    this.#rules = options.rules
    this.limits = options.limits
    this.clock = options.clock
    this.wake = options.wake
    this.#logger = options.logger
  }

  get uncommitted(): boolean {
    return this.touched || this.pendingBytes > 0
  }

  /** The next commit takes no more. */
  get commitFull(): boolean {
    return this.pendingBytes >= this.limits.commitSizeBytesMax
  }

  /** Rows must wait: for the next commit, or for answers from outside. */
  get full(): boolean {
    return this.saturations > 0 || this.commitFull
  }

  /** How often a node's row is tried again. */
  retriesOf(node: string): number {
    return (this.#rules.ofNode.get(node) ?? this.#rules.usual).retries
  }

  /** Sends a row on. If anything behind throws, it is undone, and the policy of the node that threw decides. */
  attempt(emit: Emit, value: unknown, at: number, key: RowKey): void {
    if (this.savepoint === null) {
      emit(value, at, key)
      return
    }
    for (let attempt = 1; ; attempt++) {
      const thrown = this.#try(this.savepoint, { emit, value, at, key })
      if (thrown === null) return
      // A row that an operator made has no feed that could wait.
      if (attempt <= this.#settings().retries) continue
      this.#giveUp(thrown, { attempts: attempt, row: { value, at, key } })
      return
    }
  }

  /** The same for a record, try number `attempt`. Answers null when done with it, else how long to wait before the next. */
  attemptRecord(savepoint: Savepoint, work: Work, attempt: number): number | null {
    const thrown = this.#try(savepoint, work)
    if (thrown === null) return null
    const settings = this.#settings()
    if (attempt <= settings.retries) return backoffBefore(settings, attempt)
    this.#giveUp(thrown, { attempts: attempt, row: null })
    return null
  }

  /** A row has failed outside, as often as it may: what the node's policy says for the last. */
  giveUpRow(node: string, error: Error, failed: Failed): void {
    this.node = node
    this.#giveUp(error, failed)
  }

  /** Leaves out the current record, which could not even be read; `dead`: its topic keeps such records aside. */
  dropUnread(
    node: string,
    reason: string,
    { error, dead }: { readonly error: Error; readonly dead: boolean },
  ): void {
    if (dead) this.#putAside(node, error, { stage: 'read', attempts: 1, row: null })
    this.drop(node, reason, error)
  }

  #try(savepoint: Savepoint, { emit, value, at, key }: Work): Error | null {
    const { pendingBytes } = this
    savepoint.begin()
    try {
      emit(value, at, key)
      savepoint.release()
      return null
    } catch (thrown) {
      savepoint.rollback()
      this.pendingBytes = pendingBytes
      if (!isUserError(thrown)) throw thrown
      return toError(thrown)
    }
  }

  #settings(): ErrorSettings {
    return this.#rules.ofNode.get(this.node) ?? this.#rules.usual
  }

  #giveUp(error: Error, { attempts, row }: Failed): void {
    const { node } = this
    const { otherwise } = this.#settings()
    if (otherwise === 'fail') throw error
    if (otherwise === 'dead-letter') this.#putAside(node, error, { stage: 'process', attempts, row })
    this.drop(node, 'a function threw', error)
  }

  #putAside(node: string, error: Error, { stage, attempts, row }: Failed & Pick<DeadLetter, 'stage'>): void {
    const { app, deadTopics } = this.#rules
    const { topic, partition, offset, timestamp } = this.record
    const [first] = deadTopics.keys()
    // Nothing was read yet when time made a row: then it belongs to what the task reads.
    const from = deadTopics.has(topic) ? topic : first!
    assert(this.deadLetters !== null, 'the pipeline was built before the first row')
    const output = this.deadLetters(deadTopics.get(from)!)
    const kind = row === null ? 'record' : 'row'
    const letter: DeadLetter = {
      app,
      task: this.task,
      node,
      stage,
      kind,
      topic: from,
      partition,
      offset,
      timestamp: timestamp(),
      error: `${error.name}: ${error.message}`,
      stack: error.stack ?? '',
      attempts,
    }
    const headers = deadLetterHeaders(row === null ? this.record.headers() : [], letter)
    if (row === null) {
      output.append(this.record.key(), this.record.value(), timestamp(), headers)
    } else {
      const key = row.key === undefined ? null : encoder.encode(textOfKey(row.key))
      output.append(key, encoder.encode(JSON.stringify(row.value) ?? 'null'), row.at, headers)
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
