// One suite for all state stores: what each must hold while it is open.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Mutation, StateStore, StorePosition } from '../../../src/streams/state/state-store.ts'
import { storePaths } from './store-paths.ts'
import { testedStores } from './stores.ts'

const newPath = storePaths()

const at = (next: number, chain = `c${next}`): StorePosition => ({ log: 'log', next, chain })
const bytes = (text: string) => Buffer.from(text, 'latin1')
const put = (key: string, value: string): Mutation => ({ key: bytes(key), value: bytes(value) })
const remove = (key: string): Mutation => ({ key: bytes(key), value: null })
const text = (given: Uint8Array) => Buffer.from(given).toString('latin1')
const all = (store: StateStore, from = '', to = '\xff\xff') =>
  [...store.scan(bytes(from), bytes(to))].map(({ key, value }) => `${text(key)}=${text(value)}`)

for (const { kind, missing, open: openAt } of testedStores) {
  const open = () => openAt(newPath(kind))
  describe.skipIf(missing !== null)(`the ${kind} store${missing === null ? '' : ` (${missing})`}`, () => {
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
      expect(text(store.get(bytes('b'))!)).toBe('3')
      expect(store.position).toEqual(at(7))
      store.clear()
      expect([store.position, ...all(store)]).toEqual([null])
      store.apply([put('d', '4')], at(1))
      expect(all(store)).toEqual(['d=4'])
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

    test('a scan may be left in the middle, and others may run meanwhile', () => {
      const store = open()
      store.apply([put('a', '1'), put('b', '2'), put('c', '3')], at(1))
      for (const entry of store.scan(bytes('a'), bytes('z'))) {
        expect(all(store)).toEqual(['a=1', 'b=2', 'c=3'])
        expect(text(store.get(entry.key)!)).toBe('1')
        break
      }
      store.apply([remove('b')], at(2))
      expect(all(store)).toEqual(['a=1', 'c=3'])
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

    test('what it answers stays as it is', () => {
      const store = open()
      store.apply([put('a', 'before'), put('b', 'other')], at(1))
      const got = store.get(bytes('a'))!
      const [scanned] = [...store.scan(bytes('a'), bytes('b'))]
      store.apply([put('a', 'after!'), put('b', 'OTHER')], at(2))
      store.get(bytes('b'))
      expect([text(got), text(scanned!.value), text(scanned!.key)]).toEqual(['before', 'before', 'a'])
      store.close()
    })

    test('takes keys and values of any size, in order', () => {
      const store = open()
      const sizes = [1, 500, 1_899, 1_900, 1_901, 1_916, 1_917, 5_000, 70_000]
      const keys = sizes.flatMap((size) => ['x', 'y'].map((end) => 'k'.repeat(size - 1) + end))
      const stored = keys.map((key, n) => put(key, 'v'.repeat(n * 10_000)))
      store.apply(stored.toReversed(), at(1))
      const sorted = keys.toSorted()
      const held = () => [...store.scan(bytes('k'), bytes('z'))].map(({ key }) => text(key))
      expect(held()).toEqual(sorted)
      for (const { key, value } of stored) expect(text(store.get(key)!)).toBe(text(value!))
      // Each of them as the end and as the beginning of a range.
      for (const [n, key] of sorted.entries()) {
        expect([...store.scan(bytes('k'), bytes(key))].length).toBe(
          sorted.slice(0, n).filter((one) => one >= 'k').length,
        )
        expect([...store.scan(bytes(key), bytes('z'))].length).toBe(sorted.length - n)
      }
      store.apply([remove(sorted[1]!)], at(2))
      expect(held()).toEqual(sorted.filter((_, n) => n !== 1))
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
        { numRuns: kind === 'memory' ? 100 : 15 },
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

    // In memory nothing outlives the process that failed.
    test.skipIf(kind === 'memory')('a batch that fails half-way leaves nothing', () => {
      const store = open()
      store.apply([put('a', '1')], at(1))
      const broken: Mutation = {
        key: bytes('b'),
        get value(): never {
          throw new RangeError('no value')
        },
      }
      expect(() => store.apply([put('a', '2'), broken], at(2))).toThrow()
      expect(all(store)).toEqual(['a=1'])
      expect(store.position).toEqual(at(1))
      store.close()
    })
  })
}
