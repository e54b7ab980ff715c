// The app that tests run over and over: all aggregates over one window, in both policies.
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import { topic } from '../../src/streams/topic.ts'
import { type WindowDefinition, window } from '../../src/streams/window.ts'
import type { OracleRow, OracleWindow } from './oracle/fixed-window.ts'

export const durationOf = (ms: number) => `${ms}ms` as const

export function definitionOf({ size, hop, offset, grace }: OracleWindow): WindowDefinition {
  const options = { grace: durationOf(grace), offset: durationOf(offset) }
  return hop === size
    ? window.tumbling(durationOf(size), options)
    : window.hopping(durationOf(size), { ...options, every: durationOf(hop) })
}

export type WindowAppOptions = {
  readonly window: OracleWindow
  readonly outOfOrder: number
  readonly partitions?: number
  /** Partitioned by the key already, so that nothing needs to be repartitioned. */
  readonly keyed?: boolean
}

export function windowApp({ window: wanted, outOfOrder, partitions = 1, keyed = false }: WindowAppOptions) {
  const rows = topic<OracleRow>('rows', {
    partitions,
    ...(keyed ? { key: 'key' as const } : {}),
    time: { at: (row) => row.at, outOfOrder: durationOf(outOfOrder) },
  })
  const aggregates = {
    n: agg.count(),
    total: agg.sum('amount'),
    min: agg.min('amount'),
    max: agg.max('amount'),
    avg: agg.avg('amount'),
    last: agg.last((row: OracleRow) => row.amount),
  }
  const byKey = rows.stream().keyBy('key')
  const closed = byKey.window('closed', definitionOf(wanted)).aggregate(aggregates).emit('on-close')
  const updated = byKey.window('updated', definitionOf(wanted)).aggregate(aggregates).emit('on-update')
  return { rows, closed, updated, app: app({ id: 'windows' }).use(closed, updated) }
}
