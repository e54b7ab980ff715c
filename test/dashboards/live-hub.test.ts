import { describe, expect, test } from 'bun:test'
import type { ChannelData } from '#dashboards'
import { liveFixture } from './live-fixture.ts'
import { spec } from './records.ts'

const line = spec('line', { id: 'app.line', topic: 'events', y: 'n' })
const table = spec('table', { id: 'app.table', topic: 'events' })
const points = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ value: { n: from + index }, timestamp: from + index }))
const seriesOf = (data: ChannelData | undefined) =>
  data?.kind === 'series' ? (data.series[0]?.x ?? []) : null

describe('history and live are one subscription', () => {
  test('N2: a late subscriber sees the history, of every kind of widget', async () => {
    const bar = spec('bar', { id: 'app.bar', topic: 'events', y: 'n' })
    const stat = spec('stat', { id: 'app.stat', topic: 'events', y: 'n' })
    const live = await liveFixture({ widgets: [line, table, bar, stat] })
    await live.produce('events', [
      { key: 'a', value: { n: 1 }, timestamp: 1 },
      { key: 'b', value: { n: 2 }, timestamp: 2 },
    ])
    const page = live.connect()
    for (const id of ['line', 'table', 'bar', 'stat']) live.watch(page, `widget/app.${id}`)
    await live.pass(100)
    expect(page.widget('app.line')).toEqual({ kind: 'series', series: [{ name: 'n', x: [1, 2], y: [1, 2] }] })
    expect(page.widget('app.bar')).toMatchObject({
      bars: [
        { key: 'b', value: 2 },
        { key: 'a', value: 1 },
      ],
    })
    expect(page.widget('app.stat')).toMatchObject({ value: 2, previous: 1, at: 2, spark: [1, 2] })
    expect(page.widget('app.table')).toMatchObject({
      rows: [
        { key: 'b', row: { key: 'b', n: 2 } },
        { key: 'a', row: { key: 'a', n: 1 } },
      ],
    })
  })

  test('N3: snapshot and deltas share one sequence, the offsets of the topic', async () => {
    const live = await liveFixture({ widgets: [line] })
    await live.produce('events', points(7))
    const page = live.connect()
    live.watch(page, 'widget/app.line')
    await live.pass(100)
    await live.produce('events', points(3, 7))
    await live.pass(200)
    const [snap] = page.of('snap')
    expect(snap).toMatchObject({ ch: 'widget/app.line', seq: 7, epoch: live.broker.topic('events').id })
    expect(page.of('delta').at(-1)?.seq).toBe(10)
    expect(seriesOf(page.widget('app.line'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('records written while the snapshot is being made are in it or in a delta, not both, not neither', async () => {
    const live = await liveFixture({ widgets: [line], limits: { fetchSizeBytesMax: 100 } })
    for (let n = 0; n < 20; n++) await live.produce('events', points(1, n))
    const page = live.connect()
    live.watch(page, 'widget/app.line')
    for (let n = 20; n < 40; n++) {
      await live.produce('events', points(1, n))
      await live.pass(20)
    }
    await live.pass(1_000)
    expect(seriesOf(page.widget('app.line'))).toEqual(Array.from({ length: 40 }, (_, n) => n))
    const deltas = page.of('delta').flatMap(({ data }) => seriesOf(data) ?? [])
    const snapped = seriesOf(page.of('snap')[0]?.data)!
    expect([...snapped, ...deltas]).toEqual(Array.from({ length: 40 }, (_, n) => n))
  })

  test('a widget whose topic does not exist yet is empty, then fills', async () => {
    const live = await liveFixture({ widgets: [{ ...line, topic: 'later' }] })
    const page = live.connect()
    live.watch(page, 'widget/app.line')
    await live.pass(100)
    expect(page.widget('app.line')).toEqual({ kind: 'series', series: [] })
    await live.broker.createTopic({ name: 'later' })
    await live.produce('later', points(2))
    await live.pass(1_200)
    expect(seriesOf(page.widget('app.line'))).toEqual([0, 1])
  })

  test('a topic that is deleted and created again is another epoch, and nothing of the old one stays', async () => {
    const live = await liveFixture({ widgets: [line] })
    await live.produce('events', points(5))
    const page = live.connect()
    live.watch(page, 'widget/app.line')
    await live.pass(100)
    await live.broker.deleteTopic('events')
    await live.broker.createTopic({ name: 'events' })
    await live.produce('events', points(1, 100))
    await live.pass(2_500)
    expect(seriesOf(page.widget('app.line'))).toEqual([100])
    expect(page.of('snap').at(-1)?.epoch).toBe(live.broker.topic('events').id)
  })

  test('only the newest records of a long history are read', async () => {
    const live = await liveFixture({ widgets: [line], limits: { historyRecordsMax: 10 } })
    for (let n = 0; n < 30; n++) await live.produce('events', points(1, n))
    const page = live.connect()
    live.watch(page, 'widget/app.line')
    await live.pass(600)
    expect(seriesOf(page.widget('app.line'))).toEqual(Array.from({ length: 10 }, (_, n) => 20 + n))
  })
})

describe('coming back', () => {
  test('a page that resumes gets only what it missed', async () => {
    const live = await liveFixture({ widgets: [line] })
    await live.produce('events', points(5))
    const first = live.connect()
    live.watch(first, 'widget/app.line')
    await live.pass(100)
    await live.produce('events', points(1, 5))
    await live.pass(200)
    const other = live.connect()
    live.watch(other, 'widget/app.line')
    live.disconnect(first)
    await live.produce('events', points(2, 6))
    await live.pass(200)
    const second = live.reconnect(first)
    await live.pass(200)
    expect(second.of('snap')).toEqual([])
    expect(second.of('delta').flatMap(({ data }) => seriesOf(data) ?? [])).toEqual([6, 7])
    expect(seriesOf(second.widget('app.line'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(live.metric('pspf_live_resumes_total')).toBe(1)
  })

  test('a page that was away too long gets a snapshot', async () => {
    const live = await liveFixture({ widgets: [line], limits: { resumeDeltasMax: 2, flushMs: 20 } })
    const first = live.connect()
    const other = live.connect()
    for (const page of [first, other]) live.watch(page, 'widget/app.line')
    await live.produce('events', points(1))
    await live.pass(100)
    live.disconnect(first)
    for (let n = 1; n < 9; n++) {
      await live.produce('events', points(1, n))
      await live.pass(60)
    }
    const second = live.reconnect(first)
    await live.pass(100)
    expect(second.of('snap')).toHaveLength(1)
    expect(seriesOf(second.widget('app.line'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('N14: after a restart of the server the page resumes, and nothing is lost or doubled', async () => {
    const live = await liveFixture({ widgets: [line] })
    await live.produce('events', points(5))
    const first = live.connect()
    live.watch(first, 'widget/app.line')
    await live.pass(100)
    await live.produce('events', points(2, 5))
    await live.pass(200)
    const before = first.views.get('widget/app.line')!
    live.restartHub()
    expect(first.of('bye')).toHaveLength(1)
    await live.produce('events', points(2, 7))
    const second = live.reconnect(first)
    await live.pass(200)
    const after = second.views.get('widget/app.line')!
    expect(after.epoch).toBe(before.epoch)
    expect(after.seq).toBe(9)
    expect(seriesOf(after.data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('a resume that nobody gave out is answered by a snapshot', async () => {
    const live = await liveFixture({ widgets: [line] })
    await live.produce('events', points(3))
    const page = live.connect()
    const epoch = live.broker.topic('events').id
    for (const resume of [
      { epoch: 'another', seq: 2 },
      { epoch, seq: 99 },
      { epoch, seq: -1 },
      { epoch, seq: 3 },
    ]) {
      page.messages.length = 0
      live.watch(page, 'widget/app.line', resume)
      await live.pass(200)
      expect(page.of('snap')).toHaveLength(1)
      expect(seriesOf(page.widget('app.line'))).toEqual([0, 1, 2])
    }
  })

  test('N5: after deletes and a reconnect the table is the state of the server', async () => {
    const live = await liveFixture({ widgets: [table] })
    const rows = ['a', 'b', 'c'].map((key) => ({ key, value: { n: 1 } }))
    await live.produce('events', rows)
    const first = live.connect()
    live.watch(first, 'widget/app.table')
    await live.pass(100)
    await live.produce('events', [{ key: 'b' }, { key: 'c', value: { n: 2 } }])
    await live.pass(200)
    const keysOf = (data: ChannelData | undefined) =>
      data?.kind === 'rows' ? data.rows.map(({ key }) => key).sort() : []
    expect(keysOf(first.widget('app.table'))).toEqual(['a', 'c'])
    live.disconnect(first)
    await live.produce('events', [{ key: 'a' }, { key: 'd', value: { n: 3 } }])
    await live.pass(200)
    const second = live.reconnect(first)
    const late = live.connect()
    live.watch(late, 'widget/app.table')
    await live.pass(200)
    expect(keysOf(second.widget('app.table'))).toEqual(['c', 'd'])
    expect(keysOf(late.widget('app.table'))).toEqual(['c', 'd'])
  })
})

describe('slow and fast', () => {
  test('one encoded frame serves all viewers of a channel, at most ten a second', async () => {
    const live = await liveFixture({ widgets: [line] })
    const pages = Array.from({ length: 5 }, () => live.connect())
    for (const page of pages) live.watch(page, 'widget/app.line')
    await live.pass(200)
    live.network.published.length = 0
    for (let n = 0; n < 100; n++) {
      await live.produce('events', points(1, n))
      await live.pass(10, 10)
    }
    const frames = live.network.published.filter(({ channel }) => channel === 'widget/app.line').length
    expect(frames).toBeGreaterThan(5)
    expect(frames).toBeLessThanOrEqual(11)
    await live.pass(200)
    for (const page of pages) expect(seriesOf(page.widget('app.line'))).toHaveLength(100)
  })

  test('N1, N4: a stalled viewer costs a bounded buffer, delays nobody, and catches up by a snapshot', async () => {
    const limits = { backlogSoftBytes: 4_000, backlogHardBytes: 100_000, sweepMs: 40 }
    const live = await liveFixture({ widgets: [line], limits })
    const slow = live.connect()
    const fast = live.connect()
    for (const page of [slow, fast]) live.watch(page, 'widget/app.line')
    await live.pass(200)
    slow.stall()
    for (let n = 0; n < 100; n++) {
      await live.produce('events', points(5, n * 5))
      await live.pass(100)
    }
    expect(seriesOf(fast.widget('app.line'))).toHaveLength(500)
    expect(slow.closing).toBeNull()
    expect(slow.bufferedMax).toBeLessThan(12_000)
    slow.flow()
    await live.pass(200)
    expect(slow.widget('app.line')).toEqual(fast.widget('app.line')!)
    expect(slow.of('snap')).toHaveLength(2)
    expect(live.metric('pspf_live_resyncs_total')).toBe(1)
    // And it is live again.
    await live.produce('events', points(1, 500))
    await live.pass(200)
    expect(slow.of('snap')).toHaveLength(2)
    expect(seriesOf(slow.widget('app.line'))?.at(-1)).toBe(500)
  })

  test('N4: above the hard mark, or after too long above the soft one, a viewer is closed with 1013', async () => {
    const limits = { backlogSoftBytes: 100, backlogHardBytes: 3_000, stalledMsMax: 2_000 }
    const live = await liveFixture({ widgets: [line], limits })
    const huge = live.connect()
    live.watch(huge, 'widget/app.line')
    await live.pass(200)
    huge.stall()
    await live.produce('events', points(500))
    await live.pass(400)
    expect(huge.closing?.code).toBe(1013)
    const patient = await liveFixture({ widgets: [line], limits: { ...limits, backlogHardBytes: 1e6 } })
    await patient.produce('events', points(500))
    const stuck = patient.connect()
    await patient.pass(100)
    stuck.stall()
    patient.watch(stuck, 'widget/app.line')
    await patient.pass(1_900)
    expect(stuck.closing).toBeNull()
    await patient.pass(1_000)
    expect(stuck.closing?.code).toBe(1013)
    expect([live.hub.viewers, patient.hub.viewers]).toEqual([0, 0])
  })

  test('N1: a burst of more records than a view reads back resyncs it; recording goes on', async () => {
    const live = await liveFixture({
      widgets: [line],
      limits: { historyRecordsMax: 50, fetchSizeBytesMax: 500 },
    })
    const page = live.connect()
    live.watch(page, 'widget/app.line')
    await live.pass(200)
    for (let n = 0; n < 400; n += 20) await live.produce('events', points(20, n))
    await live.pass(6_000)
    expect(live.broker.topic('events').partitions[0]?.endOffset as number).toBe(400)
    expect(seriesOf(page.widget('app.line'))?.at(-1)).toBe(399)
    await live.produce('events', points(1, 400))
    await live.pass(300)
    expect(seriesOf(page.widget('app.line'))?.at(-1)).toBe(400)
  })
})

describe('who sees what', () => {
  test('N11: a viewer receives only what it subscribed to, and no more after unsubscribing', async () => {
    const live = await liveFixture({ widgets: [line, table], topics: { events: 1, other: 1 } })
    const page = live.connect()
    const other = live.connect()
    live.watch(page, 'widget/app.line')
    live.watch(other, 'widget/app.table')
    live.watch(other, 'tail/other')
    await live.produce('events', points(3))
    await live.produce('other', points(3))
    await live.pass(300)
    const channels = page.messages.flatMap((message) => ('ch' in message ? [message.ch] : []))
    expect(new Set(channels)).toEqual(new Set(['widget/app.line']))
    live.hub.message(page, JSON.stringify({ op: 'unsub', ch: 'widget/app.line' }))
    page.messages.length = 0
    await live.produce('events', points(3, 3))
    await live.pass(300)
    expect(page.of('delta')).toEqual([])
  })

  test('N11: a connection that may see one widget is refused every other channel', async () => {
    const live = await liveFixture({ widgets: [line, table] })
    const page = live.connect()
    Object.assign(page, { mayWatch: (channel: string) => channel === 'widget/app.line' })
    for (const channel of ['widget/app.line', 'widget/app.table', 'overview', 'tail/events'])
      live.watch(page, channel)
    await live.pass(200)
    expect([...page.views.keys()]).toEqual(['widget/app.line'])
    expect(page.of('error').map(({ code }) => code)).toEqual(['forbidden', 'forbidden', 'forbidden'])
  })

  test('a widget that is redefined is sent anew; one that is removed is an error, and the rest goes on', async () => {
    const live = await liveFixture({ widgets: [line, table] })
    await live.produce('events', [{ key: 'a', value: { n: 1, m: 10 }, timestamp: 1 }])
    const page = live.connect()
    live.watch(page, 'widget/app.line')
    live.watch(page, 'widget/app.table')
    await live.pass(100)
    live.define([{ ...line, y: 'm' }])
    await live.pass(200)
    expect(page.widget('app.line')).toEqual({ kind: 'series', series: [{ name: 'm', x: [1], y: [10] }] })
    expect(page.of('error')).toMatchObject([{ ch: 'widget/app.table', code: 'not_found' }])
    await live.produce('events', [{ key: 'b', value: { n: 2, m: 20 }, timestamp: 2 }])
    await live.pass(200)
    expect(seriesOf(page.widget('app.line'))).toEqual([1, 2])
    expect(page.of('delta').map(({ ch }) => ch)).toEqual(['widget/app.line'])
  })

  test('a widget that is asked for before its app declares it appears when it does, also after it was gone', async () => {
    const live = await liveFixture({ widgets: [] })
    await live.produce('events', points(3))
    const [page, other] = [live.connect(), live.connect()]
    for (const one of [page, other]) live.watch(one, 'widget/app.line')
    live.hub.message(other, JSON.stringify({ op: 'unsub', ch: 'widget/app.line' }))
    expect(page.of('error').at(-1)).toMatchObject({ ch: 'widget/app.line', code: 'not_found' })
    live.define([line])
    await live.pass(100)
    expect(seriesOf(page.widget('app.line'))).toEqual([0, 1, 2])
    live.define([])
    await live.produce('events', points(1, 3))
    live.define([line])
    await live.pass(100)
    expect(seriesOf(page.widget('app.line'))).toEqual([0, 1, 2, 3])
    expect(other.of('snap')).toEqual([])
  })

  test('a widget that stays what it was is not disturbed when its app declares its dashboards again', async () => {
    const live = await liveFixture({ widgets: [line] })
    const page = live.connect()
    live.watch(page, 'widget/app.line')
    await live.pass(100)
    live.define([line])
    await live.pass(200)
    expect(page.of('snap')).toHaveLength(1)
  })
})

describe('N12: limits', () => {
  test('every socket hears a heartbeat at once and every five seconds', async () => {
    const live = await liveFixture()
    const page = live.connect()
    await live.pass(15_100, 100)
    expect(page.of('hb')).toHaveLength(4)
  })

  test('a channel without viewers is read on for a while, then not at all', async () => {
    const live = await liveFixture({ widgets: [line], topics: { events: 3 } })
    const page = live.connect()
    for (const channel of ['widget/app.line', 'tail/events', 'topics']) live.watch(page, channel)
    await live.pass(200)
    expect(live.metric('pspf_live_channels')).toBe(3)
    live.disconnect(page)
    await live.pass(29_000, 500)
    expect(live.metric('pspf_live_channels')).toBe(3)
    await live.pass(2_000, 500)
    expect(live.metric('pspf_live_channels')).toBe(0)
    const reads = live.broker.traffic().get('events')?.recordsOut
    await live.produce('events', points(3))
    await live.pass(500)
    expect(live.broker.traffic().get('events')?.recordsOut).toBe(reads)
  })

  test('sockets, channels per socket, channels and messages are limited, with a reason', async () => {
    const limits = {
      socketsMax: 2,
      channelsPerSocketMax: 2,
      channelsMax: 3,
      messagesBurstMax: 6,
      messagesPerSecondMax: 1,
    }
    const live = await liveFixture({ widgets: [line, table], limits })
    const page = live.connect()
    const flooding = live.connect()
    const third = live.connect()
    expect(third.closing?.code).toBe(1013)
    expect(third.of('error')).toMatchObject([{ code: 'busy' }])
    for (const channel of ['overview', 'topics', 'apps']) live.watch(page, channel)
    expect(page.of('error')).toMatchObject([{ ch: 'apps', code: 'busy' }])
    for (const channel of ['dashboards', 'apps']) live.watch(flooding, channel)
    expect(flooding.of('error')).toMatchObject([{ ch: 'apps', code: 'busy' }])
    for (let n = 0; n < 10; n++) live.watch(flooding, 'dashboards')
    expect(flooding.closing?.code).toBe(1008)
    await live.pass(2_000, 100)
    expect(page.closing).toBeNull()
    expect(live.hub.viewers).toBe(1)
  })

  test('the smallest limit of each kind is found in numbers, not by truth: zero channels means none', async () => {
    const live = await liveFixture({ limits: { channelsPerSocketMax: 0 } })
    const page = live.connect()
    live.watch(page, 'overview')
    expect(page.of('error')).toMatchObject([{ code: 'busy' }])
  })
})

describe('what is not understood', () => {
  const nonsense = [
    '',
    'null',
    '[]',
    '"sub"',
    '{',
    '{}',
    '{"op":"sub"}',
    '{"op":"sub","ch":7}',
    '{"op":"sub","ch":""}',
    '{"op":"explode","ch":"overview"}',
    '{"op":"sub","ch":"overview","resume":{"epoch":1,"seq":"2"}}',
    '{"op":"sub","ch":"overview","resume":7}',
    JSON.stringify({ op: 'sub', ch: 'x'.repeat(301) }),
    JSON.stringify({ op: 'sub', ch: 'overview', junk: 'x'.repeat(5_000) }),
    JSON.stringify({ op: 'sub', ch: 'widget/../../etc/passwd' }),
    JSON.stringify({ op: 'sub', ch: 'widget/__proto__' }),
    JSON.stringify({ op: 'sub', ch: '__proto__' }),
    JSON.stringify({ op: 'sub', ch: 'constructor' }),
    JSON.stringify({ op: 'sub', ch: 'tail/no such topic' }),
    JSON.stringify({ op: 'sub', ch: 'tail/' }),
    JSON.stringify({ op: 'sub', ch: 'hb' }),
  ]
  test('is answered by an error with a code, and the connection goes on', async () => {
    const live = await liveFixture({ widgets: [line] })
    const page = live.connect()
    for (const [index, text] of nonsense.entries()) {
      live.hub.message(page, text)
      expect(page.of('error')).toHaveLength(index + 1)
      expect(['invalid_request', 'not_found', 'too_large']).toContain(page.of('error').at(-1)!.code)
    }
    live.watch(page, 'widget/app.line')
    await live.pass(100)
    expect(page.closing).toBeNull()
    expect(page.of('snap')).toHaveLength(1)
  })

  test('N8: a hostile channel name comes back as JSON text, whole and escaped', async () => {
    const live = await liveFixture()
    const page = live.connect()
    const hostile = 'widget/"><script>alert(1)</script>\u2028'
    live.watch(page, hostile)
    expect(page.of('error')[0]).toMatchObject({ ch: hostile, code: 'not_found' })
  })

  test('unsubscribing from what was never watched is no error', async () => {
    const live = await liveFixture()
    const page = live.connect()
    live.hub.message(page, JSON.stringify({ op: 'unsub', ch: 'overview' }))
    expect(page.of('error')).toEqual([])
  })

  test('N7: values that cannot be drawn spoil one point, not the widget, the channel or another widget', async () => {
    const stat = spec('stat', { id: 'app.stat', topic: 'events', y: 'n' })
    const bar = spec('bar', { id: 'app.bar', topic: 'events', y: 'n' })
    const live = await liveFixture({ widgets: [line, stat, bar, table] })
    const page = live.connect()
    for (const id of ['line', 'stat', 'bar', 'table']) live.watch(page, `widget/app.${id}`)
    const odd = [
      'NaN',
      'soon',
      '2024-01-01T00:00:00Z',
      [1],
      { deep: 1 },
      null,
      true,
      '12.50',
      1e308,
      '<b>x</b>',
    ]
    await live.produce(
      'events',
      odd.map((n, index) => ({ key: `k${index}`, value: { n }, timestamp: index })),
    )
    await live.produce('events', [
      { key: 'text', text: 'plain text', timestamp: 100 },
      { key: 'nan', text: '{"n": NaN}', timestamp: 101 },
      { key: 'scalar', text: '7', timestamp: 102 },
      { key: 'array', text: '[1,2]', timestamp: 103 },
      { key: 'good', value: { n: 5 }, timestamp: 104 },
    ])
    await live.pass(400)
    expect(page.of('error')).toEqual([])
    expect(page.widget('app.line')).toMatchObject({
      series: [
        {
          x: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 104],
          y: [null, null, null, null, null, null, 1, 12.5, 1e308, null, 5],
        },
      ],
      faults: { last: 'n is "<b>x</b>", not a number' },
    })
    expect(page.widget('app.stat')).toMatchObject({ value: 5, previous: '<b>x</b>' })
    expect(page.widget('app.bar')).toMatchObject({
      bars: expect.arrayContaining([
        { key: 'k1', value: null },
        { key: 'good', value: 5 },
      ]),
    })
    const shown = page.widget('app.table')
    expect(shown?.kind === 'rows' && shown.rows.length).toBe(15)
  })
})

describe('the end', () => {
  test('a stopping hub says goodbye, closes with 1001, reads nothing more and takes nobody in', async () => {
    const live = await liveFixture({ widgets: [line] })
    const pages = [live.connect(), live.connect()]
    for (const page of pages) live.watch(page, 'widget/app.line')
    await live.pass(200)
    live.hub.drain()
    const delays = pages.map((page) => page.of('bye')[0]!.reconnectMs)
    expect(delays.every((delay) => delay >= 500)).toBeTrue()
    expect(new Set(delays).size).toBe(2)
    for (const page of pages) expect(page.closing?.code).toBe(1001)
    const late = live.connect()
    expect(late.closing?.code).toBe(1001)
    live.watch(late, 'overview')
    await live.pass(100)
    expect(late.messages).toEqual([])
    await live.broker.close()
    expect(live.clock.timerCount).toBe(0)
  })
})

describe('the history of a widget over REST', () => {
  test('is what a subscription would begin with', async () => {
    const live = await liveFixture({ widgets: [line] })
    await live.produce('events', points(3))
    const waiting = live.hub.widgetHistory('app.line')
    await live.pass(100)
    expect(await waiting).toEqual({
      epoch: live.broker.topic('events').id,
      seq: 3,
      data: { kind: 'series', series: [{ name: 'n', x: [0, 1, 2], y: [0, 1, 2] }] },
    })
    await live.produce('events', points(1, 3))
    await live.pass(100)
    expect(await live.hub.widgetHistory('app.line')).toMatchObject({ seq: 4 })
  })

  test('is undefined for a widget that does not exist', async () => {
    const live = await liveFixture()
    expect(await live.hub.widgetHistory('nobody')).toBeUndefined()
  })

  test('keeps no channel alive for ever', async () => {
    const live = await liveFixture({ widgets: [line] })
    const waiting = live.hub.widgetHistory('app.line')
    await live.pass(100)
    await waiting
    expect(live.metric('pspf_live_channels')).toBe(1)
    await live.pass(31_000, 500)
    expect(live.metric('pspf_live_channels')).toBe(0)
  })
})
