// Nodes as the fluent API links them, before anything is named or checked. Functions have lost their row types here:
// the API that made them has proved them already.
import type { Duration, Millis } from '#base'
import type { AggregateSpec } from '../aggregator.ts'
import type { AsyncCall, AsyncSettings } from '../async-map.ts'
import type { ErrorPolicy, LastResort } from '../error-policy.ts'
import type { StateSpecs } from '../keyed-state.ts'
import type { StandardSchema } from '../schema/standard-schema.ts'
import type { GeneratorSettings } from '../source.ts'
import type { WindowDefinition } from '../window.ts'

export type KeyValue = string | number | boolean

/** What a topic was declared to be. A topic that is only named has nothing but its name. */
export type TopicSettings = {
  readonly name: string
  readonly schema: StandardSchema<unknown, unknown> | undefined
  readonly key: KeyChoice | undefined
  readonly partitions: number | undefined
  /** null: for ever; undefined: the node's default. */
  readonly retentionMs: Millis | null | undefined
  readonly time: TimeSettings | undefined
  readonly onBad: LastResort
}

export type TimeSettings = {
  /** Without it, the record's own timestamp counts. */
  readonly at: ((value: unknown) => number) | undefined
  readonly outOfOrderMs: Millis
  /** null: never. */
  readonly idleAfterMs: Millis | null
  readonly maxAheadMs: Millis | null
}

/** The field is kept beside the function, so that grouping by what a topic is partitioned by is seen to be the same. */
export type KeyChoice = {
  readonly field: string | undefined
  readonly of: (value: unknown) => unknown
}

/**
 * `'on-close'`: one final row per key and window, when the watermark has passed its end and grace.
 * `'on-update'`: one row for each key and window that changed, once per commit; each replaces the one before.
 * `{ every }`: the same, at most once per interval of the wall clock.
 */
export type EmitPolicy = 'on-close' | 'on-update' | { readonly every: Duration }

export type EmitSettings = {
  readonly kind: 'on-close' | 'on-update'
  /** null: once per commit. */
  readonly everyMs: Millis | null
  /** null: only time closes windows. */
  readonly afterSilenceMs: Millis | null
}

type Linked = {
  readonly parents: readonly Node[]
  readonly children: Node[]
  /** undefined: as the app says. */
  onError?: ErrorPolicy
}
export type SourceNode = Linked & { readonly kind: 'source'; readonly topic: TopicSettings }
export type GeneratorNode = Linked & {
  readonly kind: 'generator'
  readonly name: string
  readonly settings: GeneratorSettings
}
/** State is kept from one version of the app to the next while this stays the same. */
type Versioned = { readonly version?: number | undefined }
export type WindowNode = Linked &
  Versioned & {
    readonly kind: 'window'
    readonly name: string
    readonly window: WindowDefinition
    readonly aggregates: AggregateSpec<never>
    readonly emit: EmitSettings
  }
export type AggregateNode = Linked &
  Versioned & {
    readonly kind: 'aggregate'
    readonly name: string
    readonly aggregates: AggregateSpec<never>
  }
/** Which rows go out although they found no match. */
export type JoinHow = 'inner' | 'left' | 'outer'
type Select = (left: unknown, right: unknown) => unknown
export type BroadcastNode = Linked & { readonly kind: 'broadcast'; readonly topic: TopicSettings }
/** Its parents: the rows, and the table in which each looks for its match. */
export type LookupNode = Linked & {
  readonly kind: 'lookup'
  readonly name: string
  readonly how: JoinHow
  readonly select: Select
}
/** Its parents: two tables. */
export type TableJoinNode = Omit<LookupNode, 'kind'> & { readonly kind: 'table-join' }
/** Its parents: the rows, and a table of which each finds the version that was valid at its own time. */
export type AsOfNode = Omit<LookupNode, 'kind'> & {
  readonly kind: 'as-of'
  /** How long rows wait for versions that come later than they. */
  readonly waitMs: Millis
  /** How old a version may be; null: as old as it is. */
  readonly toleranceMs: Millis | null
  /** How long a version is kept after the one behind it. At least `waitMs`. */
  readonly historyMs: Millis
}
/** Its parents: left and right. They match if keys are equal and `left - before <= right <= left + after`. */
export type JoinNode = Linked & {
  readonly kind: 'join'
  readonly name: string
  readonly how: JoinHow
  readonly beforeMs: Millis
  readonly afterMs: Millis
  readonly graceMs: Millis
  readonly select: Select
}
export type RepartitionNode = Linked & {
  readonly kind: 'spread'
  readonly name: string
  /** undefined: as many as its rows come from. */
  readonly partitions: number | undefined
}
/** Rows of one identity lie further apart than `ttlMs`. */
export type DedupeNode = Linked & {
  readonly kind: 'dedupe'
  readonly name: string
  /** undefined: the key itself is the identity. */
  readonly by: KeyChoice | undefined
  readonly ttlMs: Millis
}
/** A user's functions for rows and timers of a key; what they may do beside that is in `process-handler.ts`. */
export type ProcessNode = Linked & {
  readonly kind: 'process'
  readonly name: string
  readonly state: StateSpecs
  /** Names of its side outputs; each is an arm. */
  readonly side: readonly string[]
  readonly handlers: {
    readonly on: (row: unknown, ctx: unknown) => void
    readonly timers: Readonly<Record<string, (ctx: unknown) => void>>
    readonly late: 'aside' | ((row: unknown, ctx: unknown) => void) | null
  }
}
/** A user's asynchronous function on each row. */
export type AsyncNode = Linked & {
  readonly kind: 'async'
  readonly name: string
  readonly call: (row: unknown, call: AsyncCall) => unknown
  readonly settings: AsyncSettings
}
export type SinkNode = Linked & { readonly kind: 'sink'; readonly topic: TopicSettings }
export type Node =
  | SourceNode
  | GeneratorNode
  | (Linked & { readonly kind: 'filter'; readonly test: (value: unknown) => boolean })
  | (Linked & { readonly kind: 'map'; readonly change: (value: unknown) => unknown })
  | (Linked & { readonly kind: 'flatMap'; readonly change: (value: unknown) => Iterable<unknown> })
  | (Linked & { readonly kind: 'peek'; readonly look: (value: unknown) => void })
  | (Linked & { readonly kind: 'merge' })
  | (Linked & { readonly kind: 'branch'; readonly tests: readonly ((value: unknown) => boolean)[] })
  /** The rows that passed one test of a branch, or one side output of a process handler: its parent. */
  | (Linked & { readonly kind: 'arm'; readonly name: string; readonly index: number })
  | (Linked & { readonly kind: 'keyBy'; readonly key: KeyChoice })
  | WindowNode
  /** Rows that came too late for their parent. */
  | (Linked & { readonly kind: 'late' })
  | AggregateNode
  /** The last row of each key of its parent, a topic or a stream. */
  | (Linked & { readonly kind: 'table' })
  /** The last record of each key of a whole topic, in every task. */
  | BroadcastNode
  | LookupNode
  | AsOfNode
  | TableJoinNode
  | JoinNode
  | AsyncNode
  | DedupeNode
  | ProcessNode
  | RepartitionNode
  | SinkNode

type Unlinked<N> = N extends Node ? Omit<N, 'children'> : never

/** Makes a node and lets its parents know it: an app finds sinks by walking down from its parts. */
export function link<N extends Node>(node: Unlinked<N>): N {
  const linked = { ...node, children: [] } as unknown as N
  for (const parent of node.parents) parent.children.push(linked)
  return linked
}

export const defaultIdleAfter: Duration = '30s'
