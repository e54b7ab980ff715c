import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { memoryBroker, readAll, record } from './fixture.ts'
import { Model, step } from './model.ts'

describe('the broker', () => {
  test('agrees with its model whatever happens, restarts included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), async (steps) => {
        const fixture = await memoryBroker({
          batchSizeBytesTarget: 200,
          appendSizeBytesTarget: 400,
          journalRewriteBytes: 700,
        })
        const model = new Model({
          get broker() {
            return fixture.broker
          },
          restart: () => fixture.restart(),
        })
        for (const each of steps) {
          await model.take(each)
          await model.check()
        }
      }),
      { numRuns: 100 },
    )
  })

  test('finishes what is under way before it is closed', async () => {
    const fixture = await memoryBroker()
    const { broker, log } = fixture
    await broker.createTopic({ name: 'orders' })
    log.held = true
    const produced = [broker.produce('orders', [record('1')])]
    await new Promise(setImmediate)
    produced.push(broker.produce('orders', [record('2')]))
    const created = broker.createTopic({ name: 'late' })
    let closed = false
    const closing = broker.close().then(() => {
      closed = true
    })
    await new Promise(setImmediate)
    expect(closed).toBe(false)
    log.held = false
    log.sync()
    await Promise.all([...produced, created, closing])
    await fixture.restart()
    expect(await readAll(fixture.broker, 'orders')).toHaveLength(2)
    expect(fixture.broker.topic('late').partitions).toHaveLength(1)
  })
})
