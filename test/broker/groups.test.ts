import { describe, expect, test } from 'bun:test'
import { asOffset, BrokerError } from '#base'
import { type Broker, type Commit, offsetsTopic } from '#broker'
import { BatchBuilder, readRecords } from '#record'
import { decodeOffsetKey, decodeOffsetValue } from '../../src/broker/offset-record.ts'
import { bytes, failure, memoryBroker, readAll, record } from './fixture.ts'

function batchOf(...values: string[]): Uint8Array {
  const builder = new BatchBuilder()
  for (const value of values) builder.append({ key: null, value: bytes(value), timestamp: 1 })
  return builder.build()
}

const at = (offset: number, topic = 'in', partition = 0) => ({ topic, partition, offset: asOffset(offset) })
const simple = (offsets: Commit['offsets'], group = 'app'): Commit => {
  return { group, owner: '', epoch: -1, batches: [], offsets }
}

async function withTopics(limits = {}) {
  const fixture = await memoryBroker(limits)
  for (const name of ['in', 'out']) await fixture.broker.createTopic({ name, partitions: 2 })
  for (let index = 0; index < 5; index++) {
    await fixture.broker.produce('in', [{ ...record(`${index}`), partition: 0 }])
  }
  return fixture
}

const step = (broker: Broker, epoch: number, offset: number, ...values: string[]) =>
  broker.commit({
    group: 'app',
    owner: '0_0',
    epoch,
    batches: [{ topic: 'out', partition: 1, batch: batchOf(...values) }],
    offsets: [at(offset)],
  })

describe('commits', () => {
  test('outputs and positions are one append', async () => {
    const { broker, log } = await withTopics()
    const epoch = await broker.fence('app', '0_0')
    const { positions } = await step(broker, epoch, 2, 'a', 'b')
    expect(positions).toEqual([asOffset(0)])
    expect(log.frames.at(-1)).toHaveLength(2)
    expect((await step(broker, epoch, 3, 'c')).positions).toEqual([asOffset(2)])
    expect((await readAll(broker, 'out', 1)).map(({ value }) => value)).toEqual(['a', 'b', 'c'])
    expect(broker.committed('app', 'in', 0)).toBe(asOffset(3))
  })

  test('a failed append moves nothing', async () => {
    const { broker, log } = await withTopics()
    const epoch = await broker.fence('app', '0_0')
    await step(broker, epoch, 1, 'a')
    log.nextFailure = new BrokerError('disk_full', 'no room')
    expect((await failure(step(broker, epoch, 2, 'b'))).code).toBe('disk_full')
    expect(broker.committed('app', 'in', 0)).toBe(asOffset(1))
    expect(await readAll(broker, 'out', 1)).toHaveLength(1)
  })

  test('the later of two commits counts, whichever is heard of first', async () => {
    const { broker, log } = await withTopics()
    log.answersReversed = true
    log.held = true
    const commits = [broker.commit(simple([at(4)])), broker.commit(simple([at(2)]))]
    await new Promise(setImmediate)
    log.held = false
    log.sync()
    await Promise.all(commits)
    expect(broker.committed('app', 'in', 0)).toBe(asOffset(2))
  })

  test('a commit of nothing is fine, unless its owner is fenced', async () => {
    const { broker } = await withTopics()
    const nothing = { group: 'app', owner: '0_0', epoch: 1, batches: [], offsets: [] }
    expect((await failure(broker.commit(nothing))).code).toBe('fenced')
    await broker.fence('app', '0_0')
    expect(await broker.commit(nothing)).toEqual({ positions: [] })
  })

  test('positions are stored in the layout of Kafka', async () => {
    const { broker, clock } = await withTopics()
    await broker.commit(simple([at(4)]))
    const request = { topic: offsetsTopic, partition: 0, from: asOffset(0), bytesMax: 1e6, waitMs: 0 }
    const [stored] = [...readRecords((await broker.fetch(request)).batches)]
    expect(decodeOffsetKey(stored!.key!)).toEqual({ group: 'app', topic: 'in', partition: 0 })
    expect(decodeOffsetValue(stored!.value!)).toEqual({
      offset: asOffset(4),
      leaderEpoch: -1,
      metadata: '',
      committedAt: clock.wall as never,
    })
  })

  test('a position beyond the end or below zero is refused', async () => {
    const { broker } = await withTopics()
    for (const offset of [6, -1, 0.5]) {
      const refused = await failure(broker.commit(simple([at(offset)])))
      expect(refused.code).toBe('offset_out_of_range')
      expect(refused.fix).toBeString()
    }
    await broker.commit(simple([at(5)]))
  })

  test.each([
    ['an unknown topic', simple([at(0, 'inn')]), 'not_found'],
    ['an unknown partition', simple([at(0, 'in', 2)]), 'not_found'],
    ['an empty group', simple([at(0)], ''), 'invalid_request'],
    [
      'a batch for a topic of the broker itself',
      { ...simple([]), batches: [{ topic: offsetsTopic, partition: 0, batch: batchOf('x') }] },
      'forbidden',
    ],
    [
      'a damaged batch',
      { ...simple([]), batches: [{ topic: 'out', partition: 0, batch: batchOf('x').fill(9, 61) }] },
      'corrupt',
    ],
    [
      'two batches in one entry',
      {
        ...simple([]),
        batches: [{ topic: 'out', partition: 0, batch: Buffer.concat([batchOf('x'), batchOf('y')]) }],
      },
      'invalid_request',
    ],
  ])('%s is refused', async (_, commit, code) => {
    const { broker, log } = await withTopics()
    const frames = log.frames.length
    expect((await failure(broker.commit(commit))).code).toBe(code)
    expect(log.frames.length).toBe(frames)
  })

  test('sizes and counts are limited', async () => {
    const { broker } = await withTopics({ requestSizeBytesMax: 80, offsetsPerGroupMax: 1, groupsMax: 1 })
    const large = {
      ...simple([]),
      batches: [{ topic: 'out', partition: 0, batch: batchOf('x'.repeat(100)) }],
    }
    expect((await failure(broker.commit(large))).code).toBe('too_large')
    await broker.commit(simple([at(0)]))
    await broker.commit(simple([at(1)]))
    expect((await failure(broker.commit(simple([at(0, 'out')])))).code).toBe('conflict')
    expect((await failure(broker.commit(simple([at(0)], 'other')))).code).toBe('conflict')
  })

  test('commits are refused as busy later than new records are', async () => {
    const { broker, log } = await withTopics({ pendingBytesMax: 1000 })
    log.held = true
    const first = broker.produce('in', [record('x'.repeat(600))])
    const second = broker.produce('in', [record('x'.repeat(600))])
    await new Promise(setImmediate)
    expect((await failure(broker.produce('in', [record('x')]))).code).toBe('busy')
    const taken = broker.commit(simple([at(1)]))
    const large = {
      ...simple([]),
      batches: [{ topic: 'out', partition: 0, batch: batchOf('x'.repeat(1200)) }],
    }
    const alsoTaken = broker.commit(large)
    expect((await failure(broker.commit(simple([at(2)])))).code).toBe('busy')
    log.held = false
    log.sync()
    await Promise.all([first, second, taken, alsoTaken])
  })
})

describe('fencing', () => {
  test('each owner has epochs of its own, from 1', async () => {
    const { broker } = await withTopics()
    expect(await broker.fence('app', '0_0')).toBe(1)
    expect(await broker.fence('app', '0_0')).toBe(2)
    expect(await broker.fence('app', '0_1')).toBe(1)
    expect(await broker.fence('other', '0_0')).toBe(1)
  })

  test('an older epoch is fenced, an epoch that was never given too', async () => {
    const { broker } = await withTopics()
    await broker.fence('app', '0_0')
    await broker.fence('app', '0_0')
    for (const epoch of [0, 1, 3, Number.NaN]) {
      const refused = await failure(step(broker, epoch, 1, 'x'))
      expect(refused).toMatchObject({ code: 'fenced', details: { newestEpoch: 2 } })
    }
    await step(broker, 2, 1, 'x')
    expect(await readAll(broker, 'out', 1)).toHaveLength(1)
  })

  test('epochs survive a restart', async () => {
    const fixture = await withTopics()
    await fixture.broker.fence('app', '0_0')
    await fixture.broker.fence('app', '0_0')
    await fixture.restart()
    expect((await failure(step(fixture.broker, 1, 1, 'x'))).code).toBe('fenced')
    expect(await fixture.broker.fence('app', '0_0')).toBe(3)
  })

  test('an old owner is fenced as soon as the take-over is on its way', async () => {
    const { broker, log } = await withTopics()
    const old = await broker.fence('app', '0_0')
    log.held = true
    const takeover = broker.fence('app', '0_0')
    const late = step(broker, old, 1, 'late')
    expect((await failure(late)).code).toBe('fenced')
    log.held = false
    log.sync()
    expect(await takeover).toBe(old + 1)
  })

  test('a take-over sees whatever the old owner had under way', async () => {
    const { broker, log } = await withTopics()
    const old = await broker.fence('app', '0_0')
    log.answersReversed = true
    log.held = true
    const underWay = step(broker, old, 3, 'x')
    const takeover = broker.fence('app', '0_0').then(() => broker.committed('app', 'in', 0))
    await new Promise(setImmediate)
    log.held = false
    log.sync()
    await underWay
    expect(await takeover).toBe(asOffset(3))
  })

  test('a take-over that cannot be appended still fences the old owner', async () => {
    const { broker, log } = await withTopics()
    const old = await broker.fence('app', '0_0')
    log.nextFailure = new BrokerError('disk_full', 'no room')
    expect((await failure(broker.fence('app', '0_0'))).code).toBe('disk_full')
    expect((await failure(step(broker, old, 1, 'x'))).code).toBe('fenced')
    expect(await broker.fence('app', '0_0')).toBeGreaterThan(old + 1)
  })

  test('owners of a group are limited and must have a name', async () => {
    const { broker } = await withTopics({ offsetsPerGroupMax: 1 })
    await broker.fence('app', 'a')
    expect((await failure(broker.fence('app', 'b'))).code).toBe('conflict')
    expect((await failure(broker.fence('app', ''))).code).toBe('invalid_request')
  })
})

describe('groups', () => {
  test('lag counts what is left to read', async () => {
    const { broker, clock } = await withTopics()
    await broker.commit(simple([at(2), at(0, 'out', 1)]))
    expect(broker.group('app')).toEqual({
      id: 'app',
      offsets: [
        { ...at(2), committedAt: clock.wall as never, endOffset: asOffset(5), lag: 3 },
        { ...at(0, 'out', 1), committedAt: clock.wall as never, endOffset: asOffset(0), lag: 0 },
      ],
    })
    expect(broker.groups()).toEqual([broker.group('app')])
  })

  test('lag does not count records that retention deleted', async () => {
    const { broker } = await withTopics()
    await broker.commit(simple([at(0)]))
    await broker.truncateTopic('in', 0, asOffset(4))
    expect(broker.group('app').offsets[0]!.lag).toBe(1)
  })

  test('positions survive a restart', async () => {
    const fixture = await withTopics()
    await fixture.broker.commit(simple([at(1), at(0, 'out', 1)]))
    await fixture.broker.commit(simple([at(2)]))
    const before = fixture.broker.groups()
    await fixture.restart()
    expect(fixture.broker.groups()).toEqual(before)
  })

  test('an unknown group suggests the one that was meant', async () => {
    const { broker } = await withTopics()
    await broker.commit(simple([at(0)], 'billing'))
    const refused = await failure(() => broker.group('biling'))
    expect(refused.code).toBe('not_found')
    expect(refused.message).toContain('did you mean "billing"?')
    expect(broker.committed('biling', 'in', 0)).toBeNull()
  })

  test('a reset moves what it names, within what can be read', async () => {
    const { broker } = await withTopics()
    await broker.commit(simple([at(5), at(0, 'out')]))
    await broker.truncateTopic('in', 0, asOffset(2))
    const info = await broker.resetGroup('app', [at(2)])
    expect(info.offsets.map(({ topic, offset }) => [topic, offset])).toEqual([
      ['in', asOffset(2)],
      ['out', asOffset(0)],
    ])
    expect(await failure(broker.resetGroup('app', [at(1)]))).toMatchObject({
      code: 'offset_out_of_range',
      fix: 'reset it to 2 or later',
    })
    expect((await failure(broker.resetGroup('app', [at(6)]))).code).toBe('offset_out_of_range')
    expect((await failure(broker.resetGroup('nobody', [at(2)]))).code).toBe('not_found')
  })

  test('the positions of an app are not moved or forgotten from outside, after a restart neither', async () => {
    const fixture = await withTopics()
    const epoch = await fixture.broker.fence('app', '0_0')
    await step(fixture.broker, epoch, 2, 'a')
    await fixture.broker.commit(simple([at(2)], 'readers'))
    for (let start = 0; start < 2; start++) {
      const { broker } = fixture
      for (const work of [() => broker.resetGroup('app', [at(0)]), () => broker.deleteGroup('app')]) {
        const refused = await failure(work)
        expect(refused.code).toBe('conflict')
        expect(refused.message).toContain('belong to its state')
        expect(refused.fix).toContain('another id')
      }
      expect(broker.committed('app', 'in', 0)).toBe(asOffset(2))
      await broker.resetGroup('readers', [at(0)])
      await fixture.restart()
    }
    await fixture.broker.deleteGroup('readers')
  })

  test('an app that takes ownership while a reset waits is left alone', async () => {
    const { broker, log } = await withTopics()
    await broker.commit(simple([at(2)]))
    log.held = true
    const deletion = broker.deleteTopic('out')
    await new Promise(setImmediate)
    const reset = broker.resetGroup('app', [at(0)])
    const takeover = broker.fence('app', '0_0')
    log.held = false
    log.sync()
    await Promise.all([deletion, takeover])
    expect((await failure(reset)).code).toBe('conflict')
    expect(broker.committed('app', 'in', 0)).toBe(asOffset(2))
  })

  test('a deleted group is gone for good', async () => {
    const fixture = await withTopics()
    await fixture.broker.commit(simple([at(1), at(0, 'out')]))
    await fixture.broker.deleteGroup('app')
    expect(fixture.broker.groups()).toEqual([])
    await fixture.restart()
    expect(fixture.broker.groups()).toEqual([])
    expect((await failure(fixture.broker.deleteGroup('app'))).code).toBe('not_found')
  })

  test('positions in a deleted topic go with it, those under way too', async () => {
    const fixture = await withTopics()
    const { broker, log } = fixture
    await broker.commit(simple([at(1), at(0, 'out')]))
    log.held = true
    const underWay = broker.commit(simple([at(2)], 'another'))
    await new Promise(setImmediate)
    const deletion = broker.deleteTopic('in')
    await new Promise(setImmediate)
    const late = broker.commit(simple([at(3)]))
    log.held = false
    log.sync()
    await Promise.all([underWay, deletion])
    expect((await failure(late)).code).toBe('not_found')
    await broker.createTopic({ name: 'in' })
    await fixture.restart()
    expect(fixture.broker.committed('app', 'in', 0)).toBeNull()
    expect(fixture.broker.committed('another', 'in', 0)).toBeNull()
    expect(fixture.broker.committed('app', 'out', 0)).toBe(asOffset(0))
  })
})
