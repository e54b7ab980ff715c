// Running results per key, without windows: one row for each key that changed, once per commit.
import type { AggregateNode } from '../graph/node.ts'
import { aggregatePrefix, compareAsBytes, textOfKey } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import { type Folding, foldingOf, isSameResult, KeyedRows, resultsOf } from './keyed-rows.ts'
import type { Operator, OperatorWiring } from './operator.ts'
import type { Emit } from './task-context.ts'

export class AggregateOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly #wiring: OperatorWiring
  readonly #folding: Folding
  readonly #rows: KeyedRows

  constructor(node: AggregateNode, wiring: OperatorWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.#wiring = wiring
    this.#folding = foldingOf(wiring.id, node.aggregates, 'before')
    const { context, store } = wiring
    this.#rows = new KeyedRows(aggregatePrefix(wiring.id), false, { folding: this.#folding, context, store })
  }

  restore(): void {
    this.#rows.mayBeInStore()
  }

  readonly accept: Emit = (value, at, key) => {
    this.#wiring.counters.recordsIn++
    this.#rows.add(key!, value, at)
  }

  /** Nothing here waits for time. */
  closeDue(): boolean {
    return true
  }

  flush(): void {
    const { context, counters, emit, id } = this.#wiring
    const { columns } = this.#folding
    const changed = this.#rows.dirty.toSorted((a, b) => compareAsBytes(textOfKey(a.key), textOfKey(b.key)))
    for (const entry of changed) {
      const results = resultsOf(this.#folding, entry)
      if (isSameResult(entry.before, results)) continue
      entry.revision++
      const row: Record<string, unknown> = { key: entry.key, revision: entry.revision }
      for (let index = 0; index < columns.length; index++) row[columns[index]!] = results[index]
      counters.recordsOut++
      context.node = id
      // A key whose rows came late must not fall behind what was already promised.
      const at = Math.max(entry.at, Number.isFinite(this.time.current) ? this.time.current : entry.at)
      context.attempt(emit, row, at, entry.key)
    }
  }

  collect(into: Mutation[], commit: number): void {
    this.#rows.collect(into, commit)
  }

  release(applied: number): void {
    const { workingKeysMax } = this.#wiring.context.limits
    if (this.#rows.entries.size > workingKeysMax) this.#rows.evict(applied, workingKeysMax / 2)
  }
}
