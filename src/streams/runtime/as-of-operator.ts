// A stream beside the history of a table: each row meets the version of its key that was valid at the row's own time. A
// row waits until time has passed it by `wait`, so that versions which come later than it may still be older.
//
// Of each key a version is needed until event time is `history` past the one after it: rows that are not late then lie
// behind that one. What is released comes before what is forgotten, so that a jump of time changes nothing.
import type { AsOfNode, KeyValue } from '../graph/node.ts'
import { listsPrefix, textOfKey } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import { DueKeys } from './due-keys.ts'
import { emitLate } from './late-output.ts'
import type { Operator, WindowWiring } from './operator.ts'
import { frozen } from './table-state.ts'
import type { Emit } from './task-context.ts'
import { type Item, TimeLists } from './time-lists.ts'

export class AsOfOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly #node: AsOfNode
  readonly #wiring: WindowWiring
  /** Rows that wait, by their own key. */
  readonly #rows: TimeLists<unknown>
  /** Versions at the time from which they are valid, by the text of the key; null: the key had none from then on. */
  readonly #versions: TimeLists<unknown>
  readonly #due = new DueKeys()
  /** Keys that may have versions nobody needs. */
  readonly #old = new DueKeys()

  constructor(node: AsOfNode, wiring: WindowWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.#node = node
    this.#wiring = wiring
    const { id, context, store } = wiring
    const lists = (list: 'l' | 'r') =>
      new TimeLists<unknown>({ node: id, prefix: listsPrefix(id, list), context, store })
    this.#rows = lists('l')
    this.#versions = lists('r')
  }

  restore(): void {
    for (const { key, items } of this.#rows.restore()) {
      for (const { at } of items) this.#due.put(key, this.#releasedAt(at))
    }
    for (const { key, items } of this.#versions.restore()) {
      for (const { at } of items) this.#old.put(key, this.#forgottenAt(at))
    }
  }

  readonly acceptRow: Emit = (value, at, anyKey) => {
    const { counters, context } = this.#wiring
    const key = anyKey!
    counters.recordsIn++
    context.node = this.id
    const closedAt = at + this.#node.waitMs
    if (closedAt < this.time.current) {
      emitLate(this.#wiring, { value, at, key, window: { start: at, end: at }, closedAt })
      return
    }
    this.#rows.add(key, at, frozen(value))
    this.#due.put(key, this.#releasedAt(at))
  }

  /** A change of the table: a version from then on. Of two from the same moment, the one that came last counts. */
  readonly acceptChange: Emit = (value, at, anyKey) => {
    const { counters, context } = this.#wiring
    const key = textOfKey(anyKey!)
    counters.recordsIn++
    context.node = this.id
    const versions = this.#versions.of(key)
    const known = versions[lastAt(versions, at)]
    if (known?.at === at) this.#versions.set(key, known, frozen(value))
    else if (this.#isForgotten(versions, at)) counters.late++
    else this.#versions.add(key, at, frozen(value))
    this.#old.put(key, this.#forgottenAt(at))
  }

  closeDue(): boolean {
    const { context } = this.#wiring
    for (let first = this.#due.peek(); first !== undefined; first = this.#due.peek()) {
      if (this.time.current < first.due) break
      if (context.full) return false
      this.#due.pop()
      const { key } = first
      let row = this.#rows.of(key)[0]
      for (; row !== undefined && this.#releasedAt(row.at) === first.due; row = this.#rows.of(key)[0]) {
        this.#rows.remove(key, row)
        context.node = this.id
        context.attempt(this.#release, row.value, row.at, key)
      }
      if (row !== undefined) this.#due.put(key, this.#releasedAt(row.at))
    }
    return this.#forget()
  }

  flush(): void {
    // Rows go out as time passes them.
  }

  collect(into: Mutation[], commit: number): void {
    this.#rows.collect(into, commit)
    this.#versions.collect(into, commit)
  }

  release(applied: number): void {
    const { workingKeysMax } = this.#wiring.context.limits
    this.#rows.release(applied, workingKeysMax / 2)
    this.#versions.release(applied, workingKeysMax / 2)
  }

  readonly #release: Emit = (value, at, key) => {
    const { counters, context, emit } = this.#wiring
    const match = this.#validAt(textOfKey(key!), at)
    if (match === null && this.#node.how === 'inner') return
    context.node = this.id
    const row = this.#node.select(value, match)
    counters.recordsOut++
    emit(row, at, key)
  }

  /** null: there is none, it was deleted, or it is older than may be. */
  #validAt(key: string, at: number): unknown {
    const { toleranceMs } = this.#node
    const versions = this.#versions.of(key)
    const version = versions[lastAt(versions, at)]
    if (version === undefined) return null
    return toleranceMs !== null && at - version.at > toleranceMs ? null : version.value
  }

  /** Lets go of versions behind `W - history`, apart from the newest of them for each key. */
  #forget(): boolean {
    for (let first = this.#old.peek(); first !== undefined; first = this.#old.peek()) {
      if (this.time.current < first.due) return true
      if (this.#wiring.context.full) return false
      this.#old.pop()
      this.#forgetOf(first.key)
    }
    return true
  }

  #forgetOf(key: KeyValue): void {
    const versions = this.#versions.of(key)
    const isBehind = (version: Item<unknown> | undefined) =>
      version !== undefined && this.#forgottenAt(version.at) <= this.time.current
    while (isBehind(versions[1])) this.#versions.remove(key, versions[0]!)
    // That a key has no row is also what no version says.
    if (isBehind(versions[0]) && versions[0]!.value === null) this.#versions.remove(key, versions[0]!)
    const next = versions.find((version) => !isBehind(version))
    if (next !== undefined) this.#old.put(key, this.#forgottenAt(next.at))
  }

  /** A later version is behind `W - history` already: no row will ask for this one. */
  #isForgotten(versions: readonly Item<unknown>[], at: number): boolean {
    const next = versions[lastAt(versions, at) + 1]
    return next !== undefined && this.#forgottenAt(next.at) <= this.time.current
  }

  #releasedAt(at: Item<unknown>['at']): number {
    return at + this.#node.waitMs + 1
  }

  #forgottenAt(at: number): number {
    return at + this.#node.historyMs + 1
  }
}

/** Index of the last item at or before that moment; -1: there is none. New ones come at the end mostly. */
function lastAt(items: readonly Item<unknown>[], at: number): number {
  let index = items.length - 1
  while (index >= 0 && items[index]!.at > at) index--
  return index
}
