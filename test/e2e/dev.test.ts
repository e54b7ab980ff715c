// An app while it is written: each save exchanges it with its state kept; a mistake leaves running what ran.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppStatus, RecordsPage } from '../../src/http/contract.ts'
import { eventually, Node, Sandbox } from './binary.ts'

const shop = (size: string, more = '') => `
import { agg, app, topic, window } from 'pspf'
import { factor } from './factor.ts'
const orders = topic<{ region: string; amount: number; at: number }>('orders', { time: { at: (order) => order.at } })
const keyed = orders.stream().keyBy('region')
const totals = keyed.aggregate('totals', { total: agg.sum((order) => order.amount * factor) })
const windows = keyed.window('windows', window.tumbling('${size}', { grace: '0s' })).aggregate({ n: agg.count() }).emit('on-close')
totals.to('totals')
windows.out.to('windows')
${more}
export const shop = app({ id: 'shop' }).use(totals, windows)
`
let sandbox: Sandbox
let node: Node
const write = (name: string, text: string) => writeFileSync(join(sandbox.folder, name), text)
beforeAll(async () => {
  sandbox = new Sandbox()
  write('factor.ts', 'export const factor = 1\n')
  write('shop.ts', shop('1m'))
  node = await Node.start(sandbox, [sandbox.binary, 'dev', 'shop.ts', '--http', '127.0.0.1:0'], {})
})
afterAll(async () => {
  await node.kill()
  await sandbox.remove()
})

const send = (amount: number, at: number) =>
  node.post('/api/v1/topics/orders/records', { records: [{ value: { region: 'north', amount, at } }] })
const last = async (topic: string) =>
  (await node.get<RecordsPage>(`/api/v1/topics/${topic}/records?from=earliest&limit=10000`)).records.at(-1)
    ?.value as { total: number; n: number; window: { end: number } } | undefined
const log = (text: string) =>
  eventually(
    async () => node.log,
    (found) => found.includes(text),
  )

test('saved, an app goes on with its state, also when only what it imports has changed', async () => {
  await eventually(
    () => node.get<AppStatus>('/api/v1/apps/shop'),
    ({ state }) => state === 'running',
  )
  expect(existsSync(join(sandbox.folder, '.pspf-dev'))).toBe(true)
  await send(5, 1_000)
  await eventually(
    () => last('totals'),
    (row) => row?.total === 5,
  )
  write('factor.ts', 'export const factor = 100\n')
  await log('factor.ts was saved')
  await send(1, 2_000)
  expect(
    (
      await eventually(
        () => last('totals'),
        (row) => row?.total === 105,
      )
    )?.total,
  ).toBe(105)
}, 60_000)

test('a mistake is told with its place, and what ran goes on', async () => {
  write('shop.ts', shop('1m').replace("keyBy('region')", "keyBy('region'"))
  await log('what ran goes on')
  expect(node.log).toMatch(/shop\.ts:6:\d+: syntax error/)
  await send(1, 3_000)
  await eventually(
    () => last('totals'),
    (row) => row?.total === 205,
  )
}, 60_000)

test('another window is computed anew, and said', async () => {
  write('shop.ts', shop('2m'))
  await log('its windows were tumbling 1m and are now tumbling 2m')
  await send(1, 121_000)
  const row = await eventually(
    () => last('windows'),
    (found) => found?.window.end === 120_000,
  )
  expect(row?.n).toBe(3)
  await eventually(
    () => last('totals'),
    (found) => found?.total === 305,
  )
}, 60_000)

test('an interrupt ends it', async () => {
  expect(await node.stop()).toBe(0)
}, 60_000)
