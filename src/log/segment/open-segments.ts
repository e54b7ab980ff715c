// Sealed segments whose descriptor and index are at hand, the least recently used of them first to go.
import type { Segment } from './segment.ts'

export class OpenSegments {
  readonly #segments = new Set<Segment>()
  readonly #countMax: number

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  touch(segment: Segment): void {
    this.#segments.delete(segment)
    this.#segments.add(segment)
    if (this.#segments.size <= this.#countMax) return
    for (const oldest of this.#segments) {
      // One that is being read or not yet synced stays until a later turn.
      if (oldest !== segment && oldest.release()) this.#segments.delete(oldest)
      if (this.#segments.size <= this.#countMax) return
    }
  }
}
