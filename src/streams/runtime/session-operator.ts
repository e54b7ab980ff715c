// Sessions: rows of a key at most a gap apart. A row may found one, prolong one, or make several one. Closed sessions are
// what a batch computation over the accepted rows comes to: see the late rule in `accept`.
import type { KeyValue, WindowNode } from '../graph/node.ts'
import { listsPrefix } from '../state/state-key.ts'
import type { Mutation } from '../state/state-store.ts'
import type { OperatorTime } from '../time/watermark.ts'
import type { SessionWindow } from '../window.ts'
import { ChangedKeys } from './changed-keys.ts'
import { DueKeys } from './due-keys.ts'
import { type Folding, foldingOf, isSameResult } from './keyed-rows.ts'
import { emitLate } from './late-output.ts'
import type { Operator, WindowWiring } from './operator.ts'
import type { Emit } from './task-context.ts'
import { type Item, TimeLists } from './time-lists.ts'
import { addTo, initOf, mergeOf, resultOf, windowRow } from './window-row.ts'

/** What was last said of a session: after it has grown, those bounds are taken back. */
type Sent = readonly [first: number, last: number, revision: number, results: readonly unknown[]]
/** An item lies at the session's first row. */
type Session = readonly [last: number, parts: readonly unknown[], sent: readonly Sent[]]
type Kept = Item<Session>

export class SessionOperator implements Operator {
  readonly id: string
  readonly time: OperatorTime
  readonly afterSilenceMs: number | null
  readonly #window: SessionWindow
  readonly #wiring: WindowWiring
  readonly #folding: Folding
  readonly #sessions: TimeLists<Session>
  readonly #due = new DueKeys()
  readonly #changed: ChangedKeys
  #newestLast = -Infinity

  constructor(node: WindowNode & { readonly window: SessionWindow }, wiring: WindowWiring) {
    this.id = wiring.id
    this.time = wiring.time
    this.afterSilenceMs = node.emit.afterSilenceMs
    this.#window = node.window
    this.#wiring = wiring
    this.#folding = foldingOf(wiring.id, node.aggregates, 'nothing')
    const { id, context, store } = wiring
    this.#sessions = new TimeLists({ node: id, prefix: listsPrefix(id, 'i'), context, store })
    this.#changed = new ChangedKeys(node.emit, context)
  }

  restore(): void {
    for (const { key, items } of this.#sessions.restore()) {
      for (const session of items) this.#due.put(key, this.#closesAt(session))
      for (const session of items) this.#newestLast = Math.max(this.#newestLast, session.value[0])
      this.#changed.addRestored(key)
    }
  }

  readonly accept: Emit = (value, at, anyKey) => {
    const key = anyKey!
    const { gapMs, graceMs } = this.#window
    this.#wiring.counters.recordsIn++
    this.#wiring.context.node = this.id
    const sessions = this.#sessions.of(key)
    const watermark = this.time.current
    // A late row may lie in an open session or prolong it. Before one it may not: a session that would have joined them
    // may be closed already.
    if (at + graceMs < watermark && !sessions.some((one) => one.at <= at && at <= one.value[0] + gapMs)) {
      const closedAt = at + graceMs
      emitLate(this.#wiring, { value, at, key, window: { start: at, end: at }, closedAt })
      return
    }
    this.#join(key, at, value)
  }

  closeDue(): boolean {
    const { context } = this.#wiring
    for (;;) {
      const first = this.#due.peek()
      if (first === undefined || this.time.current < first.due) return true
      if (context.full) return false
      this.#due.pop()
      const { key } = first
      for (const session of [...this.#sessions.of(key)]) {
        if (this.#closesAt(session) === first.due) this.#close(key, session)
      }
      for (const session of this.#sessions.of(key)) this.#due.put(key, this.#closesAt(session))
    }
  }

  flush(): void {
    for (const key of this.#changed.take()) {
      for (const session of [...this.#sessions.of(key)]) this.#tell(key, session, false)
    }
  }

  collect(into: Mutation[], commit: number): void {
    this.#sessions.collect(into, commit)
  }

  release(applied: number): void {
    this.#sessions.release(applied, this.#wiring.context.limits.workingKeysMax)
  }

  stop(): void {
    this.#changed.stop()
  }

  nextClose(): number | null {
    return this.#due.peek()?.due ?? null
  }

  lastClose(): number | null {
    if (this.#due.peek() === undefined) return null
    return this.#newestLast + this.#window.gapMs + this.#window.graceMs + 1
  }

  /** Folds the row into one session, made of all that it touches. */
  #join(key: KeyValue, at: number, value: unknown): void {
    const { gapMs, maxMs } = this.#window
    const touched = this.#sessions
      .of(key)
      .filter((one) => one.at - gapMs <= at && at <= one.value[0] + gapMs)
      // The one it lies in cannot be refused by `max`.
      .sort((a, b) => Number(isWithin(b, at)) - Number(isWithin(a, at)) || a.at - b.at)
    let first = at
    let last = at
    let parts: readonly unknown[] | null = null
    const sent: Sent[] = []
    const joined: Kept[] = []
    for (const one of touched) {
      const start = Math.min(first, one.at)
      const end = Math.max(last, one.value[0])
      if (maxMs !== null && end - start > maxMs) continue
      first = start
      last = end
      parts = parts === null ? one.value[1] : mergeOf(this.#folding, parts, one.value[1])
      sent.push(...one.value[2])
      joined.push(one)
    }
    parts = addTo(this.#folding, parts ?? initOf(this.#folding), value, at)
    const made: Session = [last, parts, sent]
    const [only] = joined
    if (only !== undefined && joined.length === 1 && only.at === first) this.#sessions.set(key, only, made)
    else {
      for (const one of joined) this.#sessions.remove(key, one)
      this.#sessions.add(key, first, made)
    }
    this.#newestLast = Math.max(this.#newestLast, last)
    this.#due.put(key, last + gapMs + this.#window.graceMs + 1)
    this.#changed.add(key)
  }

  #closesAt(session: Kept): number {
    return session.value[0] + this.#window.gapMs + this.#window.graceMs + 1
  }

  #close(key: KeyValue, session: Kept): void {
    if (this.#changed.speaksEarly) this.#tell(key, session, true)
    else
      this.#emit(key, [session.at, session.value[0], 1, resultOf(this.#folding, session.value[1])], 'final')
    this.#sessions.remove(key, session)
  }

  /** Says what has changed of a session: bounds that it had are taken back first. */
  #tell(key: KeyValue, session: Kept, final: boolean): void {
    const { at: first, value } = session
    const [last, parts, sent] = value
    const results = resultOf(this.#folding, parts)
    const same = sent.find((one) => one[0] === first && one[1] === last)
    if (same !== undefined && sent.length === 1 && isSameResult(same[3], results)) return
    for (const [start, end, revision] of sent) {
      if (start === first && end === last) continue
      const nothing = resultOf(this.#folding, initOf(this.#folding))
      this.#emit(key, [start, end, revision + 1, nothing], 'removed')
    }
    const now: Sent = [first, last, (same?.[2] ?? 0) + 1, results]
    this.#emit(key, now, final ? 'final' : 'open')
    if (!final) this.#sessions.set(key, session, [last, parts, [now]])
  }

  #emit(key: KeyValue, [start, end, revision, results]: Sent, as: 'open' | 'final' | 'removed'): void {
    const { context, counters, emit } = this.#wiring
    const place = { key, window: { start, end }, revision, final: as !== 'open' }
    const row = windowRow(this.#folding, place, results)
    if (as === 'removed') row['removed'] = true
    counters.recordsOut++
    context.node = this.id
    // Bounds that are taken back may lie behind what was promised.
    const promised = Number.isFinite(this.time.watermark) ? this.time.watermark : end
    context.attempt(emit, row, Math.max(end, promised), key)
  }
}

const isWithin = (session: Kept, at: number): boolean => session.at <= at && at <= session.value[0]
