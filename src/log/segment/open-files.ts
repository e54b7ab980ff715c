// Segments whose file is open, sealed or not, in the order of their last use. Many partitions share few descriptors: what
// was not used for longest is let go when there are many, and when the system has none left.
//
// One with bytes that are not synced is never among those let go. The system tells of a failed write-back to whoever has
// the file open then; a descriptor opened later may sync without a word although the bytes are lost, and a checkpoint
// would be written over the only good copy of them.
import type { Segment } from './segment.ts'

/** Tried when one more is opened, so that the price of an append does not depend on how many wait for their sync. */
const triesMax = 8

export class OpenFiles {
  readonly #segments = new Set<Segment>()
  readonly #countMax: number
  /** Nobody waits for an answer yet, so that a sync may hold this thread. */
  isStarting = true
  /** Called when none could be let go: syncs some, so that the next call finds one. */
  onShort: () => void = () => undefined

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /** How many more are open than ought to be. */
  get surplus(): number {
    return Math.max(0, this.#segments.size - this.#countMax)
  }

  touch(segment: Segment): void {
    const isNew = !this.#segments.delete(segment)
    this.#segments.add(segment)
    if (isNew && this.surplus > 0) this.#release(triesMax, segment)
  }

  forget(segment: Segment): void {
    this.#segments.delete(segment)
  }

  /** Lets go of what is too much, as far as it may. */
  trim(): void {
    if (this.surplus > 0) this.#release(this.#segments.size, null)
  }

  /** For one more file; false: all of them are needed. */
  freeOldest(): boolean {
    for (const segment of this.#segments) {
      segment.release()
      if (!segment.isOpen) return true
    }
    for (const segment of this.isStarting ? this.#segments : []) {
      if (segment.isPinned) continue
      segment.syncNow()
      segment.release()
      return true
    }
    this.onShort()
    return false
  }

  /** Those that could be let go after a sync, the oldest first. */
  unsynced(countMax: number): Segment[] {
    const found: Segment[] = []
    for (const segment of this.#segments) {
      if (found.length >= countMax) break
      if (segment.writtenBytes !== segment.syncedBytes) found.push(segment)
    }
    return found
  }

  #release(tries: number, newest: Segment | null): void {
    let tried = 0
    for (const segment of this.#segments) {
      if (this.surplus === 0 || tried++ === tries) return
      if (segment !== newest) segment.release()
    }
  }
}
