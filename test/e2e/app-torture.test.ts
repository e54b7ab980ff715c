import { expect, test } from 'bun:test'
import { testedStores } from '../streams/state/stores.ts'
import { torture } from './app-torture.ts'

test('kill -9 of the node and of app processes: every store ends where a plain computation does', async () => {
  const stores = testedStores.filter(({ missing }) => missing === null).map(({ kind }) => kind)
  const seed = Math.floor(Math.random() * 2 ** 31)
  const report = await torture({ rounds: 8, seed, stores, say: console.log })
  expect(report.events).toBeGreaterThan(500)
  expect(report).toMatchObject({ seed, wrong: Object.fromEntries(stores.map((store) => [store, []])) })
}, 240_000)
