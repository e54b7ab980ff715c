// What the broker knows of itself after a start: how much it reads for that, and that positions of groups never go back
// nor beyond the end, whatever falls (I5). `SEEDS=100-200` runs other lives.
import { describe, expect, test } from 'bun:test'
import { asOffset, BrokerError } from '#base'
import { BrokerMachine } from './broker-machine.ts'
import { Crash } from './simulated-disk.ts'

const [first, last] = (process.env['SEEDS'] ?? '0-20').split('-').map(Number) as [number, number]
const record = { key: null, value: new TextEncoder().encode('x') }
const rewriteBytes = 8_000

/** A node after so many commits, alterations and take-overs, and what its next start reads of internal topics. */
async function bytesReadAfter(count: number): Promise<number> {
  const node = new BrokerMachine(1, { journalRewriteBytes: rewriteBytes })
  const broker = await node.open()
  await node.run(broker.createTopic({ name: 'orders', partitions: 2 }))
  await node.run(broker.produce('orders', [{ ...record, partition: 0 }]))
  for (let done = 0; done < count; done++) {
    const offsets = [{ topic: 'orders', partition: 0, offset: asOffset(done % 2) }]
    await node.run(broker.commit({ group: 'readers', owner: '', epoch: 0, batches: [], offsets }))
    if (done % 3 === 0) await node.run(broker.alterTopic('orders', { retentionMs: 1000 + done }))
    if (done % 3 === 1) await node.run(broker.fence('app', 'task'))
  }
  node.machine.powerCut(0)
  const log = await node.machine.open()
  let bytesRead = 0
  for (const partition of log.partitions()) {
    const { read } = partition
    partition.read = async (from, bytesMax) => {
      const bytes = await read.call(partition, from, bytesMax)
      bytesRead += bytes.length
      return bytes
    }
  }
  await node.openOver(log)
  expect(node.broker.committed('readers', 'orders', 0)).toBe(asOffset((count - 1) % 2))
  expect(node.broker.topic('orders').config.retentionMs).toBe(1000 + count - 1 - ((count - 1) % 3))
  return bytesRead
}

test('a start reads a bounded part of the history, however long it is', async () => {
  const [short, long] = [await bytesReadAfter(400), await bytesReadAfter(2_400)]
  // Three tables, each rewritten after so much, the records of which are small.
  const bound = 3 * 2 * rewriteBytes
  expect(short).toBeGreaterThan(0)
  expect(short).toBeLessThan(bound)
  expect(long).toBeLessThan(bound)
}, 60_000)

describe('positions of groups', () => {
  test('never go back nor beyond the end, whatever falls', async () => {
    for (let seed = first; seed < last; seed++) {
      try {
        await live(seed)
      } catch (thrown) {
        throw new Error(`seed ${seed}: ${(thrown as Error).stack}`)
      }
    }
  }, 300_000)
})

async function live(seed: number): Promise<void> {
  const node = new BrokerMachine(seed, { journalRewriteBytes: 1_500 })
  const { machine } = node
  const { random } = machine
  /** Acknowledged, and sent: a position must lie between them, and never below one that was seen. */
  let [least, most] = [0, 0]
  for (let life = 0; life < 5; life++) {
    machine.disk.plan = null
    const broker = await node.open()
    const made = broker.topics().some(({ name }) => name === 'orders')
    // A weaker topic: its records may be lost with the power, but not once a group has read them.
    if (!made) await node.run(broker.createTopic({ name: 'orders', config: { durability: 'os' } }))
    check(node, [least, most])
    if (random.below(3) > 0) {
      machine.disk.plan = { call: machine.disk.calls + 1 + random.below(150), fault: 'crash-within' }
    }
    try {
      for (let turn = random.below(60); turn > 0; turn--) {
        await node.run(broker.produce('orders', [record]))
        const { endOffset } = broker.topic('orders').partitions[0]!
        if (endOffset === most) continue
        most = endOffset
        const offsets = [{ topic: 'orders', partition: 0, offset: endOffset }]
        await node.run(broker.commit({ group: 'readers', owner: '', epoch: 0, batches: [], offsets }))
        least = endOffset
        check(node, [least, most])
      }
    } catch (thrown) {
      if (!(thrown instanceof Crash) && !(thrown instanceof BrokerError)) throw thrown
    }
    if (random.below(3) === 0) machine.kill()
    else machine.powerCut([0, 0.5, 1][random.below(3)]!)
  }
  machine.disk.plan = null
  await node.open()
  check(node, [least, most])
}

function check({ broker }: BrokerMachine, [least, most]: readonly [number, number]): void {
  const position = broker.committed('readers', 'orders', 0) ?? asOffset(0)
  const { endOffset } = broker.topic('orders').partitions[0]!
  if (position < least) throw new Error(`I5 is broken: the position went back from ${least} to ${position}`)
  if (position > most) throw new Error(`I5 is broken: nobody sent ${position}`)
  if (position > endOffset) throw new Error(`I5 is broken: ${position} is beyond the end ${endOffset}`)
}
