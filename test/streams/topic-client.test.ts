import { expect, test } from 'bun:test'
import { s } from '../../src/streams/schema/schema.ts'
import { topic } from '../../src/streams/topic.ts'
import { type TopicRecord, topicClient } from '../../src/streams/topic-client.ts'
import { failure, memoryBroker } from '../broker/fixture.ts'

const orders = topic('orders', {
  value: s.object({ region: s.string(), amount: s.number(), at: s.timestamp() }),
  key: 'region',
  partitions: 3,
  time: { at: (order) => order.at },
})
const rows = Array.from({ length: 20 }, (_, n) => ({ region: `r${n % 5}`, amount: n, at: 1_000 * n }))

async function all<V>(records: AsyncIterable<TopicRecord<V>>): Promise<TopicRecord<V>[]> {
  const found: TopicRecord<V>[] = []
  for await (const record of records) found.push(record)
  return found
}

test('rows come back as they were, with the key and the time of their topic', async () => {
  const { broker } = await memoryBroker()
  const client = topicClient(broker)
  await client.produce(orders, rows)
  expect(broker.topic('orders').partitions.length).toBe(3)
  const records = await all(client.consume(orders))
  expect(records.map(({ value }) => value).sort((a, b) => a.amount - b.amount)).toEqual(rows)
  for (const { key, timestamp, value } of records) {
    expect([key, timestamp]).toEqual([value.region, value.at])
  }
})

test('a row that does not fit is refused with its number, and none of the call is written', async () => {
  const { broker } = await memoryBroker()
  const client = topicClient(broker)
  await client.produce(orders, [])
  const wrong = [rows[0]!, { region: 'x', amount: 'much', at: 1 } as never]
  expect(await failure(client.produce(orders, wrong))).toMatchObject({
    code: 'invalid_request',
    message: 'row 1 does not fit topic "orders": amount: expected a number, got "much"',
  })
  expect(await all(client.consume(orders))).toEqual([])
})

test('a topic by its name takes and gives anything', async () => {
  const { broker } = await memoryBroker()
  const client = topicClient(broker)
  await client.produce('notes', ['one', { two: 2 }])
  expect((await all(client.consume('notes'))).map(({ key, value }) => [key, value])).toEqual([
    [null, 'one'],
    [null, { two: 2 }],
  ])
})

test('reading can begin at a time, or at the end', async () => {
  const { broker } = await memoryBroker()
  const client = topicClient(broker)
  const line = topic<number>('line')
  await client.produce(topic<number>('line', { time: { at: (n) => n } }), [10, 20, 30])
  await client.produce(line, [])
  expect((await all(client.consume(line, { from: 'latest' }))).length).toBe(0)
  const records = await all(client.consume(line, { from: new Date(10) }))
  expect(records.map(({ value }) => value)).toContain(30)
})

test('following waits for more in any partition, and ends when told to', async () => {
  const { broker } = await memoryBroker()
  const client = topicClient(broker)
  await client.produce(orders, [])
  const end = new AbortController()
  const seen: number[] = []
  for (const row of rows.slice(0, 3)) void client.produce(orders, [row])
  for await (const { value } of client.consume(orders, { follow: true, signal: end.signal })) {
    seen.push(value.amount)
    if (seen.length === 3) await client.produce(orders, rows.slice(3, 6))
    if (seen.length === 6) end.abort()
  }
  expect(seen.sort()).toEqual([0, 1, 2, 3, 4, 5])
})

test('a topic that does not exist cannot be read', async () => {
  const { broker } = await memoryBroker()
  expect((await failure(all(topicClient(broker).consume('absent')))).code).toBe('not_found')
})
