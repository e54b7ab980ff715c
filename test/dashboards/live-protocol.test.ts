// The promise of the live protocol, against everything that can happen to a viewer: whatever it lived through, once
// things are quiet it shows exactly what the records say.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { WidgetData, WidgetSpec } from '#dashboards'
import { readRecords } from '#record'
import { widgetRecord } from '../../src/dashboards/widget-record.ts'
import { widgetView } from '../../src/dashboards/widget-view.ts'
import { type LiveFixture, liveFixture, type TestRecord } from './live-fixture.ts'
import { canonical, spec } from './records.ts'

const widgets: WidgetSpec[] = [
  spec('line', { id: 'app.line', topic: 'events', y: 'n', by: 'group', pointsMax: 6, spanMs: 30 }),
  spec('bar', { id: 'app.bar', topic: 'events', y: 'n', limit: 2 }),
  spec('table', { id: 'app.table', topic: 'events', limit: 3, sortBy: 'n' }),
  spec('stat', { id: 'app.stat', topic: 'events', y: 'n', reduce: 'sum' }),
]
const pagesMax = 3

const key = fc.constantFrom('a', 'b', 'c', 'd')
const value = fc.record({
  n: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 9 }) },
    { weight: 1, arbitrary: fc.constant('soon') },
  ),
  group: key,
  window: fc.option(fc.record({ start: fc.constantFrom(0, 10, 20) }), { nil: undefined }),
})
const produced: fc.Arbitrary<TestRecord> = fc.record({
  key,
  value: fc.option(value, { nil: undefined, freq: 5 }),
  timestamp: fc.integer({ min: 0, max: 60 }),
  partition: fc.constantFrom(0, 1),
})

type Action =
  | { do: 'produce'; records: TestRecord[] }
  | { do: 'pass'; ms: number }
  | { do: 'watch' | 'unwatch'; page: number; widget: number }
  | { do: 'stall' | 'flow' | 'reconnect' | 'reload'; page: number }
  | { do: 'restart' }

const page = fc.nat(pagesMax - 1)
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(produced, { minLength: 1, maxLength: 8 })
      .map((records) => ({ do: 'produce' as const, records })),
  },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 15 }).map((n) => ({ do: 'pass' as const, ms: n * 20 })) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('watch' as const, 'unwatch' as const),
      page,
      widget: fc.nat(widgets.length - 1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('stall' as const, 'flow' as const, 'reconnect' as const, 'reload' as const),
      page,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
)

const lives = fc.array(action, { minLength: 5, maxLength: 60, size: 'max' })

/** What the records say, read afresh. */
async function truth(live: LiveFixture, of: WidgetSpec): Promise<WidgetData> {
  const view = widgetView(of)
  const from = live.broker.topic('events').partitions[0]!.startOffset
  const { batches } = await live.broker.fetch({
    topic: 'events',
    partition: 0,
    from,
    bytesMax: 1e7,
    waitMs: 0,
  })
  for (const record of readRecords(batches, from)) view.fold(widgetRecord(0, record))
  return view.snapshot()
}

/** What the server says: between partitions there is no order, so that the records alone do not decide. */
async function serverState(live: LiveFixture, of: WidgetSpec): Promise<WidgetData> {
  const history = live.hub.widgetHistory(of.id)
  await live.pass(200)
  return (await history)!.data
}

async function run(actions: readonly Action[], partitions: number): Promise<void> {
  const limits = {
    backlogSoftBytes: 400,
    backlogHardBytes: 1e6,
    resumeDeltasMax: 3,
    sweepMs: 40,
    lingerMs: 300,
  }
  const live = await liveFixture({ widgets, limits, topics: { events: partitions } })
  let pages = Array.from({ length: pagesMax }, () => live.connect())
  const watching = pages.map(() => new Set<number>())
  const channelOf = (widget: number) => `widget/${widgets[widget]!.id}`
  const watch = (at: number, widget: number) => {
    const known = pages[at]!.views.get(channelOf(widget))
    live.watch(pages[at]!, channelOf(widget), known && { epoch: known.epoch, seq: known.seq })
  }
  const join = (at: number) => {
    for (const widget of watching[at]!) watch(at, widget)
  }
  for (const at of pages.keys()) {
    for (const widget of widgets.keys()) {
      watching[at]!.add(widget)
      watch(at, widget)
    }
  }
  for (const each of actions) {
    if (each.do === 'produce') {
      await live.produce(
        'events',
        each.records.map((record) => ({ ...record, partition: record.partition! % partitions })),
      )
    } else if (each.do === 'pass') await live.pass(each.ms)
    else if (each.do === 'watch') {
      watching[each.page]!.add(each.widget)
      watch(each.page, each.widget)
    } else if (each.do === 'unwatch') {
      watching[each.page]!.delete(each.widget)
      live.hub.message(pages[each.page]!, JSON.stringify({ op: 'unsub', ch: channelOf(each.widget) }))
    } else if (each.do === 'stall') pages[each.page]!.stall()
    else if (each.do === 'flow') pages[each.page]!.flow()
    else if (each.do === 'restart') {
      live.restartHub()
      pages = pages.map((before) => {
        const after = live.connect()
        for (const [channel, view] of before.views) after.views.set(channel, view)
        return after
      })
      for (const at of pages.keys()) join(at)
    } else {
      const before = pages[each.page]!
      live.disconnect(before)
      pages[each.page] = live.connect()
      if (each.do === 'reconnect') {
        for (const [channel, view] of before.views) pages[each.page]!.views.set(channel, view)
      }
      join(each.page)
    }
  }
  for (const each of pages) each.flow()
  await live.pass(1_000)
  for (const [at, shown] of pages.entries()) {
    expect(shown.of('error')).toEqual([])
    for (const widget of watching[at]!) {
      const spec = widgets[widget]!
      const expected = partitions === 1 ? await truth(live, spec) : await serverState(live, spec)
      expect(canonical(shown.widget(spec.id)!)).toEqual(canonical(expected))
    }
  }
  live.hub.drain()
  await live.broker.close()
}

describe('whatever a viewer lives through, it ends up with what the records say', () => {
  test('over one partition', async () => {
    await fc.assert(
      fc.asyncProperty(lives, (actions) => run(actions, 1)),
      { numRuns: 80, endOnFailure: true },
    )
  }, 30_000)

  test('over several partitions', async () => {
    await fc.assert(
      fc.asyncProperty(lives, (actions) => run(actions, 2)),
      { numRuns: 40, endOnFailure: true },
    )
  }, 30_000)
})
