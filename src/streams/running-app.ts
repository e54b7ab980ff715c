// An app at work: its tasks over a log port, from start to stop.
import { BrokerError, type Clock, type Disk, type Logger, type Random } from '#base'
import type { FetchedSlice } from '#broker'
import type { LogPort, RunningStatus } from './api.ts'
import type { App } from './app.ts'

export type SegmentSlice = NonNullable<FetchedSlice['slice']>
export type SliceReader = (slice: SegmentSlice) => Promise<Uint8Array>

export type StartOptions = {
  readonly port: LogPort
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where state stores live, one folder per app; null keeps state in memory and rebuilds it at each start. */
  readonly stateDirectory: string | null
  /** How the bytes of a slice are read: a function, or the disk on which they lie. */
  readonly readSlice: SliceReader | Disk
}

export interface RunningApp {
  status(): RunningStatus
  /** Stops reading; resolves when everything read is committed. */
  pause(): Promise<void>
  resume(): void
  /** Commits what was processed, closes the stores. Resolves once nothing of the app runs any more. */
  stop(): Promise<void>
  /** Resolves after `stop`; rejects with `app_failed` when a task fails (then every task has stopped). */
  readonly done: Promise<void>
}

/** Creates missing topics, fences older owners, restores state and starts all tasks. Rejects if the graph is unsound. */
export function startApp(app: App, _options: StartOptions): Promise<RunningApp> {
  return Promise.reject(new BrokerError('app_failed', `app "${app.id}" cannot run yet`))
}
