// A sync that takes five seconds: acknowledgements wait, reads go on, the queue has an end, and then all of it goes on.
import { describe, expect, test } from 'bun:test'
import { asOffset, type BrokerError } from '#base'
import { BatchBuilder } from '#record'
import { LogScenario } from './log-scenario.ts'
import { stallMs } from './simulated-disk.ts'

const id = { topicId: 'a'.repeat(32), partition: 0 }

function batchOf(text: string): Uint8Array {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new TextEncoder().encode(text), timestamp: 1 })
  return builder.build()
}

describe('a stalled sync', () => {
  test('acknowledgements wait, reads go on, the queue is bounded, and nothing is lost', async () => {
    const scenario = new LogScenario(1)
    const log = await scenario.open()
    const { clock, disk } = scenario
    await clock.runUntil(
      log.append([
        { kind: 'create', id, topic: 'orders' },
        { kind: 'batch', id, batch: batchOf('before') },
      ]),
    )
    disk.plan = { call: disk.calls + 1, fault: 'stall' }
    const since = clock.monotonic()
    const answers: string[] = []
    for (let count = 0; count < 100; count++) {
      log.append([{ kind: 'batch', id, batch: batchOf(`${count}:${'x'.repeat(1000)}`) }]).then(
        () => answers.push('acknowledged'),
        (error: BrokerError) => answers.push(error.code),
      )
    }
    await clock.advance(stallMs / 2)
    const busy = answers.length
    expect(new Set(answers)).toEqual(new Set(['busy']))
    expect(log.pendingBytes).toBeLessThanOrEqual(20_000)
    expect(log.pendingBytes).toBeGreaterThan(10_000)
    const partition = log.partition(id)!
    expect(partition.endOffset).toBe(asOffset(1))
    expect((await partition.read(asOffset(0), 1000)).length).toBeGreaterThan(61)
    expect(clock.monotonic() - since).toBeLessThan(stallMs)
    await clock.advance(stallMs)
    expect(answers.slice(busy)).toEqual(Array.from({ length: 100 - busy }, () => 'acknowledged'))
    expect(partition.endOffset).toBe(asOffset(101 - busy))
    scenario.powerCut(0)
    const again = await scenario.open()
    expect(again.partition(id)!.endOffset).toBe(asOffset(101 - busy))
    await scenario.check()
  })
})
