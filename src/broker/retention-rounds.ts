// Looks at every partition from time to time and appends the trims that retention asks for, and the rolls that let it be
// exact.
import { asMillis, type Clock, type Logger, type Millis, type Offset, type Timer, toError } from '#base'
import type { LogEntry, LogGroup, Partition, PartitionId } from '#log'
import type { RecordInput } from '#record'
import type { Catalogue } from './catalogue.ts'
import { encodeFactKey, encodeFactValue, type Fact } from './fact-record.ts'
import type { Journal } from './journal.ts'
import type { BrokerLimits } from './limits.ts'
import { isConsumedOnce } from './name.ts'
import { decideConsumed, decideRetention, mustSeal } from './retention.ts'
import { advanceRetentionClock } from './retention-clock.ts'

/** The retention clock is recorded when it has come this far: a restart sets it back by this much at most. */
const recordEveryMs = 60 * 60 * 1000

export type RetentionRoundsOptions = {
  readonly log: LogGroup
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: BrokerLimits
  readonly catalogue: Catalogue
  /** The least position in a partition that a group has committed; null if none has. */
  readonly leastCommitted: (topic: string, partition: number) => Offset | null
}

export class RetentionRounds {
  readonly #options: RetentionRoundsOptions
  #journal!: Journal
  #now: Millis
  #recordedAt: Millis
  /** No record counts as older. */
  #setAt: Millis | undefined
  #decidedAtMonotonic: number
  #doubting = false
  #timer: Timer | null = null
  #round: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: RetentionRoundsOptions) {
    const { clock } = options
    this.#options = options
    this.#now = asMillis(clock.now())
    this.#recordedAt = this.#now
    this.#decidedAtMonotonic = clock.monotonic()
  }

  restore({ at, setAt }: Extract<Fact, { kind: 'retentionClock' }>): void {
    this.#now = at
    this.#setAt = setAt
    this.#recordedAt = at
  }

  /** As of the last round. */
  get now(): Millis {
    return this.#now
  }

  /** Live record of the journal. */
  record(): RecordInput {
    return retentionClockRecord(this.#now, this.#options.clock.now(), this.#setAt)
  }

  start(journal: Journal): void {
    this.#journal = journal
    this.#schedule()
  }

  /** One round, now: for the timer and for tests. Answers how many partitions were trimmed. */
  async run(): Promise<number> {
    const now = this.#advanceClock()
    const changes = [...this.#decide(now)]
    const { log, limits } = this.#options
    for (let first = 0; first < changes.length; first += limits.trimsPerAppendMax) {
      // A topic may have been deleted while an earlier part was on its way.
      const part = changes
        .slice(first, first + limits.trimsPerAppendMax)
        .filter(({ id }) => log.partition(id))
      if (part.length > 0 && !this.#closed) await log.append(part)
    }
    // Last, since on a full disk the trims must not wait for it.
    await this.#maybeRecordClock()
    return changes.filter(({ kind }) => kind === 'trim').length
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#round
  }

  #schedule(): void {
    const { clock, limits } = this.#options
    this.#timer = clock.after(limits.retentionEveryMs, () => {
      this.#round = this.#guardedRun().finally(() => {
        if (!this.#closed) this.#schedule()
      })
    })
  }

  async #guardedRun(): Promise<void> {
    try {
      await this.run()
    } catch (thrown) {
      // Nothing is lost by keeping records longer: the next round tries again.
      this.#options.logger.warn({ err: toError(thrown) }, 'retention could not trim')
    }
  }

  *#decide(now: Millis): Generator<LogEntry & { readonly id: PartitionId }> {
    const { log, catalogue, logger } = this.#options
    for (const topic of catalogue) {
      const { retentionMs, retentionBytes } = topic.config
      const isConsumed = topic.internal && isConsumedOnce(topic.name)
      if (retentionMs === null && retentionBytes === null && !isConsumed) continue
      for (const id of topic.partitionIds) {
        const partition = log.partition(id)
        if (!partition) continue
        const config = { ...topic.config, retentionMs: this.#knowsAge(now, retentionMs) ? retentionMs : null }
        const decision = decideRetention({ config, now, partition })
        const change = decision
          ? ({ kind: 'trim', id, before: decision.before } as const)
          : isConsumed
            ? this.#decideConsumed(topic.name, partition)
            : mustSeal({ config: topic.config, now, partition })
              ? ({ kind: 'roll', id } as const)
              : null
        // A damaged partition takes no entry but one that may trim the damage away.
        if (change === null || (partition.damage !== null && change.kind === 'roll')) continue
        logger.debug({ topic: topic.name, partition: id.partition, ...decision }, `retention: ${change.kind}`)
        yield change
      }
    }
  }

  #decideConsumed(topic: string, partition: Partition): (LogEntry & { readonly id: PartitionId }) | null {
    const { id } = partition
    const committed = this.#options.leastCommitted(topic, id.partition)
    if (committed === null) return null
    const segmentBytesMax = this.#options.limits.repartitionSegmentBytesMax
    const decision = decideConsumed({ committed, partition, segmentBytesMax })
    if (decision === 'seal') return { kind: 'roll', id }
    return decision && { kind: 'trim', id, before: decision.before }
  }

  /** Whether anything can be so old for certain: what was appended while the clock was not set is as old as its setting. */
  #knowsAge(now: Millis, ageMs: number | null): boolean {
    return ageMs !== null && now - ageMs >= (this.#setAt ?? 0)
  }

  #advanceClock(): Millis {
    const { clock } = this.#options
    const monotonic = clock.monotonic()
    const wallNow = clock.now()
    const { now, doubtedMs, wasSet } = advanceRetentionClock({
      previous: this.#now,
      uptimeMs: monotonic - this.#decidedAtMonotonic,
      wallNow,
    })
    this.#now = now
    this.#decidedAtMonotonic = monotonic
    if (wasSet) {
      this.#setAt = now
      this.#recordedAt = asMillis(0)
    }
    this.#report(doubtedMs)
    return now
  }

  async #maybeRecordClock(): Promise<void> {
    const now = this.#now
    if (now - this.#recordedAt < recordEveryMs || this.#closed) return
    if (!this.#journal.isFree) await this.#journal.free()
    const record = retentionClockRecord(now, this.#options.clock.now(), this.#setAt)
    const apply = () => {
      this.#recordedAt = now
    }
    await this.#journal.append([record], [], apply, { useReserve: true })
  }

  /** Once when it begins and once when it ends, not every round. */
  #report(doubtedMs: number): void {
    const doubting = doubtedMs > 0
    if (doubting === this.#doubting) return
    this.#doubting = doubting
    const { logger } = this.#options
    if (doubting) {
      logger.warn({ doubtedMs }, 'the wall clock leapt ahead: retention follows slowly; check the clock')
    } else logger.info({}, 'the retention clock agrees with the wall clock again')
  }
}

export function retentionClockRecord(at: Millis, timestamp: number, setAt?: Millis): RecordInput {
  const fact: Fact = { kind: 'retentionClock', at, ...(setAt !== undefined && { setAt }) }
  return { key: encodeFactKey(fact), value: encodeFactValue(fact), timestamp }
}
