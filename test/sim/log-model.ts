// What a log may and may not answer after faults, kept by a client: every append that was sent, what became of it, and
// every record that was ever seen. `check` compares a log with it and throws at the first broken invariant.
import { asOffset } from '#base'
import type { Appended, LogEntry, LogGroup, PartitionId } from '#log'
import { readRecords } from '#record'

/** `unsynced`: acknowledged when it was written, as it asked, and then the power went. */
export type Outcome = 'pending' | 'acknowledged' | 'refused' | 'unknown' | 'unsynced'

export type Attempt = {
  readonly entries: readonly LogEntry[]
  /** Values of the records of each entry; unique in the whole run. */
  readonly values: readonly (readonly string[])[]
  outcome: Outcome
  offsets: readonly number[]
  /** Acknowledged before its sync: a power cut may take it, with everything after it. */
  atRisk: boolean
  frame: number
}

export type Place = { readonly key: string; readonly offset: number }
type Contents = {
  readonly start: Map<string, number>
  readonly end: Map<string, number>
  readonly places: Map<string, Place>
  readonly values: Map<string, string>
  /** Partitions that say they are damaged: what lies behind their end may be gone. */
  readonly damaged: Set<string>
}

export const keyOf = ({ topicId, partition }: PartitionId) => `${topicId}/${partition}`

export class LogModel {
  readonly attempts: Attempt[] = []
  readonly #trustsWritten: boolean
  /** Everything ever read, by partition and offset. */
  readonly #seen = new Map<string, string>()
  /** Partitions that may be gone, and starts that may have moved. */
  readonly #maybeDeleted = new Set<string>()
  readonly #trimmedTo = new Map<string, number>()
  /** Of the last acknowledgement: whatever the clock says, neither goes back. */
  #last = { frame: 0, appendTime: 0 }
  #outOfOrder: string | null = null

  /** `trustsWritten`: the mutant that takes every acknowledgement for a durable one. */
  constructor({ trustsWritten = false } = {}) {
    this.#trustsWritten = trustsWritten
  }

  sent(entries: readonly LogEntry[], values: readonly (readonly string[])[]): Attempt {
    const attempt: Attempt = { entries, values, outcome: 'pending', offsets: [], atRisk: false, frame: -1 }
    this.attempts.push(attempt)
    return attempt
  }

  acknowledged(attempt: Attempt, { offsets, frame, appendTime }: Appended): void {
    attempt.outcome = 'acknowledged'
    attempt.offsets = offsets
    attempt.frame = frame
    // Who does not wait for the sync may be answered before those who came first.
    if (attempt.atRisk) return
    const before = this.#last
    if (frame < before.frame || appendTime < before.appendTime)
      this.#outOfOrder = `frame ${frame} at ${appendTime} after frame ${before.frame} at ${before.appendTime}`
    this.#last = { frame, appendTime }
  }

  /** What must be readable or refused by name: every acknowledged record, at its place. */
  *promised(): Generator<readonly [place: Place, value: string]> {
    for (const { entries, values, outcome, offsets } of this.attempts) {
      if (outcome !== 'acknowledged') continue
      for (const [index, entry] of entries.entries()) {
        if (entry.kind !== 'batch') continue
        const key = keyOf(entry.id)
        for (const [nth, value] of values[index]!.entries())
          yield [{ key, offset: offsets[index]! + nth }, value]
      }
    }
  }

  /** What was read there before. */
  seenAt({ key, offset }: Place): string | undefined {
    return this.#seen.get(`${key}@${offset}`)
  }

  mayBeDeleted(key: string): boolean {
    this.#noteControls()
    return this.#maybeDeleted.has(key)
  }

  mayBeTrimmedTo(key: string): number {
    this.#noteControls()
    return this.#trimmedTo.get(key) ?? 0
  }

  /** What was not answered may be there or not. Without the page cache so may what was acknowledged before its sync. */
  crashed({ cacheLost }: { cacheLost: boolean }): void {
    for (const attempt of this.attempts) {
      if (attempt.outcome === 'pending') attempt.outcome = 'unknown'
      const lost = cacheLost && attempt.atRisk && !this.#trustsWritten
      if (attempt.outcome === 'acknowledged' && lost) attempt.outcome = 'unsynced'
    }
  }

  /** An orderly stop has synced everything. */
  closed(): void {
    for (const attempt of this.attempts) attempt.atRisk = false
  }

  /** What a copy of the log may hold in which everything in `surely` is, and of the rest whole appends or nothing. */
  copyWith(surely: ReadonlySet<Attempt>): LogModel {
    const copy = new LogModel()
    for (const attempt of this.attempts) {
      const outcome = surely.has(attempt) || attempt.outcome === 'refused' ? attempt.outcome : 'unknown'
      copy.attempts.push({ ...attempt, outcome })
    }
    return copy
  }

  /** I1 to I4 and I8. Attempts whose outcome was unknown are decided by what is found, for good. */
  async check(log: LogGroup): Promise<void> {
    this.#noteControls()
    if (this.#outOfOrder !== null) broken('time', this.#outOfOrder)
    const contents = await read(log)
    this.#checkSeen(contents)
    this.#checkPrefix(contents)
    for (const attempt of this.attempts) this.#checkAttempt(attempt, contents)
  }

  /** Frames are a chain: where one is lost, none after it is there. */
  #checkPrefix(contents: Contents): void {
    let lost = Number.POSITIVE_INFINITY
    let kept = -1
    for (const { outcome, atRisk, frame, entries, values } of this.attempts) {
      if (!atRisk || outcome !== 'unsynced') continue
      const found = entries.map((entry, index) => this.#findEntry(entry, values[index]!, contents))
      if (found.includes('absent')) lost = Math.min(lost, frame)
      else if (found.some((each) => typeof each === 'number')) kept = Math.max(kept, frame)
    }
    if (kept > lost) broken('I1', `frame ${lost} is lost, and ${kept} is there`)
  }

  /** What is visible now, without a verdict on attempts: they may still be under way. */
  async observe(log: LogGroup): Promise<void> {
    this.#noteControls()
    this.#checkSeen(await read(log))
  }

  #noteControls(): void {
    for (const { entries, outcome } of this.attempts) {
      if (outcome === 'refused') continue
      for (const entry of entries) {
        const key = keyOf(entry.id)
        if (entry.kind === 'delete') this.#maybeDeleted.add(key)
        if (entry.kind === 'trim')
          this.#trimmedTo.set(key, Math.max(entry.before, this.#trimmedTo.get(key) ?? 0))
      }
    }
  }

  #checkSeen({ values, start, end, damaged }: Contents): void {
    for (const [place, value] of values) {
      const before = this.#seen.get(place)
      if (before !== undefined && before !== value) broken('I2', `${place} was "${before}" and is "${value}"`)
      this.#seen.set(place, value)
    }
    for (const place of this.#seen.keys()) {
      const [key, offset] = splitPlace(place)
      const from = start.get(key)
      if (from === undefined && this.#maybeDeleted.has(key)) continue
      if (from === undefined) broken('I1', `partition ${key} is gone`)
      const isExcused = damaged.has(key) && Number(offset) >= end.get(key)!
      if (Number(offset) >= from && !values.has(place) && !isExcused)
        broken('I1', `${place} was seen and is gone`)
    }
    for (const [key, from] of start) {
      if (from > (this.#trimmedTo.get(key) ?? 0))
        broken('I3', `${key} starts at ${from}, which nobody asked for`)
      if (from > end.get(key)!) broken('I3', `${key} starts behind its end`)
    }
  }

  #checkAttempt(attempt: Attempt, contents: Contents): void {
    const { outcome } = attempt
    if (outcome === 'pending') return
    let present = 0
    let absent = 0
    attempt.atRisk = false
    attempt.entries.forEach((entry, index) => {
      const found = this.#findEntry(entry, attempt.values[index]!, contents)
      if (found === 'excused') return
      if (found === 'absent') {
        absent++
        if (outcome === 'acknowledged')
          broken('I1', `acknowledged ${describe(entry, attempt.values[index]!)} is lost`)
        return
      }
      present++
      if (outcome === 'refused') broken('I4', `refused ${describe(entry, attempt.values[index]!)} is there`)
      const wasAnswered = outcome === 'acknowledged' || outcome === 'unsynced'
      if (wasAnswered && entry.kind === 'batch' && found !== attempt.offsets[index]) {
        broken(
          'I1',
          `${describe(entry, attempt.values[index]!)} moved from ${attempt.offsets[index]} to ${found}`,
        )
      }
    })
    if (present > 0 && absent > 0) broken('I4', 'an append is there in part')
    if (outcome === 'unsynced') attempt.outcome = absent > 0 ? 'refused' : 'acknowledged'
    if (outcome === 'unknown' && absent > 0) attempt.outcome = 'refused'
    if (outcome === 'unknown' && present > 0) {
      attempt.outcome = 'acknowledged'
      attempt.offsets = attempt.entries.map(
        (_, index) => contents.places.get(attempt.values[index]?.[0] ?? '')?.offset ?? -1,
      )
    }
  }

  /** The base offset at which an entry's records are, `present` for a control that shows, or why nothing is there. */
  #findEntry(
    entry: LogEntry,
    values: readonly string[],
    contents: Contents,
  ): number | 'present' | 'absent' | 'excused' {
    const key = keyOf(entry.id)
    const exists = contents.start.has(key)
    if (entry.kind === 'create') {
      if (exists) return 'present'
      return this.#maybeDeleted.has(key) ? 'excused' : 'absent'
    }
    // One that is not there may never have been.
    if (entry.kind === 'delete') return exists ? 'absent' : 'excused'
    if (entry.kind === 'trim' || entry.kind === 'roll') return 'excused'
    const places = values.map((value) => contents.places.get(value))
    const first = places[0]
    if (first === undefined || places.some((place) => place === undefined)) {
      if (!exists && this.#maybeDeleted.has(key)) return 'excused'
      if (exists && (contents.start.get(key)! > 0 || contents.damaged.has(key))) return 'excused'
      if (places.some((place) => place !== undefined))
        broken('I4', `${describe(entry, values)} is there in part`)
      return 'absent'
    }
    places.forEach((place, index) => {
      if (place?.key !== key || place.offset !== first.offset + index)
        broken('I1', `${describe(entry, values)} is scattered`)
    })
    return first.offset
  }
}

async function read(log: LogGroup): Promise<Contents> {
  const contents: Contents = {
    start: new Map(),
    end: new Map(),
    places: new Map(),
    values: new Map(),
    damaged: new Set(),
  }
  for (const partition of log.partitions()) {
    const key = keyOf(partition.id)
    const { startOffset, endOffset } = partition
    if (partition.damage !== null) contents.damaged.add(key)
    contents.start.set(key, startOffset)
    contents.end.set(key, endOffset)
    let next: number = startOffset
    while (next < endOffset) {
      const bytes = await partition.read(asOffset(next), 1000)
      const from = next
      for (const record of readRecords(bytes, from)) {
        if (record.offset >= partition.endOffset)
          broken('I2', `${key} serves ${record.offset} before its sync`)
        if (record.offset >= endOffset) break
        if (record.offset !== next) broken('I3', `${key} has a gap: ${next} is followed by ${record.offset}`)
        const value = new TextDecoder().decode(record.value ?? new Uint8Array(0)).split(':')[0]!
        if (contents.places.has(value)) broken('I1', `"${value}" is there twice`)
        contents.places.set(value, { key, offset: next })
        contents.values.set(`${key}@${next}`, value)
        next++
      }
      if (next === from) broken('I3', `${key} has nothing at ${from}, below its end ${endOffset}`)
    }
  }
  return contents
}

function splitPlace(place: string): [string, string] {
  const at = place.lastIndexOf('@')
  return [place.slice(0, at), place.slice(at + 1)]
}

function describe(entry: LogEntry, values: readonly string[]): string {
  return `${entry.kind} [${values}] of ${keyOf(entry.id)}`
}

export function broken(invariant: string, how: string): never {
  throw new Error(`${invariant} is broken: ${how}`)
}
