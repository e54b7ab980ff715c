// Hopping windows that emit when they close, where the hop divides the size: rows are folded once, into panes as long as a
// hop; a window is its panes, merged as it closes. A pane goes when its newest window has.
import type { KeyValue, WindowNode } from '../graph/node.ts'
import {
  afterPrefix,
  compareKeys,
  decodeValue,
  encodeValue,
  progressKey,
  readTaggedKey,
  taggedKey,
  windowPrefix,
  windowStartOf,
  windowsPrefix,
} from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import { floorTo } from '../time/floor-division.ts'
import type { OperatorTime } from '../time/watermark.ts'
import { type FixedWindow, newestStart } from '../window.ts'
import { type Folding, foldingOf, KeyedRows } from './keyed-rows.ts'
import { emitLate } from './late-output.ts'
import type { Operator, WindowWiring } from './operator.ts'
import type { Emit } from './task-context.ts'
import { mergeOf, resultOf, windowRow } from './window-row.ts'

/** Windows that begin below `start` are closed; so are the keys up to `key` (tagged, as text) of the one at `start`. */
export type PaneProgress = { readonly start: number | null; readonly key: string | null }
type Closing = {
  readonly start: number
  readonly keys: readonly KeyValue[]
  readonly parts: ReadonlyMap<KeyValue, readonly unknown[]>
  done: number
}

export class PaneOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly afterSilenceMs: number | null
  readonly #window: FixedWindow
  readonly #wiring: WindowWiring
  readonly #folding: Folding
  readonly #panes = new Map<number, KeyedRows>()
  /** Starts of panes, oldest first. */
  readonly #starts: number[] = []
  /** Panes that are done, whose end is not yet in a commit. */
  #ended: KeyedRows[] = []
  #progress: PaneProgress = { start: null, key: null }
  #progressed = false
  #closing: Closing | null = null

  constructor(node: WindowNode & { readonly window: FixedWindow }, wiring: WindowWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.afterSilenceMs = node.emit.afterSilenceMs
    this.#window = node.window
    this.#wiring = wiring
    this.#folding = foldingOf(wiring.id, node.aggregates, 'nothing')
  }

  restore(): void {
    const { store, id } = this.#wiring
    const stored = store.get(progressKey(id))
    if (stored !== null) this.#progress = decodeValue(stored, id) as PaneProgress
    const space = windowsPrefix(id)
    const end = afterPrefix(space)
    for (let from = space; ; ) {
      const [first] = firstOf(store.scan(from, end))
      if (first === undefined) return
      const start = windowStartOf(first.key, space)
      this.#insert(start, true)
      from = afterPrefix(windowPrefix(id, start))
    }
  }

  readonly accept: Emit = (value, at, key) => {
    const { sizeMs, graceMs } = this.#window
    this.#wiring.counters.recordsIn++
    this.#wiring.context.node = this.id
    const start = newestStart(this.#window, at)
    const closedAt = start + sizeMs + graceMs
    if (this.time.current >= closedAt) {
      emitLate(this.#wiring, { value, at, key, window: { start, end: start + sizeMs }, closedAt })
      return
    }
    const pane = this.#panes.get(start) ?? this.#open(start)
    pane.add(key!, value, at)
  }

  closeDue(): boolean {
    for (;;) {
      const start = this.#nextWindow()
      if (start === null || this.time.current < this.#closesAt(start)) return true
      if (!this.#close(start)) return false
      this.#setProgress({ start: start + this.#window.hopMs, key: null })
      this.#dropBelow(start + this.#window.hopMs)
    }
  }

  flush(): void {
    // Nothing is told before a window closes.
  }

  collect(into: Mutation[], commit: number): void {
    for (const rows of this.#ended) rows.collect(into, commit)
    this.#ended = []
    for (const rows of this.#panes.values()) rows.collect(into, commit)
    if (!this.#progressed) return
    this.#progressed = false
    into.push({ key: progressKey(this.id), value: encodeValue(this.#progress) })
  }

  release(applied: number): void {
    if (this.#closing !== null) return
    const { workingKeysMax } = this.#wiring.context.limits
    let keys = 0
    for (const { entries } of this.#panes.values()) keys += entries.size
    if (keys <= workingKeysMax) return
    for (const rows of this.#panes.values()) rows.evict(applied, workingKeysMax / 2 / this.#panes.size)
  }

  nextClose(): number | null {
    const start = this.#nextWindow()
    return start === null ? null : this.#closesAt(start)
  }

  lastClose(): number | null {
    const newest = this.#starts.at(-1)
    return newest === undefined ? null : this.#closesAt(newest)
  }

  #closesAt(start: number): number {
    return start + this.#window.sizeMs + this.#window.graceMs
  }

  /** The oldest window that is not closed and holds a pane. */
  #nextWindow(): number | null {
    const oldest = this.#starts[0]
    if (oldest === undefined) return null
    const { sizeMs, hopMs } = this.#window
    return Math.max(oldest - sizeMs + hopMs, this.#progress.start ?? -Infinity)
  }

  #close(start: number): boolean {
    const { context, counters, emit } = this.#wiring
    if (this.#closing?.start !== start) this.#closing = this.#gather(start)
    const closing = this.#closing
    const bounds = { start, end: start + this.#window.sizeMs }
    for (; closing.done < closing.keys.length; closing.done++) {
      if (context.full) {
        const last = closing.keys[closing.done - 1]
        if (last !== undefined) this.#setProgress({ start, key: taggedText(last) })
        return false
      }
      const key = closing.keys[closing.done]!
      const row = windowRow(
        this.#folding,
        { key, window: bounds, revision: 1, final: true },
        resultOf(this.#folding, closing.parts.get(key)!),
      )
      counters.recordsOut++
      context.node = this.id
      context.attempt(emit, row, bounds.end - 1, key)
    }
    this.#closing = null
    return true
  }

  /** What the window comes to, without the keys that an earlier commit has told. */
  #gather(start: number): Closing {
    const parts = new Map<KeyValue, readonly unknown[]>()
    for (const pane of this.#starts) {
      if (pane < start || pane >= start + this.#window.sizeMs) continue
      for (const { key, accumulators } of this.#panes.get(pane)!.all()) {
        const before = parts.get(key)
        // A copy: the pane goes on folding into its own.
        parts.set(key, before ? mergeOf(this.#folding, before, accumulators) : [...accumulators])
      }
    }
    const { start: at, key: done } = this.#progress
    const told = at === start && done !== null ? readTaggedKey(Buffer.from(done)) : null
    const keys = [...parts.keys()].filter((key) => told === null || compareKeys(key, told) > 0)
    return { start, keys: keys.sort(compareKeys), parts, done: 0 }
  }

  #dropBelow(start: number): void {
    for (let oldest = this.#starts[0]; oldest !== undefined && oldest < start; oldest = this.#starts[0]) {
      const rows = this.#panes.get(oldest)!
      for (const entry of rows.all()) rows.remove(entry)
      this.#ended.push(rows)
      this.#panes.delete(oldest)
      this.#starts.shift()
    }
  }

  #open(start: number): KeyedRows {
    const { sizeMs, hopMs, graceMs, offsetMs } = this.#window
    const closedTo = this.time.current - sizeMs - graceMs
    // Windows that time has passed while they were empty stay empty, although the pane is in them.
    if (Number.isFinite(closedTo)) {
      const first = floorTo(closedTo, hopMs, offsetMs) + hopMs
      if (this.#progress.start === null || first > this.#progress.start) {
        this.#setProgress({ start: first, key: null })
      }
    }
    return this.#insert(start, false)
  }

  #insert(start: number, restored: boolean): KeyedRows {
    const { id, context, store } = this.#wiring
    const rows = new KeyedRows(windowPrefix(id, start), restored, { folding: this.#folding, context, store })
    this.#panes.set(start, rows)
    let index = this.#starts.length
    while (index > 0 && this.#starts[index - 1]! > start) index--
    this.#starts.splice(index, 0, start)
    return rows
  }

  #setProgress(progress: PaneProgress): void {
    this.#progress = progress
    this.#progressed = true
  }
}

const taggedText = (key: KeyValue): string => new TextDecoder().decode(taggedKey(key))

function firstOf<T>(entries: Iterable<T>): T[] {
  for (const entry of entries) return [entry]
  return []
}
