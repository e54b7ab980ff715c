// Which key has something due next, by time, then by the bytes of the key. What is recorded may be too early (a session
// grew, a row was undone), never too late: whoever takes a key looks at what it really has and puts it back.
import type { KeyValue } from '../graph/node.ts'
import { compareKeys } from '../state/state-key.ts'
import { Heap } from './heap.ts'

export type DueKey = { readonly due: number; readonly key: KeyValue }

export class DueKeys {
  readonly #heap = new Heap<DueKey>(isBefore)
  /** The earliest time recorded for each key; what the heap says otherwise is out of date. */
  readonly #dueOf = new Map<KeyValue, number>()

  /** Something of this key is due then. */
  put(key: KeyValue, due: number): void {
    const known = this.#dueOf.get(key)
    if (known !== undefined && known <= due) return
    this.#dueOf.set(key, due)
    this.#heap.push({ due, key })
  }

  /** The next key, left where it is. */
  peek(): DueKey | undefined {
    for (let first = this.#heap.peek(); first !== undefined; first = this.#heap.peek()) {
      if (this.#dueOf.get(first.key) === first.due) return first
      this.#heap.pop()
    }
    return undefined
  }

  /** Takes the next key out. */
  pop(): DueKey | undefined {
    const first = this.peek()
    if (first === undefined) return undefined
    this.#heap.pop()
    this.#dueOf.delete(first.key)
    return first
  }
}

function isBefore(a: DueKey, b: DueKey): boolean {
  return a.due !== b.due ? a.due < b.due : compareKeys(a.key, b.key) < 0
}
