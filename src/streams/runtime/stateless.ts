// Nodes that keep nothing, as functions: one row in, none or more out, and counters.
import { assert } from '#base'
import type { Node, TopicSettings } from '../graph/node.ts'
import type { PlannedNode } from '../graph/plan.ts'
import type { NodeCounters } from './counters.ts'
import type { TopicOutput } from './outputs.ts'
import { encodeRow } from './repartition-output.ts'
import type { Emit, RowKey, TaskContext } from './task-context.ts'

/** A row's key, checked: null and undefined mean that it has none. */
export function isKey(key: unknown): key is NonNullable<RowKey> {
  return typeof key === 'string' || typeof key === 'boolean' || Number.isFinite(key)
}

export type StatelessWiring = {
  readonly id: string
  readonly counters: NodeCounters
  readonly context: TaskContext
}

/** Answers the function that takes a row into the node and calls `emit` with what comes out. */
export function stateless(
  node: PlannedNode['node'],
  emit: Emit,
  { id, counters, context }: StatelessWiring,
): Emit {
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
    case 'arm':
    case 'spread':
      return (value, at, key) => {
        counters.recordsIn++
        counters.recordsOut++
        emit(value, at, key)
      }
    default:
      assert(false, `node kind ${node.kind} is built elsewhere`)
  }
}

function keyBy(
  node: Extract<Node, { kind: 'keyBy' }>,
  emit: Emit,
  { id, counters, context }: StatelessWiring,
): Emit {
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

/** `arms[i]` takes the rows that pass test `i` and none before it. */
export function branch(
  { tests }: Extract<Node, { kind: 'branch' }>,
  arms: readonly Emit[],
  { id, counters, context }: StatelessWiring,
): Emit {
  return (value, at, key) => {
    counters.recordsIn++
    context.node = id
    for (let index = 0; index < tests.length; index++) {
      if (!tests[index]!(value)) continue
      counters.recordsOut++
      arms[index]!(value, at, key)
      return
    }
    counters.dropped++
  }
}

const decoder = new TextDecoder()

/** Gives rows of a topic the key that they have as records: in the table, the next row of it replaces this one. */
export function table(
  topic: TopicSettings | null,
  emit: Emit,
  { id, counters, context }: StatelessWiring,
): Emit {
  if (topic === null) {
    return (value, at, key) => {
      counters.recordsIn++
      counters.recordsOut++
      emit(value, at, key)
    }
  }
  const keyOf = topic.key?.of
  return (value, at) => {
    counters.recordsIn++
    context.node = id
    const bytes = context.record.key()
    const own = keyOf === undefined || value === null ? bytes && decoder.decode(bytes) : keyOf(value)
    if (own === null || own === undefined) {
      counters.dropped++
      return
    }
    counters.recordsOut++
    emit(value, at, String(own))
  }
}

const encoder = new TextEncoder()

export function sink(
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

export function refusePromise(promise: Promise<unknown>): never {
  promise.catch(() => undefined) // The refusal is the answer; its own outcome no longer matters.
  throw new TypeError('a function of a stream must be synchronous, this one answered a promise')
}
