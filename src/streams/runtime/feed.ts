// Where a task's rows come from: a partition of a topic, a repartition, or a source of the app.
import type { TaskStatus } from '../api.ts'
import type { StoredInput } from './task-state.ts'

export interface Feed {
  /** There is something to process now. */
  readonly ready: boolean
  /** How long it has been read to its end and found nothing; Infinity if that cannot be said. */
  readonly silentMs: number
  /** A table that is read before other feeds, and at start to its end. */
  readonly leads?: boolean
  /** It has not read all that there was when the task started. */
  readonly behind?: boolean
  /** Records that are known to be there and can be read on without a pause. */
  readonly backlog?: number
  /** Sees to it that more is on its way; whatever comes wakes the task. */
  prefetch(): void
  /** Processes up to `recordsMax` records, fewer if the commit fills up. Answers how many. */
  run(recordsMax: number): number
  /** What a commit must hold of it. */
  readonly input: StoredInput | null
  status(): Omit<TaskStatus, 'task' | 'commits' | 'commitMs'>
  /** Ends what runs on its own. */
  stop(): void
}
