// Rows of windows that are open, the oldest window first, then by key.
import type { Folding, StoredEntry } from '../runtime/keyed-rows.ts'
import { resultOf } from '../runtime/window-row.ts'
import {
  afterPrefix,
  decodeValue,
  readTaggedKey,
  windowPrefix,
  windowStartOf,
  windowsPrefix,
} from '../state/state-key.ts'
import type { FixedWindow } from '../window.ts'
import { keyEntries } from './key-rows.ts'
import type { RowChoice, TableRow } from './table-question.ts'
import type { ReadableState, ReadRows, RowRange } from './table-view.ts'

/** What a window's start takes of a place. */
export const startSizeBytes = 8
const noBytes = new Uint8Array(0)

export function windowRows(id: string, folding: Folding, { sizeMs }: FixedWindow): ReadRows {
  const space = windowsPrefix(id)
  const read = storedResults(folding)
  return function* (state, range) {
    for (const start of windowStarts(state, id, fromPlace(range))) {
      const prefix = windowPrefix(id, start)
      for (const { key, value } of keyEntries(state, prefix, rangeIn(range, start))) {
        const window = { start, end: start + sizeMs }
        const own = readTaggedKey(key.subarray(prefix.length))
        yield {
          place: key.subarray(space.length),
          row: { key: own, window, ...read(decodeValue(value, id)) },
        }
      }
    }
  }
}

/** Windows (or panes) in the state that begin in the range. */
export function* windowStarts(state: ReadableState, id: string, choice: RowChoice): Generator<number> {
  const space = windowsPrefix(id)
  const { windowFrom, windowTo } = choice
  const end = afterPrefix(windowTo === undefined ? space : windowPrefix(id, windowTo))
  for (let from = windowFrom === undefined ? space : windowPrefix(id, windowFrom); ; ) {
    const start = firstStart(state, space, from, end)
    if (start === null) return
    yield start
    from = afterPrefix(windowPrefix(id, start))
  }
}

function firstStart(
  state: ReadableState,
  space: Uint8Array,
  from: Uint8Array,
  end: Uint8Array,
): number | null {
  for (const { key } of state.scan(from, end)) return windowStartOf(key, space)
  return null
}

/** The window in which the place lies, and those behind it. */
export function fromPlace(range: RowRange): RowRange {
  if (range.after === null) return range
  const start = windowStartOf(range.after, noBytes)
  return { ...range, windowFrom: Math.max(start, range.windowFrom ?? start) }
}

/** The rest of the choice inside one window. */
export function rangeIn(range: RowRange, start: number): RowRange {
  const isBehind = range.after !== null && windowStartOf(range.after, noBytes) === start
  return { ...range, after: isBehind ? range.after!.subarray(startSizeBytes) : null }
}

/** Results by name, of an entry as `KeyedRows` stores it. */
export function storedResults(folding: Folding): (stored: unknown) => Omit<TableRow, 'key'> {
  return (stored) => {
    const [, at, ...parts] = stored as StoredEntry
    return { at, value: namedResults(folding, parts) }
  }
}

export function namedResults(folding: Folding, parts: readonly unknown[]): Record<string, unknown> {
  const results = resultOf(folding, parts)
  return Object.fromEntries(folding.columns.map((column, index) => [column, results[index]]))
}
