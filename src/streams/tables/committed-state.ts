// What a task has committed: its store, with what is durable and not applied yet laid over it. Read in one go, between
// two steps of the task, it is the state as of one commit.
import type { MutationSet, StateEntry, StateStore, StorePosition } from '../state/state-store.ts'

export class CommittedState {
  readonly #store: StateStore
  readonly #waiting: MutationSet
  readonly #position: () => StorePosition | null

  constructor(store: StateStore, waiting: MutationSet, position: () => StorePosition | null) {
    this.#store = store
    this.#waiting = waiting
    this.#position = position
  }

  /** Up to where of its changelog this is; null: nothing was ever committed. */
  get position(): StorePosition | null {
    return this.#position() ?? this.#store.position
  }

  get(key: Uint8Array): Uint8Array | null {
    const waiting = this.#waiting.get(key)
    return waiting === undefined ? this.#store.get(key) : waiting.value
  }

  /** Entries with `from <= key < to` in the order of their bytes. */
  *scan(from: Uint8Array, to: Uint8Array): Generator<StateEntry> {
    const waiting = this.#waiting.between(from, to)
    let next = 0
    for (const stored of this.#store.scan(from, to)) {
      for (; next < waiting.length; next++) {
        const { key, value } = waiting[next]!
        const order = Buffer.compare(key, stored.key)
        if (order > 0) break
        if (order < 0 && value !== null) yield { key, value }
        // The newer version of the same key is told in its place below.
        if (order === 0) break
      }
      const over = waiting[next]
      if (over === undefined || Buffer.compare(over.key, stored.key) !== 0) yield stored
      else {
        next++
        if (over.value !== null) yield { key: over.key, value: over.value }
      }
    }
    for (; next < waiting.length; next++) {
      const { key, value } = waiting[next]!
      if (value !== null) yield { key, value }
    }
  }
}
