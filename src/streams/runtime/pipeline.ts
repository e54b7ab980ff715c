// One subtopology at work in one task: its nodes as functions that call each other, and the order in which time passes
// through them.
import { assert } from '#base'
import type { Node, TopicSettings } from '../graph/node.ts'
import type { PlannedNode, Subtopology } from '../graph/plan.ts'
import { topicOf } from '../graph/plan.ts'
import type { Mutation, StateStore } from '../state/state-store.ts'
import { OperatorTime, type StoredTime, storeTime, type TimeInput } from '../time/watermark.ts'
import { AggregateOperator } from './aggregate-operator.ts'
import { type NodeCounters, newCounters } from './counters.ts'
import { TopicOutput } from './outputs.ts'
import { encodeRow, RepartitionOutput } from './repartition-output.ts'
import type { Emit, TaskContext } from './task-context.ts'
import { isKey, WindowOperator } from './window-operator.ts'

type StatefulOperator = WindowOperator | AggregateOperator

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
  readonly stateful: StatefulOperator[] = []
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
        const operator = new WindowOperator(node, { id, context, counters, store, emit, time, emitLate })
        this.stateful.push(operator)
        return operator.accept
      }
      case 'aggregate': {
        const time = this.#times.get(planned)!
        const operator = new AggregateOperator(node, { id, context, counters, store, emit, time })
        this.stateful.push(operator)
        return operator.accept
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
  return node.kind === 'window' ? node.window.graceMs : 0
}

function fanOut(emits: readonly Emit[]): Emit {
  const [first, second] = emits
  if (first === undefined) return () => undefined
  if (second === undefined) return first
  return (value, at, key) => {
    for (let index = 0; index < emits.length; index++) emits[index]!(value, at, key)
  }
}

type Wiring = { readonly id: string; readonly counters: NodeCounters; readonly context: TaskContext }

function stateless(node: PlannedNode['node'], emit: Emit, { id, counters, context }: Wiring): Emit {
  switch (node.kind) {
    case 'filter':
      return (value, at, key) => {
        counters.recordsIn++
        context.node = id
        if (!node.test(value)) return
        counters.recordsOut++
        emit(value, at, key)
      }
    case 'map':
      return (value, at, key) => {
        counters.recordsIn++
        context.node = id
        const changed = node.change(value)
        if (changed instanceof Promise) refusePromise(changed)
        counters.recordsOut++
        emit(changed, at, key)
      }
    case 'flatMap':
      return (value, at, key) => {
        counters.recordsIn++
        context.node = id
        for (const changed of node.change(value)) {
          counters.recordsOut++
          emit(changed, at, key)
          context.node = id
        }
      }
    case 'peek':
      return (value, at, key) => {
        counters.recordsIn++
        counters.recordsOut++
        context.node = id
        node.look(value)
        emit(value, at, key)
      }
    case 'keyBy':
      return keyBy(node, emit, { id, counters, context })
    case 'source':
    case 'repartition-source':
    case 'generator':
      // What comes in is counted where it is read.
      return (value, at, key) => {
        counters.recordsOut++
        emit(value, at, key)
      }
    case 'merge':
    case 'late':
      return (value, at, key) => {
        counters.recordsIn++
        counters.recordsOut++
        emit(value, at, key)
      }
    default:
      assert(false, `node kind ${node.kind} is built elsewhere`)
  }
}

function keyBy(node: Extract<Node, { kind: 'keyBy' }>, emit: Emit, { id, counters, context }: Wiring): Emit {
  const { of } = node.key
  return (value, at) => {
    counters.recordsIn++
    context.node = id
    const key = of(value)
    if (!isKey(key)) {
      if (key !== null && key !== undefined && !(typeof key === 'number')) {
        throw new TypeError(`a key must be a string, number or boolean, got ${JSON.stringify(key)}`)
      }
      counters.dropped++
      return
    }
    counters.recordsOut++
    // A lone surrogate has no bytes of its own: two such keys must not meet in the store only.
    emit(value, at, typeof key === 'string' && !key.isWellFormed() ? key.toWellFormed() : key)
  }
}

const encoder = new TextEncoder()

function sink(
  id: string,
  output: TopicOutput,
  wiring: { topic: TopicSettings; counters: NodeCounters; context: TaskContext },
): Emit {
  const { topic, counters, context } = wiring
  const keyOf = topic.key?.of
  return (value, at, key) => {
    counters.recordsIn++
    context.node = id
    // What the topic says comes first: those who read it rely on being partitioned by it.
    const own = keyOf === undefined || value === null ? key : keyOf(value)
    let bytes: Uint8Array | null = null
    if (own !== undefined && own !== null) bytes = encoder.encode(String(own))
    else if (keyOf === undefined) bytes = context.record.key()
    // null deletes, in topics that keep the last value of each key.
    output.append(bytes, value === null ? null : encodeRow(value), at)
    counters.recordsOut++
  }
}

function refusePromise(promise: Promise<unknown>): never {
  promise.catch(() => undefined) // The refusal is the answer; its own outcome no longer matters.
  throw new TypeError('a function of a stream must be synchronous, this one answered a promise')
}
