// The first of rows that are the same: no two rows of one identity go on that lie `ttl` or less apart. A row more than
// `ttl` behind event time is late. So one that went on is needed until event time is twice the `ttl` past it: no row that
// comes then can be near it without being late.
import type { DedupeNode, KeyValue } from '../graph/node.ts'
import { listsPrefix } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import { DueKeys } from './due-keys.ts'
import { emitLate } from './late-output.ts'
import type { Operator, WindowWiring } from './operator.ts'
import { isKey } from './stateless.ts'
import type { Emit } from './task-context.ts'
import { TimeLists } from './time-lists.ts'

export class DedupeOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly #node: DedupeNode
  readonly #wiring: WindowWiring
  /** Times of rows that went on, by identity. */
  readonly #passed: TimeLists<1>
  readonly #due = new DueKeys()

  constructor(node: DedupeNode, wiring: WindowWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.#node = node
    this.#wiring = wiring
    const { id, context, store } = wiring
    this.#passed = new TimeLists({ node: id, prefix: listsPrefix(id, 'i'), context, store })
  }

  restore(): void {
    for (const { key, items } of this.#passed.restore()) {
      for (const { at } of items) this.#due.put(key, this.#forgottenAt(at))
    }
  }

  readonly accept: Emit = (value, at, key) => {
    const { counters, context, emit } = this.#wiring
    const { ttlMs } = this.#node
    counters.recordsIn++
    context.node = this.id
    const identity = this.#identityOf(value, key!)
    if (identity === null) {
      counters.dropped++
      return
    }
    const closedAt = at + ttlMs
    if (closedAt < this.time.current) {
      emitLate(this.#wiring, { value, at, key, window: { start: at, end: at }, closedAt })
      return
    }
    if (this.#passed.of(identity).some((one) => Math.abs(one.at - at) <= ttlMs)) return
    this.#passed.add(identity, at, 1)
    this.#due.put(identity, this.#forgottenAt(at))
    counters.recordsOut++
    emit(value, at, key)
  }

  closeDue(): boolean {
    for (let first = this.#due.peek(); first !== undefined; first = this.#due.peek()) {
      if (this.time.current < first.due) return true
      if (this.#wiring.context.full) return false
      this.#due.pop()
      const { key } = first
      for (const one of [...this.#passed.of(key)]) {
        if (this.#forgottenAt(one.at) <= this.time.current) this.#passed.remove(key, one)
        else this.#due.put(key, this.#forgottenAt(one.at))
      }
    }
    return true
  }

  flush(): void {
    // Rows go out as they come in.
  }

  collect(into: Mutation[], commit: number): void {
    this.#passed.collect(into, commit)
  }

  release(applied: number): void {
    this.#passed.release(applied, this.#wiring.context.limits.workingKeysMax)
  }

  #forgottenAt(at: number): number {
    return at + 2 * this.#node.ttlMs + 1
  }

  #identityOf(value: unknown, key: KeyValue): KeyValue | null {
    const { by } = this.#node
    if (by === undefined) return key
    const own = by.of(value)
    if (isKey(own)) return JSON.stringify([key, own])
    if (own === null || own === undefined || typeof own === 'number') return null
    throw new TypeError(
      `what tells rows apart must be a string, number or boolean, got ${JSON.stringify(own)}`,
    )
  }
}
