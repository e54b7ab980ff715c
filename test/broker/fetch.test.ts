import { describe, expect, test } from 'bun:test'
import { asMillis, asOffset } from '#base'
import { readRecords } from '#record'
import { Waiters } from '../../src/broker/waiters.ts'
import { failure, memoryBroker, readAll, record, TestClock, text } from './fixture.ts'
import { MemoryPartition } from './memory-log.ts'

const request = (from: number, waitMs = 0, signal?: AbortSignal) => ({
  topic: 'orders',
  partition: 0,
  from: asOffset(from),
  bytesMax: 1e6,
  waitMs,
  ...(signal ? { signal } : {}),
})

async function withOrders(limits = {}) {
  const fixture = await memoryBroker(limits)
  await fixture.broker.createTopic({ name: 'orders' })
  return fixture
}

const valuesOf = (batches: Uint8Array, from = 0) =>
  [...readRecords(batches, from)].map(({ value }) => text(value))

/** Lets everything that is ready run. */
const turn = () => new Promise(setImmediate)

describe('fetch', () => {
  test('answers whole batches from the one that holds the offset', async () => {
    const { broker } = await withOrders()
    await broker.produce('orders', [record('0'), record('1'), record('2')])
    await broker.produce('orders', [record('3')])
    const fetched = await broker.fetch(request(1))
    expect(valuesOf(fetched.batches)).toEqual(['0', '1', '2', '3'])
    expect(valuesOf(fetched.batches, 1)).toEqual(['1', '2', '3'])
    expect([fetched.startOffset, fetched.endOffset]).toEqual([asOffset(0), asOffset(4)])
  })

  test('a small bytesMax still answers one batch', async () => {
    const { broker } = await withOrders()
    await broker.produce('orders', [record('0')])
    await broker.produce('orders', [record('1')])
    const fetched = await broker.fetch({ ...request(0), bytesMax: 1 })
    expect(valuesOf(fetched.batches)).toEqual(['0'])
  })

  test('at the end there is nothing, at once', async () => {
    const { broker, clock } = await withOrders()
    const timers = clock.timerCount
    const fetched = await broker.fetch(request(0))
    expect(fetched).toEqual({ batches: new Uint8Array(0), startOffset: asOffset(0), endOffset: asOffset(0) })
    expect(clock.timerCount).toBe(timers)
  })

  test('a slice says where the bytes are', async () => {
    const { broker } = await withOrders()
    expect((await broker.fetchSlice(request(0))).slice).toBeNull()
    await broker.produce('orders', [record('0')])
    const { slice, endOffset } = await broker.fetchSlice(request(0))
    expect(slice!.sizeBytes).toBe(broker.topic('orders').partitions[0]!.sizeBytes)
    expect(endOffset).toBe(asOffset(1))
  })

  test('an offset outside says what can be read', async () => {
    const { broker } = await withOrders()
    await broker.produce('orders', [record('0')])
    await broker.produce('orders', [record('1')])
    await broker.truncateTopic('orders', 0, asOffset(1))
    for (const from of [0, 3]) {
      const refused = await failure(broker.fetch(request(from)))
      expect(refused).toMatchObject({
        code: 'offset_out_of_range',
        fix: 'read from 1 (earliest) to 2 (latest)',
        details: { startOffset: 1, endOffset: 2 },
      })
    }
  })

  test.each([
    ['a fractional offset', { from: asOffset(0.5) }],
    ['no room', { bytesMax: 0 }],
    ['a negative wait', { waitMs: -1 }],
    ['no number', { waitMs: Number.NaN }],
  ])('%s is refused', async (_, wrong) => {
    const { broker } = await withOrders()
    const refused = await failure(broker.fetch({ ...request(0), ...wrong }))
    expect(refused.code).toBe('invalid_request')
    expect(refused.fix).toBeString()
  })
})

describe('fetch with wait', () => {
  test('ends as soon as a record is visible', async () => {
    const { broker, log, clock } = await withOrders()
    const timers = clock.timerCount
    const waiting = broker.fetch(request(0, 5000))
    await turn()
    expect(clock.timerCount).toBe(timers + 1)
    log.held = true
    const produced = broker.produce('orders', [record('0')])
    await turn()
    log.held = false
    log.sync()
    expect(valuesOf((await waiting).batches)).toEqual(['0'])
    await produced
    expect(clock.timerCount).toBe(timers)
  })

  test('ends empty when the time is over', async () => {
    const { broker, clock } = await withOrders()
    const waiting = broker.fetch(request(0, 5000))
    await turn()
    clock.advance(4999)
    clock.advance(1)
    expect((await waiting).batches).toHaveLength(0)
  })

  test('never waits longer than the limit', async () => {
    const { broker, clock } = await withOrders({ fetchWaitMsMax: 100 })
    const waiting = broker.fetch(request(0, 1e12))
    await turn()
    clock.advance(100)
    expect((await waiting).batches).toHaveLength(0)
  })

  test('ends empty when the caller gives up, before or meanwhile', async () => {
    const { broker } = await withOrders()
    expect((await broker.fetch(request(0, 5000, AbortSignal.abort()))).batches).toHaveLength(0)
    const gives = new AbortController()
    const waiting = broker.fetch(request(0, 5000, gives.signal))
    await turn()
    gives.abort()
    expect((await waiting).batches).toHaveLength(0)
  })

  test('is not woken by another partition', async () => {
    const { broker, clock } = await withOrders()
    await broker.createTopic({ name: 'other' })
    const timers = clock.timerCount
    const waiting = broker.fetch(request(0, 5000))
    await turn()
    await broker.produce('other', [record('x')])
    expect(clock.timerCount).toBe(timers + 1)
    await broker.produce('orders', [record('0')])
    expect(valuesOf((await waiting).batches)).toEqual(['0'])
  })

  test('ends with not_found when the topic is deleted', async () => {
    const { broker } = await withOrders()
    const waiting = broker.fetch(request(0, 5000))
    const slice = broker.fetchSlice(request(0, 5000))
    await turn()
    await broker.deleteTopic('orders')
    expect((await failure(waiting)).code).toBe('not_found')
    expect((await failure(slice)).code).toBe('not_found')
  })

  test('ends with closed when the broker closes, which then refuses everything', async () => {
    const { broker, log, clock } = await withOrders()
    const waiting = broker.fetch(request(0, 5000))
    await turn()
    const refused = failure(waiting)
    await broker.close()
    expect((await refused).code).toBe('closed')
    expect((await failure(broker.fetch(request(0)))).code).toBe('closed')
    expect((await failure(broker.produce('orders', [record('x')]))).code).toBe('closed')
    expect([clock.timerCount, log.listenerCount]).toEqual([0, 0])
    await broker.close()
  })

  test('whoever waits is counted and forgotten', async () => {
    const clock = new TestClock()
    const waiters = new Waiters(clock, 3)
    const partition = new MemoryPartition({ topicId: 'a', partition: 0 }, 'orders')
    const gives = new AbortController()
    const wait = (waitMs: number, signal?: AbortSignal) =>
      waiters.wait({ partition, from: asOffset(0), waitMs, signal })
    const waits = [wait(10), wait(20, gives.signal), wait(30)]
    expect(waiters.count).toBe(3)
    const refused = await failure(wait(10))
    expect(refused).toMatchObject({ code: 'busy', details: { limit: 3 } })
    clock.advance(10)
    gives.abort()
    expect(waiters.count).toBe(1)
    partition.endOffset = asOffset(1)
    waiters.wake([partition])
    expect(await Promise.all(waits)).toEqual(['nothing', 'nothing', 'grown'])
    expect([waiters.count, clock.timerCount]).toEqual([0, 0])
  })

  test('a waiter beyond the new end goes on waiting', async () => {
    const clock = new TestClock()
    const waiters = new Waiters(clock, 3)
    const partition = new MemoryPartition({ topicId: 'a', partition: 0 }, 'orders')
    const waiting = waiters.wait({ partition, from: asOffset(5), waitMs: 10, signal: undefined })
    partition.endOffset = asOffset(5)
    waiters.wake([partition])
    expect(waiters.count).toBe(1)
    waiters.dismiss(partition.id)
    expect(await waiting).toBe('deleted')
  })
})

describe('the offset at a time', () => {
  test('is that of the first record at or after it, inside a batch too', async () => {
    const { broker } = await withOrders()
    const timed = (timestamp: number) => ({ ...record(`${timestamp}`), timestamp })
    await broker.produce('orders', [timed(100), timed(300), timed(200)])
    await broker.produce('orders', [timed(400)])
    const offsetAt = (time: number) => broker.offsetAt('orders', 0, asMillis(time))
    const wanted = [
      [0, 0],
      [100, 0],
      [101, 1],
      [300, 1],
      [301, 3],
      [400, 3],
      [401, 4],
    ] as const
    for (const [time, offset] of wanted) expect(await offsetAt(time)).toBe(asOffset(offset))
  })

  test('is the end of an empty topic, and a time must be a number', async () => {
    const { broker } = await withOrders()
    expect(await broker.offsetAt('orders', 0, asMillis(5))).toBe(asOffset(0))
    expect((await failure(broker.offsetAt('orders', 0, asMillis(Number.NaN)))).code).toBe('invalid_request')
  })
})

describe('traffic', () => {
  test('counts records and bytes both ways', async () => {
    const { broker, metrics } = await withOrders()
    await broker.produce('orders', [record('0'), record('1')])
    const before = broker.traffic().get('orders')!
    await readAll(broker, 'orders')
    expect(before.recordsOut).toBe(0)
    const { sizeBytes } = broker.topic('orders').partitions[0]!
    expect(broker.traffic().get('orders')).toEqual({
      recordsIn: 2,
      bytesIn: sizeBytes,
      recordsOut: 2,
      bytesOut: sizeBytes,
    })
    expect(metrics.text()).toContain('pspf_topic_records_in_total{topic="orders"} 2')
    expect(metrics.text()).toContain(`pspf_topic_size_bytes{topic="orders"} ${sizeBytes}`)
  })

  test('metric series are bounded and go with their topic and group', async () => {
    const { broker, metrics } = await memoryBroker({ metricSeriesMax: 5 })
    for (const name of ['a', 'b', 'c', 'd']) {
      await broker.createTopic({ name })
      await broker.produce(name, [record('x')])
    }
    const commit = { group: 'app', owner: '', epoch: -1, batches: [] }
    await broker.commit({ ...commit, offsets: [{ topic: 'a', partition: 0, offset: asOffset(0) }] })
    expect(metrics.text()).toContain('pspf_group_lag_records{group="app",topic="a"} 1')
    expect(metrics.text()).toContain('pspf_topic_records_in_total{topic="(other)"} 2')
    expect(metrics.text()).not.toContain('topic="d"')
    await broker.deleteTopic('a')
    expect(metrics.text()).not.toContain('topic="a"')
    expect(metrics.text()).not.toContain('group="app"')
    await broker.createTopic({ name: 'e' })
    expect(metrics.text()).toContain('pspf_topic_records_in_total{topic="e"} 0')
  })
})
