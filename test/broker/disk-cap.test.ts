import { describe, expect, test } from 'bun:test'
import { type Fixture, failure, memoryBroker, readAll, record } from './fixture.ts'

const second = 1000
const hour = 3600 * second
/** About 1,000 bytes on the disk. */
const large = (name: string) => record(`${name}:${'x'.repeat(930)}`)

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
}

async function pass(fixture: Fixture, ms: number): Promise<void> {
  fixture.clock.advance(ms)
  await turns()
}

async function produce(fixture: Fixture, topic: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await fixture.broker.produce(topic, [large(name)])
    await pass(fixture, second / 10)
  }
}

const namesIn = async ({ broker }: Fixture, topic: string) =>
  (await readAll(broker, topic)).map(({ value }) => value!.split(':')[0])

/** Room for about ten large records beside what the broker keeps. */
async function capped(): Promise<Fixture> {
  const fixture = await memoryBroker({}, 12_600)
  await fixture.broker.createTopic({ name: 'orders' })
  await fixture.broker.createTopic({ name: 'clicks' })
  return fixture
}

const letters = (count: number) =>
  Array.from({ length: count }, (_, index) => String.fromCharCode(97 + index))

describe('the most that the log may have of the disk', () => {
  test('is kept by trimming the oldest records, whosesoever they are', async () => {
    const fixture = await capped()
    await produce(fixture, 'orders', letters(4))
    await produce(fixture, 'clicks', letters(4))
    await pass(fixture, second)
    expect(fixture.broker.diskUse()).toMatchObject({ isFull: false, trimmed: null, maxBytes: 12_600 })
    await produce(fixture, 'clicks', letters(8))
    await pass(fixture, second)
    expect(fixture.log.usedBytes).toBeLessThan(12_600 * 0.95)
    const orders = await namesIn(fixture, 'orders')
    expect(orders.length).toBeLessThan(4)
    expect(orders.at(-1)).toBe('d')
    expect((await namesIn(fixture, 'clicks')).slice(-8)).toEqual(letters(8))
  })

  test('is told for an hour, with what it has cost', async () => {
    const fixture = await capped()
    await produce(fixture, 'orders', letters(14))
    await pass(fixture, second)
    const { trimmed } = fixture.broker.diskUse()
    expect(trimmed!.bytes).toBeGreaterThan(1000)
    expect(fixture.metrics.text()).toContain(`pspf_log_trimmed_early_bytes_total ${trimmed!.bytes}`)
    await pass(fixture, hour)
    expect(fixture.broker.diskUse().trimmed).toBeNull()
  })

  test('leaves what keeps for ever, and refuses records when nothing else is there', async () => {
    const fixture = await capped()
    await fixture.broker.createTopic({ name: 'ledger', config: { retentionMs: null } })
    await produce(fixture, 'ledger', letters(11))
    await pass(fixture, second)
    expect(await namesIn(fixture, 'ledger')).toEqual(letters(11))
    const refused = await failure(fixture.broker.produce('orders', [large('z')]))
    expect(refused).toMatchObject({ code: 'disk_full', retriable: true })
    expect(refused.message).toContain('--disk-max')
    expect(fixture.broker.diskUse().isFull).toBe(true)
    expect(await namesIn(fixture, 'ledger')).toEqual(letters(11))
  })

  test('takes records again by itself once there is room', async () => {
    const fixture = await capped()
    await fixture.broker.createTopic({ name: 'ledger', config: { retentionMs: null } })
    await produce(fixture, 'ledger', letters(12))
    await pass(fixture, second)
    expect(fixture.broker.diskUse().isFull).toBe(true)
    await fixture.broker.deleteTopic('ledger')
    await pass(fixture, second)
    expect(fixture.broker.diskUse().isFull).toBe(false)
    await fixture.broker.produce('orders', [large('z')])
  })

  test('costs nothing while nothing comes in, and ends with the broker', async () => {
    const fixture = await capped()
    await pass(fixture, second)
    const timers = fixture.clock.timerCount
    await fixture.broker.produce('orders', [large('a')])
    expect(fixture.clock.timerCount).toBe(timers + 1)
    await pass(fixture, second)
    expect(fixture.clock.timerCount).toBe(timers)
    await fixture.broker.produce('orders', [large('a')])
    await fixture.broker.close()
    expect(fixture.clock.timerCount).toBe(0)
    expect(fixture.log.listenerCount).toBe(0)
  })

  test('is off unless it is given', async () => {
    const fixture = await memoryBroker()
    await fixture.broker.createTopic({ name: 'orders' })
    await produce(fixture, 'orders', letters(20))
    expect(fixture.broker.diskUse()).toMatchObject({ maxBytes: null, isFull: false, trimmed: null })
    expect(await namesIn(fixture, 'orders')).toHaveLength(20)
  })
})
