// A node that does not exist: topics, apps, dashboards and moving numbers for all of them, the same on every run.
import { asMillis, asOffset } from '#base'
import type {
  AppStatus,
  DashboardSpec,
  GraphDescription,
  Overview,
  OverviewPoint,
  RecordJson,
  TopicSummary,
} from '../../src/http/contract.ts'

export const dayMs = 86_400_000
export const version = '0.1.0'

/** mulberry32: small, seeded, good enough to look alive. */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A smooth number around `middle` for any moment: a few waves and a little noise, without memory. */
export function wave(at: number, middle: number, swing: number, phase = 0): number {
  const t = at / 1_000 + phase * 97
  const noise = createRandom(Math.floor(t) * 7919 + Math.floor(phase * 1_000))() - 0.5
  return middle + swing * (0.55 * Math.sin(t / 37) + 0.3 * Math.sin(t / 11 + phase) + 0.5 * noise)
}

const minutes = {
  unit: 'min',
  decimals: 0,
  thresholds: [
    { at: 15, tone: 'warn', label: 'late' },
    { at: 45, tone: 'bad', label: 'very late' },
  ],
} as const

const percent = {
  unit: '%',
  decimals: 0,
  thresholds: [
    { at: 0, tone: 'good', label: 'fine' },
    { at: 75, tone: 'warn', label: 'busy' },
    { at: 90, tone: 'bad', label: 'overloaded' },
  ],
} as const

function widgets(app: string, specs: readonly Omit<DashboardSpec['widgets'][number], 'topic'>[]) {
  return specs.map((spec) => ({ ...spec, id: `${app}.${spec.id}`, topic: `_pspf.widgets.${app}.${spec.id}` }))
}

export const dashboards: readonly DashboardSpec[] = [
  {
    id: 'host',
    title: 'This machine',
    description: 'Processor, memory, disk and network, once a second.',
    app: 'host',
    widgets: widgets('host', [
      { id: 'cpu-now', kind: 'stat', title: 'Processor', y: 'cpu', sparkline: true, ...percent },
      { id: 'memory-now', kind: 'stat', title: 'Memory in use', y: 'memory', unit: 'bytes', sparkline: true },
      {
        id: 'received-now',
        kind: 'stat',
        title: 'Received',
        y: 'received',
        unit: 'bytes/s',
        sparkline: true,
      },
      { id: 'disk-now', kind: 'stat', title: 'Disk used', y: 'disk', ...percent, sparkline: true },
      {
        id: 'cpu',
        kind: 'area',
        title: 'Processor',
        y: ['cpu', 'average'],
        unit: '%',
        min: 0,
        max: 100,
        spanMs: 600_000,
        width: 8,
      },
      {
        id: 'cores',
        kind: 'bar',
        title: 'Cores',
        y: 'busy',
        by: 'core',
        sortBy: 'key',
        min: 0,
        max: 100,
        ...percent,
        width: 4,
      },
      {
        id: 'network',
        kind: 'line',
        title: 'Network',
        y: ['received', 'sent'],
        unit: 'bytes/s',
        spanMs: 600_000,
      },
      {
        id: 'memory',
        kind: 'area',
        title: 'Memory',
        y: ['applications', 'cache', 'buffers'],
        unit: 'bytes',
        stacked: true,
        spanMs: 600_000,
      },
      {
        id: 'peaks',
        kind: 'table',
        title: 'Peaks per 10 s',
        width: 12,
        height: 4,
        columns: [
          { field: 'key', label: 'Core' },
          { field: 'window.start', label: 'From', time: true },
          { field: 'average', label: 'Average', unit: '%', decimals: 1 },
          { field: 'peak', label: 'Peak', unit: '%', decimals: 1 },
        ],
        sortBy: 'peak',
        sortDescending: true,
      },
    ]),
  },
  {
    id: 'flights',
    title: 'Flights in the USA, June 2001',
    description: 'Every flight of two weeks, replayed at a day per minute.',
    app: 'flights',
    widgets: widgets('flights', [
      { id: 'so-far', kind: 'stat', title: 'Flights so far', y: 'flights' },
      { id: 'departures', kind: 'stat', title: 'Departures in 15 min', y: 'departures', sparkline: true },
      { id: 'delay', kind: 'stat', title: 'Average delay', y: 'delay', sparkline: true, ...minutes },
      {
        id: 'late',
        kind: 'stat',
        title: 'Over 15 min late',
        y: 'late',
        unit: '%',
        decimals: 1,
        sparkline: true,
      },
      {
        id: 'punctuality',
        kind: 'area',
        title: 'Departures per quarter hour',
        y: ['onTime', 'late'],
        stacked: true,
        spanMs: 2 * dayMs,
      },
      {
        id: 'hubs',
        kind: 'line',
        title: 'Average delay at four hubs',
        y: 'delay',
        by: 'key',
        unit: 'min',
        spanMs: 2 * dayMs,
        thresholds: [{ at: 45, tone: 'bad', label: 'very late' }],
      },
      { id: 'busiest', kind: 'bar', title: 'Busiest airports, last hour', y: 'departures', limit: 10 },
      {
        id: 'delayed',
        kind: 'bar',
        title: 'Most delayed airports, last hour',
        y: 'delay',
        limit: 10,
        ...minutes,
      },
      {
        id: 'routes',
        kind: 'table',
        title: 'Slowest routes, last six hours',
        width: 4,
        columns: [
          { field: 'key', label: 'Route' },
          { field: 'delay', label: 'Average', unit: 'min', decimals: 0 },
          { field: 'worst', label: 'Worst', unit: 'min', decimals: 0 },
        ],
        sortBy: 'delay',
        sortDescending: true,
      },
      { id: 'very-late', kind: 'table', title: 'Over three hours late', width: 12, height: 3 },
    ]),
  },
  {
    id: 'revenue',
    title: 'Revenue',
    app: 'quickstart',
    widgets: widgets('revenue', [
      {
        id: 'this-minute',
        kind: 'stat',
        title: 'Revenue, latest minute',
        y: 'total',
        unit: '€',
        unitPosition: 'prefix',
        decimals: 2,
        width: 4,
      },
      { id: 'status', kind: 'stat', title: 'Till', y: 'status', width: 4 },
      { id: 'by-region', kind: 'bar', title: 'By region, latest minute', y: 'total', width: 4 },
      {
        id: 'per-minute',
        kind: 'area',
        title: 'Revenue per minute',
        y: 'total',
        by: 'key',
        stacked: true,
        width: 12,
      },
    ]),
  },
]

function topic(
  name: string,
  partitions: number,
  rate: number,
  records: number,
  retentionMs: number | null,
): TopicSummary {
  return {
    name,
    id: `t-${name.replaceAll('.', '-')}-5f2c`,
    internal: name.startsWith('_') || name.endsWith('.changelog'),
    partitions,
    records,
    sizeBytes: records * 118,
    config: {
      cleanupPolicy: 'delete',
      deleteRetentionMs: 86_400_000,
      minCleanableDirtyRatio: 0.5,
      retentionMs,
      retentionBytes: null,
      compression: name === 'flights' ? 'zstd' : 'none',
      durability: 'fsync',
    },
    powerCutLoses: 'nothing',
    createdAt: Date.now() - 3 * dayMs,
    lastAppendTime: rate > 0 ? Date.now() - 400 : Date.now() - 5 * 3_600_000,
    recordsPerSecond: rate,
    bytesPerSecond: rate * 118,
  }
}

const topics: readonly TopicSummary[] = [
  topic('flights', 1, 240, 182_400, 3_600_000),
  topic('host', 1, 1, 86_400, dayMs),
  topic('host.cores', 2, 8, 691_200, dayMs),
  topic('orders', 4, 1_840, 4_812_330, 7 * dayMs),
  topic('orders.dead', 1, 0, 14, null),
  topic('revenue', 1, 12.4, 31_009, 30 * dayMs),
  topic('sensors.temperature', 8, 320, 9_120_441, 7 * dayMs),
  topic('sensors.vibration', 8, 0, 0, 7 * dayMs),
  topic('__consumer_offsets', 1, 3.2, 51_200, null),
  topic('quickstart.orders.changelog', 4, 96, 402_118, null),
]

export function topicsAt(at: number): TopicSummary[] {
  return topics.map((one, index) => {
    const rate = one.recordsPerSecond
    const now = rate === 0 ? 0 : rate <= 1 ? 1 : Math.max(0, wave(at, rate, rate * 0.28, index))
    return {
      ...one,
      recordsPerSecond: now,
      bytesPerSecond: now * 118,
      records: one.records + (rate > 0 ? Math.round(((at / 1_000) % 3_600) * rate) : 0),
      lastAppendTime: rate > 0 ? at - 300 : one.lastAppendTime,
    }
  })
}

type Line = readonly [id: string, kind: string, label: string, extra?: { topic?: string; stateful?: boolean }]

function graph(
  app: string,
  lines: readonly Line[],
  edges: readonly (readonly [string, string])[],
): GraphDescription {
  return {
    app,
    nodes: lines.map(([id, kind, label, extra]) => ({ id, kind, label, stateful: false, ...extra })),
    edges,
    topics: [],
  }
}

const stateful = { stateful: true }

const widgetSink = (name: string): [string, string, { topic: string }] => [
  'sink',
  `_pspf.widgets.${name}`,
  { topic: `_pspf.widgets.${name}` },
]

const graphs = {
  flights: graph(
    'flights',
    [
      ['recorded', 'generator', 'once', stateful],
      ['recorded.to', 'sink', 'flights', { topic: 'flights' }],
      ['flights', 'source', 'flights', { topic: 'flights' }],
      ['flights.keyBy', 'keyBy', 'by function'],
      ['flights.keyBy-2', 'keyBy', 'origin'],
      ['flights.keyBy-3', 'keyBy', 'by function'],
      [
        'per-route',
        'window',
        'tumbling 6h, grace 0ms, on-close: flights = count, delay = avg(delay)',
        stateful,
      ],
      ['per-airport', 'window', 'tumbling 1h, grace 0ms, on-close: departures = count', stateful],
      ['per-quarter-hour', 'window', 'tumbling 15m, grace 0ms, on-close: departures = count', stateful],
      ['total', 'aggregate', 'flights = count, miles = sum(distance)', stateful],
      ['per-airport.filter', 'filter', 'filter'],
      ['per-airport.filter-2', 'filter', 'filter'],
      ['per-route.filter', 'filter', 'filter'],
      ['per-route.filter.to', ...widgetSink('flights.routes')],
      ['per-airport.filter.to', ...widgetSink('flights.busiest')],
      ['per-airport.filter-2.to', ...widgetSink('flights.hubs')],
      ['per-quarter-hour.to', ...widgetSink('flights.departures')],
      ['total.to', ...widgetSink('flights.so-far')],
      ['flights.filter', 'filter', 'filter'],
      ['flights.filter.to', ...widgetSink('flights.very-late')],
    ],
    [
      ['recorded', 'recorded.to'],
      ['recorded.to', 'flights'],
      ['flights', 'flights.filter'],
      ['flights', 'flights.keyBy'],
      ['flights', 'flights.keyBy-2'],
      ['flights', 'flights.keyBy-3'],
      ['flights.filter', 'flights.filter.to'],
      ['flights.keyBy', 'per-route'],
      ['per-route', 'per-route.filter'],
      ['per-route.filter', 'per-route.filter.to'],
      ['flights.keyBy-2', 'per-airport'],
      ['per-airport', 'per-airport.filter'],
      ['per-airport', 'per-airport.filter-2'],
      ['per-airport.filter', 'per-airport.filter.to'],
      ['per-airport.filter-2', 'per-airport.filter-2.to'],
      ['flights.keyBy-3', 'per-quarter-hour'],
      ['flights.keyBy-3', 'total'],
      ['per-quarter-hour', 'per-quarter-hour.to'],
      ['total', 'total.to'],
    ],
  ),
  host: graph(
    'host',
    [
      ['machine', 'generator', 'every 1s', stateful],
      ['machine.to', 'sink', 'host', { topic: 'host' }],
      ['host', 'source', 'host', { topic: 'host' }],
      ['host.flatMap', 'flatMap', 'flatMap'],
      ['host.flatMap.keyBy', 'keyBy', 'core'],
      [
        'per-core',
        'window',
        'tumbling 10s, grace 0ms, on-close: average = avg(busy), peak = max(busy)',
        stateful,
      ],
      ['per-core.to', 'sink', '_pspf.widgets.host.peaks', { topic: '_pspf.widgets.host.peaks' }],
      ['host.keyBy', 'keyBy', 'by function'],
      ['smooth', 'window', 'tumbling 10s, grace 0ms, on-close: average = avg(cpu)', stateful],
      ['smooth.to', 'sink', '_pspf.widgets.host.cpu', { topic: '_pspf.widgets.host.cpu' }],
    ],
    [
      ['machine', 'machine.to'],
      ['machine.to', 'host'],
      ['host', 'host.flatMap'],
      ['host', 'host.keyBy'],
      ['host.flatMap', 'host.flatMap.keyBy'],
      ['host.flatMap.keyBy', 'per-core'],
      ['per-core', 'per-core.to'],
      ['host.keyBy', 'smooth'],
      ['smooth', 'smooth.to'],
    ],
  ),
  quickstart: graph(
    'quickstart',
    [
      ['orders', 'source', 'orders', { topic: 'orders' }],
      ['orders.filter', 'filter', 'filter'],
      ['orders.filter.keyBy', 'keyBy', 'region'],
      [
        'revenue-per-minute',
        'window',
        'tumbling 1m, grace 10s, on-update: orders = count, total = sum(amount)',
        stateful,
      ],
      [
        'revenue-per-minute.to',
        'sink',
        '_pspf.widgets.revenue.per-minute',
        { topic: '_pspf.widgets.revenue.per-minute' },
      ],
      ['revenue-per-minute.to-2', 'sink', 'revenue', { topic: 'revenue' }],
    ],
    [
      ['orders', 'orders.filter'],
      ['orders.filter', 'orders.filter.keyBy'],
      ['orders.filter.keyBy', 'revenue-per-minute'],
      ['revenue-per-minute', 'revenue-per-minute.to'],
      ['revenue-per-minute', 'revenue-per-minute.to-2'],
    ],
  ),
}

const frame = `error: Property 'toUpperCase' does not exist on value 17
   9 |   .stream()
  10 |   .filter((reading) => reading.celsius > 60)
> 11 |   .map((reading) => ({ ...reading, unit: reading.unit.toUpperCase() }))
     |                                                       ^
  12 |   .to('alarms')
    at alarms.ts:11:55`

export const pausedApps = new Set<string>()

function app(
  id: keyof typeof graphs,
  rate: number,
  partitions: number,
  source: string,
  at: number,
  startedAt: number,
): AppStatus {
  const seconds = (at - startedAt) / 1_000
  const paused = pausedApps.has(id)
  const shares = [1, 1, 1, 0.96, 0.96, 0.94, 0.1, 0.1, 0.05, 0.05]
  return {
    id,
    state: paused ? 'paused' : 'running',
    file: `/srv/apps/${id}.ts`,
    version: null,
    graph: graphs[id],
    nodes: graphs[id].nodes.map((node, index) => ({
      id: node.id,
      recordsIn: node.kind === 'generator' ? 0 : Math.round(seconds * rate * (shares[index] ?? 0.05)),
      recordsOut: Math.round(seconds * rate * (shares[index + 1] ?? 0.05)),
      errors: 0,
      late: node.kind === 'window' ? Math.round(seconds / 40) : 0,
      dropped: 0,
    })),
    tasks: Array.from({ length: partitions }, (_, partition) => ({
      task: `0_${partition}`,
      topic: source,
      partition,
      position: asOffset(Math.round(1_203_000 + seconds * (rate / partitions))),
      lag: Math.max(0, Math.round(wave(at, 6, 8, partition))),
      watermark: asMillis(at - 5_200 - partition * 130),
      commits: Math.round(4_000 + seconds * 9),
      commitMs: 1.4 + partition * 0.2,
    })),
    recordsPerSecond: paused ? 0 : Math.max(0, wave(at, rate, rate * 0.2, partitions)),
    lag: Math.max(0, Math.round(wave(at, 20, 26, partitions))),
    memoryBytes: 62_000_000 + partitions * 4_100_000,
    restarts: 0,
    error: null,
    startedAt: asMillis(startedAt),
  }
}

export function appsAt(at: number, startedAt: number): AppStatus[] {
  const failed: AppStatus = {
    ...app('quickstart', 0, 0, 'sensors.temperature', at, startedAt),
    id: 'alarms',
    state: 'failed',
    file: '/srv/apps/alarms.ts',
    graph: graph(
      'alarms',
      [
        ['sensors.temperature', 'source', 'sensors.temperature', { topic: 'sensors.temperature' }],
        ['sensors.temperature.filter', 'filter', 'filter'],
        ['sensors.temperature.filter.map', 'map', 'map'],
        ['sensors.temperature.filter.map.to', 'sink', 'alarms', { topic: 'alarms' }],
      ],
      [
        ['sensors.temperature', 'sensors.temperature.filter'],
        ['sensors.temperature.filter', 'sensors.temperature.filter.map'],
        ['sensors.temperature.filter.map', 'sensors.temperature.filter.map.to'],
      ],
    ),
    nodes: [],
    recordsPerSecond: 0,
    lag: 18_201,
    restarts: 5,
    error: { message: "alarms.ts:11:55: Property 'toUpperCase' does not exist on value 17", frame },
    startedAt: null,
  }
  return [
    failed,
    app('flights', 240, 1, 'flights', at, startedAt),
    app('host', 1, 1, 'host', at, startedAt),
    app('quickstart', 1_840, 4, 'orders', at, startedAt),
  ]
}

function overviewPoint(at: number): OverviewPoint {
  const rate = Math.max(0, wave(at, 2_420, 620))
  return {
    at,
    recordsInPerSecond: rate,
    bytesInPerSecond: rate * 118,
    recordsOutPerSecond: Math.max(0, wave(at, 3_900, 900, 3)),
    appendP50Ms: Math.max(0.2, wave(at, 0.9, 0.3, 5)),
    appendP99Ms: Math.max(0.8, wave(at, 4.2, 2.6, 6)),
    lag: Math.max(0, Math.round(wave(at, 60, 90, 7))),
    viewers: 3,
    memoryBytes: 71_000_000 + wave(at, 0, 900_000, 8),
  }
}

/** `seconds` of points up to `at`. */
export function overviewAt(at: number, seconds: number, startedAt: number): Overview {
  const whole = Math.floor(at / 1_000) * 1_000
  const points = Array.from({ length: seconds }, (_, index) =>
    overviewPoint(whole - (seconds - 1 - index) * 1_000),
  )
  return {
    verdict: {
      status: 'degraded',
      text: 'One of four apps has failed: alarms stopped after five restarts.',
    },
    version,
    uptimeSeconds: (at - startedAt) / 1_000 + 190_000,
    durability: 'fsync: acknowledged means on disk',
    disk: { freeBytes: 412e9, totalBytes: 1_000e9, logBytes: 38.2e9, fullInSeconds: 12.4 * 86_400 },
    points,
    hotTopics: topicsAt(at)
      .filter((one) => !one.internal && one.recordsPerSecond > 0)
      .sort((a, b) => b.recordsPerSecond - a.recordsPerSecond)
      .slice(0, 5)
      .map(({ name, recordsPerSecond, bytesPerSecond }) => ({ name, recordsPerSecond, bytesPerSecond })),
    events: [
      { at: at - 42_000, level: 'error', text: 'app alarms failed: alarms.ts:11:55' },
      { at: at - 190_000, level: 'warn', text: 'app alarms restarted for the fifth time' },
      { at: at - 1_220_000, level: 'info', text: 'topic sensors.vibration created' },
      { at: at - 7_900_000, level: 'info', text: 'recovered in 84 ms: 12 frames read, nothing cut' },
      { at: at - 7_900_400, level: 'info', text: 'node started' },
    ],
  }
}

const regions = ['north', 'south', 'east', 'west']
const nasty = '<img src=x onerror=alert(1)>'

export function recordAt(topicName: string, partition: number, offset: number): RecordJson {
  const random = createRandom(offset * 31 + partition)
  const timestamp = Date.now() - 3_600_000 + offset * 37
  if (topicName.startsWith('sensors')) {
    return {
      partition,
      offset,
      timestamp,
      key: `device-${Math.floor(random() * 40)}`,
      value: { celsius: Math.round(random() * 900) / 10, unit: 'C', at: new Date(timestamp).toISOString() },
      headers: {},
    }
  }
  const region = regions[Math.floor(random() * regions.length)]!
  const base = { partition, offset, timestamp, key: region }
  // A few odd ones: text, a tombstone, markup, something deep.
  if (offset % 17 === 3) return { ...base, value: `not JSON, and ${nasty}`, headers: {} }
  if (offset % 17 === 9) return { ...base, value: null, headers: { 'x-reason': nasty } }
  return {
    ...base,
    value: {
      order: `A-${100_000 + offset}`,
      region,
      amount: Math.round(random() * 24_000) / 100,
      paid: random() > 0.2,
      items: [
        { sku: 'TEA-01', count: 1 + Math.floor(random() * 4) },
        { sku: 'CUP-07', count: 1 },
      ],
      customer: { id: Math.floor(random() * 9_000), note: offset % 5 === 0 ? nasty : null },
    },
    headers: { 'content-type': 'application/json', 'trace-id': Math.floor(random() * 2 ** 32).toString(16) },
  }
}
