// Where a round of compaction runs: on a thread of its own, or right here, which simulations and small tools do.
import type { Disk } from '#base'
import { type CompactionJob, type CompactionStep, type CompactionTotals, compact } from './compaction.ts'

export type CompactionProgress =
  | { readonly done: false; readonly step: CompactionStep }
  | { readonly done: true; readonly totals: CompactionTotals }

export interface CompactionRun {
  /** Works up to the next step; files of a step before it belong to the caller. */
  next(): Promise<CompactionProgress>
  /** Ends it, and removes what it had begun to write. */
  stop(): Promise<void>
}

export interface CompactionRunner {
  start(job: CompactionJob): CompactionRun
}

export function inlineCompaction(disk: Disk): CompactionRunner {
  return {
    start(job) {
      const round = compact(disk, job)
      return {
        async next() {
          const { done, value } = round.next()
          return done ? { done, totals: value } : { done: false, step: value }
        },
        async stop() {
          round.return({ compactedTo: job.compactedTo, recordsRemoved: 0 })
        },
      }
    },
  }
}
