// The numbers and sentences of the Overview, each from its facts.
import { describe, expect, test } from 'bun:test'
import { latencyBuckets, Metrics } from '../../src/base/index.ts'
import { AppendLatency, appendHistogram } from '../../src/dashboards/append-latency.ts'
import type { OverviewPoint } from '../../src/dashboards/live.ts'
import { NodeEvents } from '../../src/dashboards/node-events.ts'
import { TrafficRates } from '../../src/dashboards/traffic-rates.ts'
import { decideRunway, decideVerdict, type VerdictFacts } from '../../src/dashboards/verdict.ts'

describe('append latency', () => {
  test('is of the last second only, though the histogram counts from the start', () => {
    const metrics = new Metrics()
    const histogram = metrics.histogram(appendHistogram, 'x')
    for (let n = 0; n < 1_000; n++) histogram.observe(1.5)
    const latency = new AppendLatency(metrics)
    for (let n = 0; n < 99; n++) histogram.observe(0.0015)
    histogram.observe(0.15)
    const { p50Ms, p99Ms } = latency.take()
    expect(p50Ms).toBeWithin(1, 2)
    expect(p99Ms).toBeWithin(1.9, 2.01)
    expect(latency.take()).toEqual({ p50Ms: 0, p99Ms: 0 })
    for (let n = 0; n < 10; n++) histogram.observe(100)
    expect(latency.take().p50Ms).toBeGreaterThanOrEqual(latencyBuckets.at(-2)! * 1000)
  })
})

describe('rates', () => {
  const totals = (recordsIn: number) => ({ recordsIn, bytesIn: recordsIn * 10, recordsOut: 0, bytesOut: 0 })

  test('are the slope of the last few seconds, without a burst when a topic starts over', () => {
    let traffic = new Map([['a', totals(1_000)]])
    const rates = new TrafficRates({ traffic: () => traffic })
    const internal = new Set(['_pspf.widgets.b.w'])
    rates.sample(0, internal)
    expect(rates.of('a').recordsIn).toBe(0)
    for (let second = 1; second <= 10; second++) {
      traffic = new Map([
        ['a', totals(1_000 + second * 50)],
        ['_pspf.widgets.b.w', totals(second * 999)],
      ])
      rates.sample(second * 1_000, internal)
    }
    expect(rates.of('a')).toMatchObject({ recordsIn: 50, bytesIn: 500 })
    expect(rates.of().recordsIn).toBe(50)
    expect(rates.busiest(5).map(({ topic }) => topic)).toEqual(['a'])
    traffic = new Map([['a', totals(3)]])
    rates.sample(11_000, internal)
    expect(rates.of('a').recordsIn).toBe(0)
  })
})

describe('runway', () => {
  test('is what is free by the pace of growth, once a minute has been seen', () => {
    const sizes = (seconds: number, perSecond: number) =>
      Array.from({ length: seconds + 1 }, (_, n) => ({ at: n * 1_000, logBytes: n * perSecond }))
    expect(decideRunway(1e9, sizes(59, 1_000))).toBeNull()
    expect(decideRunway(1e9, sizes(60, 1_000))).toBe(1_000_000)
    expect(decideRunway(0, sizes(60, 1_000))).toBe(0)
    expect(decideRunway(1e9, sizes(60, 0))).toBeNull()
    expect(decideRunway(1e9, sizes(60, -5))).toBeNull()
    expect(decideRunway(1e9, [])).toBeNull()
  })
})

describe('the verdict', () => {
  const point = (lag: number, recordsInPerSecond = 0) => ({ lag, recordsInPerSecond }) as OverviewPoint
  const facts = (more: Partial<VerdictFacts> = {}): VerdictFacts => ({
    logState: 'open',
    quarantined: 0,
    apps: [],
    disk: { freeBytes: 50e9, totalBytes: 100e9, logBytes: 0, fullInSeconds: null },
    points: [point(0)],
    ...more,
  })

  test('says what is well', () => {
    expect(decideVerdict(facts()).text).toBe('All is well: no records come in at the moment.')
    const busy = facts({
      points: [point(0, 12_345.6)],
      apps: [{ id: 'a', state: 'running', error: null }],
      disk: { freeBytes: 50e9, totalBytes: 100e9, logBytes: 0, fullInSeconds: 864_000 },
    })
    expect(decideVerdict(busy)).toEqual({
      status: 'ok',
      text: 'All is well: 12,346 records a second come in, one app runs, the disk lasts 10d.',
    })
  })

  const cases: [string, Partial<VerdictFacts>, 'degraded' | 'down', RegExp][] = [
    ['a dead writer', { logState: 'failed' }, 'down', /refuses writes/],
    ['damage', { quarantined: 2 }, 'degraded', /2 partitions are damaged/],
    [
      'a failed app',
      { apps: [{ id: 'x', state: 'failed', error: { message: 'boom' } }] },
      'degraded',
      /App "x" failed: boom\./,
    ],
    [
      'an app that waits',
      { apps: [{ id: 'x', state: 'backing-off', error: null }] },
      'degraded',
      /waits to be started again/,
    ],
    [
      'an app that hangs',
      { apps: [{ id: 'x', state: 'running', error: { message: 'the app has not answered for 6s' } }] },
      'degraded',
      /App "x" does not answer/,
    ],
    [
      'a nearly full disk',
      { disk: { freeBytes: 5e8, totalBytes: 100e9, logBytes: 0, fullInSeconds: null } },
      'degraded',
      /477 MB/,
    ],
    [
      'a full disk',
      { disk: { freeBytes: 0, totalBytes: 100e9, logBytes: 0, fullInSeconds: 0 } },
      'degraded',
      /Only 0 B/,
    ],
    [
      'a disk full today',
      { disk: { freeBytes: 9e9, totalBytes: 100e9, logBytes: 0, fullInSeconds: 7_200 } },
      'degraded',
      /full in 2h/,
    ],
    [
      'growing lag',
      { points: Array.from({ length: 60 }, (_, n) => point(n * 100)) },
      'degraded',
      /5,900 records wait/,
    ],
  ]
  for (const [name, more, status, words] of cases) {
    test(`names ${name}`, () => {
      expect(decideVerdict(facts(more)).status).toBe(status)
      expect(decideVerdict(facts(more)).text).toMatch(words)
    })
  }

  test('does not cry over lag that is small, old or shrinking', () => {
    for (const lag of [(n: number) => n, () => 1e6, (n: number) => 1e6 - n]) {
      expect(
        decideVerdict(facts({ points: Array.from({ length: 60 }, (_, n) => point(lag(n))) })).status,
      ).toBe('ok')
    }
  })

  test('stays one sentence or three, whatever is wrong', () => {
    const apps = Array.from({ length: 50 }, (_, n) => ({
      id: `a${n}`,
      state: 'failed' as const,
      error: { message: 'x'.repeat(9_000) },
    }))
    const { text } = decideVerdict(facts({ apps }))
    expect(text).toEndWith('47 more problems.')
    expect(text.length).toBeLessThan(600)
  })
})

describe('events', () => {
  test('tell how the last start went, damage first', () => {
    const events = new NodeEvents()
    const quarantined = [{ topic: 't', partition: 1, reason: 'checksum' }]
    events.started(5, {
      clean: false,
      framesReplayed: 12,
      bytesCut: 30,
      quarantined,
      tookMs: 7.4,
      partitions: 3,
    })
    expect(events.list().map(({ level, text }) => `${level}: ${text}`)).toEqual([
      'error: Partition 1 of "t" is set aside: checksum',
      'info: Cut 30 bytes of an unfinished, never acknowledged write.',
      'info: Started after a crash: 12 writes replayed in 7 ms.',
    ])
    const unharmed = new NodeEvents()
    unharmed.started(5, {
      clean: false,
      framesReplayed: 12,
      bytesCut: 0,
      quarantined: [],
      tookMs: 7.4,
      partitions: 3,
    })
    const empty = new NodeEvents()
    empty.started(5, {
      clean: true,
      framesReplayed: 0,
      bytesCut: 0,
      quarantined: [],
      tookMs: 1,
      partitions: 0,
    })
    expect(empty.list()[0]?.text).toBe('Started for the first time, with an empty log.')
    expect(unharmed.list()[0]?.text).toEndWith('in 7 ms; nothing acknowledged is lost.')
  })

  test('are bounded, and many topics at once are one line', () => {
    const events = new NodeEvents()
    events.lookAtTopics(0, [])
    const topics = Array.from({ length: 2_000 }, (_, n) => ({ id: `${n}`, name: `t${n}`, internal: false }))
    events.lookAtTopics(1, topics as never)
    expect(events.list().map(({ text }) => text)).toEqual(['2000 topics were created.'])
    for (let n = 0; n < 500; n++) events.add({ at: n, level: 'info', text: `${n}` })
    expect(events.list()).toHaveLength(50)
    expect(events.list()[0]?.text).toBe('499')
  })
})
