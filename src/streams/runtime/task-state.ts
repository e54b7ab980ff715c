// The last changelog record of every commit: which commit it is, what came before it, and where the task stands. The
// ids form a chain: a store that names the id below its position holds the same history as the log.
import type { Offset } from '#base'
import { decodeValue, encodeValue, taskKey } from '../state/state-key.ts'
import type { StateStore } from '../state/state-store.ts'
import type { StoredTime } from '../time/watermark.ts'

/** One input of a task, as of a commit. */
export type StoredInput = {
  readonly topic: string
  /** Of the topic: a re-created one starts over. */
  readonly id: string
  readonly partition: number
  readonly next: Offset
  readonly time: StoredTime | null
  /** The node for which every task reads it whole; its position is nobody else's. */
  readonly of?: string
  /** Times of upstream tasks, behind a repartition. */
  readonly slots?: Readonly<Record<string, StoredTime & { readonly epoch: number }>>
}

export type TaskState = {
  /** Counts the task's commits. */
  readonly commit: number
  readonly id: string
  /** The commit before; empty at the first. */
  readonly previous: string
  readonly epoch: number
  readonly inputs: readonly StoredInput[]
  /** By node id. */
  readonly times: Readonly<Record<string, StoredTime>>
}

export const encodeTaskState = (state: TaskState): Uint8Array => encodeValue(state)

export function readTaskState(bytes: Uint8Array): TaskState {
  return decodeValue(bytes, 'a task') as TaskState
}

export function storedTaskState(store: StateStore): TaskState | null {
  const bytes = store.get(taskKey)
  return bytes === null ? null : readTaskState(bytes)
}

export function isTaskKey(key: Uint8Array): boolean {
  return key.length === 1 && key[0] === taskKey[0]
}
