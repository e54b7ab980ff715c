import { describe, expect, test } from 'bun:test'
import { asOffset, BrokerError } from '#base'
import { offsetsTopic, topicsTopic } from '#broker'
import { failure, memoryBroker, record } from './fixture.ts'

const commit = (offset: number, group = 'app') => ({
  group,
  owner: '',
  epoch: -1,
  batches: [],
  offsets: [{ topic: 'in', partition: 0, offset: asOffset(offset) }],
})

async function withInput(journalRewriteBytes: number) {
  const fixture = await memoryBroker({ journalRewriteBytes })
  await fixture.broker.createTopic({ name: 'in' })
  await fixture.broker.produce(
    'in',
    Array.from({ length: 200 }, () => record('x')),
  )
  const size = (name: string) => fixture.broker.topic(name).partitions[0]!.sizeBytes
  return { ...fixture, fixture, size }
}

describe('internal tables', () => {
  test('are written anew when they have grown, and say the same after a restart', async () => {
    const { fixture, size } = await withInput(2000)
    for (let offset = 0; offset < 200; offset++) await fixture.broker.commit(commit(offset, `g${offset % 3}`))
    await fixture.restart()
    expect(size(offsetsTopic)).toBeLessThan(5000)
    const positions = fixture.broker.groups().map(({ id, offsets }) => [id, offsets[0]!.offset])
    expect(positions).toEqual([
      ['g0', asOffset(198)],
      ['g1', asOffset(199)],
      ['g2', asOffset(197)],
    ])
  })

  test('keep every commit that is made while they are written anew', async () => {
    const { fixture } = await withInput(500)
    const { broker } = fixture
    for (let round = 0; round < 20; round++) {
      const offsets = Array.from({ length: 10 }, (_, index) => round * 10 + index)
      await Promise.all(offsets.map((offset) => broker.commit(commit(offset))))
      expect(broker.committed('app', 'in', 0)).toBe(asOffset(round * 10 + 9))
    }
    await fixture.restart()
    expect(fixture.broker.committed('app', 'in', 0)).toBe(asOffset(199))
  })

  test('keep definitions and epochs too', async () => {
    const { fixture, size } = await withInput(1000)
    const { broker } = fixture
    for (let round = 0; round < 20; round++) {
      await broker.createTopic({ name: 'temporary' })
      await broker.deleteTopic('temporary')
      await broker.fence('app', '0_0')
    }
    const before = broker.topics().map(({ name, id }) => [name, id])
    await fixture.restart()
    expect(fixture.broker.topics().map(({ name, id }) => [name, id])).toEqual(before)
    expect(await fixture.broker.fence('app', '0_0')).toBe(21)
    expect(size(topicsTopic)).toBeLessThan(4000)
  })

  test('stay whole when the rewriting fails', async () => {
    const { fixture, log } = await withInput(100)
    const { broker } = fixture
    // The second commit starts a rewrite, whose append is the one to fail.
    await broker.commit(commit(1))
    log.nextFailure = new BrokerError('disk_full', 'no room')
    await new Promise(setImmediate)
    await broker.commit(commit(2)).catch(() => broker.commit(commit(2)))
    await fixture.restart()
    expect(fixture.broker.committed('app', 'in', 0)).toBe(asOffset(2))
  })

  test('that are missing are refused with a remedy', async () => {
    const { fixture, log } = await withInput(1e6)
    const offsets = [...log.partitions()].find(({ topic }) => topic === offsetsTopic)!
    await log.append([{ kind: 'delete', id: offsets.id }])
    const refused = await failure(fixture.restart())
    expect(refused).toMatchObject({ code: 'corrupt' })
    expect(refused.message).toContain(offsetsTopic)
  })
})
