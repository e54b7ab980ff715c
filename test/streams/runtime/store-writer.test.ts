import { expect, test } from 'bun:test'
import { defaultLimits } from '../../../src/streams/runtime/limits.ts'
import { StoreWriter } from '../../../src/streams/runtime/store-writer.ts'
import { MemoryStore } from '../../../src/streams/state/memory-store.ts'
import type { Mutation, StorePosition } from '../../../src/streams/state/state-store.ts'
import { VirtualClock } from '../../../src/streams/testing/virtual-clock.ts'

const at = (next: number): StorePosition => ({ log: 'log', next, chain: `c${next}` })
const put = (key: string, value: string): Mutation => ({ key: Buffer.from(key), value: Buffer.from(value) })

function waiting(limits = {}) {
  const store = new MemoryStore()
  const clock = new VirtualClock(0)
  const woken: number[] = []
  const applied: string[][] = []
  const spied = {
    position: null,
    get: () => null,
    scan: () => [],
    clear: () => undefined,
    close: () => undefined,
    apply: (mutations: readonly Mutation[], position: StorePosition) => {
      applied.push(mutations.map(({ key, value }) => `${Buffer.from(key)}=${value && Buffer.from(value)}`))
      store.apply(mutations, position)
    },
  }
  const wake = () => woken.push(clock.now())
  const writer = new StoreWriter({ store: spied, clock, limits: { ...defaultLimits, ...limits }, wake })
  return { writer, store, clock, woken, applied }
}

test('several commits become one transaction, keys in order, each once, with the last position', () => {
  const { writer, store, applied } = waiting()
  writer.add([put('b', '1'), put('a', '1')], { position: at(2), commit: 1 })
  writer.add([put('b', '2'), { key: Buffer.from('c'), value: null }], { position: at(4), commit: 2 })
  expect(writer.due).toBe(false)
  expect(writer.apply()).toBe(2)
  expect(applied).toEqual([['a=1', 'b=2', 'c=null']])
  expect(store.position).toEqual(at(4))
  expect(writer.apply()).toBeNull()
})

test('a commit is due after a while, and wakes whoever would otherwise sleep', () => {
  const { writer, clock, woken } = waiting()
  writer.add([put('a', '1')], { position: at(1), commit: 1 })
  clock.moveTo(defaultLimits.applyAfterMs - 1)
  expect(writer.due).toBe(false)
  clock.moveTo(defaultLimits.applyAfterMs)
  expect([writer.due, ...woken]).toEqual([true, defaultLimits.applyAfterMs])
  writer.apply()
  clock.moveTo(10 * defaultLimits.applyAfterMs)
  expect([writer.due, woken.length]).toEqual([false, 1])
})

test('many changes are due at once', () => {
  const { writer } = waiting({ applyMutationsMax: 3 })
  writer.add([put('a', '1'), put('b', '1')], { position: at(2), commit: 1 })
  writer.add([put('a', '2')], { position: at(3), commit: 2 })
  expect(writer.due).toBe(false)
  writer.add([put('c', '1')], { position: at(4), commit: 3 })
  expect(writer.due).toBe(true)
})
