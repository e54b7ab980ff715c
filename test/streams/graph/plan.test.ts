import { describe, expect, test } from 'bun:test'
import { agg } from '../../../src/streams/aggregator.ts'
import { type AppPart, app } from '../../../src/streams/app.ts'
import { describe as describeApp } from '../../../src/streams/describe.ts'
import { planApp } from '../../../src/streams/graph/plan.ts'
import { source } from '../../../src/streams/source.ts'
import { topic } from '../../../src/streams/topic.ts'
import { window } from '../../../src/streams/window.ts'

type Ride = { driver: string; zone: string; fare: number; at: number }
const time = { at: (ride: Ride) => ride.at }
const minute = window.tumbling('1m', { grace: '10s' })

describe('an app', () => {
  test('has what hangs below its parts and what feeds them, nothing else', () => {
    const rides = topic<Ride>('rides', { time })
    const cheap = rides.stream().filter(({ fare }) => fare < 5)
    const dear = rides.stream().filter(({ fare }) => fare > 50)
    dear.to('dear')
    const perZone = cheap.keyBy('zone').window('zones', minute).aggregate({ n: agg.count() }).emit('on-close')
    perZone.out.to('zones-out')
    const { nodes, edges, topics } = describeApp(app({ id: 'one' }).use(perZone))
    expect(nodes.map(({ id, kind, stateful }) => `${id} ${kind}${stateful ? ' stateful' : ''}`)).toEqual([
      'rides source',
      'rides.filter filter',
      'rides.filter.keyBy keyBy',
      'zones window stateful',
      'zones.to sink',
    ])
    expect(edges).toEqual([
      ['rides', 'rides.filter'],
      ['rides.filter', 'rides.filter.keyBy'],
      ['rides.filter.keyBy', 'zones'],
      ['zones', 'zones.to'],
    ])
    expect(topics.map(({ name, role }) => `${name} ${role}`)).toEqual([
      'rides source',
      'zones-out sink',
      'one.rides.changelog changelog',
    ])
  })

  test('may have parts that know their streams only later', () => {
    const rides = topic<Ride>('rides', { time })
    const streams: ReturnType<typeof rides.stream>[] = []
    const board = app({ id: 'board' }).use({ streams: () => streams })
    expect(() => describeApp(board)).toThrow('nothing to do')
    const shown = rides.stream()
    expect(shown.materialise('shown').name).toBe('shown')
    expect(shown.materialise('shown').name).toBe('shown')
    streams.push(shown)
    expect(describeApp(board).nodes.map(({ id }) => id)).toEqual(['rides', 'rides.to'])
  })

  test('shows a topic that it writes and reads as one line of edges', () => {
    const numbers = topic<number>('numbers')
    const doubled = topic<number>('doubled')
    const first = numbers
      .stream()
      .map((n) => n * 2)
      .to(doubled)
    const second = doubled
      .stream()
      .filter((n) => n > 4)
      .to('large')
    const { edges, nodes } = describeApp(app({ id: 'two' }).use(first, second))
    expect(edges).toContainEqual(['numbers.map.to', 'doubled'])
    expect(nodes.find(({ id }) => id === 'doubled')?.topic).toBe('doubled')
  })

  test('names topics as declared: partitions, retention, a bare name yields to a declaration', () => {
    const kept = topic<Ride>('kept', { partitions: 3, retention: 'forever', time })
    const copy = topic<Ride>('copy', { retention: '1h' })
    const twice = kept.stream().to(copy).to('copy')
    const { topics } = describeApp(app({ id: 'kept' }).use(twice))
    expect(topics).toEqual([
      { name: 'kept', partitions: 3, config: { retentionMs: null }, role: 'source' },
      { name: 'copy', config: { retentionMs: 3_600_000 }, role: 'sink' },
    ])
  })
})

describe('a graph is cut', () => {
  const names = (partitions: number, key?: 'zone' | 'driver') => {
    const rides = topic<Ride>('rides', { time, partitions, ...(key ? { key } : {}) })
    const zones = rides
      .stream()
      .filter(() => true)
      .keyBy('zone')
      .count('zones')
    const plan = planApp(app({ id: 'cut' }).use(zones))
    return plan.subtopologies.map(({ name, tasks, changelog }) => `${name} x${tasks} ${changelog}`)
  }

  test('where a changed key meets more than one partition', () => {
    expect(names(4)).toEqual([
      'rides x4 cut.rides.changelog',
      'zones.repartition x4 cut.zones.repartition.changelog',
    ])
    expect(names(4, 'driver').length).toBe(2)
  })

  test('not with one partition, nor by the key that partitions the topic', () => {
    expect(names(1)).toEqual(['rides x1 cut.rides.changelog'])
    expect(names(4, 'zone')).toEqual(['rides x4 cut.rides.changelog'])
  })

  test('anew by what a topic turns out to have', () => {
    const rides = topic<Ride>('rides', { time })
    const zones = rides.stream().keyBy('zone').count('zones')
    expect(planApp(app({ id: 'cut' }).use(zones), { partitionsOf: () => 2 }).subtopologies.length).toBe(2)
  })

  test('a map may change what a topic was partitioned by', () => {
    const rides = topic<Ride>('rides', { time, partitions: 2, key: 'zone' })
    const moved = rides
      .stream()
      .map((ride) => ({ ...ride, zone: 'x' }))
      .keyBy('zone')
      .count('zones')
    expect(planApp(app({ id: 'cut' }).use(moved)).subtopologies.length).toBe(2)
  })
})

describe('an unsound graph is refused with a reason:', () => {
  const rides = topic<Ride>('rides', { time })
  const untimed = topic<Ride>('untimed')
  const keyed = rides.stream().keyBy('zone')
  const counted = (name: string) => keyed.window(name, minute).aggregate({ n: agg.count() }).emit('on-close')
  const refused: [string, () => readonly AppPart[], RegExp][] = [
    ['two nodes of one name', () => [counted('w'), counted('w')], /two nodes are named "w"/],
    ['a name that cannot be part of a topic', () => [counted('per minute')], /cannot name a node/],
    [
      'a window without event time',
      () => [
        untimed.stream().keyBy('zone').window('w', minute).aggregate({ n: agg.count() }).emit('on-close'),
      ],
      /would never close/,
    ],
    [
      'a count of revisions',
      () => [
        keyed
          .count('first')
          .keyBy((row) => row.count % 2)
          .count('second'),
      ],
      /count every revision/,
    ],
    [
      'an aggregate that hides a column',
      () => [keyed.window('w', minute).aggregate({ key: agg.count() }).emit('on-close')],
      /aggregate named "key"/,
    ],
    [
      'a loop of topics',
      () => {
        const there = topic<number>('there')
        const back = topic<number>('back')
        return [
          there.stream().to(back),
          back
            .stream()
            .map((n) => n + 1)
            .to(there),
        ]
      },
      /loop: there -> back -> there|loop: back -> there -> back/,
    ],
    [
      'a topic declared twice',
      () => [
        rides
          .stream()
          .to(topic<Ride>('out', { partitions: 2 }))
          .to(topic<Ride>('out', { retention: '1h' })),
      ],
      /declared twice/,
    ],
    [
      'a window on a stream without key, written without types',
      () => {
        const stream = rides.stream() as unknown as typeof keyed
        return [stream.window('w', minute).aggregate({ n: agg.count() }).emit('on-close')]
      },
      /has no key/,
    ],
  ]
  for (const [what, parts, message] of refused) {
    test(what, () => {
      expect(() => describeApp(app({ id: 'unsound' }).use(...parts()))).toThrow(message)
    })
  }

  test('ids and topic names that cannot be', () => {
    expect(() => app({ id: 'my app' })).toThrow('not an app id')
    expect(() => topic('a/b')).toThrow('not a topic name')
    expect(() => topic('rides', { retention: '1 day' as '1d' })).toThrow('not a duration')
  })
})

test('a source and its topic are drawn as one line', () => {
  const cpu = topic<{ load: number }>('cpu')
  const reading = source('cpu', { to: cpu, every: '1s', read: () => [{ load: 1 }] })
  const { nodes, topics } = describeApp(
    app({ id: 'host' }).use(
      reading,
      cpu.stream().map(({ load }) => load),
    ),
  )
  expect(nodes.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
    'cpu generator',
    'cpu.to sink',
    'cpu.source source',
    'cpu.source.map map',
  ])
  expect(topics.map(({ name }) => name)).toEqual(['cpu', 'host.cpu.source.changelog'])
})
