// A process handler at work: the user's functions for rows and timers, with the state of the key that is at work.
//
// Event timers fire as if event time passed through every millisecond: while one set for t fires, the watermark is t + 1.
// So the outcome does not depend on how far a watermark jumps at once. What a handler emits lies at its own time, but never
// behind what was promised to the nodes behind it when the row came or the timer was set.
import { BrokerError, type Timer as ClockTimer, type Duration, parseDuration } from '#base'
import type { KeyValue, ProcessNode } from '../graph/node.ts'
import { decodeValue, encodeValue, waitsKey } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import { KeyedCells } from './keyed-cells.ts'
import { emitLate } from './late-output.ts'
import type { Operator, WindowWiring } from './operator.ts'
import { handleOf, type Scope } from './state-handles.ts'
import { refusePromise } from './stateless.ts'
import type { Emit } from './task-context.ts'
import { type Chain, type Timer, TimerQueue } from './timer-queue.ts'

export type ProcessWiring = WindowWiring & {
  /** In the order of the node's side outputs. */
  readonly sides: readonly Emit[]
  /** There is event time. */
  readonly timed: boolean
}

/** How far ahead the clock is asked to wake the task: timers of the runtime end after 24 days. */
const wakeAheadMsMax = 86_400_000

export class ProcessOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly #node: ProcessNode
  readonly #wiring: ProcessWiring
  readonly #cells: readonly KeyedCells[]
  readonly #events: TimerQueue
  readonly #walls: TimerQueue
  readonly #handed: unknown
  readonly #scope: Scope = { key: '', at: 0, watermark: -Infinity }
  #eventTime = 0
  /** Timers that are set now must not emit before that. */
  #floor = -Infinity
  #chain: Chain = { pass: 0, length: 0 }
  #pass = 0
  #passing = false
  /** The task still reads what was there when it started. */
  #behind = true
  /** How often such a wait ended for timers that were set in it. */
  #waits = 0
  #waitsChanged = false
  #waiting: Timer[] = []
  #alarm: { readonly at: number; readonly timer: ClockTimer } | null = null

  constructor(node: ProcessNode, wiring: ProcessWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.#node = node
    this.#wiring = wiring
    const { id, context, store } = wiring
    const shared = { node: id, context, store }
    const specs = Object.entries(node.state)
    this.#cells = specs.map(([name, spec]) => new KeyedCells({ ...shared, name, spec }))
    this.#events = new TimerQueue({ ...shared, clock: 'event' })
    this.#walls = new TimerQueue({ ...shared, clock: 'wall' })
    const handles = specs.map(([name], index) => [name, handleOf(this.#cells[index]!, this.#scope)] as const)
    this.#handed = this.#contextOf(Object.freeze(Object.fromEntries(handles)))
  }

  restore(): void {
    const { store } = this.#wiring
    for (const cells of this.#cells) cells.restore()
    this.#events.restore()
    this.#walls.restore()
    const stored = store.get(waitsKey(this.id))
    if (stored !== null) this.#waits = decodeValue(stored, this.id) as number
  }

  readonly accept: Emit = (value, at, anyKey) => {
    const { counters, context } = this.#wiring
    const { on, late } = this.#node.handlers
    counters.recordsIn++
    context.node = this.id
    const watermark = this.time.current
    const key = anyKey!
    if (at < watermark && late === 'aside') {
      emitLate(this.#wiring, { value, at, key, window: { start: at, end: at }, closedAt: at })
      return
    }
    this.#enter(key, at, Math.max(at, watermark), watermark)
    this.#floor = watermark
    this.#chain = { pass: this.#pass, length: 0 }
    if (at < watermark && late !== null) {
      counters.late++
      this.#run(() => (late as typeof on)(value, this.#handed))
    } else {
      this.#run(() => on(value, this.#handed))
    }
    // A timer that was set for the past.
    for (let timer = this.#events.peek(); timer !== undefined; timer = this.#events.peek()) {
      if (timer.time >= watermark) return
      this.#events.remove(timer.key, timer.name)
      this.#fire(timer)
    }
  }

  closeDue(): boolean {
    const { context } = this.#wiring
    if (!this.#passing) this.#pass++
    this.#passing = true
    for (let timer = this.#events.peek(); timer !== undefined; timer = this.#events.peek()) {
      if (timer.time >= this.time.current) break
      if (context.full) return false
      this.#take(timer, this.#events)
    }
    for (const cells of this.#cells) if (!cells.expire(this.time.current)) return false
    this.#passing = false
    return true
  }

  /** Lets fire what the wall clock has made due. `behind`: the task still reads what was there when it started. */
  emitReady(behind: boolean): boolean {
    // What event time has made due comes first.
    if (this.#passing) return false
    this.#endWait(behind)
    const now = Math.floor(this.#wiring.context.clock.now())
    let fired = false
    for (let timer = this.#walls.peek(); timer !== undefined; timer = this.#walls.peek()) {
      if (timer.time > now) {
        this.#wakeAt(timer.time, now)
        break
      }
      if (this.#wiring.context.full) break
      if (behind && timer.wait === this.#waits) {
        this.#waiting.push(this.#walls.skip(timer))
        continue
      }
      fired = true
      this.#wiring.context.touched = true
      this.#take(timer, this.#walls)
    }
    return fired
  }

  flush(): void {
    // Rows go out as handlers emit them.
  }

  collect(into: Mutation[], commit: number): void {
    for (const cells of this.#cells) cells.collect(into, commit)
    this.#events.collect(into)
    this.#walls.collect(into)
    if (this.#waitsChanged) into.push({ key: waitsKey(this.id), value: encodeValue(this.#waits) })
    this.#waitsChanged = false
  }

  release(applied: number): void {
    const { workingKeysMax } = this.#wiring.context.limits
    for (const cells of this.#cells) cells.release(applied, workingKeysMax)
  }

  stop(): void {
    this.#alarm?.timer.cancel()
    this.#alarm = null
  }

  /** Timers that waited for the end of the log are like any others from here on, also after a restart. */
  #endWait(behind: boolean): void {
    const ended = this.#behind && !behind
    this.#behind = behind
    if (!ended) return
    for (const timer of this.#waiting) this.#walls.putBack(timer)
    this.#waiting = []
    if (![...this.#walls].some(({ wait }) => wait === this.#waits)) return
    this.#waits++
    this.#waitsChanged = true
    this.#wiring.context.touched = true
  }

  #wakeAt(time: number, now: number): void {
    const { context } = this.#wiring
    if (this.#alarm !== null && this.#alarm.at <= time && this.#alarm.at > now) return
    this.#alarm?.timer.cancel()
    const at = Math.min(time, now + wakeAheadMsMax)
    this.#alarm = { at, timer: context.clock.after(at - now, context.wake) }
  }

  /** Its end holds even if what it does is undone. */
  #take(timer: Timer, from: TimerQueue): void {
    const { context } = this.#wiring
    from.remove(timer.key, timer.name)
    context.node = this.id
    const shown = { timer: timer.name, time: timer.time }
    context.attempt(
      () => (from === this.#events ? this.#fire(timer) : this.#ring(timer)),
      shown,
      timer.at,
      timer.key,
    )
  }

  #fire(timer: Timer): void {
    const { timerChainMax } = this.#wiring.context.limits
    const length = timer.chain.pass === this.#pass ? timer.chain.length : 0
    if (length >= timerChainMax) {
      throw new BrokerError('app_failed', `timer "${timer.name}" sets itself again without end`, {
        fix: `set it for a time that event time has not passed yet: ${timerChainMax} timers led to each other at once`,
      })
    }
    const passed = Math.max(timer.time + 1, this.#passing ? this.#scope.watermark : this.time.current)
    this.#enter(timer.key, timer.time, timer.at, passed)
    this.#floor = timer.at
    this.#chain = { pass: this.#pass, length: length + 1 }
    this.#runTimer(timer)
  }

  #ring(timer: Timer): void {
    const now = Math.floor(this.#wiring.context.clock.now())
    const { current } = this.time
    const at = Number.isFinite(current) ? current : now
    this.#enter(timer.key, at, at, current)
    this.#floor = current
    this.#chain = { pass: this.#pass, length: 0 }
    this.#runTimer(timer)
  }

  #enter(key: KeyValue, eventTime: number, at: number, watermark: number): void {
    this.#scope.key = key
    this.#scope.at = at
    this.#scope.watermark = watermark
    this.#eventTime = eventTime
  }

  #runTimer({ name }: Timer): void {
    this.#wiring.context.node = this.id
    const handler = this.#node.handlers.timers[name]
    if (handler === undefined) {
      throw new BrokerError('app_failed', `there is no timer "${name}" any more, but it was set`, {
        fix: `put it back: timers: { ${name}(ctx) {} }`,
      })
    }
    this.#run(() => handler(this.#handed))
  }

  #run(work: () => void): void {
    const answer: unknown = work()
    if (answer instanceof Promise) refusePromise(answer)
  }

  #emit(emit: Emit, row: unknown): void {
    this.#wiring.counters.recordsOut++
    emit(row, this.#scope.at, this.#scope.key)
    this.#wiring.context.node = this.id
  }

  #setTimer(clock: 'event' | 'wall', name: string, when: number | Duration): void {
    if (!Object.hasOwn(this.#node.handlers.timers, name)) {
      throw new BrokerError('app_failed', `there is no timer "${name}"`, {
        fix: `say what it does: timers: { ${name}(ctx) {} }`,
      })
    }
    if (clock === 'event' && !this.#wiring.timed) {
      throw new BrokerError('app_failed', `event timer "${name}" would never fire: there is no event time`, {
        fix: 'give the topic a time: { at: ... }, or use ctx.timers.wall',
      })
    }
    const from = clock === 'event' ? this.#eventTime : Math.floor(this.#wiring.context.clock.now())
    const time = typeof when === 'number' ? when : from + parseDuration(when)
    if (!Number.isSafeInteger(time)) {
      throw new TypeError(`timer "${name}" cannot be set for ${String(time)}: use whole milliseconds`)
    }
    const { key } = this.#scope
    const chain = this.#chain
    if (clock === 'event') {
      this.#events.set({ key, name, time, at: Math.max(time, this.#floor), wait: null, chain })
    } else {
      this.#walls.set({ key, name, time, at: time, wait: this.#behind ? this.#waits : null, chain })
    }
  }

  /** What handlers get: one object, about whatever is at work. */
  #contextOf(state: object): unknown {
    const { sides, context } = this.#wiring
    const self = this
    const timers = {
      event: (name: string, at: number | Duration) => this.#setTimer('event', name, at),
      wall: (name: string, at: number | Duration) => this.#setTimer('wall', name, at),
      cancel: (name: string) => {
        this.#events.remove(this.#scope.key, name)
        this.#walls.remove(this.#scope.key, name)
      },
    }
    const sideOf = (name: unknown): Emit => {
      const index = this.#node.side.indexOf(name as string)
      if (index >= 0) return sides[index]!
      throw new BrokerError('app_failed', `there is no side output "${String(name)}"`, {
        fix: `declare it: side: { ${String(name)}: output<...>() }`,
      })
    }
    return Object.freeze({
      get key() {
        return self.#scope.key
      },
      get eventTime() {
        return self.#eventTime
      },
      get watermark() {
        return self.#scope.watermark
      },
      get now() {
        return Math.floor(context.clock.now())
      },
      state,
      timers: Object.freeze(timers),
      emit(...given: readonly [row: unknown] | readonly [side: unknown, row: unknown]) {
        if (given.length === 2) self.#emit(sideOf(given[0]), given[1])
        else self.#emit(self.#wiring.emit, given[0])
      },
    })
  }
}
