// What the widgets of the fake node show, as snapshots and deltas. Host data are of now, flights of June 2001.
import type { SeriesData, WidgetData } from '../../src/http/contract.ts'
import { createRandom, dayMs, wave } from './fake-data.ts'

const hostPoints = 600
const quarterHourMs = 900_000
const june2001 = Date.UTC(2001, 5, 3)
const hubs = ['ATL', 'EWR', 'ORD', 'SFO']
const airports = [
  'ATL',
  'ORD',
  'DFW',
  'LAX',
  'PHX',
  'DEN',
  'DTW',
  'MSP',
  'STL',
  'EWR',
  'IAH',
  'SFO',
  'LAS',
  'PHL',
]
const regions = ['north', 'south', 'east', 'west']

type Widget = { snapshot(at: number): WidgetData; delta(at: number): WidgetData | null }

/** Event time of the replay: a quarter hour passes every second, from the evening of the second day on. */
function flightTime(at: number, startedAt: number): number {
  return june2001 + 2 * dayMs + Math.floor((at - startedAt) / 1_000) * quarterHourMs
}

function series(
  names: readonly string[],
  xs: readonly number[],
  read: (name: number, x: number) => number | null,
) {
  return {
    kind: 'series' as const,
    series: names.map((name, index): SeriesData => ({ name, x: xs, y: xs.map((x) => read(index, x)) })),
  }
}

function secondsUpTo(at: number, count: number): number[] {
  const whole = Math.floor(at / 1_000) * 1_000
  return Array.from({ length: count }, (_, index) => whole - (count - 1 - index) * 1_000)
}

function hostSeries(names: readonly string[], read: (name: number, x: number) => number): Widget {
  return {
    snapshot: (at) => series(names, secondsUpTo(at, hostPoints), read),
    delta: (at) => series(names, secondsUpTo(at, 1), read),
  }
}

function stat(read: (x: number) => number, everyMs = 1_000): Widget {
  const show = (at: number): WidgetData => {
    const xs = Array.from({ length: 60 }, (_, index) => at - (59 - index) * everyMs)
    const spark = xs.map(read)
    return { kind: 'stat', value: spark[59]!, previous: spark[58]!, at, spark }
  }
  return { snapshot: show, delta: show }
}

/** A day's rhythm: few flights at night, most in the late afternoon. */
function rhythm(x: number): number {
  const hour = ((x % dayMs) / 3_600_000 + 18) % 24
  return Math.max(0.03, Math.sin(((hour - 5) / 18) * Math.PI)) * (hour < 5 ? 0.1 : 1)
}

function flightSeries(
  startedAt: number,
  names: readonly string[],
  read: (name: number, x: number) => number | null,
): Widget {
  return {
    snapshot: (at) => {
      const end = flightTime(at, startedAt)
      return series(
        names,
        Array.from({ length: 192 }, (_, index) => end - (191 - index) * quarterHourMs),
        read,
      )
    },
    delta: (at) => series(names, [flightTime(at, startedAt)], read),
  }
}

function flightStat(startedAt: number, read: (x: number) => number): Widget {
  const inner = stat(read, quarterHourMs)
  return {
    snapshot: (at) => inner.snapshot(flightTime(at, startedAt)),
    delta: (at) => inner.delta(flightTime(at, startedAt)),
  }
}

function bars(keys: readonly string[], read: (key: number, at: number) => number): Widget {
  const show = (at: number): WidgetData => ({
    kind: 'bars',
    bars: keys.map((key, index) => ({ key, value: read(index, at) })),
    removed: [],
  })
  return { snapshot: show, delta: show }
}

function rows(show: (at: number) => WidgetData & { kind: 'rows' }): Widget {
  return { snapshot: show, delta: show }
}

function delayAt(hub: number, x: number): number {
  return Math.max(-8, wave(x / 120, 16 + hub * 6, 22, hub + 1) * (0.5 + rhythm(x)))
}

export function fakeWidgets(startedAt: number): ReadonlyMap<string, Widget> {
  const cpu = (x: number) => Math.min(100, Math.max(2, wave(x, 46, 42)))
  const slow = (at: number) => Math.floor(at / 10_000) * 10_000
  return new Map<string, Widget>([
    ['host.cpu-now', stat(cpu)],
    ['host.memory-now', stat((x) => wave(x, 9.4e9, 0.4e9, 2))],
    ['host.received-now', stat((x) => Math.max(900, wave(x, 2.2e6, 1.9e6, 3)))],
    ['host.disk-now', stat((x) => 78 + Math.sin(x / 900_000) * 0.4)],
    [
      'host.cpu',
      hostSeries(['cpu', 'average'], (name, x) =>
        name === 0 ? cpu(x) : wave(Math.floor(x / 10_000) * 10_000, 46, 24),
      ),
    ],
    [
      'host.cores',
      bars(
        Array.from({ length: 8 }, (_, core) => `core ${core}`),
        (core, at) => Math.min(100, Math.max(1, wave(at, 38 + core * 7, 34, core))),
      ),
    ],
    [
      'host.network',
      hostSeries(['received', 'sent'], (name, x) =>
        Math.max(900, wave(x, name === 0 ? 2.2e6 : 0.8e6, name === 0 ? 1.9e6 : 0.6e6, 3 + name)),
      ),
    ],
    [
      'host.memory',
      hostSeries(['applications', 'cache', 'buffers'], (name, x) =>
        wave(x, [6.1e9, 2.6e9, 0.7e9][name]!, 0.25e9, 2 + name),
      ),
    ],
    [
      'host.peaks',
      rows((at) => ({
        kind: 'rows',
        rows: Array.from({ length: 8 }, (_, core) => ({
          key: `core ${core}`,
          row: {
            key: `core ${core}`,
            'window.start': slow(at),
            average: wave(slow(at), 40 + core * 4, 20, core),
            peak: Math.min(100, wave(slow(at), 66 + core * 4, 24, core)),
          },
        })),
        removed: [],
      })),
    ],
    ['flights.so-far', flightStat(startedAt, (x) => Math.round((x - june2001) / 5_300))],
    ['flights.departures', flightStat(startedAt, (x) => Math.round(rhythm(x) * 260 + wave(x / 60, 20, 18)))],
    ['flights.delay', flightStat(startedAt, (x) => delayAt(1, x))],
    ['flights.late', flightStat(startedAt, (x) => Math.max(0, wave(x / 90, 21, 14, 4)))],
    [
      'flights.punctuality',
      flightSeries(startedAt, ['onTime', 'late'], (name, x) =>
        Math.max(0, Math.round(rhythm(x) * (name === 0 ? 190 : 70) + wave(x / 60, 12, 10, name))),
      ),
    ],
    [
      'flights.hubs',
      flightSeries(startedAt, hubs, (hub, x) => (hub === 3 && rhythm(x) < 0.08 ? null : delayAt(hub, x))),
    ],
    [
      'flights.busiest',
      bars(airports.slice(0, 10), (index, at) =>
        Math.round(Math.max(1, wave(slow(at), 62 - index * 4, 12, index))),
      ),
    ],
    [
      'flights.delayed',
      bars(airports.slice(4, 14), (index, at) => wave(slow(at), 52 - index * 5, 16, index)),
    ],
    [
      'flights.routes',
      rows((at) => ({
        kind: 'rows',
        rows: Array.from({ length: 10 }, (_, index) => {
          const key = `${airports[index]} → ${airports[(index + 5) % airports.length]}`
          return {
            key,
            row: {
              key,
              delay: wave(slow(at), 96 - index * 5, 14, index),
              worst: Math.round(150 + index * 9),
            },
          }
        }),
        removed: [],
      })),
    ],
    [
      'flights.very-late',
      rows((at) => ({
        kind: 'rows',
        rows: Array.from({ length: 14 }, (_, index) => {
          const random = createRandom(index + Math.floor(slow(at) / 10_000))
          const left = flightTime(at, startedAt) - index * 1_500_000
          return {
            key: String(index),
            row: {
              key: airports[index]!,
              'window.start': left,
              destination: airports[(index * 5 + 3) % airports.length]!,
              distance: Math.round(300 + random() * 2_000),
              delay: Math.round(180 + random() * 240),
            },
          }
        }),
        removed: [],
      })),
    ],
    ['revenue.this-minute', stat((x) => Math.max(0, wave(x, 41_200, 9_000)), 60_000)],
    [
      'revenue.status',
      {
        snapshot: (at) => ({ kind: 'stat', value: 'open', previous: 'open', at, spark: [] }),
        delta: () => null,
      },
    ],
    ['revenue.by-region', { snapshot: () => ({ kind: 'bars', bars: [], removed: [] }), delta: () => null }],
    [
      'revenue.per-minute',
      hostSeries(regions, (region, x) => Math.max(0, wave(x, 300 + region * 120, 140, region))),
    ],
  ])
}
