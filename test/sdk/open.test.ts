import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agg, app, dashboard, open, type Pspf, s, stat, topic } from '../../src/sdk/index.ts'

const orders = topic('orders', {
  value: s.object({ region: s.string(), amount: s.number() }),
  key: 'region',
})

let dataDir: string
let pspf: Pspf
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'pspf-open-'))
  pspf = await open({ dataDir })
})
afterEach(async () => {
  await pspf.close()
  rmSync(dataDir, { recursive: true })
})

const total = () => {
  const totals = orders
    .stream()
    .keyBy('region')
    .aggregate('totals', { sum: agg.sum('amount') })
  totals.to('totals')
  const board = dashboard('totals', {}, [stat('sum', totals, { y: 'sum' })])
  return app({ id: 'totals' }).use(totals, board)
}

test('what was produced is there after the program opens the folder again', async () => {
  await pspf.produce(orders, [{ region: 'north', amount: 1 }])
  await pspf.close()
  pspf = await open({ dataDir })
  const values: unknown[] = []
  for await (const { value } of pspf.consume(orders)) values.push(value)
  expect(values).toEqual([{ region: 'north', amount: 1 }])
})

test('an app runs in the same process, and goes on where it was', async () => {
  const end = new AbortController()
  await pspf.run(total())
  await pspf.produce(orders, [{ region: 'north', amount: 1 }])
  const untilSum = async (wanted: number) => {
    for await (const { value } of pspf.consume('totals', { follow: true, signal: end.signal })) {
      if ((value as { sum: number }).sum === wanted) return
    }
  }
  await untilSum(1)
  await pspf.close()
  pspf = await open({ dataDir })
  await pspf.run(total())
  await pspf.produce(orders, [{ region: 'north', amount: 2 }])
  await untilSum(3)
})

test('a folder is open once', async () => {
  expect(open({ dataDir })).rejects.toMatchObject({ code: 'conflict' })
})

test('HTTP is off unless asked for', async () => {
  expect(pspf.url).toBeNull()
  await pspf.close()
  pspf = await open({ dataDir, http: '127.0.0.1:0' })
  expect((await fetch(`${pspf.url}/livez`)).status).toBe(200)
})
