// What the browser folds from a snapshot and deltas is what the server would show to someone who just came.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { widgetView } from '../../src/dashboards/widget-view.ts'
import type { ChannelData, WidgetData, WidgetSpec } from '../../src/http/contract.ts'
import { alignSeries } from '../../ui/chart/align.ts'
import { applyDelta, defaultLimits } from '../../ui/live/reduce.ts'
import { orderRows } from '../../ui/widgets/row-order.ts'
import { orderBars } from '../../ui/widgets/value.ts'

type Step =
  | { do: 'write'; key: string; time: number; window: number; n: unknown }
  | { do: 'delete'; key: string }
  | { do: 'flush' }

const key = fc.constantFrom('a', 'b', 'c', 'a10', 'a9')
const value = fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constantFrom<unknown>(null, 'soon', Number.NaN))
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      key,
      time: fc.nat(40),
      window: fc.nat(3),
      n: value,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.constant({ do: 'flush' as const }) },
)
const steps = fc.array<Step>(step, { maxLength: 60 })

/** The view of a page that subscribed before the first record, and the one of a page that comes after the last. */
function watch(
  spec: WidgetSpec,
  happened: readonly Step[],
  windowed: boolean,
): { folded: ChannelData; fresh: WidgetData } {
  const server = widgetView(spec)
  let page: ChannelData = JSON.parse(JSON.stringify(server.snapshot())) as ChannelData
  const limits = { ...defaultLimits, pointsMax: spec.pointsMax ?? defaultLimits.pointsMax }
  const flush = () => {
    const delta = server.takeDelta()
    if (delta) page = applyDelta(page, JSON.parse(JSON.stringify(delta)) as ChannelData, limits)
  }
  happened.forEach((one, offset) => {
    if (one.do === 'flush') flush()
    else {
      const write = one.do === 'write'
      const row = write
        ? { n: one.n, t: one.time, ...(windowed && { window: { start: one.window, end: one.window + 1 } }) }
        : null
      server.fold({
        partition: 0,
        offset,
        timestamp: write ? one.time : 0,
        key: one.key,
        value: row,
        deleted: !write,
      })
    }
  })
  flush()
  return { folded: page, fresh: JSON.parse(JSON.stringify(server.snapshot())) as WidgetData }
}

const base = { id: 'app.widget', title: 'Widget', topic: 'topic' }

describe('the fold of the page equals the fold of the server', () => {
  test('for lines, with few points kept and late ones sorted in', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), fc.boolean(), (happened, pointsMax, by) => {
        const spec: WidgetSpec = { ...base, kind: 'line', y: 'n', pointsMax, ...(by && { by: '$key' }) }
        const { folded, fresh } = watch(spec, happened, false)
        expect(folded).toEqual(fresh)
      }),
    )
  })

  test('for lines with a span, once the page shows that span', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 30 }), (happened, spanMs) => {
        const spec: WidgetSpec = { ...base, kind: 'line', y: 'n', by: '$key', spanMs }
        const { folded, fresh } = watch(spec, happened, false)
        if (folded.kind !== 'series' || fresh.kind !== 'series') throw new Error('not a series')
        const named = (series: typeof fresh.series) => {
          const { x, ys } = alignSeries(series, spanMs)
          const columns = series.map((one, index) => [one.name, ys[index]] as const)
          return { x, columns: new Map(columns.filter(([, column]) => column?.some((y) => y !== undefined))) }
        }
        expect(named(folded.series)).toEqual(named(fresh.series))
      }),
    )
  })

  test('for bars, in order', () => {
    fc.assert(
      fc.property(
        steps,
        fc.boolean(),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        (happened, windowed, limit, byKey) => {
          const spec: WidgetSpec = { ...base, kind: 'bar', y: 'n', limit, ...(byKey && { sortBy: 'key' }) }
          const { folded, fresh } = watch(spec, happened, windowed)
          if (folded.kind !== 'bars' || fresh.kind !== 'bars') throw new Error('not bars')
          expect(orderBars(folded.bars, spec)).toEqual([...fresh.bars])
          expect(folded.faults).toEqual(fresh.faults)
        },
      ),
    )
  })

  test('for tables, in order', () => {
    fc.assert(
      fc.property(
        steps,
        fc.boolean(),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        (happened, windowed, limit, descending) => {
          const spec: WidgetSpec = { ...base, kind: 'table', limit, sortBy: 'n', sortDescending: descending }
          const { folded, fresh } = watch(spec, happened, windowed)
          if (folded.kind !== 'rows' || fresh.kind !== 'rows') throw new Error('not rows')
          expect(orderRows(folded, { field: 'n', descending }, limit)).toEqual([...fresh.rows])
        },
      ),
    )
  })

  test('for stats', () => {
    fc.assert(
      fc.property(steps, (happened) => {
        const { folded, fresh } = watch({ ...base, kind: 'stat', y: 'n' }, happened, false)
        expect(folded).toEqual(fresh)
      }),
    )
  })
})
