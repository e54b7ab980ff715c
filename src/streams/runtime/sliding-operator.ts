// Sliding windows: one for each time at which a key has a row, over what came up to `size` before it. Rows of one time are
// folded once, into a moment; a window is the moments it covers, merged.
import type { KeyValue, WindowNode } from '../graph/node.ts'
import { listsPrefix } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import type { SlidingWindow } from '../window.ts'
import { ChangedKeys } from './changed-keys.ts'
import { DueKeys } from './due-keys.ts'
import { type Folding, foldingOf, isSameResult } from './keyed-rows.ts'
import { emitLate } from './late-output.ts'
import type { Operator, WindowWiring } from './operator.ts'
import type { Emit } from './task-context.ts'
import { type Item, TimeLists } from './time-lists.ts'
import { addTo, initOf, windowRow } from './window-row.ts'

/** What was last said of the window that ends there. */
type Sent = readonly [revision: number, results: readonly unknown[]]
/** `open`: the window that ends at this moment is. Without it, the moment is only part of later ones. */
type Moment = readonly [open: 0 | 1, parts: readonly unknown[], sent: Sent | null]
type Kept = Item<Moment>

export class SlidingOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly afterSilenceMs: number | null
  readonly #window: SlidingWindow
  readonly #wiring: WindowWiring
  readonly #folding: Folding
  readonly #moments: TimeLists<Moment>
  readonly #due = new DueKeys()
  readonly #changed: ChangedKeys
  #newest = -Infinity

  constructor(node: WindowNode & { readonly window: SlidingWindow }, wiring: WindowWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.afterSilenceMs = node.emit.afterSilenceMs
    this.#window = node.window
    this.#wiring = wiring
    this.#folding = foldingOf(wiring.id, node.aggregates, 'nothing')
    const { id, context, store } = wiring
    this.#moments = new TimeLists({ node: id, prefix: listsPrefix(id, 'i'), context, store })
    this.#changed = new ChangedKeys(node.emit, context)
  }

  restore(): void {
    for (const { key, items } of this.#moments.restore()) {
      for (const moment of items) {
        this.#due.put(key, this.#dueOf(moment))
        this.#newest = Math.max(this.#newest, moment.at)
      }
      this.#changed.addRestored(key)
    }
  }

  readonly accept: Emit = (value, at, anyKey) => {
    const key = anyKey!
    const { sizeMs, graceMs } = this.#window
    this.#wiring.counters.recordsIn++
    this.#wiring.context.node = this.id
    const moments = this.#moments.of(key)
    const late = at + graceMs < this.time.current
    // Its own window is closed; those of later rows may still take it.
    if (late && !moments.some((one) => one.at > at && one.at <= at + sizeMs && one.value[0] === 1)) {
      const closedAt = at + graceMs
      emitLate(this.#wiring, { value, at, key, window: { start: at - sizeMs, end: at }, closedAt })
      return
    }
    const known = momentAt(moments, at)
    if (known === undefined) {
      const parts = addTo(this.#folding, initOf(this.#folding), value, at)
      this.#due.put(key, this.#dueOf(this.#moments.add(key, at, [late ? 0 : 1, parts, null])))
      this.#newest = Math.max(this.#newest, at)
    } else {
      const [open, parts, sent] = known.value
      this.#moments.set(key, known, [open, addTo(this.#folding, parts, value, at), sent])
    }
    this.#changed.add(key)
  }

  closeDue(): boolean {
    const { context } = this.#wiring
    for (;;) {
      const first = this.#due.peek()
      if (first === undefined || this.time.current < first.due) return true
      if (context.full) return false
      this.#due.pop()
      const { key, due } = first
      const moments = this.#moments.of(key)
      const open = firstOpen(moments)
      let end = open
      while (end < moments.length && this.#dueOf(moments[end]!) <= due) end++
      let over = 0
      while (over < open && this.#dueOf(moments[over]!) <= due) over++
      const gone = moments.slice(0, over)
      for (const moment of moments.slice(open, end)) this.#close(key, moment)
      // Only now: the window that closes at the same moment still covers them.
      for (const moment of gone) this.#moments.remove(key, moment)
      this.#putNext(key)
    }
  }

  flush(): void {
    for (const key of this.#changed.take()) {
      for (const moment of [...this.#moments.of(key)])
        if (moment.value[0] === 1) this.#tell(key, moment, false)
    }
  }

  collect(into: Mutation[], commit: number): void {
    this.#moments.collect(into, commit)
  }

  release(applied: number): void {
    this.#moments.release(applied, this.#wiring.context.limits.workingKeysMax)
  }

  stop(): void {
    this.#changed.stop()
  }

  nextClose(): number | null {
    return this.#due.peek()?.due ?? null
  }

  lastClose(): number | null {
    return this.#due.peek() === undefined ? null : this.#newest + this.#window.graceMs + 1
  }

  /** What is due next of a key: its oldest moment goes, or its oldest open window closes. */
  #putNext(key: KeyValue): void {
    const moments = this.#moments.of(key)
    const oldest = moments[0]
    const open = moments[firstOpen(moments)]
    if (oldest !== undefined) this.#due.put(key, this.#dueOf(oldest))
    if (open === undefined) return
    const due = this.#dueOf(open)
    if (oldest === undefined || due < this.#dueOf(oldest)) this.#due.put(key, due)
  }

  /** When its window closes; and after that, when no window can cover it any more. */
  #dueOf({ at, value }: Kept): number {
    const { sizeMs, graceMs } = this.#window
    return value[0] === 1 ? at + graceMs + 1 : at + sizeMs + graceMs + 1
  }

  #close(key: KeyValue, moment: Kept): void {
    const [, parts] = moment.value
    if (this.#changed.speaksEarly) this.#tell(key, moment, true)
    else this.#emit(key, moment.at, { sent: [1, this.#resultsAt(key, moment.at)], final: true })
    // A moment of a window without size is part of no later one.
    this.#moments.set(key, moment, [0, parts, null])
  }

  #tell(key: KeyValue, moment: Kept, final: boolean): void {
    const [open, parts, sent] = moment.value
    const results = this.#resultsAt(key, moment.at)
    if (sent !== null && isSameResult(sent[1], results)) return
    const now: Sent = [(sent?.[0] ?? 0) + 1, results]
    this.#emit(key, moment.at, { sent: now, final })
    this.#moments.set(key, moment, [open, parts, now])
  }

  #resultsAt(key: KeyValue, end: number): unknown[] {
    const moments = this.#moments.of(key)
    let to = moments.length
    while (to > 0 && moments[to - 1]!.at > end) to--
    let from = to
    while (from > 0 && moments[from - 1]!.at >= end - this.#window.sizeMs) from--
    return this.#folding.aggregators.map((aggregator, column) => {
      let whole = moments[from]!.value[1][column]
      for (let index = from + 1; index < to; index++) {
        whole = aggregator.merge(whole, moments[index]!.value[1][column])
      }
      return aggregator.result(whole)
    })
  }

  #emit(
    key: KeyValue,
    end: number,
    { sent: [revision, results], final }: { readonly sent: Sent; readonly final: boolean },
  ): void {
    const { context, counters, emit } = this.#wiring
    const bounds = { start: end - this.#window.sizeMs, end }
    counters.recordsOut++
    context.node = this.id
    context.attempt(
      emit,
      windowRow(this.#folding, { key, window: bounds, revision, final }, results),
      end,
      key,
    )
  }
}

/**
 * Where open ones begin. They close in the order of time, and a late row, whose moment is closed from the start, lies before
 * all that are open: so closed ones come first.
 */
function firstOpen(moments: readonly Kept[]): number {
  let low = 0
  let high = moments.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (moments[middle]!.value[0] === 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Looked for from the end: most rows are new. */
function momentAt(moments: readonly Kept[], at: number): Kept | undefined {
  let index = moments.length - 1
  while (index >= 0 && moments[index]!.at > at) index--
  return moments[index]?.at === at ? moments[index] : undefined
}
