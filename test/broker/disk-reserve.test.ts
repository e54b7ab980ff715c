// What the broker still does when nothing but the log's reserve is left on the disk.
import { describe, expect, test } from 'bun:test'
import { asOffset } from '#base'
import type { Commit } from '#broker'
import { BatchBuilder } from '#record'
import { bytes, type Fixture, failure, memoryBroker, record } from './fixture.ts'

function commit(group: string, offset: number, values: readonly string[] = []): Commit {
  const batches = values.map((value) => {
    const builder = new BatchBuilder()
    builder.append({ key: null, value: bytes(value), timestamp: 1 })
    return { topic: 'orders', partition: 0, batch: builder.build() }
  })
  const offsets = [{ topic: 'orders', partition: 0, offset: asOffset(offset) }]
  return { group, owner: '', epoch: -1, batches, offsets }
}

async function lowOnDisk(limits = {}): Promise<Fixture> {
  const fixture = await memoryBroker(limits)
  await fixture.broker.createTopic({ name: 'orders' })
  for (const value of ['0', '1', '2']) await fixture.broker.produce('orders', [record(value)])
  fixture.log.low = true
  return fixture
}

describe('with only the reserve left', () => {
  test('new records, new topics and commits that bring records are refused for now', async () => {
    const { broker } = await lowOnDisk()
    const refused = await Promise.all([
      failure(broker.produce('orders', [record('3')])),
      failure(broker.createTopic({ name: 'more' })),
      failure(broker.commit(commit('app', 1, ['made']))),
    ])
    for (const each of refused) expect(each).toMatchObject({ code: 'disk_full', retriable: true })
    expect(broker.committed('app', 'orders', 0)).toBeNull()
  })

  test('what gives room back goes on: alter, truncate, delete', async () => {
    const { broker } = await lowOnDisk()
    await broker.alterTopic('orders', { retentionBytes: 10 })
    await broker.truncateTopic('orders', 0, asOffset(2))
    expect(broker.topic('orders').partitions[0]!.startOffset).toBe(asOffset(2))
    await broker.commit(commit('readers', 3))
    await broker.deleteTopic('orders')
    expect(broker.topics().map(({ name }) => name)).not.toContain('orders')
    expect(broker.groups()).toEqual([])
  })

  test('positions and ownership go on, and so does the table of positions', async () => {
    const { broker, log } = await lowOnDisk({ journalRewriteBytes: 1000 })
    for (let round = 0; round < 50; round++) await broker.commit(commit('readers', round % 3))
    expect(await broker.fence('app', '0_0')).toBe(1)
    await broker.resetGroup('readers', [{ topic: 'orders', partition: 0, offset: asOffset(0) }])
    expect(broker.committed('readers', 'orders', 0)).toBe(asOffset(0))
    await broker.close()
    const table = [...log.partitions()].find(({ topic }) => topic === '__consumer_offsets')!
    expect(table.sizeBytes).toBeLessThan(3000)
    expect(table.startOffset).toBeGreaterThan(0)
  })
})
