// Two streams: rows of one key match if the right one lies in an interval around the left one. A row first looks for
// matches among those that wait, then waits itself, until time has passed everything that could match it.
import type { JoinNode, KeyValue } from '../graph/node.ts'
import { compareKeys, listsPrefix } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import { type DueKey, DueKeys } from './due-keys.ts'
import { emitLate } from './late-output.ts'
import type { Operator, WindowWiring } from './operator.ts'
import { frozen } from './table-state.ts'
import type { Emit, RowKey } from './task-context.ts'
import { type Item, TimeLists } from './time-lists.ts'

type Waiting = readonly [row: unknown, matched: 0 | 1]
type Side = {
  readonly rows: TimeLists<Waiting>
  readonly due: DueKeys
  /** A row waits until `W > at + waitMs`; what matches it lies in `[at - earlierMs, at + laterMs]` on the other side. */
  readonly waitMs: number
  readonly earlierMs: number
  readonly laterMs: number
  /** Rows without a match go out, too. */
  readonly outer: boolean
  readonly select: (own: unknown, other: unknown) => unknown
}

export class JoinOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly #graceMs: number
  readonly #wiring: WindowWiring
  readonly #left: Side
  readonly #right: Side

  constructor(node: JoinNode, wiring: WindowWiring) {
    const { beforeMs, afterMs, graceMs, how, select } = node
    const { id, context, store } = wiring
    this.id = id
    this.time = wiring.time
    this.#graceMs = graceMs
    this.#wiring = wiring
    const lists = (list: 'l' | 'r') =>
      new TimeLists<Waiting>({ node: id, prefix: listsPrefix(id, list), context, store })
    this.#left = {
      rows: lists('l'),
      due: new DueKeys(),
      waitMs: afterMs + graceMs,
      earlierMs: beforeMs,
      laterMs: afterMs,
      outer: how !== 'inner',
      select,
    }
    this.#right = {
      rows: lists('r'),
      due: new DueKeys(),
      waitMs: beforeMs + graceMs,
      earlierMs: afterMs,
      laterMs: beforeMs,
      outer: how === 'outer',
      select: (own, other) => select(other, own),
    }
  }

  restore(): void {
    for (const { rows, due, waitMs } of [this.#left, this.#right]) {
      for (const { key, items } of rows.restore()) for (const { at } of items) due.put(key, at + waitMs + 1)
    }
  }

  readonly acceptLeft: Emit = (value, at, key) => this.#accept(this.#left, this.#right, { value, at, key })
  readonly acceptRight: Emit = (value, at, key) => this.#accept(this.#right, this.#left, { value, at, key })

  closeDue(): boolean {
    const { context } = this.#wiring
    for (;;) {
      const left = this.#left.due.peek()
      const right = this.#right.due.peek()
      const side = isFirst(left, right) ? this.#left : this.#right
      const first = side === this.#left ? left : right
      if (first === undefined || this.time.current < first.due) return true
      if (context.full) return false
      side.due.pop()
      this.#drop(side, first)
      const next = side.rows.of(first.key)[0]
      if (next !== undefined) side.due.put(first.key, next.at + side.waitMs + 1)
    }
  }

  flush(): void {
    // Matches go out as they are found.
  }

  collect(into: Mutation[], commit: number): void {
    this.#left.rows.collect(into, commit)
    this.#right.rows.collect(into, commit)
  }

  release(applied: number): void {
    const { workingKeysMax } = this.#wiring.context.limits
    this.#left.rows.release(applied, workingKeysMax / 2)
    this.#right.rows.release(applied, workingKeysMax / 2)
  }

  #accept(
    own: Side,
    other: Side,
    { value, at, key: anyKey }: { readonly value: unknown; readonly at: number; readonly key: RowKey },
  ): void {
    const key = anyKey!
    const { counters, context } = this.#wiring
    counters.recordsIn++
    context.node = this.id
    const closedAt = at + this.#graceMs
    if (closedAt < this.time.current) {
      emitLate(this.#wiring, { value, at, key, window: { start: at, end: at }, closedAt })
      return
    }
    let matched: 0 | 1 = 0
    const from = at - own.earlierMs
    const to = at + own.laterMs
    for (const match of within(other.rows.of(key), from, to)) {
      const [row, known] = match.value
      context.node = this.id
      this.#emit(own.select(value, row), Math.max(at, match.at), key)
      if (other.outer && known === 0) other.rows.set(key, match, [row, 1])
      matched = 1
    }
    const due = at + own.waitMs + 1
    if (this.time.current >= due) {
      context.node = this.id
      if (own.outer && matched === 0) this.#emit(own.select(value, null), at, key)
      return
    }
    own.rows.add(key, at, [frozen(value), matched])
    own.due.put(key, due)
  }

  /** Lets go of the rows of a key that wait no longer; what never found a match says so now. */
  #drop(side: Side, { key, due }: DueKey): void {
    for (const item of within(side.rows.of(key), -Infinity, due - side.waitMs - 1)) {
      const [row, matched] = item.value
      side.rows.remove(key, item)
      if (side.outer && matched === 0) {
        const { context } = this.#wiring
        context.node = this.id
        context.attempt(() => this.#emit(side.select(row, null), item.at, key), null, item.at, key)
      }
    }
  }

  #emit(row: unknown, at: number, key: KeyValue): void {
    const { counters, emit, context } = this.#wiring
    context.node = this.id
    counters.recordsOut++
    emit(row, at, key)
  }
}

function isFirst(left: DueKey | undefined, right: DueKey | undefined): boolean {
  if (left === undefined || right === undefined) return right === undefined
  return left.due !== right.due ? left.due < right.due : compareKeys(left.key, right.key) <= 0
}

/** Those in that stretch of time, both ends included, oldest first. */
function within<T>(items: readonly Item<T>[], from: number, to: number): Item<T>[] {
  let end = items.length
  while (end > 0 && items[end - 1]!.at > to) end--
  let start = end
  while (start > 0 && items[start - 1]!.at >= from) start--
  return items.slice(start, end)
}
