// What apps keep and what they put aside, over REST and the CLI of the compiled binary.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  DeadLetterTopic,
  ProduceAnswer,
  RecordsPage,
  ReplayAnswer,
  TableRows,
} from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

const rounds = Number(process.env['KILLS'] ?? 5)

const shop = `
import { agg, app, topic } from 'pspf'
const orders = topic('orders', { partitions: 3, key: 'region', time: { at: (order) => order.at, idleAfter: '1s' } })
const rates = topic('rates', { partitions: 3, key: 'region', time: { at: (rate) => rate.at, idleAfter: '1s' } })
const keyed = orders.stream().keyBy('region')
const totals = keyed.aggregate('totals', { n: agg.count(), total: agg.sum('amount') })
const taxed = keyed.join('taxed', rates.table({ history: '1d' }), {
  asOf: 'event-time', wait: '0s', how: 'left', select: (order, rate) => ({ id: order.id, percent: rate?.percent ?? null }),
})
taxed.out.to('taxed')
export const shop = app({ id: 'shop' }).use(totals, taxed)
`

let sandbox: Sandbox
beforeAll(() => {
  sandbox = new Sandbox()
  writeFileSync(join(sandbox.folder, 'shop.ts'), shop)
})
afterAll(() => sandbox.remove())

const produce = (node: Node, topic: string, values: { region: string }[]) =>
  node.post<ProduceAnswer>(`/api/v1/topics/${topic}/records`, {
    records: values.map((value) => ({ key: value.region, value })),
  })

test('a program reads what came of its record, from a table and as of its time', async () => {
  const node = await sandbox.serve(['shop.ts', '--data-dir', 'tables'])
  await eventually(
    () => node.get<{ state: string }[]>('/api/v1/apps'),
    ([app]) => app?.state === 'running',
  )
  for (const at of [0, 1_000])
    await produce(node, 'rates', [{ region: 'north', percent: at / 100, at } as never])
  for (let id = 1; id <= 20; id++) {
    const order = { id, region: 'north', amount: id, at: id * 100 }
    const { offsets } = await produce(node, 'orders', [order])
    const { partition, offset } = offsets[0]!
    const path = `/api/v1/tables/totals/north?waitFor=${partition}:${offset}`
    const { rows } = await eventually(
      () => node.get<TableRows>(path),
      () => true,
    )
    expect(rows).toMatchObject([{ key: 'north', value: { n: id, total: (id * (id + 1)) / 2 } }])
  }
  const { out } = await sandbox.run(['table', 'get', 'shop.totals', '-o', 'csv'], { url: node.url })
  expect(out).toBe('key,n,total\nnorth,20,210\n')
  const none = await sandbox.run(['table', 'get', 'totals', 'south'], { url: node.url })
  expect(none.code).toBe(3)

  // The last row waits for a later one, or for the partition to be idle.
  const records = () =>
    Promise.all(
      [0, 1, 2].map((partition) =>
        node
          .get<RecordsPage>(`/api/v1/topics/taxed/records?partition=${partition}&limit=100`)
          .catch(() => null),
      ),
    )
  const pages = await eventually(records, (all) => all.some((page) => (page?.records.length ?? 0) >= 19))
  const taxed = pages.flatMap(
    (page) => page?.records.map(({ value }) => value as { id: number; percent: number }) ?? [],
  )
  for (const { id, percent } of taxed) expect([id, percent]).toEqual([id, id < 10 ? 0 : 10])

  await node.post('/api/v1/apps/shop/pause', {}).catch(() => undefined)
  expect((await node.get<TableRows>('/api/v1/tables/totals/north')).rows).toHaveLength(1)
  expect(await node.stop()).toBe(0)
}, 120_000)

test(`${rounds} kills while letters are sent again: each record arrives once`, async () => {
  const letters = 20_000
  let node = await sandbox.serve(['--data-dir', 'letters'])
  for (const name of ['orders', 'orders.dead']) await node.post('/api/v1/topics', { name })
  const why = {
    app: 'shop',
    task: 'orders-0',
    node: 'check',
    stage: 'process',
    kind: 'record',
    topic: 'orders',
  }
  const about = {
    ...why,
    partition: 0,
    offset: 0,
    timestamp: 1,
    error: 'RangeError: x',
    stack: '',
    attempts: 1,
  }
  const headers = Object.fromEntries(
    Object.entries(about).map(([name, value]) => [`pspf.dead.${name}`, String(value)]),
  )
  for (let from = 0; from < letters; from += 5_000) {
    const records = Array.from({ length: 5_000 }, (_, index) => ({ value: from + index, headers }))
    await node.post('/api/v1/topics/orders.dead/records', { records })
  }
  let killed = 0
  for (let round = 0; round < rounds; round++) {
    const replaying = node.post<ReplayAnswer>('/api/v1/dlq/orders.dead/replay', {}).then(
      () => false,
      () => true,
    )
    await Bun.sleep(Math.random() * 60)
    await node.kill()
    if (await replaying) killed++
    node = await sandbox.serve(['--data-dir', 'letters'])
  }
  await node.post<ReplayAnswer>('/api/v1/dlq/orders.dead/replay', {})
  const [topic] = await node.get<DeadLetterTopic[]>('/api/v1/dlq')
  expect(topic).toMatchObject({ letters, replayed: letters, waiting: 0 })
  const seen: number[] = []
  for (let from = 0; ; ) {
    const page = await node.get<RecordsPage>(`/api/v1/topics/orders/records?from=${from}&limit=10000`)
    for (const { value, headers: own } of page.records) {
      expect(own).toEqual({})
      seen.push(value as number)
    }
    if (page.next >= page.endOffset) break
    from = page.next
  }
  expect(seen.length).toBe(letters)
  expect(new Set(seen).size).toBe(letters)
  expect(await node.stop()).toBe(0)
  console.log(`${killed} of ${rounds} kills came while a replay was under way`)
}, 300_000)
