// An app may change what keeps its state, and a store that has become empty becomes small.
import { expect, test } from 'bun:test'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { app } from '../../../src/streams/app.ts'
import { SqliteStore } from '../../../src/streams/state/sqlite-store.ts'
import { storeOpener } from '../../../src/streams/state/store-kind.ts'
import { storePaths } from './store-paths.ts'
import { testedStores } from './stores.ts'

const newPath = storePaths()
const position = { log: 'l', next: 1, chain: 'c' }
const entry = { key: Buffer.from('k'), value: Buffer.from('v') }

test('what another kind of store has left of a task is removed, and of no other task', async () => {
  const directory = dirname(newPath('any'))
  const present = testedStores.filter(({ missing }) => missing === null).map(({ kind }) => kind)
  for (const kind of present) {
    const open = await storeOpener(kind, { directory, rocksdb: null })
    const store = open('orders-0')
    expect(store.position).toBeNull()
    store.apply([entry], position)
    store.close()
    const again = open('orders-0')
    expect(again.position).toEqual(kind === 'memory' ? null : position)
    again.close()
    const names = readdirSync(directory).filter((name) => name.startsWith('orders-0.'))
    expect(names.filter((name) => !name.startsWith(`orders-0.${kind}`))).toEqual([])
    const other = (await storeOpener('sqlite', { directory, rocksdb: null }))('orders-01')
    other.apply([entry], position)
    other.close()
  }
  expect(existsSync(`${directory}/orders-01.sqlite`)).toBe(true)
})

test('a library that is not there is refused with the alternative', async () => {
  const opening = storeOpener('rocksdb', {
    directory: dirname(newPath('any')),
    rocksdb: '/nowhere/librocksdb.so',
  })
  expect(await opening.catch((error: unknown) => error)).toMatchObject({
    code: 'not_found',
    message: expect.stringContaining('/nowhere/librocksdb.so'),
    fix: expect.stringContaining("store: 'sqlite'"),
  })
  expect(() => app({ id: 'x', store: 'redis' as never })).toThrow('not a state store')
})

test('the file of a SQLite store shrinks when most of its rows have gone, and keeps its rest', () => {
  const path = newPath('sqlite')
  const store = new SqliteStore(path)
  const keys = Array.from({ length: 20_000 }, (_, n) => Buffer.from(`window-${n}`))
  const value = Buffer.alloc(200, 'x')
  const sizeAfter = (next: number, mutations: Parameters<typeof store.apply>[0]) => {
    store.apply(mutations, { ...position, next })
    store.close()
    const { size } = statSync(path)
    return size
  }
  const full = sizeAfter(
    1,
    keys.map((key) => ({ key, value })),
  )
  const second = new SqliteStore(path)
  second.apply(
    keys.slice(10).map((key) => ({ key, value: null })),
    { ...position, next: 2 },
  )
  // Freed pages go a bounded number at a time, with the next commits.
  for (let next = 3; next < 8; next++) second.apply([entry], { ...position, next })
  expect([...second.scan(Buffer.from(''), Buffer.from('z'))].length).toBe(11)
  second.close()
  const left = statSync(path).size
  expect(full).toBeGreaterThan(4_000_000)
  expect(left).toBeLessThan(1_100_000)
})
