// One subtopology at work in one task: its nodes as functions that call each other, and the order in which time passes
// through them.
import type { TopicSettings, WindowNode } from '../graph/node.ts'
import type { PlannedNode, Subtopology } from '../graph/plan.ts'
import { topicOf } from '../graph/plan.ts'
import type { Mutation, StateStore } from '../state/state-store.ts'
import { OperatorTime, type StoredTime, storeTime, type TimeInput } from '../time/watermark.ts'
import { emitDelayOf } from '../window.ts'
import { AggregateOperator } from './aggregate-operator.ts'
import { AsOfOperator } from './as-of-operator.ts'
import { AsyncOperator } from './async-operator.ts'
import { newCounters } from './counters.ts'
import { DedupeOperator } from './dedupe-operator.ts'
import { JoinOperator } from './join-operator.ts'
import { LookupOperator } from './lookup-operator.ts'
import type { Operator, WindowWiring } from './operator.ts'
import { TopicOutput } from './outputs.ts'
import { PaneOperator } from './pane-operator.ts'
import { ProcessOperator } from './process-operator.ts'
import { RepartitionOutput } from './repartition-output.ts'
import { SessionOperator } from './session-operator.ts'
import { keepsPanes } from './signature.ts'
import { SlidingOperator } from './sliding-operator.ts'
import { branch, sink, stateless, table } from './stateless.ts'
import { TableJoinOperator } from './table-join-operator.ts'
import type { Emit, TaskContext } from './task-context.ts'
import { type ClosingOperator, WallClockTime, WallClockWindows } from './wall-clock-windows.ts'
import { WindowOperator } from './window-operator.ts'

export type PipelineOptions = {
  readonly subtopology: Subtopology
  readonly context: TaskContext
  readonly store: StateStore
  /** The time of an input topic in this task; null: it has none, or has no such partition. */
  readonly timeOf: (topic: string) => TimeInput | null
  readonly partitionsOf: (topic: string) => number
}

export class Pipeline {
  /** Where rows enter: by topic, or by the id of a source of the app or of a table that every task holds. */
  readonly heads = new Map<string, Emit>()
  /** Where deletions enter that a topic's records without a value are for its tables. */
  readonly tombstones = new Map<string, Emit>()
  /** Topics of which nothing but tables is made. */
  readonly onlyTables = new Set<string>()
  readonly outputs = new Map<string, TopicOutput>()
  readonly stateful: Operator[] = []
  readonly #repartitions: RepartitionOutput[] = []
  readonly #options: PipelineOptions
  readonly #times = new Map<PlannedNode, OperatorTime>()
  /** Of windows of processing time. */
  readonly #clocks = new Map<PlannedNode, WallClockTime>()

  constructor(options: PipelineOptions) {
    this.#options = options
    const { nodes } = options.subtopology
    options.context.deadLetters = (topic) => this.#output(topic)
    for (const planned of nodes) options.context.counters.set(planned.id, newCounters())
    for (const planned of nodes) {
      const { kind } = planned.node
      if (keepsTime.has(kind)) {
        this.#times.set(planned, new OperatorTime(this.#timeInputs(planned), delayOf(planned.node)))
      }
    }
    // Children first, so that each finds those it calls.
    const entries: Entries = new Map()
    for (const planned of nodes.toReversed()) {
      const built = this.#build(planned, entries)
      entries.set(planned, typeof built === 'function' ? [built] : built)
    }
    for (const planned of nodes) {
      if (planned.node.kind === 'broadcast') {
        this.heads.set(planned.id, entries.get(planned)![0])
        this.tombstones.set(planned.id, entries.get(planned)![0])
        this.onlyTables.add(planned.id)
      }
      const head = topicOf(planned) ?? (planned.node.kind === 'generator' ? planned.id : undefined)
      if (head === undefined) continue
      this.heads.set(head, entries.get(planned)![0])
      const tables = planned.children.filter(({ node }) => node.kind === 'table')
      if (tables.length === planned.children.length) this.onlyTables.add(head)
      if (tables.length > 0) this.tombstones.set(head, fanOut(tables.map((table) => entries.get(table)![0])))
    }
    // Built from the end, time passes from the beginning.
    this.stateful.reverse()
  }

  /**
   * Lets time pass through the operators, each emitting what is due before the next one hears of it. False: the commit
   * is full; call again after it, before any other row.
   */
  advance(): boolean {
    for (const operator of this.stateful) {
      operator.time.advance()
      if (!operator.closeDue()) return false
    }
    return true
  }

  /** Nothing has come for that long: closes what wants to be closed then. True if that made time pass. */
  endSilence(silentMs: number): boolean {
    let passed = false
    for (const operator of this.stateful) {
      const afterMs = operator.afterSilenceMs ?? null
      if (afterMs === null || silentMs < afterMs) continue
      const close = operator.lastClose?.() ?? null
      if (close !== null && operator.time.raise(close)) passed = true
    }
    return passed
  }

  /** Lets go on what the wall clock or an answer from outside has made due; true if anything did. `behind`: see `Operator.emitReady`. */
  emitReady(behind: boolean): boolean {
    let fired = false
    for (const operator of this.stateful) if (operator.emitReady?.(behind)) fired = true
    return fired
  }

  /** Rows that go out once per commit, and word of the time. */
  flush(epoch: number): void {
    for (const operator of this.stateful) operator.flush()
    for (const repartition of this.#repartitions) {
      repartition.time?.advance()
      repartition.tellTime(epoch)
    }
  }

  collect(into: Mutation[], commit: number): void {
    for (const operator of this.stateful) operator.collect(into, commit)
  }

  release(applied: number): void {
    for (const operator of this.stateful) operator.release(applied)
  }

  stop(): void {
    for (const operator of this.stateful) operator.stop?.()
  }

  /** Operators' own times, as a commit holds them. */
  times(): Record<string, StoredTime> {
    return Object.fromEntries(
      [...this.#times].map(([{ id }, time]) => [id, storeTime(time.current, time.status)]),
    )
  }

  restore(times: Readonly<Record<string, StoredTime>>): void {
    for (const [{ id }, time] of this.#times) {
      const stored = times[id]
      if (stored !== undefined) time.restore(stored)
    }
    for (const operator of this.stateful) operator.restore()
  }

  /** The clock of a node whose time is not that of its rows. */
  #clockOf(planned: PlannedNode): WallClockTime {
    const clock = new WallClockTime()
    this.#clocks.set(planned, clock)
    return clock
  }

  /** What time at a node depends on: the nearest operators above that keep time, or the inputs themselves. */
  #timeInputs(planned: PlannedNode): TimeInput[] {
    const { node } = planned
    if (node.kind === 'window' && node.window.time === 'processing') return [this.#clockOf(planned)]
    const topic = topicOf(planned)
    if (topic !== undefined) {
      const time = this.#options.timeOf(topic)
      return time === null ? [] : [time]
    }
    // A table holds nobody back: it is looked at as it stands.
    const parents = planned.node.kind === 'lookup' ? planned.parents.slice(0, 1) : planned.parents
    return parents.flatMap((parent) => {
      const own = this.#times.get(parent)
      return own === undefined ? this.#timeInputs(parent) : [own]
    })
  }

  /** The node's ways in: one, or one for each parent. */
  #build(planned: PlannedNode, entries: Entries): Emit | readonly [Emit, Emit] {
    const { context, store } = this.#options
    const { id, node } = planned
    const counters = context.counters.get(id)!
    const children = planned.children.filter((child) => child.node.kind !== 'late')
    const own = node.kind === 'process' ? children.filter((child) => child.node.kind !== 'arm') : children
    const emit = fanOut(entriesOf(planned, own, entries))
    switch (node.kind) {
      case 'window': {
        const time = this.#times.get(planned)!
        const wiring = { id, context, counters, store, emit, time, emitLate: lateOf(planned, entries) }
        const operator = windowOperator(node, wiring)
        this.stateful.push(operator)
        const clock = this.#clocks.get(planned)
        if (clock === undefined) return operator.accept
        const paced = new WallClockWindows(operator, clock, context)
        // Built from the end: it comes before the windows.
        this.stateful.push(paced)
        return paced.accept
      }
      case 'join': {
        const time = this.#times.get(planned)!
        const wiring = { id, context, counters, store, emit, time, emitLate: lateOf(planned, entries) }
        const operator = new JoinOperator(node, wiring)
        this.stateful.push(operator)
        return [operator.acceptLeft, operator.acceptRight]
      }
      case 'as-of': {
        const time = this.#times.get(planned)!
        const wiring = { id, context, counters, store, emit, time, emitLate: lateOf(planned, entries) }
        const operator = new AsOfOperator(node, wiring)
        this.stateful.push(operator)
        return [operator.acceptRow, operator.acceptChange]
      }
      case 'async': {
        const time = this.#times.get(planned)!
        const made = planned.parents.some(makesRows)
        const operator = new AsyncOperator(node, { id, context, counters, store, emit, time, made })
        this.stateful.push(operator)
        return operator.accept
      }
      case 'dedupe': {
        const time = this.#times.get(planned)!
        const wiring = { id, context, counters, store, emit, time, emitLate: lateOf(planned, entries) }
        const operator = new DedupeOperator(node, wiring)
        this.stateful.push(operator)
        return operator.accept
      }
      case 'process': {
        const time = this.#times.get(planned)!
        const sides = armsOf(node.side.length, children, entries)
        const { timed } = planned
        const late = lateOf(planned, entries)
        const wiring = { id, context, counters, store, emit, time, emitLate: late, sides, timed }
        const operator = new ProcessOperator(node, wiring)
        this.stateful.push(operator)
        return operator.accept
      }
      case 'lookup': {
        const time = this.#times.get(planned)!
        const operator = new LookupOperator(node, { id, context, counters, store, emit, time })
        this.stateful.push(operator)
        return [operator.acceptRow, operator.acceptChange]
      }
      case 'table-join': {
        const time = this.#times.get(planned)!
        const operator = new TableJoinOperator(node, { id, context, counters, store, emit, time })
        this.stateful.push(operator)
        return [operator.acceptLeft, operator.acceptRight]
      }
      case 'table':
        return table(topicSettingsOf(planned.parents[0]!), emit, { id, counters, context })
      case 'broadcast':
        return table(node.topic, emit, { id, counters, context })
      case 'aggregate': {
        const time = this.#times.get(planned)!
        const operator = new AggregateOperator(node, { id, context, counters, store, emit, time })
        this.stateful.push(operator)
        return operator.accept
      }
      case 'branch': {
        const arms = armsOf(node.tests.length, children, entries)
        return branch(node, arms, { id, counters, context })
      }
      case 'repartition': {
        const time = planned.timed ? this.#times.get(planned)! : null
        const repartition = new RepartitionOutput(this.#output(node.topic), time, { counters, context })
        this.#repartitions.push(repartition)
        return repartition.accept
      }
      case 'sink':
        return sink(id, this.#output(node.topic.name), { topic: node.topic, counters, context })
      default:
        return stateless(node, emit, { id, counters, context })
    }
  }

  #output(topic: string): TopicOutput {
    const known = this.outputs.get(topic)
    if (known !== undefined) return known
    const { context, partitionsOf } = this.#options
    const output = new TopicOutput(topic, partitionsOf(topic), context)
    this.outputs.set(topic, output)
    return output
  }
}

function delayOf(node: PlannedNode['node']): number {
  switch (node.kind) {
    case 'window':
      return emitDelayOf(node.window)
    case 'as-of':
      return node.waitMs
    case 'join':
      return node.graceMs + Math.max(node.beforeMs, node.afterMs)
    default:
      return 0
  }
}

/** Ways into nodes that are built already. */
type Entries = Map<PlannedNode, readonly [Emit, Emit?]>

const keepsTime: ReadonlySet<string> = new Set([
  'window',
  'aggregate',
  'async',
  'dedupe',
  'process',
  'join',
  'lookup',
  'as-of',
  'table-join',
  'repartition',
])

/** Where rows of a node go: into each child, and into one with two sides on the side or sides that it feeds. */
function entriesOf(planned: PlannedNode, children: readonly PlannedNode[], entries: Entries): Emit[] {
  const single = children.filter((child) => entries.get(child)!.length === 1)
  const double = new Set(children.filter((child) => entries.get(child)!.length === 2))
  return [
    ...single.map((child) => entries.get(child)![0]),
    ...[...double].flatMap((child) =>
      child.parents.flatMap((parent, side) => (parent === planned ? [entries.get(child)![side]!] : [])),
    ),
  ]
}

function lateOf({ children }: PlannedNode, entries: Entries): Emit | null {
  const late = children.filter(({ node }) => node.kind === 'late')
  return late.length > 0 ? fanOut(late.map((child) => entries.get(child)![0])) : null
}

function topicSettingsOf({ node }: PlannedNode): TopicSettings | null {
  return node.kind === 'source' ? node.topic : null
}

/** Some of the rows that come from it are not those of a record at work. */
function makesRows({ node, parents }: PlannedNode): boolean {
  switch (node.kind) {
    case 'window':
    case 'aggregate':
    case 'process':
    case 'join':
    case 'async':
      return true
    default:
      return parents.some(makesRows)
  }
}

/** The ways into each arm of a node. */
function armsOf(count: number, children: readonly PlannedNode[], entries: Entries): Emit[] {
  return Array.from({ length: count }, (_, index) =>
    fanOut(children.flatMap((child) => (isArm(child, index) ? [entries.get(child)![0]] : []))),
  )
}

function isArm({ node }: PlannedNode, index: number): boolean {
  return node.kind === 'arm' && node.index === index
}

function windowOperator(node: WindowNode, wiring: WindowWiring): ClosingOperator {
  const { window } = node
  switch (window.kind) {
    case 'session':
      return new SessionOperator({ ...node, window }, wiring)
    case 'sliding':
      return new SlidingOperator({ ...node, window }, wiring)
    default:
      return keepsPanes(wiring.id, node, wiring.store)
        ? new PaneOperator({ ...node, window }, wiring)
        : new WindowOperator({ ...node, window }, wiring)
  }
}

function fanOut(emits: readonly Emit[]): Emit {
  const [first, second] = emits
  if (first === undefined) return () => undefined
  if (second === undefined) return first
  return (value, at, key) => {
    for (let index = 0; index < emits.length; index++) emits[index]!(value, at, key)
  }
}
