import { expect, test } from 'bun:test'
import { pullThePlug } from './plug.ts'

test('kill -9 under load: every acknowledged record is there once, in order, and counted once', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const report = await pullThePlug(6, seed, console.log)
  console.log(report)
  expect(report.acknowledged).toBeGreaterThan(100)
  expect({
    lost: report.lost,
    doubled: report.doubled,
    outOfOrder: report.outOfOrder,
    tornRequests: report.tornRequests,
  }).toEqual({
    lost: 0,
    doubled: 0,
    outOfOrder: 0,
    tornRequests: 0,
  })
  expect(report.counted).toBe(report.present)
  expect(report.present).toBeGreaterThanOrEqual(report.acknowledged)
}, 180_000)
