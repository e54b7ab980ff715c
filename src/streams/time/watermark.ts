// Event time. A watermark W claims that no further row with `at < W` is expected; it starts at minus infinity and never
// falls. Everything here is decided by records and by decisions that are committed with them, never by a clock.

/** `finished`: nothing will ever come again. */
export type TimeStatus = 'active' | 'idle' | 'finished'

/** Something whose time an operator follows: a source partition, an upstream task, an operator before it. */
export interface TimeInput {
  readonly watermark: number
  readonly status: TimeStatus
}

/** What a commit holds of an input's time. */
export type StoredTime = { readonly watermark: number | 'end' | null; readonly status: TimeStatus }

/** The time of one source partition, moved by each record in offset order. */
export class PartitionTime implements TimeInput {
  watermark = -Infinity
  status: TimeStatus = 'active'
  readonly #outOfOrderMs: number

  constructor(outOfOrderMs: number) {
    this.#outOfOrderMs = outOfOrderMs
  }

  /** A row with this event time was processed; true if that moved anything. One record makes an idle input active. */
  observe(at: number): boolean {
    const moved = this.raise(at - this.#outOfOrderMs)
    if (this.status === 'active') return moved
    this.status = 'active'
    return true
  }

  /** Somebody who knows says how far time is. */
  raise(watermark: number): boolean {
    if (!(watermark > this.watermark)) return false
    this.watermark = watermark
    return true
  }

  /** Long silence: it no longer holds the others back. */
  idle(): boolean {
    if (this.status !== 'active') return false
    this.status = 'idle'
    return true
  }

  finish(): boolean {
    if (this.status === 'finished') return false
    this.status = 'finished'
    this.watermark = Infinity
    return true
  }

  restore(stored: StoredTime): void {
    this.watermark = watermarkOf(stored)
    this.status = stored.status
  }
}

/**
 * The time of an operator: the minimum over its active inputs. `watermark` is what it tells those behind it, which is
 * earlier than its own by `delayMs`, so that no row it creates lies behind.
 */
export class OperatorTime implements TimeInput {
  /** The operator's own W, by which it judges rows. */
  current = -Infinity
  status: TimeStatus = 'active'
  readonly delayMs: number
  /** The earliest time of rows that are still inside; Infinity: there are none. */
  heldBack: () => number = nothingHeld
  readonly #inputs: readonly TimeInput[]

  constructor(inputs: readonly TimeInput[], delayMs: number) {
    this.#inputs = inputs
    this.delayMs = delayMs
  }

  get watermark(): number {
    return this.current - this.delayMs
  }

  /** Looks at the inputs again; true if W rose or the status changed. Without an active input W holds. */
  advance(): boolean {
    let least = Infinity
    let active = 0
    let finished = 0
    for (const { status, watermark } of this.#inputs) {
      if (status === 'finished') finished++
      if (status !== 'active') continue
      active++
      if (watermark < least) least = watermark
    }
    const allFinished = finished > 0 && finished === this.#inputs.length
    const held = this.heldBack()
    const status = held < Infinity || active > 0 ? 'active' : allFinished ? 'finished' : 'idle'
    const wanted = Math.min(held, active > 0 || allFinished ? least : this.current)
    const moved = status !== this.status || wanted > this.current
    this.status = status
    if (wanted > this.current) this.current = wanted
    return moved
  }

  /** Somebody who knows says how far time is, whatever the inputs say. */
  raise(watermark: number): boolean {
    if (!(watermark > this.current)) return false
    this.current = watermark
    return true
  }

  restore(stored: StoredTime): void {
    this.current = watermarkOf(stored)
    this.status = stored.status
  }
}

const nothingHeld = (): number => Infinity

/** JSON has no infinities: null is before everything, `'end'` after. */
export function storeTime(watermark: number, status: TimeStatus): StoredTime {
  return { watermark: watermark === Infinity ? 'end' : watermark === -Infinity ? null : watermark, status }
}

export function watermarkOf({ watermark: stored }: StoredTime): number {
  return stored === 'end' ? Infinity : (stored ?? -Infinity)
}
