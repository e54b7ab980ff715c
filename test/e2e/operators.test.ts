// Every operator and window in one app file, run by the compiled binary and killed in between.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RecordsPage } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

const everything = `
import { agg, app, on, output, s, state, stream, timer, topic, window } from 'pspf'
import type { Ctx, ValueState } from 'pspf'
import { harness } from 'pspf/testing'

const orders = topic('orders', {
  value: s.object({ id: s.int(), region: s.string(), amount: s.number(), at: s.timestamp() }),
  time: { at: (order) => order.at, idleAfter: 'never', maxAhead: '1d' },
  onBad: 'dead-letter',
})
const regions = topic<{ region: string; manager: string }>('regions', { key: 'region' })
const keyed = orders.stream().keyBy('region')
const columns = { n: agg.count(), p50: agg.quantile('amount', 0.5), ids: agg.distinct('id'), top: agg.topN(1, (order) => order.amount) }
const closed = [
  keyed.window('tumbling', window.tumbling('1m', { grace: '0s' })),
  keyed.window('hopping', window.hopping('2m', { every: '1m', grace: '0s' })),
  keyed.window('sliding', window.sliding('1m', { grace: '0s' })),
  keyed.window('session', window.session({ gap: '1m', grace: '0s' })),
].map((windowed) => windowed.aggregate(columns).emit('on-close', { afterSilence: '1s' }))
closed.forEach((one, index) => one.out.to(['tumbling', 'hopping', 'sliding', 'session'][index]!))
const ticked = keyed.window('ticked', window.tumbling('1m', { grace: '0s' })).aggregate({ n: agg.count() }).emit({ every: '100ms' })
ticked.out.to('ticked')
const { large, rest } = keyed.repartition('spread', { partitions: 2 }).branch({ large: (order) => order.amount > 10, rest: () => true })
large.to('large')
const checked = rest.map((order) => {
  if (order.amount < 0) throw new RangeError('negative')
  return order
}).onError({ retry: 1, backoff: '10ms', otherwise: 'dead-letter' }).to('checked')
const managed = keyed.join('managed', regions.table(), { how: 'left', select: (order, region) => ({ id: order.id, manager: region?.manager ?? null }) })
managed.to('managed')
const near = keyed.joinWithin('near', orders.stream().map((order) => order).keyBy('region'), {
  before: '0s', after: '5s', grace: '0s', select: (left, right) => ({ left: left.id, right: right.id }),
})
near.out.to('near')
const once = keyed.dedupe('once', { by: 'amount', ttl: '1h' })
once.out.map(({ id }) => id).to('once')
const watched = keyed.process('watched', {
  state: { n: state.value(0), ids: state.list<number>({ max: 2 }), seen: state.set<number>(), per: state.map<string, number>() },
  out: output<unknown>(),
  on(order, ctx) {
    ctx.state.n.update((n) => n + 1)
    ctx.state.ids.append(order.id)
    if (order.id === 1) ctx.timers.event('quiet', '5s')
    ctx.timers.wall('bell', '1s')
  },
  timers: {
    quiet: (ctx) => ctx.emit({ quiet: ctx.state.n.get(), at: ctx.eventTime }),
    bell: (ctx) => ctx.emit({ bell: ctx.state.ids.get() }),
  },
})
watched.out.to('watched')
const asked = keyed.async('asked', async (order, call) => {
  await Bun.sleep(20)
  return { id: order.id, call: call.key }
}, { concurrency: 2 })
asked.to('asked')
const clocked = keyed.window('clocked', window.tumbling('1s', { time: 'processing' })).aggregate({ n: agg.count() }).emit('on-close')
clocked.out.to('clocked')
@stream('spending', { from: keyed, to: 'spending' })
class Spending {
  @state.value(0) accessor spent!: ValueState<number>
  @on.event() handle(order: { amount: number }, ctx: Ctx) {
    this.spent.update((sum) => sum + Math.max(0, order.amount))
    ctx.timers.wall('tell', '500ms')
  }
  @timer('tell') tell(ctx: Ctx) {
    ctx.emit({ key: ctx.key, spent: this.spent.get() })
  }
  @on.error('skip') failed(error: Error) {}
}
export const everything = app({ id: 'everything' }).use(...closed, ticked, large, checked, managed, near, once, watched, asked, clocked, Spending)
if (typeof harness !== 'function') throw new Error('pspf/testing is not there')
`

let sandbox: Sandbox
beforeAll(() => {
  sandbox = new Sandbox()
  writeFileSync(join(sandbox.folder, 'everything.ts'), everything)
})
afterAll(() => sandbox.remove())

async function values(node: Node, name: string, partitions = 1): Promise<unknown[]> {
  const pages = await Promise.all(
    Array.from({ length: partitions }, (_, partition) =>
      node.get<RecordsPage>(`/api/v1/topics/${name}/records?partition=${partition}&from=earliest&limit=1000`),
    ),
  )
  return pages.flatMap(({ records }) => records.map(({ value }) => value))
}

test('all of them answer what they should, across kill -9', async () => {
  let node = await sandbox.serve(['everything.ts'])
  const running = async () =>
    eventually(
      () => node.get<{ state: string }[]>('/api/v1/apps'),
      (apps) => apps[0]?.state === 'running',
    )
  await running()
  await node.post('/api/v1/topics/regions/records', {
    records: [{ key: 'north', value: { region: 'north', manager: 'Ada' } }],
  })
  await eventually(
    () => node.get<{ lag: number }>('/api/v1/apps/everything'),
    ({ lag }) => lag === 0,
  )
  const base = 1_700_000_040_000
  const order = (id: number, amount: number, at: number) => ({ id, region: 'north', amount, at: base + at })
  const send = (records: unknown[]) =>
    node.post('/api/v1/topics/orders/records', { records: records.map((value) => ({ value })) })
  await send([order(1, 5, 0), order(2, 50, 1_000), order(3, -1, 2_000)])
  await node.kill()
  node = await sandbox.serve(['everything.ts'])
  await running()
  await send([order(4, 7, 30_000), { id: 'x' }, order(5, 9, Date.now() - base + 7 * 86_400_000)])
  const rows = async (name: string, count: number) =>
    eventually(
      () => values(node, name),
      (found) => found.length >= count,
    )
  expect(await rows('tumbling', 1)).toMatchObject([
    {
      key: 'north',
      window: { start: base, end: base + 60_000 },
      n: 4,
      ids: 4,
      top: [{ id: 2 }],
      final: true,
    },
  ])
  expect((await rows('hopping', 2)).map((row) => (row as { n: number }).n)).toEqual([4, 4])
  expect((await rows('sliding', 4)).map((row) => (row as { n: number }).n)).toEqual([1, 2, 3, 4])
  expect(await rows('session', 1)).toMatchObject([{ window: { start: base, end: base + 30_000 }, n: 4 }])
  expect((await rows('ticked', 1)).at(-1)).toMatchObject({ n: 4 })
  expect(await rows('large', 1)).toMatchObject([{ id: 2 }])
  expect(await rows('checked', 2)).toMatchObject([{ id: 1 }, { id: 4 }])
  expect(await rows('managed', 4)).toEqual([1, 2, 3, 4].map((id) => ({ id, manager: 'Ada' })))
  const pairs = (await rows('near', 7)).map((row) => JSON.stringify(row)).sort()
  expect(pairs).toEqual(
    ['1,1', '1,2', '1,3', '2,2', '2,3', '3,3', '4,4'].map((pair) => {
      const [left, right] = pair.split(',').map(Number)
      return JSON.stringify({ left, right })
    }),
  )
  expect(await rows('once', 4)).toEqual([1, 2, 3, 4])
  expect(await rows('watched', 2)).toContainEqual({ quiet: 4, at: base + 5_000 })
  const bells = await eventually(
    () => values(node, 'watched'),
    (found) => found.some((row) => JSON.stringify(row) === '{"bell":[3,4]}'),
  )
  expect(bells.filter((row) => 'quiet' in (row as object))).toEqual([{ quiet: 4, at: base + 5_000 }])
  expect(await rows('asked', 4)).toEqual(
    [0, 1, 2, 3].map((offset) => ({ id: offset + 1, call: `asked/orders/0/${offset}` })),
  )
  await eventually(
    () => values(node, 'clocked'),
    (found) => found.reduce<number>((sum, row) => sum + (row as { n: number }).n, 0) === 4,
  )
  await eventually(
    () => values(node, 'spending'),
    (found) => (found.at(-1) as { spent: number } | undefined)?.spent === 62,
  )
  expect(await rows('orders.dead', 2)).toMatchObject([{ id: 'x' }, { id: 5 }])
  expect(await rows('everything.spread.repartition.dead', 1)).toMatchObject([{ id: 3, amount: -1 }])
  expect(await node.stop()).toBe(0)
}, 60_000)
