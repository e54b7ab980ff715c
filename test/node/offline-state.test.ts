// State is looked at on a stopped node, and nothing of it changes.
import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrokerError, lockDirectory } from '#base'
import { exportState, inspectState, type StateRow } from '../../src/node/offline-state.ts'
import {
  aggregatePrefix,
  encodeValue,
  joinKey,
  signatureKey,
  taggedKey,
} from '../../src/streams/state/state-key.ts'
import { storeOpener } from '../../src/streams/state/store-kind.ts'

const directory = mkdtempSync(join(tmpdir(), 'pspf-offline-state-'))
afterAll(() => rmSync(directory, { recursive: true }))
mkdirSync(join(directory, 'topics'))

const all = { app: null, rocksdb: null }
const stateOf = (app: string) => join(directory, 'apps', app, 'state')

async function fill(app: string, kind: 'sqlite' | 'lmdb', count: number): Promise<void> {
  const open = await storeOpener(kind, { directory: stateOf(app), rocksdb: null })
  const store = open('orders-0')
  const mutations = Array.from({ length: count }, (_, n) => {
    return { key: joinKey(aggregatePrefix('totals'), taggedKey(`k${n}`)), value: encodeValue({ n }) }
  })
  const signature = { key: signatureKey('totals'), value: encodeValue({ kind: 'aggregate' }) }
  store.apply([signature, ...mutations], { log: 'changelog', next: 9, chain: 'c' })
  store.close()
}

test('stores are listed with their keys and positions, and written out entry by entry', async () => {
  await fill('shop', 'sqlite', 3)
  await fill('visits', 'lmdb', 5)
  const facts = { task: 'orders-0', position: 9, damage: null, sizeBytes: expect.any(Number) }
  expect(await inspectState(directory, all)).toEqual([
    { ...facts, app: 'shop', store: 'sqlite', keys: 4, nodes: [{ node: 'totals', keys: 3 }] },
    { ...facts, app: 'visits', store: 'lmdb', keys: 6, nodes: [{ node: 'totals', keys: 5 }] },
  ])
  const rows: StateRow[] = []
  const wish = { ...all, app: 'shop', task: null, node: 'totals' }
  await exportState(directory, wish, async (row) => void rows.push(row))
  const plain = { app: 'shop', task: 'orders-0', node: 'totals', at: null, part: null }
  expect(rows).toEqual([
    { ...plain, kind: 'signature', key: null, value: { kind: 'aggregate' } },
    ...[0, 1, 2].map((n) => ({ ...plain, kind: 'result', key: `k${n}`, value: { n } })),
  ])
  // Again: looking at it has not changed what is there.
  expect((await inspectState(directory, { ...all, app: 'shop' })).map(({ keys }) => keys)).toEqual([4])
})

test('a damaged store is named and left as it is', async () => {
  for (const kind of ['sqlite', 'lmdb'] as const) {
    await fill(`broken-${kind}`, kind, 50)
    const file = join(stateOf(`broken-${kind}`), `orders-0.${kind}`)
    const bytes = readFileSync(file)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(file, bytes)
    for (let times = 0; times < 2; times++) {
      const [found] = await inspectState(directory, { ...all, app: `broken-${kind}` })
      expect(found).toMatchObject({
        position: null,
        damage: expect.stringContaining('it is not what was closed'),
      })
    }
    expect(readFileSync(file).equals(bytes)).toBe(true)
    const wish = { ...all, app: `broken-${kind}`, task: null, node: null }
    await expect(exportState(directory, wish, async () => undefined)).rejects.toMatchObject({
      code: 'corrupt',
    })
  }
})

test('a task, a node or a store that is not there is told with the names that are', async () => {
  await fill('named', 'sqlite', 2)
  mkdirSync(stateOf('light'), { recursive: true })
  mkdirSync(join(directory, 'apps', '.trial'), { recursive: true })
  const told = async (wish: { app: string; task?: string; node?: string }) => {
    const rows: StateRow[] = []
    const whole = { ...all, task: null, node: null, ...wish }
    const error = await exportState(directory, whole, async (row) => void rows.push(row)).then(
      () => null,
      (thrown: unknown) => thrown as BrokerError,
    )
    return { code: error?.code, message: error?.message, fix: error?.fix, rows: rows.length }
  }
  expect(await told({ app: 'named', task: 'orders-7' })).toMatchObject({
    code: 'not_found',
    fix: 'tasks are orders-0',
    rows: 0,
  })
  expect(await told({ app: 'named', node: 'total' })).toMatchObject({
    code: 'not_found',
    fix: 'nodes are totals',
    rows: 0,
  })
  const light = await told({ app: 'light' })
  expect(light).toMatchObject({ code: 'not_found', rows: 0 })
  expect(light.fix).toContain('changelog')
  const nobody = await told({ app: 'nobody' })
  expect(nobody.fix).toContain('named')
  expect(nobody.fix).not.toContain('.trial')
})

test('an unknown app, no data directory, and a running node are refused', async () => {
  const code = async (promise: Promise<unknown>) => (await promise.catch((error: unknown) => error)) as object
  expect(await code(inspectState(directory, { ...all, app: 'nobody' }))).toMatchObject({ code: 'not_found' })
  expect(await code(inspectState(join(directory, 'apps'), all))).toMatchObject({ code: 'not_found' })
  const lock = lockDirectory(directory, 0)
  expect(await code(inspectState(directory, all))).toMatchObject({ code: 'conflict' })
  lock.release()
})
