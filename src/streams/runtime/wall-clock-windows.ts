// Windows of processing time: their event time is the wall clock as it was last looked at. It is looked at when a row comes
// and between two steps, and never goes back; where it stood is in the commit as any other operator's time.
import type { Timer } from '#base'
import type { OperatorTime, TimeInput } from '../time/watermark.ts'
import type { Operator } from './operator.ts'
import type { Emit, TaskContext } from './task-context.ts'

/** A window operator that says when its next window closes. */
export type ClosingOperator = Operator & { readonly accept: Emit; nextClose(): number | null }

/** What an operator's time follows instead of its inputs. */
export class WallClockTime implements TimeInput {
  watermark = -Infinity
  readonly status = 'active'
}

/** Stands before the window operator in the order of time, and moves its time. */
export class WallClockWindows implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly #windows: ClosingOperator
  readonly #clock: WallClockTime
  readonly #context: TaskContext
  #alarm: { readonly at: number; readonly timer: Timer } | null = null

  constructor(windows: ClosingOperator, clock: WallClockTime, context: TaskContext) {
    this.id = windows.id
    this.time = windows.time
    this.#windows = windows
    this.#clock = clock
    this.#context = context
  }

  /** A row is of the moment at which it comes. */
  readonly accept: Emit = (value, _at, key) => {
    this.#windows.accept(value, Math.max(this.#look(), this.time.current), key)
  }

  emitReady(): boolean {
    const now = this.#look()
    const next = this.#windows.nextClose()
    if (next !== null && next > now) this.#wakeAt(next, now)
    return false
  }

  stop(): void {
    this.#alarm?.timer.cancel()
  }

  restore(): void {
    // It keeps nothing.
  }
  closeDue(): boolean {
    return true
  }
  flush(): void {
    // It has no rows.
  }
  collect(): void {
    // It keeps nothing.
  }
  release(): void {
    // It keeps nothing.
  }

  #look(): number {
    const now = Math.floor(this.#context.clock.now())
    if (now > this.#clock.watermark) this.#clock.watermark = now
    return this.#clock.watermark
  }

  #wakeAt(at: number, now: number): void {
    if (this.#alarm !== null && this.#alarm.at > now && this.#alarm.at <= at) return
    this.#alarm?.timer.cancel()
    this.#alarm = { at, timer: this.#context.clock.after(at - now, this.#context.wake) }
  }
}
