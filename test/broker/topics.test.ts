import { describe, expect, test } from 'bun:test'
import { asOffset, BrokerError } from '#base'
import { defaultConfig, factsTopic, offsetsTopic, topicsTopic } from '#broker'
import { failure, memoryBroker, readAll, record } from './fixture.ts'

describe('topics', () => {
  test('the first start makes the internal topics in one append', async () => {
    const { broker, log } = await memoryBroker()
    expect(broker.topics().map(({ name, internal }) => [name, internal])).toEqual([
      [offsetsTopic, true],
      [factsTopic, true],
      [topicsTopic, true],
    ])
    expect(log.frames).toHaveLength(1)
  })

  test('a created topic has its partitions, its settings and defaults for the rest', async () => {
    const { broker, clock } = await memoryBroker()
    const created = await broker.createTopic({
      name: 'orders',
      partitions: 3,
      config: { compression: 'gzip' },
    })
    expect(created).toMatchObject({
      name: 'orders',
      internal: false,
      createdAt: clock.wall as never,
      config: { ...defaultConfig, compression: 'gzip' },
    })
    expect(created.partitions.map(({ partition, endOffset }) => [partition, endOffset])).toEqual([
      [0, asOffset(0)],
      [1, asOffset(0)],
      [2, asOffset(0)],
    ])
    expect(broker.topic('orders')).toEqual(created)
  })

  test('a creation is one append: partitions and definition together', async () => {
    const { broker, log } = await memoryBroker()
    await broker.createTopic({ name: 'orders', partitions: 2 })
    expect(log.frames.at(-1)!.map(({ kind }) => kind)).toEqual(['create', 'create', 'batch'])
  })

  test('of many that create the same topic at once, one wins', async () => {
    const { broker } = await memoryBroker()
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, () => broker.createTopic({ name: 'orders' })),
    )
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const reasons = tries.flatMap((each) => (each.status === 'rejected' ? [each.reason as BrokerError] : []))
    expect(new Set(reasons.map(({ code }) => code))).toEqual(new Set(['already_exists']))
    expect(reasons[0]!.fix).toContain('pspf topic alter orders')
  })

  test('names that differ only in letter case are refused, until the first of them is deleted', async () => {
    const fixture = await memoryBroker()
    await fixture.broker.createTopic({ name: 'Orders' })
    await fixture.restart()
    const refused = await failure(fixture.broker.createTopic({ name: 'oRDERS' }))
    expect(refused).toMatchObject({
      code: 'already_exists',
      message:
        'topic "oRDERS" differs from "Orders" only in letter case, and some file systems cannot hold both',
      details: { existing: 'Orders' },
    })
    const both = await Promise.allSettled(['a', 'A'].map((name) => fixture.broker.createTopic({ name })))
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await fixture.broker.deleteTopic('Orders')
    await fixture.broker.createTopic({ name: 'oRDERS' })
  })

  test('definitions survive a restart', async () => {
    const fixture = await memoryBroker()
    await fixture.broker.createTopic({ name: 'a', partitions: 2 })
    await fixture.broker.createTopic({ name: 'b', config: { retentionMs: null } })
    await fixture.broker.createTopic({ name: 'gone' })
    await fixture.broker.alterTopic('a', { retentionBytes: 77 })
    await fixture.broker.deleteTopic('gone')
    const before = fixture.broker.topics()
    await fixture.restart()
    expect(fixture.broker.topics()).toEqual(before)
    expect(fixture.broker.topic('a').config.retentionBytes).toBe(77)
  })

  test('a creation that cannot be appended leaves nothing behind', async () => {
    const fixture = await memoryBroker()
    fixture.log.nextFailure = new BrokerError('disk_full', 'no room')
    expect((await failure(fixture.broker.createTopic({ name: 'orders' }))).code).toBe('disk_full')
    expect((await failure(() => fixture.broker.topic('orders'))).code).toBe('not_found')
    await fixture.broker.createTopic({ name: 'orders' })
  })

  test('a deletion that cannot be appended leaves the topic as it was', async () => {
    const { broker, log } = await memoryBroker()
    await broker.createTopic({ name: 'orders' })
    await broker.produce('orders', [record('1')])
    log.nextFailure = new BrokerError('disk_full', 'no room')
    expect((await failure(broker.deleteTopic('orders'))).code).toBe('disk_full')
    expect(await readAll(broker, 'orders')).toHaveLength(1)
    await broker.produce('orders', [record('2')])
  })

  test('a topic that is created again is empty and has another id', async () => {
    const { broker } = await memoryBroker()
    const first = await broker.createTopic({ name: 'orders' })
    await broker.produce('orders', [record('1')])
    await broker.deleteTopic('orders')
    const second = await broker.createTopic({ name: 'orders' })
    expect(second.id).not.toBe(first.id)
    expect(await readAll(broker, 'orders')).toEqual([])
  })

  test('an unknown topic suggests the one that was meant', async () => {
    const { broker } = await memoryBroker()
    await broker.createTopic({ name: 'orders' })
    const refused = await failure(() => broker.topic('ordres'))
    expect(refused).toMatchObject({ code: 'not_found', fix: 'create it: pspf topic create ordres' })
    expect(refused.message).toBe('topic "ordres" does not exist; did you mean "orders"?')
    expect(refused.details['didYouMean']).toBe('orders')
  })

  test.each([0, -1, 1.5, Number.NaN, 1001])('%p partitions are refused', async (partitions) => {
    const { broker } = await memoryBroker()
    const refused = await failure(broker.createTopic({ name: 'orders', partitions }))
    expect(refused.code).toBe('invalid_request')
    expect(refused.fix).toContain('from 1 to 1000')
  })

  test('partitions of all topics together are limited', async () => {
    const { broker } = await memoryBroker({ partitionsMax: 5 })
    await broker.createTopic({ name: 'a', partitions: 2 })
    const refused = await failure(broker.createTopic({ name: 'b' }))
    expect(refused.code).toBe('conflict')
    expect(refused.fix).toBe('delete topics that are not needed')
  })

  test('changes that wait for each other are limited', async () => {
    const { broker } = await memoryBroker({ topicChangesWaitingMax: 2 })
    const tries = ['a', 'b', 'c'].map((name) => broker.createTopic({ name }))
    expect((await failure(tries[2]!)).code).toBe('busy')
    await Promise.all(tries.slice(0, 2))
    await broker.createTopic({ name: 'c' })
  })

  test('records below an offset can be deleted', async () => {
    const { broker } = await memoryBroker()
    await broker.createTopic({ name: 'orders' })
    for (const value of ['0', '1', '2']) await broker.produce('orders', [record(value)])
    await broker.truncateTopic('orders', 0, asOffset(2))
    expect((await readAll(broker, 'orders')).map(({ value }) => value)).toEqual(['2'])
    const refused = await failure(broker.truncateTopic('orders', 0, asOffset(4)))
    expect(refused).toMatchObject({
      code: 'offset_out_of_range',
      message: 'cannot truncate orders-0 before 4: it holds offsets 2 to 3',
      fix: 'give an offset from 2 to 3',
    })
    expect(await readAll(broker, 'orders')).toHaveLength(1)
    expect((await failure(broker.truncateTopic('orders', 1, asOffset(0)))).code).toBe('not_found')
  })
})

describe('internal topics', () => {
  test('nobody may create, alter, delete, truncate or write what the broker keeps for itself', async () => {
    const { broker } = await memoryBroker()
    const inside = { internal: true }
    for (const access of [{}, inside]) {
      const refused = await Promise.all([
        failure(broker.createTopic({ name: '__transaction_state' }, access)),
        failure(broker.alterTopic(topicsTopic, { retentionMs: 1 }, access)),
        failure(broker.deleteTopic(offsetsTopic, access)),
        failure(broker.truncateTopic(factsTopic, 0, asOffset(0), access)),
        failure(broker.produce(topicsTopic, [record('x')], access)),
      ])
      expect(refused.map(({ code }) => code)).toEqual(Array(5).fill('forbidden'))
      for (const { fix } of refused) expect(fix).toBeString()
    }
  })

  test('a part of pspf makes topics that users may only read', async () => {
    const { broker } = await memoryBroker()
    const inside = { internal: true }
    await broker.createTopic({ name: 'app.counts.changelog' }, inside)
    await broker.createTopic({ name: '_pspf.history' }, inside)
    for (const name of ['app.counts.changelog', '_pspf.history']) {
      await broker.produce(name, [record('1')], inside)
      expect(broker.topic(name).internal).toBe(true)
      expect(await readAll(broker, name)).toHaveLength(1)
      const refused = await Promise.all([
        failure(broker.produce(name, [record('x')])),
        failure(broker.deleteTopic(name)),
        failure(broker.alterTopic(name, { retentionMs: 1 })),
        failure(broker.truncateTopic(name, 0, asOffset(1))),
      ])
      expect(refused.map(({ code }) => code)).toEqual(Array(4).fill('forbidden'))
      await broker.deleteTopic(name, inside)
    }
    expect((await failure(broker.createTopic({ name: '_pspf.mine' }))).code).toBe('forbidden')
  })

  test('names of apps are open to anybody', async () => {
    const { broker } = await memoryBroker()
    await broker.createTopic({ name: 'app.counts.changelog' })
    await broker.produce('app.counts.changelog', [record('1')])
    await broker.deleteTopic('app.counts.changelog')
  })

  test('a log that has topics but lost their definitions is refused', async () => {
    const { log, restart } = await memoryBroker()
    const definitions = [...log.partitions()].find(({ topic }) => topic === topicsTopic)!
    await log.append([{ kind: 'delete', id: definitions.id }])
    const refused = await failure(restart())
    expect(refused.code).toBe('corrupt')
    expect(refused.fix).toContain('backup')
  })

  test('a quarantined partition takes nothing, its neighbours take the rest', async () => {
    const fixture = await memoryBroker()
    const { id } = await fixture.broker.createTopic({ name: 'orders', partitions: 2 })
    await fixture.broker.produce('orders', [{ ...record('kept'), partition: 1 }])
    fixture.log.quarantined = [{ topic: 'orders', partition: 1, reason: 'a flipped bit' }]
    fixture.log.damaged.add(fixture.log.partition({ topicId: id, partition: 1 })!)
    await fixture.restart()
    const refused = await failure(fixture.broker.produce('orders', [{ ...record('1'), partition: 1 }]))
    expect(refused.code).toBe('corrupt')
    const positions = await fixture.broker.produce('orders', [record('1'), record('2'), record('3')])
    expect(positions.map(({ partition }) => partition)).toEqual([0, 0, 0])
    expect(await readAll(fixture.broker, 'orders', 1)).toHaveLength(1)
  })

  test('a partition that is not in the log at all is named, and the rest serves', async () => {
    const fixture = await memoryBroker()
    const { id } = await fixture.broker.createTopic({ name: 'orders', partitions: 2 })
    await fixture.log.append([{ kind: 'delete', id: { topicId: id, partition: 1 } }])
    await fixture.restart()
    await fixture.broker.produce('orders', [{ ...record('1'), partition: 0 }])
    expect(await readAll(fixture.broker, 'orders', 0)).toHaveLength(1)
    const request = { topic: 'orders', partition: 1, from: asOffset(0), bytesMax: 1, waitMs: 0 }
    expect((await failure(fixture.broker.fetch(request))).code).toBe('corrupt')
    const refused = await failure(fixture.broker.produce('orders', [{ ...record('1'), partition: 1 }]))
    expect(refused.code).toBe('corrupt')
  })
})
