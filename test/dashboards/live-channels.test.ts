import { describe, expect, test } from 'bun:test'
import { asMillis } from '#base'
import type { ChannelData } from '#dashboards'
import type { AppStatus } from '#streams'
import { liveFixture } from './live-fixture.ts'
import { spec } from './records.ts'

type Of<Kind extends ChannelData['kind']> = Extract<ChannelData, { kind: Kind }>

function appStatus(id: string, state: AppStatus['state'], error: string | null = null): AppStatus {
  return {
    ...{
      id,
      state,
      file: `${id}.ts`,
      version: null,
      nodes: [],
      tasks: [],
      recordsPerSecond: 0,
      lag: 0,
      memoryBytes: 0,
      restarts: 0,
    },
    graph: { app: id, nodes: [], edges: [], topics: [] },
    error: error === null ? null : { message: error },
    startedAt: asMillis(0),
  }
}

describe('tail/<topic>', () => {
  test('begins with the newest records and goes on with new ones, as JSON', async () => {
    const live = await liveFixture()
    await live.produce('events', [
      { key: 'a', value: { n: 1 }, timestamp: 5 },
      { key: null, text: 'plain', timestamp: 6 },
    ])
    const page = live.connect()
    live.watch(page, 'tail/events')
    await live.pass(200)
    await live.produce('events', [{ key: 'b' }])
    await live.pass(300)
    expect(page.of('snap')[0]?.data).toEqual({
      kind: 'tail',
      skipped: 0,
      records: [
        { partition: 0, offset: 0, timestamp: 5, key: 'a', value: { n: 1 }, headers: {} },
        { partition: 0, offset: 1, timestamp: 6, key: null, value: 'plain', headers: {} },
      ],
    })
    expect(page.of('delta').map(({ data }) => (data as Of<'tail'>).records)).toMatchObject([
      [{ offset: 2, key: 'b', value: null }],
    ])
  })

  test('shows at most 50 records a message, the newest, and counts every one it passed over', async () => {
    const live = await liveFixture({ topics: { events: 2 } })
    const page = live.connect()
    live.watch(page, 'tail/events')
    await live.pass(200)
    for (let round = 0; round < 10; round++) {
      const records = Array.from({ length: 137 }, (_, n) => ({
        value: round * 137 + n,
        timestamp: round * 137 + n,
        partition: n % 2,
      }))
      await live.produce('events', records)
      await live.pass(60)
    }
    await live.pass(500)
    const deltas = page.of('delta').map(({ data }) => data as Of<'tail'>)
    expect(Math.max(...deltas.map(({ records }) => records.length))).toBe(50)
    const shown = deltas.reduce((sum, { records }) => sum + records.length, 0)
    const skipped = deltas.reduce((sum, delta) => sum + delta.skipped, 0)
    expect(shown + skipped).toBe(1_370)
    expect(deltas.flatMap(({ records }) => records.map(({ value }) => value))).toContain(1_369)
  })

  test('cuts what is long, so that a message stays small', async () => {
    const live = await liveFixture()
    await live.produce(
      'events',
      Array.from({ length: 60 }, () => ({ key: 'k'.repeat(20_000), text: 'ö'.repeat(50_000) })),
    )
    const page = live.connect()
    live.watch(page, 'tail/events')
    await live.pass(2_000)
    const { records } = page.shown('tail/events') as Of<'tail'>
    expect(records).toHaveLength(50)
    expect(JSON.stringify(records).length).toBeLessThan(500_000)
    expect(records[0]).toMatchObject({ truncated: { key: 20_000, value: 100_000 } })
    expect(records[0]?.value).toBe('ö'.repeat(2_048))
  })

  test('of a topic that is deleted says so, and shows the new one when it is created again', async () => {
    const live = await liveFixture()
    const page = live.connect()
    live.watch(page, 'tail/events')
    await live.pass(200)
    await live.broker.deleteTopic('events')
    await live.pass(3_000)
    expect(page.of('error')).toMatchObject([{ ch: 'tail/events', code: 'not_found' }])
    await live.broker.createTopic({ name: 'events' })
    await live.produce('events', [{ value: 'new' }])
    await live.pass(3_000)
    expect((page.shown('tail/events') as Of<'tail'>).records).toMatchObject([{ value: 'new', offset: 0 }])
  })
})

describe('overview', () => {
  test('opens with its past, then adds one point a second', async () => {
    const live = await liveFixture()
    await live.produce(
      'events',
      Array.from({ length: 30 }, (_, n) => ({ value: n })),
    )
    await live.pass(20_000, 100)
    const page = live.connect()
    live.watch(page, 'overview')
    await live.pass(3_050, 50)
    const snap = page.of('snap')[0]!.data as Of<'overview'>
    expect(snap.overview.points).toHaveLength(21)
    expect(Math.max(...snap.overview.points.map((point) => point.recordsInPerSecond))).toBeGreaterThan(0)
    const deltas = page.of('delta').map(({ data }) => (data as Of<'overview'>).overview)
    expect(deltas.map(({ points }) => points.length)).toEqual([1, 1, 1])
    expect(deltas.at(-1)).toMatchObject({
      verdict: { status: 'ok' },
      version: '0.0.0',
      uptimeSeconds: 23,
      durability: 'fsync',
      points: [{ viewers: 1, memoryBytes: 40e6 }],
    })
  })

  test('keeps ten minutes', async () => {
    const live = await liveFixture()
    for (let second = 0; second < 700; second++) live.clock.advance(1_000)
    expect(live.hub.overview().points).toHaveLength(600)
  })

  test('a page that resumes after a while gets every second it missed', async () => {
    const live = await liveFixture()
    await live.pass(5_000, 500)
    const first = live.connect()
    live.watch(first, 'overview')
    await live.pass(2_000, 100)
    live.disconnect(first)
    await live.pass(60_000, 1_000)
    const second = live.reconnect(first)
    await live.pass(1_000, 100)
    const times = (page: typeof first) =>
      page.messages.flatMap((message) =>
        'data' in message && message.data.kind === 'overview'
          ? message.data.overview.points.map(({ at }) => at)
          : [],
      )
    const seen = [...new Set([...times(first), ...times(second)])]
    expect(seen).toEqual(live.hub.overview().points.map(({ at }) => at))
  })

  test('tells of topics and apps that come, go and fail, and names them in its verdict', async () => {
    const apps = [appStatus('rides', 'running')]
    const live = await liveFixture({ apps })
    await live.pass(1_000, 500)
    await live.broker.createTopic({ name: 'orders' })
    await live.broker.deleteTopic('events')
    apps[0] = appStatus('rides', 'failed', 'cannot read fare\nof undefined')
    await live.pass(1_000, 500)
    const { events, verdict } = live.hub.overview()
    expect(events.map(({ text }) => text)).toEqual([
      'App "rides" failed: cannot read fare',
      'Topic "events" was deleted.',
      'Topic "orders" was created.',
    ])
    expect(verdict).toEqual({ status: 'degraded', text: 'App "rides" failed: cannot read fare.' })
    live.hub.note('warn', 'a thing happened')
    await live.pass(1_000, 500)
    expect(live.hub.overview().events[0]).toMatchObject({ level: 'warn', text: 'a thing happened' })
  })

  test('names the busiest topics, and leaves out what pspf writes for itself', async () => {
    const live = await liveFixture({ topics: { quiet: 1, busy: 1 } })
    for (let second = 0; second < 6; second++) {
      await live.produce(
        'busy',
        Array.from({ length: 100 }, () => ({ value: 1 })),
      )
      await live.produce('quiet', [{ value: 1 }])
      await live.pass(1_000, 500)
    }
    expect(
      live.hub.overview().hotTopics.map(({ name, recordsPerSecond }) => [name, recordsPerSecond]),
    ).toEqual([
      ['busy', 100],
      ['quiet', 1],
    ])
    expect(live.hub.totalRates().recordsIn).toBe(101)
    expect(live.hub.rates('busy').recordsPerSecond).toBe(100)
    expect(live.hub.rates('nothing')).toEqual({ recordsPerSecond: 0, bytesPerSecond: 0 })
  })
})

describe('lists', () => {
  test('topics: sent whole when something changed, and only then', async () => {
    const live = await liveFixture()
    const page = live.connect()
    live.watch(page, 'topics')
    await live.pass(10_000, 500)
    const names = () => (page.shown('topics') as Of<'topics'>).topics.map(({ name }) => name)
    expect(page.messages.filter(({ op }) => op === 'snap' || op === 'delta')).toHaveLength(1)
    await live.broker.createTopic({ name: 'another', partitions: 3 })
    await live.pass(1_500, 100)
    expect(names().slice(0, 2)).toEqual(['another', 'events'])
    expect((page.shown('topics') as Of<'topics'>).topics[0]).toMatchObject({
      partitions: 3,
      records: 0,
      internal: false,
    })
    expect(page.of('delta')).toHaveLength(1)
    expect(live.hub.topics().map(({ name }) => name)).toEqual(names())
  })

  test('topics: of very many only the first are listed, with the total', async () => {
    const live = await liveFixture({ limits: { topicsListedMax: 2 }, topics: { a: 1, b: 1, c: 1 } })
    const page = live.connect()
    live.watch(page, 'topics')
    await live.pass(200)
    const shown = page.shown('topics') as Of<'topics'>
    expect(shown.topics.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(shown.total).toBe(live.broker.topics().length)
  })

  test('apps: a change of state is sent at once, not with the next look', async () => {
    const apps = [appStatus('rides', 'running')]
    const live = await liveFixture({ apps })
    const page = live.connect()
    live.watch(page, 'apps')
    await live.pass(500)
    apps[0] = appStatus('rides', 'paused')
    live.tellApps()
    await live.pass(120)
    expect(page.shown('apps')).toMatchObject({ apps: [{ id: 'rides', state: 'paused' }] })
  })

  test('dashboards: configuration is sent on connect and on change only', async () => {
    const widget = spec('line', { id: 'app.line', topic: 'events', y: 'n' })
    const live = await liveFixture({ widgets: [widget] })
    const page = live.connect()
    live.watch(page, 'dashboards')
    await live.pass(5_000, 500)
    expect(page.of('delta')).toEqual([])
    live.define([widget, { ...widget, id: 'app.more' }])
    await live.pass(200)
    const shown = page.shown('dashboards') as Of<'dashboards'>
    expect(shown.dashboards[0]?.widgets.map(({ id }) => id)).toEqual(['app.line', 'app.more'])
  })
})
