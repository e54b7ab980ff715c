// What the log was at a moment of the past, from the files of its history.

import type { LogMoment } from './history.ts'
import { decodeHistory, type HistoryLine, type StoredMoment } from './history-file.ts'

export type PastPartition = {
  readonly topicId: string
  readonly partition: number
  readonly topic: string
  readonly startOffset: number
  readonly endOffset: number
}

export type PastState = {
  /** The last frame in it. */
  readonly moment: LogMoment
  readonly partitions: readonly PastPartition[]
}

/** `unknown`: part of the history is damaged or was lost on a full disk, and `time` falls into it. */
export type Past = PastState | { readonly missing: 'before' | 'unknown'; readonly oldest: number | null }

/** Whether it is known what the log was. */
export function isKnown(past: Past): past is PastState {
  return 'moment' in past
}

/** The newest moment that was noted at or before `time`. `files` are in the order of their numbers. */
export function pastAt(files: readonly Uint8Array[], time: number): Past {
  const table = new PastTable()
  for (const bytes of files) {
    const { lines, whole } = decodeHistory(bytes)
    for (const line of lines)
      for (const moment of line.moments) {
        table.see(moment)
        if (moment[0] > time) return table.state
        table.take(line, moment)
      }
    if (!whole) table.lose()
  }
  return table.state
}

class PastTable {
  readonly #partitions = new Map<string, PastPartition>()
  #moment: LogMoment | null = null
  #oldest: number | null = null
  #hasTaken = false

  /** The first one is the oldest. */
  see([appendTime]: StoredMoment): void {
    this.#oldest ??= appendTime
  }

  take(
    { partitions }: HistoryLine,
    [appendTime, frame, ends, starts = [], gone = [], whole]: StoredMoment,
  ): void {
    this.#hasTaken = true
    if (whole === 1) this.#partitions.clear()
    else if (this.#moment === null) return
    this.#moment = { appendTime, frame }
    const change = (place: number, offsets: Partial<PastPartition>) => {
      const [topicId, partition, topic] = partitions[place]!
      const key = `${topicId}-${partition}`
      const before = this.#partitions.get(key) ?? { startOffset: 0, endOffset: 0 }
      this.#partitions.set(key, { ...before, ...offsets, topicId, partition, topic })
    }
    for (let at = 0; at < ends.length; at += 2) change(ends[at]!, { endOffset: ends[at + 1]! })
    for (let at = 0; at < starts.length; at += 2) change(starts[at]!, { startOffset: starts[at + 1]! })
    for (const place of gone) {
      const [topicId, partition] = partitions[place]!
      this.#partitions.delete(`${topicId}-${partition}`)
    }
  }

  /** What follows is not known, until all of it is told anew. */
  lose(): void {
    this.#moment = null
  }

  get state(): Past {
    const moment = this.#moment
    const oldest = this.#oldest
    if (moment === null) return { missing: this.#hasTaken ? 'unknown' : 'before', oldest }
    return { moment, partitions: [...this.#partitions.values()] }
  }
}
