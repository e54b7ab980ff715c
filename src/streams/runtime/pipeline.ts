// One subtopology at work in one task: its nodes as functions that call each other, and the order in which time passes
// through them.
import type { WindowNode } from '../graph/node.ts'
import type { PlannedNode, Subtopology } from '../graph/plan.ts'
import { topicOf } from '../graph/plan.ts'
import type { Mutation, StateStore } from '../state/state-store.ts'
import { OperatorTime, type StoredTime, storeTime, type TimeInput } from '../time/watermark.ts'
import { emitDelayOf } from '../window.ts'
import { AggregateOperator } from './aggregate-operator.ts'
import { newCounters } from './counters.ts'
import type { Operator, WindowWiring } from './operator.ts'
import { TopicOutput } from './outputs.ts'
import { PaneOperator } from './pane-operator.ts'
import { RepartitionOutput } from './repartition-output.ts'
import { SessionOperator } from './session-operator.ts'
import { keepsPanes } from './signature.ts'
import { SlidingOperator } from './sliding-operator.ts'
import { branch, sink, stateless } from './stateless.ts'
import type { Emit, TaskContext } from './task-context.ts'
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
  /** Where rows of a topic, or of a source of the app, enter. */
  readonly heads = new Map<string, Emit>()
  readonly outputs = new Map<string, TopicOutput>()
  readonly stateful: Operator[] = []
  readonly #repartitions: RepartitionOutput[] = []
  readonly #options: PipelineOptions
  readonly #times = new Map<PlannedNode, OperatorTime>()

  constructor(options: PipelineOptions) {
    this.#options = options
    const { nodes } = options.subtopology
    for (const planned of nodes) options.context.counters.set(planned.id, newCounters())
    for (const planned of nodes) {
      const { kind } = planned.node
      if (kind === 'window' || kind === 'aggregate' || kind === 'repartition') {
        this.#times.set(planned, new OperatorTime(this.#timeInputs(planned), delayOf(planned.node)))
      }
    }
    // Children first, so that each finds those it calls.
    const emits = new Map<PlannedNode, Emit>()
    for (const planned of nodes.toReversed()) emits.set(planned, this.#build(planned, emits))
    for (const planned of nodes) {
      const head = topicOf(planned) ?? (planned.node.kind === 'generator' ? planned.id : undefined)
      if (head !== undefined) this.heads.set(head, emits.get(planned)!)
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

  /** What time at a node depends on: the nearest operators above that keep time, or the inputs themselves. */
  #timeInputs(planned: PlannedNode): TimeInput[] {
    const topic = topicOf(planned)
    if (topic !== undefined) {
      const time = this.#options.timeOf(topic)
      return time === null ? [] : [time]
    }
    return planned.parents.flatMap((parent) => {
      const own = this.#times.get(parent)
      return own === undefined ? this.#timeInputs(parent) : [own]
    })
  }

  #build(planned: PlannedNode, emits: ReadonlyMap<PlannedNode, Emit>): Emit {
    const { context, store } = this.#options
    const { id, node } = planned
    const counters = context.counters.get(id)!
    const children = planned.children.filter((child) => child.node.kind !== 'late')
    const emit = fanOut(children.map((child) => emits.get(child)!))
    switch (node.kind) {
      case 'window': {
        const late = planned.children.filter((child) => child.node.kind === 'late')
        const emitLate = late.length > 0 ? fanOut(late.map((child) => emits.get(child)!)) : null
        const time = this.#times.get(planned)!
        const wiring = { id, context, counters, store, emit, time, emitLate }
        const operator = windowOperator(node, wiring)
        this.stateful.push(operator)
        return operator.accept
      }
      case 'aggregate': {
        const time = this.#times.get(planned)!
        const operator = new AggregateOperator(node, { id, context, counters, store, emit, time })
        this.stateful.push(operator)
        return operator.accept
      }
      case 'branch': {
        const arms = node.tests.map((_, index) =>
          fanOut(children.flatMap((child) => (isArm(child, index) ? [emits.get(child)!] : []))),
        )
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
  return node.kind === 'window' ? emitDelayOf(node.window) : 0
}

function isArm({ node }: PlannedNode, index: number): boolean {
  return node.kind === 'arm' && node.index === index
}

function windowOperator(node: WindowNode, wiring: WindowWiring): Operator & { readonly accept: Emit } {
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
