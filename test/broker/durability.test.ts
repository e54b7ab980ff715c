import { describe, expect, test } from 'bun:test'
import { powerCutLoses, readDurability } from '#broker'
import { appendOptionsOf } from '../../src/broker/durability.ts'
import { BrokerMachine } from '../sim/broker-machine.ts'
import { settled } from '../sim/simulated-clock.ts'

const record = { key: null, value: new TextEncoder().encode('x') }

describe('durability of a topic', () => {
  test.each([
    ['fsync', 'fsync', 'nothing'],
    ['os', 'os', 'what was acknowledged since the last sync began, usually a few milliseconds'],
    ['interval(100)', 'interval(100ms)', 'what was acknowledged in the last 100ms and the time of one sync'],
    ['interval(2s)', 'interval(2000ms)', 'what was acknowledged in the last 2s and the time of one sync'],
  ])('%s is kept as %s, and said in words', (given, kept, loses) => {
    expect(readDurability(given) as string).toBe(kept)
    expect(powerCutLoses(readDurability(given))).toBe(loses)
  })

  test.each([
    ['fsnyc', 'did you mean'],
    ['interval(0)', 'out of bounds'],
    ['interval(61s)', 'out of bounds'],
    ['interval(-1ms)', 'is not known'],
    [7, 'is not known'],
    [null, 'is not known'],
  ])('%p is refused with the remedy', (given, why) => {
    expect(() => readDurability(given)).toThrow(why)
  })

  test('of several topics the strongest counts, and the shortest interval', () => {
    expect(appendOptionsOf(['os', 'fsync'])).toEqual({})
    expect(appendOptionsOf(['interval(50ms)', 'interval(9ms)'])).toEqual({
      acknowledge: 'written',
      syncWithinMs: 9,
    })
    expect(appendOptionsOf([])).toEqual({})
  })

  test('records of a weaker topic are acknowledged before their sync and seen after it', async () => {
    const node = new BrokerMachine(1)
    const broker = await node.open()
    await node.run(broker.createTopic({ name: 'fast', config: { durability: 'interval(500ms)' } }))
    await node.run(broker.createTopic({ name: 'safe' }))
    await node.machine.clock.advance(100)
    let answered = false
    void broker.produce('fast', [record]).then(() => {
      answered = true
    })
    for (let turn = 0; turn < 5; turn++) await settled()
    expect([answered, Number(broker.topic('fast').partitions[0]!.endOffset)]).toEqual([true, 0])
    await node.run(broker.produce('safe', [record]))
    expect(Number(broker.topic('fast').partitions[0]!.endOffset)).toBe(1)
  })

  test('records that wait for their sync do not hold up those that do not', async () => {
    const node = new BrokerMachine(1)
    const broker = await node.open()
    await node.run(broker.createTopic({ name: 'fast', config: { durability: 'os' } }))
    await node.run(broker.createTopic({ name: 'safe' }))
    const order: string[] = []
    void broker.produce('safe', [record]).then(() => order.push('safe'))
    await settled()
    void broker.produce('fast', [record]).then(() => order.push('fast'))
    await node.machine.clock.advance(100)
    expect(order).toEqual(['fast', 'safe'])
  })

  test('it can be altered, outlives a restart, and is a label', async () => {
    const node = new BrokerMachine(1)
    const broker = await node.open()
    await node.run(broker.createTopic({ name: 'orders', config: { durability: 'os' } }))
    expect(node.metrics.text()).toContain('pspf_topic_durability_info{topic="orders",durability="os"} 1')
    await node.run(broker.alterTopic('orders', { durability: 'interval(3s)' }))
    expect(node.metrics.text()).not.toContain('durability="os"')
    node.machine.powerCut(0)
    expect((await node.open()).topic('orders').config.durability).toBe('interval(3000ms)')
    expect(node.metrics.text()).toContain('durability="interval(3000ms)"')
    await expect(node.run(node.broker.alterTopic('orders', { durability: 'none' }))).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
})
