// Two tables by key: whenever a row of either changes, so does the row of the two together, or it goes.
import type { TableJoinNode } from '../graph/node.ts'
import { tablesPrefix, textOfKey } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import { isSameResult } from './keyed-rows.ts'
import type { Operator, OperatorWiring } from './operator.ts'
import { frozen, TableState } from './table-state.ts'
import type { Emit } from './task-context.ts'

export class TableJoinOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly #node: TableJoinNode
  readonly #wiring: OperatorWiring
  readonly #left: TableState
  readonly #right: TableState

  constructor(node: TableJoinNode, wiring: OperatorWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.#node = node
    this.#wiring = wiring
    const { id, context, store } = wiring
    this.#left = new TableState({ node: id, prefix: tablesPrefix(id, 'l'), context, store })
    this.#right = new TableState({ node: id, prefix: tablesPrefix(id, 'r'), context, store })
  }

  restore(): void {
    this.#left.restore()
    this.#right.restore()
  }

  readonly acceptLeft: Emit = (value, at, key) => {
    const text = textOfKey(key!)
    const [left, right] = [this.#left.get(text), this.#right.get(text)]
    this.#left.set(text, value)
    this.#change(text, at, { before: this.#joined(left, right), after: this.#joined(frozen(value), right) })
  }

  readonly acceptRight: Emit = (value, at, key) => {
    const text = textOfKey(key!)
    const [left, right] = [this.#left.get(text), this.#right.get(text)]
    this.#right.set(text, value)
    this.#change(text, at, { before: this.#joined(left, right), after: this.#joined(left, frozen(value)) })
  }

  /** Nothing here waits for time. */
  closeDue(): boolean {
    return true
  }

  flush(): void {
    // Rows go out as they change.
  }

  collect(into: Mutation[], commit: number): void {
    this.#left.collect(into, commit)
    this.#right.collect(into, commit)
  }

  release(applied: number): void {
    const { workingKeysMax } = this.#wiring.context.limits
    this.#left.release(applied, workingKeysMax / 2)
    this.#right.release(applied, workingKeysMax / 2)
  }

  /** null: there is no such row. */
  #joined(left: unknown, right: unknown): unknown {
    const { how, select } = this.#node
    if (left === null && (right === null || how !== 'outer')) return null
    if (right === null && how === 'inner') return null
    this.#wiring.context.node = this.id
    return select(left, right)
  }

  #change(
    key: string,
    at: number,
    { before, after }: { readonly before: unknown; readonly after: unknown },
  ): void {
    const { counters, emit } = this.#wiring
    counters.recordsIn++
    if (isSameResult([before], [after])) return
    counters.recordsOut++
    emit(after, at, key)
  }
}
