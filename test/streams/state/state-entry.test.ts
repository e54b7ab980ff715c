// Every entry that a store can hold is told as what it is.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { entryText } from '../../../src/streams/state/state-entry.ts'
import {
  aggregatePrefix,
  cursorKey,
  encodeNumber,
  encodeValue,
  heldPrefix,
  itemKey,
  itemsPrefix,
  joinKey,
  listsPrefix,
  ownedPrefix,
  progressKey,
  signatureKey,
  statePrefix,
  tablePrefix,
  tablesPrefix,
  taggedKey,
  taskKey,
  timersPrefix,
  waitsKey,
  windowPrefix,
} from '../../../src/streams/state/state-key.ts'

const key = fc.oneof(fc.string(), fc.integer(), fc.boolean())
const node = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
const time = fc.integer({ min: -1e12, max: 1e13 })
const text = (bytes: string) => Buffer.from(bytes)

test('a key says its node, what it is, whose it is and when', () => {
  fc.assert(
    fc.property(node, key, time, fc.nat(1000), (id, owner, at, seq) => {
      const told = (stored: Uint8Array) => {
        const { value, ...rest } = entryText({ key: stored, value: encodeValue({ n: 1 }) })
        expect(value).toEqual({ n: 1 })
        return rest
      }
      const plain = { node: id, key: null, at: null, part: null }
      const tagged = taggedKey(owner)
      expect(told(taskKey)).toEqual({ ...plain, node: null, kind: 'task' })
      expect(told(signatureKey(id))).toEqual({ ...plain, kind: 'signature' })
      expect(told(cursorKey(id))).toEqual({ ...plain, kind: 'cursor' })
      expect(told(progressKey(id))).toEqual({ ...plain, kind: 'progress' })
      expect(told(waitsKey(id))).toEqual({ ...plain, kind: 'waits' })
      expect(told(joinKey(aggregatePrefix(id), tagged))).toEqual({ ...plain, kind: 'result', key: owner })
      expect(told(joinKey(windowPrefix(id, at), tagged))).toEqual({
        ...plain,
        kind: 'window',
        key: owner,
        at,
      })
      for (const [list, kind] of [
        ['i', 'item'],
        ['l', 'left'],
        ['r', 'right'],
      ] as const) {
        const item = itemKey(itemsPrefix(listsPrefix(id, list), owner), at, seq)
        expect(told(item)).toEqual({ ...plain, kind, key: owner, at, part: String(seq) })
      }
      expect(told(joinKey(tablePrefix(id), tagged))).toEqual({ ...plain, kind: 'row', key: owner })
      expect(told(joinKey(tablesPrefix(id, 'l'), tagged))).toEqual({ ...plain, kind: 'left', key: owner })
      expect(told(joinKey(tablesPrefix(id, 'r'), tagged))).toEqual({ ...plain, kind: 'right', key: owner })
      const owned = ownedPrefix(statePrefix(id, 'risk'), owner)
      expect(told(owned)).toEqual({ ...plain, kind: 'state', key: owner, part: 'risk' })
      const item = joinKey(owned, encodeNumber(seq))
      expect(told(item)).toEqual({ ...plain, kind: 'state', key: owner, part: `risk[${seq}]` })
      const entry = joinKey(owned, taggedKey('x'))
      expect(told(entry)).toEqual({ ...plain, kind: 'state', key: owner, part: 'risk["x"]' })
      for (const [clock, kind] of [
        ['event', 'event-timer'],
        ['wall', 'wall-timer'],
      ] as const) {
        const timer = joinKey(ownedPrefix(timersPrefix(id, clock), owner), text('cool'))
        expect(told(timer)).toEqual({ ...plain, kind, key: owner, part: 'cool' })
      }
      const waiting = joinKey(heldPrefix(id), encodeNumber(seq))
      expect(told(waiting)).toEqual({ ...plain, kind: 'waiting', part: String(seq) })
    }),
  )
})

test('what is not known is shown as bytes', () => {
  const entry = entryText({ key: text('node\0?abc'), value: Uint8Array.of(99, 1, 2) })
  expect(entry).toMatchObject({ node: 'node', kind: 'other', part: 'YWJj', value: { base64: 'YwEC' } })
})
