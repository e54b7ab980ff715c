// An app file in an empty folder, run by the compiled binary: computed once, also across kill -9 and its own crashes.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppStatus, ProduceAnswer, RecordJson, RecordsPage } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

const perMinute = `
import { app, topic, window, agg, s } from 'pspf'

const orders = topic('orders', {
  value: s.object({ region: s.string(), amount: s.number(), at: s.timestamp() }),
  time: { at: (order) => order.at, outOfOrder: '0s' },
})
const revenue = orders.stream()
  .filter((order) => order.amount > 0)
  .keyBy('region')
  .window('revenue-1m', window.tumbling('1m', { grace: '0s' }))
  .aggregate({ orders: agg.count(), sum: agg.sum('amount'), min: agg.min('amount'), max: agg.max('amount'), mean: agg.avg('amount') })
  .emit('on-close')
revenue.out.to(topic('revenue'))
export const revenueApp = app({ id: 'revenue' }).use(revenue)
`

type Row = {
  key: string
  window: { start: number; end: number }
  orders: number
  sum: number
  min: number
  max: number
  mean: number
}

let sandbox: Sandbox
beforeAll(() => {
  sandbox = new Sandbox()
  writeFileSync(join(sandbox.folder, 'revenue.ts'), perMinute)
})
afterAll(() => sandbox.remove())

const results = async (node: Node): Promise<RecordJson[]> =>
  (await node.get<RecordsPage>('/api/v1/topics/revenue/records?partition=0&from=earliest&limit=10000'))
    .records

describe('an app file', () => {
  test('what it computes is exact across three kill -9 in the middle of the stream', async () => {
    const minutes = 30
    const perStep = 20
    const regions = ['east', 'north', 'south']
    let node = await sandbox.serve(['revenue.ts'])
    await eventually(
      () => node.get<AppStatus[]>('/api/v1/apps'),
      (apps) => apps[0]?.state === 'running',
    )
    const expected = new Map<string, { orders: number; sum: number }>()
    for (let minute = 0; minute <= minutes; minute++) {
      const records = Array.from({ length: perStep }, (_, n) => {
        const order = {
          region: regions[n % 3]!,
          amount: (n * 7 + minute) % 11,
          at: minute * 60_000 + n * 1000,
        }
        if (order.amount > 0 && minute < minutes) {
          const row = expected.get(`${order.region}/${minute * 60_000}`) ?? { orders: 0, sum: 0 }
          expected.set(`${order.region}/${minute * 60_000}`, {
            orders: row.orders + 1,
            sum: row.sum + order.amount,
          })
        }
        return { value: order }
      })
      expect((await node.post<ProduceAnswer>('/api/v1/topics/orders/records', { records })).count).toBe(
        perStep,
      )
      if (minute % 10 === 7) {
        await node.kill()
        node = await sandbox.serve(['revenue.ts'])
      }
    }
    const rows = await eventually(
      () => results(node),
      (records) => records.length >= expected.size,
    )
    const seen = new Map(
      rows.map(({ value }) => [
        `${(value as Row).key}/${(value as Row).window.start}`,
        { orders: (value as Row).orders, sum: (value as Row).sum },
      ]),
    )
    expect(rows.length).toBe(expected.size)
    expect(Object.fromEntries([...seen].sort())).toEqual(Object.fromEntries([...expected].sort()))
    expect(await node.stop()).toBe(0)
  }, 60_000)

  test('pause stops it, resume goes on where it was', async () => {
    const node = await sandbox.serve(['revenue.ts'])
    const state = (wanted: string) =>
      eventually(
        () => node.get<AppStatus>('/api/v1/apps/revenue'),
        (app) => app.state === wanted,
      )
    await state('running')
    const before = (await results(node)).length
    expect((await sandbox.run(['app', 'pause', 'revenue'], { url: node.url })).code).toBe(0)
    await state('paused')
    const late = 100 * 60_000
    await node.post('/api/v1/topics/orders/records', {
      records: [
        { value: { region: 'west', amount: 5, at: late } },
        { value: { region: 'west', amount: 5, at: late + 60_000 } },
      ],
    })
    expect((await results(node)).length).toBe(before)
    expect((await sandbox.run(['app', 'resume', 'revenue'], { url: node.url })).code).toBe(0)
    await state('running')
    // The open minute 30 of three regions closes, then minute 100 of one.
    await eventually(
      () => results(node),
      (records) => records.some(({ value }) => (value as Row).key === 'west'),
    )
    await node.stop()
  }, 60_000)

  const brokenFiles: [string, string, RegExp][] = [
    ['a syntax error', `import { app } from 'pspf'\nexport const a = app({ id: 'x' }\n`, /broken\.ts:\d+/],
    [
      'an error while it loads',
      `import { app } from 'pspf'\nconst n: number = undefined!\nn.toFixed()\nexport const a = app({ id: 'x' })\n`,
      /broken\.ts:3/,
    ],
    ['no app in it', `export const nothing = 1\n`, /app\(/],
    [
      'a package that is not installed',
      `import nothing from 'no-such-package'\nexport const a = nothing\n`,
      /no-such-package/,
    ],
  ]
  for (const [what, text, expected] of brokenFiles) {
    test(`a file with ${what} says so with the place, and the node serves on`, async () => {
      writeFileSync(join(sandbox.folder, 'broken.ts'), text)
      const node = await sandbox.serve(['broken.ts', '--data-dir', 'broken-data'])
      const apps = await eventually(
        () => node.get<AppStatus[]>('/api/v1/apps'),
        (list) => list.some(({ error }) => error !== null),
      )
      const { error } = apps[0]!
      expect(`${error?.message}\n${error?.frame}`).toMatch(expected)
      await eventually(
        async () => node.log,
        (log) => expected.test(log),
      )
      expect((await fetch(`${node.url}/livez`)).status).toBe(200)
      await node.stop()
    }, 60_000)
  }

  test('an app file that is not there is refused at once', async () => {
    const { code, err } = await sandbox.run([
      'serve',
      'absent.ts',
      '--http',
      '127.0.0.1:0',
      '--data-dir',
      'absent-data',
    ])
    expect(code).not.toBe(0)
    expect(err).toContain('absent.ts')
  })

  test('user code that throws on a record stops its app with the error; the node serves on', async () => {
    writeFileSync(
      join(sandbox.folder, 'thrower.ts'),
      `import { app, topic } from 'pspf'
const numbers = topic<number>('numbers')
const doubled = numbers.stream().map((n) => { if (n === 13) throw new Error('unlucky number'); return n * 2 })
doubled.to(topic('doubled'))
export const thrower = app({ id: 'thrower' }).use(doubled)
`,
    )
    const node = await sandbox.serve(['thrower.ts', '--data-dir', 'thrower-data'])
    await eventually(
      () => node.get<AppStatus>('/api/v1/apps/thrower'),
      ({ state }) => state === 'running',
    )
    await node.post('/api/v1/topics/numbers/records', {
      records: [{ value: 1 }, { value: 13 }, { value: 2 }],
    })
    const status = await eventually(
      () => node.get<AppStatus>('/api/v1/apps/thrower'),
      ({ error }) => error !== null,
    )
    expect(status.error?.message).toContain('unlucky number')
    expect((await node.get<{ status: string }>('/health')).status).not.toBe('down')
    await node.stop()
  }, 60_000)

  test('no process outlives a node that was killed', async () => {
    const node = await sandbox.serve(['revenue.ts'])
    await eventually(
      () => node.get<AppStatus>('/api/v1/apps/revenue'),
      ({ state }) => state === 'running',
    )
    await node.kill()
    const left = () => Bun.spawnSync(['pgrep', '-f', sandbox.binary]).stdout.toString().trim()
    await eventually(
      async () => left(),
      (pids) => pids === '',
      10_000,
    )
  }, 60_000)
})
