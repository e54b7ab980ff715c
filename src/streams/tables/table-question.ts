// Questions about the state of an app and their answers: plain data, which travels between processes.
import type { KeyValue } from '../graph/node.ts'
import type { WindowBounds } from '../window.ts'

/** Which rows of a table. Everything that is given must hold. */
export type RowChoice = {
  /** The text of a key: of a string, a number or a boolean. */
  readonly key?: string
  /** `from <= key < to`, by the bytes of the keys' texts. */
  readonly from?: string
  readonly to?: string
  readonly prefix?: string
  /** Windows that begin from here to there, both included: milliseconds since 1970 UTC. */
  readonly windowFrom?: number
  readonly windowTo?: number
}

export type RowQuestion = RowChoice & {
  readonly t: 'rows'
  readonly node: string
  readonly limit: number
  /** `next` of the answer before. */
  readonly cursor?: string
  /** Waits until the input of the table is committed up to and with these offsets; without a topic, in every one of its
   * topics. */
  readonly waitFor?: readonly {
    readonly topic?: string
    readonly partition: number
    readonly offset: number
  }[]
  /** For that. */
  readonly waitMs: number
}

export type TableQuestion = RowQuestion | { readonly t: 'tables' }

export type TableRow = {
  readonly key: KeyValue
  /** Where the table has windows. */
  readonly window?: WindowBounds
  /** Event time, where the state has one. */
  readonly at?: number
  /** Of a join: which side the row is from. */
  readonly side?: 'left' | 'right'
  readonly value: unknown
}

/** How far a task of the table has come. */
export type TablePosition = {
  readonly task: string
  /** Next offset that it reads, as of its last commit. */
  readonly inputs: readonly { readonly topic: string; readonly partition: number; readonly next: number }[]
  /** Of its changelog: what follows this state begins there. */
  readonly changelog: { readonly topic: string; readonly partition: number; readonly next: number } | null
  /** Event time at the node; null: none yet. */
  readonly watermark: number | null
}

export type RowAnswer = {
  readonly rows: readonly TableRow[]
  /** Ask on with it; null: that was all. */
  readonly next: string | null
  /** Of every task that was asked. */
  readonly positions: readonly TablePosition[]
}

export type TableKind =
  | 'aggregate'
  | 'window'
  | 'session'
  | 'sliding'
  | 'table'
  | 'join'
  | 'dedupe'
  | 'process'

export type TableInfo = {
  readonly node: string
  readonly kind: TableKind
  /** The field that is the key, if it is a field. */
  readonly key: string | null
  /** Names of the results of an aggregate; empty where rows are as they came. */
  readonly columns: readonly string[]
  readonly rows: number
  /** There are more rows than were counted. */
  readonly more: boolean
  readonly positions: readonly TablePosition[]
}

export type TableAnswer = RowAnswer | { readonly tables: readonly TableInfo[] }
