// Change your mind: an app that runs on a node is given another window. What it changes is shown before, what is not
// changed keeps its state, what is new has all of the history, rows that are late say so; and it can be taken back.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppStatus, AppVersion, DeployAnswer, RecordJson, RecordsPage } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

type Row = { key: string; window: { start: number; end: number }; total: number }

const shop = (size: string, more = '') => `
import { agg, app, topic, window } from 'pspf'
import { cents } from './money.ts'

const orders = topic<{ region: string; amount: number; at: number }>('orders', { time: { at: (order) => order.at } })
const priced = orders.stream().map((order) => ({ ...order, amount: cents(order.amount) }))
const totals = priced.keyBy('region').aggregate('totals', { total: agg.sum('amount') })
const revenue = priced.keyBy('region')
  .window('revenue', window.tumbling('${size}', { grace: '0s' }))
  .aggregate({ total: agg.sum('amount') })
  .emit('on-close')
totals.to('totals')
revenue.out.to('revenue-${size}')
revenue.late.to('late')
${more}
export const shop = app({ id: 'shop' }).use(totals, revenue)
`

let sandbox: Sandbox
beforeAll(() => {
  sandbox = new Sandbox()
  write(shop('1m'))
  writeFileSync(join(sandbox.folder, 'money.ts'), 'export const cents = (amount: number) => amount * 100\n')
})
afterAll(() => sandbox.remove())

const write = (text: string) => writeFileSync(join(sandbox.folder, 'shop.ts'), text)
const rowsOf = async (node: Node, topic: string): Promise<RecordJson[]> =>
  (await node.get<RecordsPage>(`/api/v1/topics/${topic}/records?from=earliest&limit=10000`)).records
const valuesOf = async <T>(node: Node, topic: string) =>
  (await rowsOf(node, topic)).map(({ value }) => value as T)
const running = (node: Node, version: number) =>
  eventually(
    () => node.get<AppStatus>('/api/v1/apps/shop'),
    (app) => app.state === 'running' && app.version === version && app.lag === 0,
  )
const produce = (node: Node, from: number, to: number) =>
  node.post('/api/v1/topics/orders/records', {
    records: Array.from({ length: to - from }, (_, index) => {
      const n = from + index
      return { value: { region: n % 2 === 0 ? 'north' : 'south', amount: n, at: n * 10_000 } }
    }),
  })

/** Sums per region and window over orders [0, end) whose windows are closed at the time of the last one. */
function windows(end: number, sizeMs: number): Row[] {
  const sums = new Map<string, Row>()
  for (let n = 0; n < end; n++) {
    const start = Math.floor((n * 10_000) / sizeMs) * sizeMs
    if (start + sizeMs > (end - 1) * 10_000) continue
    const key = n % 2 === 0 ? 'north' : 'south'
    const row = sums.get(`${start} ${key}`) ?? { key, window: { start, end: start + sizeMs }, total: 0 }
    sums.set(`${start} ${key}`, { ...row, total: row.total + n * 100 })
  }
  return [...sums.values()].sort((a, b) => a.window.start - b.window.start || (a.key < b.key ? -1 : 1))
}
const plain = (rows: readonly Row[]) => rows.map(({ key, window, total }) => ({ key, window, total }))
const totalOf = (rows: readonly { key: string; total: number }[], key: string) =>
  rows.findLast((row) => row.key === key)?.total

describe('changing a window of an app that runs', () => {
  let node: Node
  const pspf = (...args: string[]) => sandbox.run(args, { url: node.url })

  test('it is deployed on a node that was started without it', async () => {
    node = await sandbox.serve()
    const deployed = await pspf('app', 'deploy', 'shop.ts')
    expect(deployed.err).toBe('')
    expect(deployed.out).toContain('deployed shop, version 1')
    await running(node, 1)
    await produce(node, 0, 100)
    const rows = await eventually(
      () => valuesOf<Row>(node, 'revenue-1m'),
      (found) => found.length === windows(100, 60_000).length,
    )
    expect(plain(rows)).toEqual(windows(100, 60_000))
  }, 60_000)

  test('what would change is shown, and nothing changes', async () => {
    write(shop('5m'))
    const diff = await pspf('app', 'diff', 'shop.ts')
    expect(diff.code).toBe(4)
    expect(diff.out).toMatch(/keeps\s+totals/)
    expect(diff.out).toContain('its windows were tumbling 1m and are now tumbling 5m')
    expect(diff.err).toContain('--replace revenue')
    expect(diff.out).not.toContain('anew')
    const refused = await pspf('app', 'deploy', 'shop.ts')
    expect(refused.code).toBe(4)
    expect(refused.err).toContain('nothing was changed')
    const preview = await pspf('app', 'diff', 'shop.ts', '--replace', 'revenue', '-o', 'json')
    expect(preview.code).toBe(0)
    const both = await pspf('app', 'diff', 'shop.ts', '--replace', 'revenue,totals', '-o', 'json')
    const { nodes } = (JSON.parse(both.out) as DeployAnswer).change
    expect(nodes.map(({ what }) => what)).toEqual(['rebuilt', 'rebuilt'])
    const { change } = JSON.parse(preview.out) as DeployAnswer
    expect(change.nodes.map(({ name, what }) => [name, what])).toEqual([
      ['totals', 'kept'],
      ['revenue', 'rebuilt'],
    ])
    expect(change.nodes[1]!.from).toEqual([{ topic: 'orders', partition: 0, offset: 0, records: 100 }])
    expect((await node.get<AppStatus>('/api/v1/apps/shop')).version).toBe(1)
  }, 60_000)

  test('state is kept, history is filled in, and a late row says which window it missed', async () => {
    const before = totalOf(await valuesOf(node, 'totals'), 'north')
    const deployed = await pspf('app', 'deploy', 'shop.ts', '--replace', 'revenue')
    expect(deployed.err).toBe('')
    await running(node, 2)
    const rows = await eventually(
      () => valuesOf<Row>(node, 'revenue-5m'),
      (found) => found.length === windows(100, 300_000).length,
    )
    expect(plain(rows)).toEqual(windows(100, 300_000))
    await produce(node, 100, 101)
    await node.post('/api/v1/topics/orders/records', {
      records: [{ value: { region: 'north', amount: 7, at: 1_000 } }],
    })
    const total = await eventually(
      async () => totalOf(await valuesOf(node, 'totals'), 'north'),
      (found) => found === before! + 100 * 100 + 7 * 100,
    )
    expect(total).toBe(before! + 10_700)
    const late = await eventually(
      () => valuesOf<object>(node, 'late'),
      (found) => found.length === 1,
    )
    expect(late[0]).toMatchObject({ window: { start: 0, end: 300_000 }, lateBy: 1_000_000 - 300_000 })
    const described = await eventually(
      () => pspf('app', 'describe', 'shop'),
      ({ out }) => out.includes('came late'),
    )
    expect(described.out).toContain('revenue: 1 row came late, after all windows it belongs to had closed')
  }, 60_000)

  test('it is there after a kill -9, with its versions, and can be put back', async () => {
    await node.kill()
    node = await sandbox.serve()
    await running(node, 2)
    const versions = await node.get<AppVersion[]>('/api/v1/apps/shop/versions')
    expect(versions.map(({ version, restores }) => [version, restores])).toEqual([
      [2, null],
      [1, null],
    ])
    const rolledBack = await pspf('app', 'rollback', 'shop')
    expect(rolledBack.out).toContain('put shop back, as version 3')
    await running(node, 3)
    await produce(node, 101, 140)
    // Its task has gone on without it, so that it computes all of it again: behind the rows that were there.
    const expected = windows(140, 60_000).length
    const rows = await eventually(
      () => valuesOf<Row>(node, 'revenue-1m'),
      (found) => found.length === windows(100, 60_000).length + expected,
    )
    expect(plain(rows.slice(-expected))).toEqual(windows(140, 60_000))
  }, 60_000)

  test('a mistake is told with its place, an app with the same content is not deployed twice', async () => {
    write(shop('1m').replace('.keyBy', '.keyBi'))
    const wrong = await pspf('app', 'deploy', 'shop.ts')
    expect(wrong.code).toBe(7)
    expect(wrong.err).toMatch(/shop\.ts:7:\d+: TypeError.*keyBi/)
    expect(wrong.err).toContain('>  7 |')
    write(shop('1m').replace('const totals =', 'const totals = ='))
    expect((await pspf('app', 'deploy', 'shop.ts')).err).toMatch(/shop\.ts:7:\d+: syntax error/)
    write(shop('1m'))
    expect((await pspf('app', 'deploy', 'shop.ts')).out).toContain('runs this already, as version 3')
    expect((await node.get<AppStatus>('/api/v1/apps/shop')).version).toBe(3)
  }, 60_000)

  test('what lasts of it can be kept beside it and reviewed', async () => {
    expect((await pspf('app', 'lock', 'shop.ts')).code).toBe(0)
    expect((await pspf('app', 'lock', 'shop.ts', '--check')).code).toBe(0)
    write(shop('5m'))
    const changed = await pspf('app', 'lock', 'shop.ts', '--check')
    expect(changed.code).toBe(4)
    expect(changed.err).toContain('- state revenue: window, tumbling 1m')
    expect(changed.err).toContain('+ state revenue: window, tumbling 5m')
    expect(changed.err).toContain('+ topic revenue-5m: sink')
    write(shop('1m'))
  }, 60_000)

  test('killed at any moment of a deployment, one of the two versions runs whole', async () => {
    for (let round = 0; round < 6; round++) {
      write(shop('1m', `console.log('round ${round}')`))
      const before = (await node.get<AppVersion[]>('/api/v1/apps/shop/versions'))[0]!.version
      const deploying = pspf('app', 'deploy', 'shop.ts')
      await Bun.sleep(round * 70)
      await node.kill()
      await deploying
      node = await sandbox.serve()
      const after = (await node.get<AppVersion[]>('/api/v1/apps/shop/versions'))[0]!.version
      expect([before, before + 1]).toContain(after)
      await running(node, after)
    }
    const total = totalOf(await valuesOf(node, 'totals'), 'south')
    let expected = 0
    for (let n = 1; n < 140; n += 2) expected += n * 100
    expect(total).toBe(expected)
  }, 120_000)

  test('reset, it computes everything anew from the log', async () => {
    expect((await pspf('app', 'reset', 'shop')).code).toBe(2)
    const reset = await pspf('app', 'reset', 'shop', '--yes')
    expect(reset.err).toBe('')
    expect(reset.out).toMatch(/rebuilds\s+totals/)
    const counts = await eventually(
      async () =>
        (await valuesOf<{ key: string; revision: number }>(node, 'totals')).filter(
          ({ key }) => key === 'south',
        ),
      (rows) => rows.at(-1)?.revision === 1 || rows.findLast(({ revision }) => revision === 1) !== rows[0],
    )
    expect(counts.length).toBeGreaterThan(1)
    const topics = await node.get<{ name: string }[]>('/api/v1/topics?internal=true')
    const changelogs = topics.filter(({ name }) => name.endsWith('.changelog'))
    expect(changelogs.length).toBe(1)
    let expected = 0
    for (let n = 1; n < 140; n += 2) expected += n * 100
    await eventually(
      async () => totalOf(await valuesOf(node, 'totals'), 'south'),
      (found) => found === expected,
    )
  }, 60_000)

  test('removed, it is gone also after a restart; deployed again, it goes on where it was', async () => {
    expect((await pspf('app', 'remove', 'shop', '--yes')).code).toBe(0)
    await node.stop()
    node = await sandbox.serve()
    expect(await node.get<AppStatus[]>('/api/v1/apps')).toEqual([])
    await pspf('app', 'deploy', 'shop.ts')
    const { version } = (await node.get<AppVersion[]>('/api/v1/apps/shop/versions'))[0]!
    await running(node, version!)
    await produce(node, 140, 142)
    let expected = 0
    for (let n = 1; n < 142; n += 2) expected += n * 100
    await eventually(
      async () => totalOf(await valuesOf(node, 'totals'), 'south'),
      (found) => found === expected,
    )
  }, 60_000)
})
