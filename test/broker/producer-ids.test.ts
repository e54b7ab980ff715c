import { describe, expect, test } from 'bun:test'
import { asOffset } from '#base'
import { BatchBuilder } from '#record'
import { BrokerMachine } from '../sim/broker-machine.ts'

function batch(producerId: number, epoch: number, baseSequence: number, count = 1): Uint8Array {
  const builder = new BatchBuilder({ producer: { id: producerId, epoch, baseSequence } })
  for (let index = 0; index < count; index++)
    builder.append({ key: null, value: new Uint8Array(3), timestamp: 1 })
  return builder.build()
}

describe('producer ids', () => {
  test('no id is given twice, over crashes, and most need no disk', async () => {
    const node = new BrokerMachine(1)
    const given = new Set<number>()
    for (let life = 0; life < 4; life++) {
      const broker = await node.open()
      const ids = await node.run(Promise.all(Array.from({ length: 700 }, () => broker.allocateProducerId())))
      for (const { producerId, epoch } of ids) {
        expect([given.has(producerId), epoch]).toEqual([false, 0])
        given.add(producerId)
      }
      if (life % 2 === 0) node.machine.powerCut(0)
      else node.machine.kill()
    }
    expect(given.size).toBe(2800)
    expect(Math.max(...given)).toBeLessThan(8000)
  })

  test('an id is given only when its block is durable', async () => {
    for (let call = 1; call < 12; call++) {
      const node = new BrokerMachine(1)
      const broker = await node.open()
      node.machine.disk.plan = { call: node.machine.disk.calls + call, fault: 'crash-before' }
      const first = await node.run(broker.allocateProducerId()).catch(() => null)
      node.machine.powerCut(0)
      node.machine.disk.plan = null
      const second = await node.run((await node.open()).allocateProducerId())
      expect(second.producerId).not.toBe(first?.producerId ?? -1)
    }
  })

  test('a producer that has an id gets the next epoch, and at the last one a new id', async () => {
    const node = new BrokerMachine(1)
    const broker = await node.open()
    const { producerId } = await node.run(broker.allocateProducerId())
    const next = await node.run(broker.allocateProducerId({ producerId, epoch: 0 }))
    expect(next).toEqual({ producerId, epoch: 1 })
    const fresh = await node.run(broker.allocateProducerId({ producerId, epoch: 32_766 }))
    expect(fresh).toEqual({ producerId: producerId + 1, epoch: 0 })
    for (const unknown of [
      { producerId: 99, epoch: 0 },
      { producerId, epoch: -1 },
    ]) {
      await expect(node.run(broker.allocateProducerId(unknown))).rejects.toMatchObject({
        code: 'invalid_request',
      })
    }
  })

  test('a batch that a client sends again after a power cut is stored once', async () => {
    const node = new BrokerMachine(1)
    const broker = await node.open()
    await node.run(broker.createTopic({ name: 'orders' }))
    const { producerId, epoch } = await node.run(broker.allocateProducerId())
    const sent = { topic: 'orders', partition: 0, batch: batch(producerId, epoch, 0, 3) }
    expect(await node.run(broker.produceBatch(sent))).toBe(asOffset(0))
    node.machine.powerCut(0)
    const again = await node.open()
    expect(await node.run(again.produceBatch(sent))).toBe(asOffset(0))
    const gap = { ...sent, batch: batch(producerId, epoch, 7) }
    await expect(node.run(again.produceBatch(gap))).rejects.toMatchObject({ code: 'out_of_order_sequence' })
    expect(await node.run(again.produceBatch({ ...sent, batch: batch(producerId, epoch + 1, 0) }))).toBe(
      asOffset(3),
    )
    await expect(
      node.run(again.produceBatch({ ...sent, batch: batch(producerId, epoch, 3) })),
    ).rejects.toMatchObject({ code: 'fenced' })
  })

  test('a batch of a client is checked before it is stored', async () => {
    const node = new BrokerMachine(1)
    const broker = await node.open()
    await node.run(broker.createTopic({ name: 'orders' }))
    const good = batch(1, 0, 0)
    const flipped = good.slice()
    flipped[70]! ^= 1
    const send = (bytes: Uint8Array, partition = 0, topic = 'orders') =>
      node.run(broker.produceBatch({ topic, partition, batch: bytes }))
    await expect(send(flipped)).rejects.toMatchObject({ code: 'corrupt' })
    await expect(send(new Uint8Array([...good, 0]))).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(send(good, 1)).rejects.toMatchObject({ code: 'not_found' })
    await expect(send(good, 0, '_pspf.topics')).rejects.toMatchObject({ code: 'forbidden' })
  })
})
