// Rows of hopping windows that share panes: a window is its panes, merged for each key as the row is asked for.
import type { Folding, StoredEntry } from '../runtime/keyed-rows.ts'
import type { PaneProgress } from '../runtime/pane-operator.ts'
import { mergeOf } from '../runtime/window-row.ts'
import {
  compareKeys,
  decodeValue,
  joinKey,
  progressKey,
  readTaggedKey,
  windowPrefix,
  windowsPrefix,
} from '../state/state-key.ts'
import type { StateEntry } from '../state/state-store.ts'
import type { FixedWindow } from '../window.ts'
import { keyEntries } from './key-rows.ts'
import type { PlacedRow, ReadableState, ReadRows, RowRange } from './table-view.ts'
import { fromPlace, namedResults, rangeIn, windowStarts } from './window-rows.ts'

export function paneRows(id: string, folding: Folding, window: FixedWindow): ReadRows {
  const { sizeMs, hopMs } = window
  return function* (state, range) {
    const panes = [...windowStarts(state, id, {})]
    const { start: open, key: told } = progressOf(state, id)
    const [oldest] = panes
    if (oldest === undefined) return
    const { windowFrom = -Infinity, windowTo = Infinity } = fromPlace(range)
    const first = Math.max(oldest - sizeMs + hopMs, open ?? -Infinity)
    for (let start = first; start <= Math.min(panes.at(-1)!, windowTo); start += hopMs) {
      if (start < windowFrom) continue
      const own = panes.filter((pane) => pane >= start && pane < start + sizeMs)
      const doneTo = start === open && told !== null ? readTaggedKey(Buffer.from(told)) : null
      for (const placed of rowsOf(state, own, rangeIn(range, start), { id, folding, start, sizeMs })) {
        if (doneTo === null || compareKeys(placed.row.key, doneTo) > 0) yield placed
      }
    }
  }
}

type Window = {
  readonly id: string
  readonly folding: Folding
  readonly start: number
  readonly sizeMs: number
}

function* rowsOf(
  state: ReadableState,
  panes: readonly number[],
  range: RowRange,
  { id, folding, start, sizeMs }: Window,
): Generator<PlacedRow> {
  const sources: Peeked[] = []
  const place = windowPrefix(id, start).subarray(windowsPrefix(id).length)
  try {
    for (const pane of panes) {
      const prefix = windowPrefix(id, pane)
      sources.push(new Peeked(keyEntries(state, prefix, range), prefix.length))
    }
    for (;;) {
      let tagged: Uint8Array | null = null
      for (const { own } of sources) {
        if (own !== null && (tagged === null || Buffer.compare(own, tagged) < 0)) tagged = own
      }
      if (tagged === null) return
      let parts: readonly unknown[] | null = null
      let at = Number.MIN_SAFE_INTEGER
      for (const source of sources) {
        if (source.own === null || Buffer.compare(source.own, tagged) !== 0) continue
        const [, newest, ...accumulators] = decodeValue(source.take(), id) as StoredEntry
        parts = parts === null ? accumulators : mergeOf(folding, parts, accumulators)
        at = Math.max(at, newest)
      }
      const row = { key: readTaggedKey(tagged), window: { start, end: start + sizeMs }, at }
      yield { place: joinKey(place, tagged), row: { ...row, value: namedResults(folding, parts!) } }
    }
  } finally {
    for (const source of sources) source.close()
  }
}

/** Entries of one pane, the first of them in view. */
class Peeked {
  /** Its tagged key; null: there are no more. */
  own: Uint8Array | null = null
  readonly #entries: Iterator<StateEntry>
  readonly #prefixSizeBytes: number
  #value: Uint8Array = new Uint8Array(0)

  constructor(entries: Iterator<StateEntry>, prefixSizeBytes: number) {
    this.#entries = entries
    this.#prefixSizeBytes = prefixSizeBytes
    this.#step()
  }

  /** The value in view; moves on. */
  take(): Uint8Array {
    const value = this.#value
    this.#step()
    return value
  }

  close(): void {
    this.#entries.return?.()
  }

  #step(): void {
    const { done, value } = this.#entries.next()
    this.own = done ? null : value.key.subarray(this.#prefixSizeBytes)
    if (!done) this.#value = value.value
  }
}

function progressOf(state: ReadableState, id: string): PaneProgress {
  const stored = state.get(progressKey(id))
  return stored === null ? { start: null, key: null } : (decodeValue(stored, id) as PaneProgress)
}
