// A stream beside a table: each row meets what the table holds of its key as processed so far.
import type { LookupNode } from '../graph/node.ts'
import { tablePrefix, textOfKey } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import type { Operator, OperatorWiring } from './operator.ts'
import { TableState } from './table-state.ts'
import type { Emit } from './task-context.ts'

export class LookupOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly #node: LookupNode
  readonly #wiring: OperatorWiring
  readonly #table: TableState

  constructor(node: LookupNode, wiring: OperatorWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.#node = node
    this.#wiring = wiring
    const { id, context, store } = wiring
    this.#table = new TableState({ node: id, prefix: tablePrefix(id), context, store })
  }

  restore(): void {
    this.#table.restore()
  }

  readonly acceptRow: Emit = (value, at, key) => {
    const { counters, context, emit } = this.#wiring
    counters.recordsIn++
    context.node = this.id
    const match = this.#table.get(textOfKey(key!))
    if (match === null && this.#node.how === 'inner') return
    const row = this.#node.select(value, match)
    counters.recordsOut++
    emit(row, at, key)
  }

  /** A change of the table. */
  readonly acceptChange: Emit = (value, _at, key) => {
    this.#wiring.counters.recordsIn++
    this.#table.set(textOfKey(key!), value)
  }

  /** Nothing here waits for time. */
  closeDue(): boolean {
    return true
  }

  flush(): void {
    // Rows go out as they come in.
  }

  collect(into: Mutation[], commit: number): void {
    this.#table.collect(into, commit)
  }

  release(applied: number): void {
    this.#table.release(applied, this.#wiring.context.limits.workingKeysMax)
  }
}
