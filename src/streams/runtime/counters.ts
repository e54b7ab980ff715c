// What each node has seen since the app started. Plain numbers: operators add one on the hot path.
import type { NodeStats } from '../api.ts'

export type NodeCounters = { -readonly [K in Exclude<keyof NodeStats, 'id'>]: NodeStats[K] }

export function newCounters(): NodeCounters {
  return { recordsIn: 0, recordsOut: 0, errors: 0, late: 0, dropped: 0 }
}

/** The sum over the tasks in which a node runs. */
export function sumCounters(id: string, all: readonly NodeCounters[]): NodeStats {
  const sum = newCounters()
  for (const counters of all) {
    sum.recordsIn += counters.recordsIn
    sum.recordsOut += counters.recordsOut
    sum.errors += counters.errors
    sum.late += counters.late
    sum.dropped += counters.dropped
  }
  return { id, ...sum }
}
