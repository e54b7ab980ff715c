// Rows of a process handler: what it keeps, state by state. Of a value there is one for each key, of a list one for each
// item, of a map or set one for each entry. What has expired is not shown, although it may still be stored.
import type { ProcessNode } from '../graph/node.ts'
import type { StateSpec } from '../keyed-state.ts'
import { readTaskState } from '../runtime/task-state.ts'
import {
  afterPrefix,
  compareAsBytes,
  decodeValue,
  joinKey,
  justAfter,
  ownedPrefix,
  readOwned,
  readTaggedKey,
  statePrefix,
  taskKey,
  textOfKey,
} from '../state/state-key.ts'
import { watermarkOf } from '../time/watermark.ts'
import { taggedKeysOf } from './key-rows.ts'
import type { PlacedRow, ReadableState, ReadRows, RowRange } from './table-view.ts'

type Kept = { readonly name: string; readonly spec: StateSpec<unknown> }

export function processRows(id: string, { state: specs }: ProcessNode): ReadRows {
  const names = Object.keys(specs).sort()
  const whole = statePrefix(id, '').length - 1
  return function* (state, range) {
    const watermark = watermarkAt(state, id)
    for (const name of names) {
      const kept = { name, spec: specs[name] as StateSpec<unknown> }
      const space = statePrefix(id, name)
      const after = range.after === null ? null : joinKey(space.subarray(0, whole), range.after)
      for (const placed of rowsOf(state, { ...range, after }, { id, space, whole, kept, watermark })) {
        if (isWanted(textOfKey(placed.row.key), range)) yield placed
      }
    }
  }
}

type Reading = {
  readonly id: string
  readonly space: Uint8Array
  /** What a place leaves out of a stored key. */
  readonly whole: number
  readonly kept: Kept
  readonly watermark: number
}

function* rowsOf(state: ReadableState, range: RowRange, reading: Reading): Generator<PlacedRow> {
  const { id, space, whole, kept, watermark } = reading
  const { kind, ttlMs } = kept.spec
  for (const prefix of prefixesOf(space, range)) {
    const from = range.after === null ? prefix : laterOf(prefix, justAfter(range.after))
    const to = afterPrefix(prefix)
    if (Buffer.compare(from, to) >= 0) continue
    for (const { key: stored, value } of state.scan(from, to)) {
      const { key, part } = readOwned(stored, space)
      const [at, own] = decodeValue(value, id) as readonly [number, unknown]
      if (ttlMs !== null && watermark > at + ttlMs) continue
      const entry = kind === 'map' || kind === 'set' ? readTaggedKey(part) : null
      const row = { key, at, value: { state: kept.name, entry, value: own } }
      yield { place: stored.subarray(whole), row }
    }
  }
}

function prefixesOf(space: Uint8Array, { key }: RowRange): Uint8Array[] {
  if (key === undefined) return [space]
  const prefixes = taggedKeysOf(key).map((tagged) => ownedPrefix(space, readTaggedKey(tagged)))
  return prefixes.sort((a, b) => Buffer.compare(a, b))
}

const laterOf = (a: Uint8Array, b: Uint8Array) => (Buffer.compare(a, b) > 0 ? a : b)

function isWanted(text: string, { from, to, prefix = '' }: RowRange): boolean {
  if (from !== undefined && compareAsBytes(text, from) < 0) return false
  return (to === undefined || compareAsBytes(text, to) < 0) && text.startsWith(prefix)
}

function watermarkAt(state: ReadableState, id: string): number {
  const stored = state.get(taskKey)
  const time = stored === null ? undefined : readTaskState(stored).times[id]
  return time === undefined ? -Infinity : watermarkOf(time)
}
