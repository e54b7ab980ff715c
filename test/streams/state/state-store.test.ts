// One suite for all state stores, and what only the one with a file must stand.

import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { MemoryStore } from '../../../src/streams/state/memory-store.ts'
import { SqliteStore } from '../../../src/streams/state/sqlite-store.ts'
import type { Mutation, StateStore, StorePosition } from '../../../src/streams/state/state-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'pspf-stores-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const newPath = () => join(folder, `${++files}`, 'store.sqlite')

const at = (next: number, chain = `c${next}`): StorePosition => ({ log: 'log', next, chain })
const bytes = (text: string) => Buffer.from(text, 'latin1')
const put = (key: string, value: string): Mutation => ({ key: bytes(key), value: bytes(value) })
const remove = (key: string): Mutation => ({ key: bytes(key), value: null })
const all = (store: StateStore, from = '', to = '\xff\xff') =>
  [...store.scan(bytes(from), bytes(to))].map(
    ({ key, value }) => `${Buffer.from(key).toString('latin1')}=${Buffer.from(value).toString('latin1')}`,
  )

const kinds: [string, () => StateStore][] = [
  ['memory', () => new MemoryStore()],
  ['sqlite', () => new SqliteStore(newPath())],
]

for (const [kind, open] of kinds) {
  describe(`the ${kind} store`, () => {
    test('is empty at first', () => {
      const store = open()
      expect(store.position).toBeNull()
      expect(store.get(bytes('a'))).toBeNull()
      expect(all(store)).toEqual([])
      store.close()
    })

    test('holds what was applied, and the position with it', () => {
      const store = open()
      store.apply([put('b', '1'), put('a', '2'), put('b', '3'), put('c', ''), remove('a')], at(7))
      expect(all(store)).toEqual(['b=3', 'c='])
      expect(Buffer.from(store.get(bytes('b'))!).toString()).toBe('3')
      expect(store.position).toEqual(at(7))
      store.clear()
      expect([store.position, ...all(store)]).toEqual([null])
      store.close()
    })

    test('scans a range in the order of bytes, its end exclusive', () => {
      const store = open()
      store.apply([put('\x80', 'h'), put('a\x00', 'z'), put('a', 'l'), put('', 'e'), put('b', 'r')], at(1))
      expect(all(store)).toEqual(['=e', 'a=l', 'a\x00=z', 'b=r', '\x80=h'])
      expect(all(store, 'a', 'b')).toEqual(['a=l', 'a\x00=z'])
      expect(all(store, 'b', 'a')).toEqual([])
      store.close()
    })

    test('does not see what the caller does to its bytes afterwards', () => {
      const store = open()
      const mutation = { key: bytes('k'), value: bytes('v') }
      store.apply([mutation], at(1))
      mutation.key[0] = 0
      mutation.value[0] = 0
      expect(all(store)).toEqual(['k=v'])
      store.close()
    })

    test('equals a sorted map under random mutations', () => {
      const key = fc.oneof(fc.string({ maxLength: 2 }), fc.integer({ max: 3000, min: 0 }).map(String))
      const mutation = fc.record({ key, value: fc.option(fc.string(), { freq: 3 }) })
      fc.assert(
        fc.property(fc.array(fc.array(mutation, { maxLength: 200 }), { maxLength: 20 }), (batches) => {
          const store = open()
          const model = new Map<string, string>()
          batches.forEach((batch, index) => {
            store.apply(
              batch.map((one) => ({
                key: Buffer.from(one.key),
                value: one.value === null ? null : Buffer.from(one.value),
              })),
              at(index),
            )
            for (const one of batch) {
              if (one.value === null) model.delete(one.key)
              else model.set(one.key, one.value)
            }
          })
          const expected = [...model]
            .map(([k, v]) => [Buffer.from(k), v] as const)
            .sort(([a], [b]) => Buffer.compare(a, b))
            .map(([k, v]) => `${k}=${v}`)
          const held = [...store.scan(new Uint8Array(), Uint8Array.of(255, 255))]
          expect(held.map((entry) => `${Buffer.from(entry.key)}=${Buffer.from(entry.value)}`)).toEqual(
            expected,
          )
          store.close()
        }),
        { numRuns: kind === 'sqlite' ? 15 : 100 },
      )
    })

    test('scans more than one block', () => {
      const store = open()
      const keys = Array.from({ length: 2500 }, (_, n) => String(n).padStart(5, '0'))
      store.apply(
        keys.toReversed().map((key) => put(key, key)),
        at(1),
      )
      expect(all(store)).toEqual(keys.map((key) => `${key}=${key}`))
      store.close()
    })
  })
}

describe('the sqlite store on its file', () => {
  const filled = (close: boolean) => {
    const path = newPath()
    const store = new SqliteStore(path)
    store.apply(
      Array.from({ length: 500 }, (_, n) => put(`key-${n}`, `value-${n}`)),
      at(5),
    )
    if (close) store.close()
    return path
  }

  test('is found again, closed or not', () => {
    for (const close of [true, false]) {
      const store = new SqliteStore(filled(close))
      expect(store.position).toEqual(at(5))
      expect(all(store).length).toBe(500)
      store.close()
    }
  })

  test('trap 6: a file that is no database, or of another format, becomes an empty store', () => {
    const path = filled(true)
    writeFileSync(path, 'not a database at all'.repeat(1000))
    expect(new SqliteStore(path).position).toBeNull()
    const other = filled(true)
    const database = new Database(other)
    database.run('PRAGMA user_version = 99')
    database.close()
    expect(new SqliteStore(other).position).toBeNull()
  })

  test('trap 6: a changed value is found when it is read', () => {
    const path = filled(true)
    const database = new Database(path)
    database.run("UPDATE state SET v = x'00' WHERE k = ?", [bytes('key-7')])
    database.close()
    const store = new SqliteStore(path)
    expect(() => store.get(bytes('key-7'))).toThrow('damaged')
    expect(() => all(store)).toThrow('damaged')
    expect(store.get(bytes('key-8'))).not.toBeNull()
    store.clear()
    expect(all(store)).toEqual([])
  })

  test('a transaction that fails half-way leaves nothing', () => {
    const store = new SqliteStore(newPath())
    store.apply([put('a', '1')], at(1))
    const broken = { key: bytes('b'), value: {} as unknown as Uint8Array }
    expect(() => store.apply([put('a', '2'), broken], at(2))).toThrow()
    expect(all(store)).toEqual(['a=1'])
    expect(store.position).toEqual(at(1))
    store.close()
  })
})
