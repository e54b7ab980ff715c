// Rows that are items at a time of a key: sessions, rows that wait for their match, identities that were seen.
import type { KeyValue } from '../graph/node.ts'
import type { Folding } from '../runtime/keyed-rows.ts'
import {
  afterPrefix,
  decodeValue,
  itemsPrefix,
  joinKey,
  justAfter,
  listsPrefix,
  readItemKey,
  readTaggedKey,
} from '../state/state-key.ts'
import { keyRanges, taggedKeysOf } from './key-rows.ts'
import type { TableRow } from './table-question.ts'
import type { ReadableState, ReadRows, RowRange } from './table-view.ts'
import { namedResults } from './window-rows.ts'

export type StoredItem = {
  readonly place: Uint8Array
  readonly key: KeyValue
  readonly at: number
  readonly value: Uint8Array
}

export function listRows(space: Uint8Array, id: string, read: (stored: unknown) => unknown): ReadRows {
  return function* (state, range) {
    for (const { place, key, at, value } of items(state, space, range)) {
      yield { place, row: { key, at, value: read(decodeValue(value, id)) } }
    }
  }
}

export function sessionRows(id: string, folding: Folding): ReadRows {
  return function* (state, range) {
    for (const { place, key, at: start, value } of items(state, listsPrefix(id, 'i'), range)) {
      const row: TableRow = { key, ...session(folding, start, decodeValue(value, id)) }
      if (isBetween(start, range)) yield { place, row }
    }
  }
}

function session(folding: Folding, start: number, stored: unknown) {
  const [last, parts] = stored as readonly [number, readonly unknown[]]
  return { window: { start, end: last }, at: last, value: namedResults(folding, parts) }
}

export function isBetween(start: number, { windowFrom = -Infinity, windowTo = Infinity }: RowRange): boolean {
  return windowFrom <= start && start <= windowTo
}

/** Items of the keys that are wanted: by key, then by time. */
export function* items(state: ReadableState, space: Uint8Array, range: RowRange): Generator<StoredItem> {
  for (const [from, to] of itemRanges(space, range)) {
    for (const { key: stored, value } of state.scan(from, to)) {
      const { key, at } = readItemKey(stored, space)
      // Longer keys may begin as this one does.
      if (range.key !== undefined && String(key) !== range.key) continue
      yield { place: stored.subarray(space.length), key, at, value }
    }
  }
}

function itemRanges(space: Uint8Array, range: RowRange): [Uint8Array, Uint8Array][] {
  const whole = (from: Uint8Array, to: Uint8Array): [Uint8Array, Uint8Array] => [
    joinKey(space, from),
    joinKey(space, to),
  ]
  if (range.key === undefined) return keyRanges(range).map(([from, to]) => whole(from, to))
  const behind = range.after === null ? null : joinKey(space, justAfter(range.after))
  return taggedKeysOf(range.key).flatMap((tagged): [Uint8Array, Uint8Array][] => {
    const prefix = itemsPrefix(space, readTaggedKey(tagged))
    const end = afterPrefix(prefix)
    const from = behind !== null && Buffer.compare(behind, prefix) > 0 ? behind : prefix
    return Buffer.compare(from, end) < 0 ? [[from, end]] : []
  })
}
