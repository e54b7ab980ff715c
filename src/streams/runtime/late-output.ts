// Rows that came too late: counted, and sent to whoever asked for them.
import type { WindowBounds } from '../window.ts'
import type { Late } from '../windowed-stream.ts'
import type { WindowWiring } from './operator.ts'
import type { RowKey } from './task-context.ts'

type LateRow = {
  readonly value: unknown
  readonly at: number
  readonly key: RowKey
  /** The last window that would have taken it, and the watermark that closed that one. */
  readonly window: WindowBounds
  readonly closedAt: number
}

export function emitLate(wiring: WindowWiring, { value, at, key, window, closedAt }: LateRow): void {
  const { context, counters, time } = wiring
  counters.late++
  if (wiring.emitLate === null) return
  const { topic, partition, offset } = context.record
  const watermark = time.current
  const row: Late<unknown> = {
    value,
    window,
    watermark,
    lateBy: watermark - closedAt,
    position: { topic, partition, offset },
  }
  wiring.emitLate(row, at, key)
}
