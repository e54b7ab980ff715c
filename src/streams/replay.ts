// Plays recorded rows at a chosen speed in event time, as the reading part of a source. After a restart it goes on with
// the next row; an outage neither skips rows nor makes it hurry.
import { assert, BrokerError, type Duration, parseDuration } from '#base'
import type { SourceChunk, SourceContext } from './source.ts'

export type ReplayOptions<V> = {
  /** Event time of a row in milliseconds. Rows are sent in the order given; it sets the pace only. */
  readonly at: (row: V) => number
  /** Seconds of event time per second: 1 is as it happened, 3600 an hour a second, Infinity as fast as it goes. */
  readonly speed: number
} & (
  | { readonly atEnd?: 'stop' }
  | {
      readonly atEnd: 'loop'
      /** What one round adds to event time. Default: the time from the first row to the last, plus a usual gap. */
      readonly lap?: Duration
      /** The row, later by that much. */
      readonly retime: (row: V, byMs: number) => V
    }
)

export type ReplayCursor = { readonly lap: number; readonly index: number }

type Replay<V> = {
  readonly start: ReplayCursor
  readonly read: (context: SourceContext<ReplayCursor>) => AsyncIterable<SourceChunk<V, ReplayCursor>>
}

/** Rows sent together when many are due. */
export const replayChunkRowsMax = 1_000
/** Rows that become due within this span travel together. */
const tickMs = 50

/**
 * @example source('flights', { to: flights, ...replay(rows, { at: (row) => row.at, speed: 3600, atEnd: 'stop' }) })
 */
export function replay<V>(rows: readonly V[], options: ReplayOptions<V>): Replay<V> {
  if (!(options.speed > 0)) {
    throw new BrokerError('invalid_request', `a replay cannot run at speed ${options.speed}`, {
      fix: 'use a number above 0; Infinity is as fast as it goes',
    })
  }
  return { start: { lap: 0, index: 0 }, read: (context) => play(rows, options, context) }
}

async function* play<V>(
  rows: readonly V[],
  options: ReplayOptions<V>,
  context: SourceContext<ReplayCursor>,
): AsyncGenerator<SourceChunk<V, ReplayCursor>> {
  if (rows.length === 0) return
  const loops = options.atEnd === 'loop'
  const lapMs = loops ? lapOf(rows, options) : 0
  let { lap, index } = context.cursor
  const timeAt = (atIndex: number) => options.at(rows[atIndex]!) + lap * lapMs
  const from = index < rows.length ? timeAt(index) : 0
  while (!context.signal.aborted) {
    if (index >= rows.length) {
      if (!loops) return
      lap++
      index = 0
    }
    const dueTo = options.speed === Infinity ? Infinity : from + context.elapsedMs * options.speed
    const start = index
    while (index < rows.length && index - start < replayChunkRowsMax && timeAt(index) <= dueTo) index++
    if (index > start) {
      const shiftMs = lap * lapMs
      const chunk = rows.slice(start, index)
      const sent = loops && shiftMs > 0 ? chunk.map((row) => options.retime(row, shiftMs)) : chunk
      yield { rows: sent, cursor: { lap, index } }
    } else {
      await context.wait(Math.max(tickMs, (timeAt(index) - dueTo) / options.speed))
    }
  }
}

function lapOf<V>(rows: readonly V[], options: ReplayOptions<V> & { readonly atEnd: 'loop' }): number {
  if (options.lap !== undefined) return parseDuration(options.lap)
  let first = Infinity
  let last = -Infinity
  for (const row of rows) {
    first = Math.min(first, options.at(row))
    last = Math.max(last, options.at(row))
  }
  assert(last >= first, 'rows have times')
  return Math.ceil(last - first + Math.max(1, (last - first) / rows.length))
}
