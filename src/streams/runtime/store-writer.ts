// Brings a store up to what is committed, a little later: many small commits become one transaction, and a key that
// changed often is written once. What waits here is also in the task's live objects, so nobody misses it; after a kill
// the changelog has it.
import type { Clock, Timer } from '#base'
import { type Mutation, MutationSet, type StateStore, type StorePosition } from '../state/state-store.ts'
import { CommittedState } from '../tables/committed-state.ts'
import type { RuntimeLimits } from './limits.ts'

export type StoreWriterOptions = {
  readonly store: StateStore
  readonly clock: Clock
  readonly limits: RuntimeLimits
  /** Called when something is due although nothing else happens. */
  readonly wake: () => void
}

type Place = { readonly position: StorePosition; readonly commit: number }

export class StoreWriter {
  /** For those who look from outside. */
  readonly committed: CommittedState
  readonly #options: StoreWriterOptions
  readonly #waiting = new MutationSet()
  #place: Place | null = null
  #timer: Timer | null = null
  #late = false

  constructor(options: StoreWriterOptions) {
    this.#options = options
    const position = () => this.#place?.position ?? null
    this.committed = new CommittedState(options.store, this.#waiting, position)
  }

  /** Takes a commit that is durable. */
  add(mutations: readonly Mutation[], place: Place): void {
    for (const mutation of mutations) this.#waiting.add(mutation)
    this.#place = place
    this.#timer ??= this.#options.clock.after(this.#options.limits.applyAfterMs, () => {
      this.#late = true
      this.#options.wake()
    })
  }

  get due(): boolean {
    return (
      this.#place !== null && (this.#late || this.#waiting.size >= this.#options.limits.applyMutationsMax)
    )
  }

  /** Writes everything that waits; answers the last commit that the store contains now, null if nothing waited. */
  apply(): number | null {
    const place = this.#place
    if (place === null) return null
    this.#timer?.cancel()
    this.#timer = null
    this.#late = false
    this.#place = null
    this.#options.store.apply(this.#waiting.take(), place.position)
    return place.commit
  }
}
