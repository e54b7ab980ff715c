// Tumbling and hopping windows at work: which windows a row enters, when they close, what they emit.
import type { WindowNode } from '../graph/node.ts'
import {
  afterPrefix,
  compareAsBytes,
  textOfKey,
  windowPrefix,
  windowStartOf,
  windowsPrefix,
} from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import { type FixedWindow, newestStart, type WindowBounds } from '../window.ts'
import { type Entry, type Folding, foldingOf, isSameResult, KeyedRows, resultsOf } from './keyed-rows.ts'
import { emitLate } from './late-output.ts'
import type { Operator, WindowWiring } from './operator.ts'
import type { Emit } from './task-context.ts'
import { Tick } from './tick.ts'
import { windowRow } from './window-row.ts'

/** One window that is open, with all its keys. */
type Pane = {
  readonly bounds: WindowBounds
  /** Closed at `W >= closesAt`. */
  readonly closesAt: number
  readonly rows: KeyedRows
  /** While it closes: its keys in order, and how many are done. A commit may be cut in between. */
  closing: { readonly entries: readonly Entry[]; done: number } | null
}

export class WindowOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly afterSilenceMs: number | null
  readonly #definition: FixedWindow
  readonly #onUpdate: boolean
  readonly #tick: Tick | null
  readonly #wiring: WindowWiring
  readonly #folding: Folding
  readonly #panes = new Map<number, Pane>()
  /** Starts of open windows, oldest first: the first is the next to close. */
  readonly #starts: number[] = []
  /** Closed windows whose end is not yet in a commit. */
  #ended: KeyedRows[] = []
  #newest: Pane | null = null

  constructor(node: WindowNode & { readonly window: FixedWindow }, wiring: WindowWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.#definition = node.window
    const { kind, everyMs, afterSilenceMs } = node.emit
    this.#onUpdate = kind === 'on-update'
    this.afterSilenceMs = afterSilenceMs
    this.#tick = everyMs === null ? null : new Tick(everyMs, wiring.context)
    this.#wiring = wiring
    const keeps = this.#tick !== null ? 'unsent' : this.#onUpdate ? 'before' : 'nothing'
    this.#folding = foldingOf(wiring.id, node.aggregates, keeps)
  }

  /** Windows that were open when the store was left. */
  restore(): void {
    const { store, id } = this.#wiring
    const space = windowsPrefix(id)
    const end = afterPrefix(space)
    for (let from = space; ; ) {
      const [first] = take(store.scan(from, end))
      if (first === undefined) break
      const start = windowStartOf(first.key, space)
      const { rows } = this.#open(start, true)
      if (this.#tick !== null) rows.loadUnsent()
      from = afterPrefix(windowPrefix(id, start))
    }
    this.#mayTell()
  }

  readonly accept: Emit = (value, at, key) => {
    const { sizeMs, hopMs, graceMs } = this.#definition
    const { counters } = this.#wiring
    counters.recordsIn++
    const newest = newestStart(this.#definition, at)
    if (newest <= at - sizeMs) {
      counters.dropped++
      return
    }
    const watermark = this.time.current
    if (watermark >= newest + sizeMs + graceMs) {
      const bounds = { start: newest, end: newest + sizeMs }
      emitLate(this.#wiring, { value, at, key, window: bounds, closedAt: bounds.end + graceMs })
      return
    }
    // Each window judges for itself; older ones close first.
    for (let start = newest; start > at - sizeMs; start -= hopMs) {
      if (watermark >= start + sizeMs + graceMs) return
      const pane = this.#newest?.bounds.start === start ? this.#newest : this.#pane(start)
      pane.rows.add(key!, value, at)
    }
  }

  /** Closes what is due, in the order of close time, then key. False: the commit is full, call again after it. */
  closeDue(): boolean {
    for (;;) {
      const start = this.#starts[0]
      if (start === undefined) return true
      const pane = this.#panes.get(start)!
      if (this.time.current < pane.closesAt) return true
      if (!this.#close(pane)) return false
      this.#starts.shift()
      this.#panes.delete(start)
      this.#ended.push(pane.rows)
      if (this.#newest === pane) this.#newest = null
    }
  }

  /** Rows of open windows that changed since the last commit was cut. */
  flush(): void {
    if (!this.#onUpdate || !this.#mayTell()) return
    for (const start of this.#starts) {
      const pane = this.#panes.get(start)!
      const { dirty, unsent } = pane.rows
      const changed = this.#tick === null ? [...dirty] : [...unsent]
      // By key, so that the order does not depend on how rows came.
      for (const entry of changed.sort(byKey)) this.#emitChange(pane, entry, false)
    }
  }

  collect(into: Mutation[], commit: number): void {
    for (const rows of this.#ended) rows.collect(into, commit)
    this.#ended = []
    for (const start of this.#starts) this.#panes.get(start)!.rows.collect(into, commit)
  }

  /** Memory above the limit goes to the store alone, apart from windows that are closing. */
  release(applied: number): void {
    let keys = 0
    for (const { rows } of this.#panes.values()) keys += rows.entries.size
    if (keys <= this.#wiring.context.limits.workingKeysMax) return
    const keptEach = this.#wiring.context.limits.workingKeysMax / 2 / this.#panes.size
    for (const { rows, closing } of this.#panes.values()) if (closing === null) rows.evict(applied, keptEach)
  }

  stop(): void {
    this.#tick?.stop()
  }

  nextClose(): number | null {
    const [start] = this.#starts
    return start === undefined ? null : this.#panes.get(start)!.closesAt
  }

  lastClose(): number | null {
    const start = this.#starts.at(-1)
    return start === undefined ? null : this.#panes.get(start)!.closesAt
  }

  /** Now, if something waits to be told. */
  #mayTell(): boolean {
    if (this.#tick === null) return true
    const waits = this.#starts.some((start) => this.#panes.get(start)!.rows.unsent.size > 0)
    return waits && this.#tick.take()
  }

  #close(pane: Pane): boolean {
    pane.closing ??= { entries: pane.rows.sorted(), done: 0 }
    const { closing } = pane
    for (; closing.done < closing.entries.length; closing.done++) {
      if (this.#wiring.context.full) return false
      const entry = closing.entries[closing.done]!
      if (!this.#onUpdate) this.#emitRow(pane, entry, true, resultsOf(this.#folding, entry))
      else if (entry.dirty || entry.unsent) this.#emitChange(pane, entry, true)
      pane.rows.remove(entry)
    }
    return true
  }

  #emitChange(pane: Pane, entry: Entry, final: boolean): void {
    const results = resultsOf(this.#folding, entry)
    if (!isSameResult(entry.before, results)) this.#emitRow(pane, entry, final, results)
    pane.rows.markSent(entry)
  }

  #emitRow(pane: Pane, entry: Entry, final: boolean, results: readonly unknown[]): void {
    const { context, counters, emit, id } = this.#wiring
    entry.revision++
    const place = { key: entry.key, window: pane.bounds, revision: entry.revision, final }
    const row = windowRow(this.#folding, place, results)
    counters.recordsOut++
    context.node = id
    context.attempt(emit, row, pane.bounds.end - 1, entry.key)
  }

  #pane(start: number): Pane {
    const pane = this.#panes.get(start) ?? this.#open(start, false)
    if (this.#newest === null || start > this.#newest.bounds.start) this.#newest = pane
    return pane
  }

  #open(start: number, restored: boolean): Pane {
    const end = start + this.#definition.sizeMs
    const { id, context, store } = this.#wiring
    const shared = { folding: this.#folding, context, store }
    const pane: Pane = {
      bounds: Object.freeze({ start, end }),
      closesAt: end + this.#definition.graceMs,
      rows: new KeyedRows(windowPrefix(id, start), restored, shared),
      closing: null,
    }
    this.#panes.set(start, pane)
    let index = this.#starts.length
    while (index > 0 && this.#starts[index - 1]! > start) index--
    this.#starts.splice(index, 0, start)
    return pane
  }
}

const byKey = (a: Entry, b: Entry) => compareAsBytes(textOfKey(a.key), textOfKey(b.key))

function take<T>(entries: Iterable<T>): T[] {
  for (const entry of entries) return [entry]
  return []
}
