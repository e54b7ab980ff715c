// Rows by key: one entry each, in the order of the bytes of the tagged key.
import { afterPrefix, decodeValue, joinKey, justAfter, readTaggedKey, taggedKey } from '../state/state-key.ts'
import type { StateEntry } from '../state/state-store.ts'
import type { RowChoice, TableRow } from './table-question.ts'
import type { ReadableState, ReadRows, RowRange } from './table-view.ts'

const encoder = new TextEncoder()
/** In the order of their bytes. */
const tags = ['b', 'n', 's'] as const

export function keyRows(
  prefix: Uint8Array,
  node: string,
  read: (stored: unknown) => Omit<TableRow, 'key'>,
): ReadRows {
  return function* (state, range) {
    for (const { key, value } of keyEntries(state, prefix, range)) {
      const place = key.subarray(prefix.length)
      yield { place, row: { key: readTaggedKey(place), ...read(decodeValue(value, node)) } }
    }
  }
}

/** Entries of the keys that are wanted, below one prefix. */
export function* keyEntries(
  state: ReadableState,
  prefix: Uint8Array,
  range: RowRange,
): Generator<StateEntry> {
  if (range.key === undefined) {
    for (const [from, to] of keyRanges(range)) yield* state.scan(joinKey(prefix, from), joinKey(prefix, to))
    return
  }
  for (const tagged of taggedKeysOf(range.key)) {
    if (!isWanted(tagged, range)) continue
    const key = joinKey(prefix, tagged)
    const value = state.get(key)
    if (value !== null) yield { key, value }
  }
}

/** A key's text says not what it is: `1` may be a number or a string. */
export function taggedKeysOf(text: string): Uint8Array[] {
  const keys: Uint8Array[] = []
  if (text === 'true' || text === 'false') keys.push(taggedKey(text === 'true'))
  if (text !== '' && String(Number(text)) === text) keys.push(taggedKey(Number(text)))
  keys.push(taggedKey(text))
  return keys
}

function isWanted(tagged: Uint8Array, range: RowRange): boolean {
  return keyRanges(range).some(
    ([from, to]) => Buffer.compare(from, tagged) <= 0 && Buffer.compare(tagged, to) < 0,
  )
}

/** What the choice leaves of all tagged keys, as `from <= key < to`. */
export function keyRanges({
  after,
  from,
  to,
  prefix,
}: RowChoice & { after: Uint8Array | null }): [Uint8Array, Uint8Array][] {
  const ranges: [Uint8Array, Uint8Array][] = []
  for (const tag of tags) {
    const own = (text: string) => encoder.encode(tag + text)
    const lower = [own(''), own(from ?? ''), own(prefix ?? ''), ...(after === null ? [] : [justAfter(after)])]
    const upper = [
      afterPrefix(own('')),
      afterPrefix(own(prefix ?? '')),
      ...(to === undefined ? [] : [own(to)]),
    ]
    const start = lower.reduce((a, b) => (Buffer.compare(a, b) > 0 ? a : b))
    const end = upper.reduce((a, b) => (Buffer.compare(a, b) < 0 ? a : b))
    if (Buffer.compare(start, end) < 0) ranges.push([start, end])
  }
  return ranges
}
