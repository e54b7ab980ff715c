import { describe, expect, test } from 'bun:test'
import { type Fixture, memoryBroker, readAll, record } from './fixture.ts'

const hour = 3_600_000
const day = 24 * hour

/** Lets a round finish that the clock has started. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
}

async function pass(fixture: Fixture, ms: number, stepMs = hour): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    fixture.clock.advance(Math.min(stepMs, ms - passed))
    await turns()
  }
}

const valuesOf = async (fixture: Fixture, topic = 'orders') =>
  (await readAll(fixture.broker, topic)).map(({ value }) => value)

async function withOrders(config = {}) {
  const fixture = await memoryBroker()
  await fixture.broker.createTopic({ name: 'orders', config })
  await fixture.broker.produce('orders', [record('old')])
  return fixture
}

describe('retention rounds', () => {
  test('delete what is older than the topic keeps', async () => {
    const fixture = await withOrders({ retentionMs: 2 * day })
    await pass(fixture, day)
    await fixture.broker.produce('orders', [record('new')])
    await pass(fixture, day + hour)
    expect(await valuesOf(fixture)).toEqual(['new'])
    await pass(fixture, day)
    expect(await valuesOf(fixture)).toEqual([])
  })

  test('go by append time: old events replayed today stay', async () => {
    const fixture = await withOrders({ retentionMs: day })
    await fixture.broker.produce('orders', [{ ...record('from 1999'), timestamp: Date.UTC(1999, 0, 1) }])
    await pass(fixture, day / 2)
    expect(await valuesOf(fixture)).toEqual(['old', 'from 1999'])
  })

  test('delete the oldest above the size', async () => {
    const fixture = await withOrders({ retentionMs: null, retentionBytes: 100 })
    await fixture.broker.produce('orders', [record('b')])
    await fixture.broker.produce('orders', [record('c')])
    await pass(fixture, hour)
    expect(await valuesOf(fixture)).toEqual(['b', 'c'])
  })

  test('leave topics that keep for ever, the internal ones among them', async () => {
    const fixture = await withOrders({ retentionMs: null })
    await pass(fixture, 60 * day, day)
    expect(await valuesOf(fixture)).toEqual(['old'])
    await fixture.restart()
    expect(fixture.broker.topics()).toHaveLength(4)
  })

  test('follow a change of settings', async () => {
    const fixture = await withOrders({ retentionMs: null })
    await pass(fixture, 3 * day)
    await fixture.broker.alterTopic('orders', { retentionMs: day })
    await pass(fixture, hour)
    expect(await valuesOf(fixture)).toEqual([])
  })

  test('a clock that leaps ten years deletes nothing, with new records and restarts in between too', async () => {
    const fixture = await withOrders()
    fixture.clock.wall += 3650 * day
    await pass(fixture, hour)
    await fixture.broker.produce('orders', [record('from the future')])
    await pass(fixture, hour)
    await fixture.restart()
    await pass(fixture, hour)
    expect(await valuesOf(fixture)).toEqual(['old', 'from the future'])
    fixture.clock.wall -= 3650 * day
    await pass(fixture, day)
    await fixture.broker.produce('orders', [record('now')])
    expect(await valuesOf(fixture)).toEqual(['old', 'from the future', 'now'])
  })

  test('a clock that falls back ten years deletes nothing, and the right one is followed again', async () => {
    const fixture = await withOrders()
    fixture.clock.wall -= 3650 * day
    await pass(fixture, 2 * day)
    await fixture.restart()
    await pass(fixture, hour)
    expect(await valuesOf(fixture)).toEqual(['old'])
    fixture.clock.wall += 3650 * day
    await pass(fixture, 6 * day)
    expect(await valuesOf(fixture)).toEqual([])
  })

  test('a clock that nobody has set deletes nothing, nor does setting it; from then on records age', async () => {
    const fixture = await memoryBroker({}, null, 1000)
    await fixture.broker.createTopic({ name: 'orders', config: { retentionMs: 2 * day } })
    await fixture.broker.produce('orders', [record('in 1970')])
    await pass(fixture, 3 * day)
    expect(await valuesOf(fixture)).toEqual(['in 1970'])
    fixture.clock.wall = Date.UTC(2026, 0, 1)
    await pass(fixture, hour)
    await fixture.broker.produce('orders', [record('in 2026')])
    expect(await valuesOf(fixture)).toEqual(['in 1970', 'in 2026'])
    // Without a battery it begins again in 1970, again and again, and is set a little later.
    for (let boot = 1; boot <= 3; boot++) {
      fixture.clock.wall = boot
      await fixture.restart()
      await pass(fixture, hour)
      fixture.clock.wall = Date.UTC(2026, 0, 1) + boot * 4 * hour
      await pass(fixture, hour)
    }
    expect(await valuesOf(fixture)).toEqual(['in 1970', 'in 2026'])
    await pass(fixture, 2 * day)
    expect(await valuesOf(fixture)).toEqual([])
  })

  test('a week without power is caught up with', async () => {
    const fixture = await withOrders()
    fixture.clock.wall += 8 * day
    await fixture.restart()
    await pass(fixture, hour)
    expect(await valuesOf(fixture)).toEqual(['old'])
    await pass(fixture, 7 * day)
    expect(await valuesOf(fixture)).toEqual([])
  })

  test('end with the broker', async () => {
    const fixture = await withOrders({ retentionMs: hour })
    await fixture.broker.close()
    expect(fixture.clock.timerCount).toBe(0)
    const frames = fixture.log.frames.length
    await pass(fixture, 2 * day)
    expect(fixture.log.frames.length).toBe(frames)
  })
})
