// Which key has something due next, by time, then by the bytes of the key. What is recorded may be too early (a session
// grew, a row was undone), never too late: whoever takes a key looks at what it really has and puts it back.
import type { KeyValue } from '../graph/node.ts'
import { compareKeys } from '../state/state-key.ts'

export type DueKey = { readonly due: number; readonly key: KeyValue }

export class DueKeys {
  readonly #heap: DueKey[] = []
  /** The earliest time recorded for each key; what the heap says otherwise is out of date. */
  readonly #dueOf = new Map<KeyValue, number>()

  /** Something of this key is due then. */
  put(key: KeyValue, due: number): void {
    const known = this.#dueOf.get(key)
    if (known !== undefined && known <= due) return
    this.#dueOf.set(key, due)
    this.#push({ due, key })
  }

  /** The next key, left where it is. */
  peek(): DueKey | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#dueOf.get(first.key) === first.due) return first
      this.#removeFirst()
    }
    return undefined
  }

  /** Takes the next key out. */
  pop(): DueKey | undefined {
    const first = this.peek()
    if (first === undefined) return undefined
    this.#removeFirst()
    this.#dueOf.delete(first.key)
    return first
  }

  #push(item: DueKey): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!isBefore(item, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = item
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: DueKey, b: DueKey): boolean {
  return a.due !== b.due ? a.due < b.due : compareKeys(a.key, b.key) < 0
}
