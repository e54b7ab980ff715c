// Keeps the log below the most that it may have of the disk (`--disk-max`): while records come in it looks once a second,
// trims what `disk-trims.ts` decides, and has records refused as long as that is not enough.
import {
  asByteSize,
  asMillis,
  BrokerError,
  type Clock,
  type Counter,
  formatSize,
  type Logger,
  type Metrics,
  type Timer,
  toError,
} from '#base'
import type { LogGroup } from '#log'
import type { DiskUse } from './api.ts'
import type { Catalogue } from './catalogue.ts'
import { forgetsByAge } from './config.ts'
import {
  type DiskTrim,
  decideDiskTrims,
  decideRolls,
  type RollCandidate,
  type TrimCandidate,
  trimAboveShare,
} from './disk-trims.ts'
import type { BrokerLimits } from './limits.ts'
import type { Topic } from './topic.ts'

/** What was trimmed is told for so long. */
const toldMs = 60 * 60 * 1000
/** Trims in a row are one line in the log, not one a second. */
const reportEveryMs = 60 * 1000

export type DiskCapOptions = {
  readonly log: LogGroup
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly limits: BrokerLimits
  readonly catalogue: Catalogue
  /** null: no limit but the disk. */
  readonly maxBytes: number | null
}

export class DiskCap {
  readonly #options: DiskCapOptions
  readonly #trimmedBytes: Counter
  #detach: () => void = () => undefined
  #timer: Timer | null = null
  #round: Promise<void> | null = null
  #isFull = false
  #closed = false
  /** Since the last line in the log. */
  #unreported: DiskTrim[] = []
  #reportedAt = Number.NEGATIVE_INFINITY
  #trimmed: { readonly atMonotonic: number; readonly use: NonNullable<DiskUse['trimmed']> } | null = null

  constructor(options: DiskCapOptions) {
    this.#options = options
    const { metrics, log, maxBytes } = options
    const used = metrics.gauge('pspf_log_used_bytes', 'Segments and write-ahead log on the disk')
    const most = metrics.gauge(
      'pspf_log_max_bytes',
      'The most that the log may have of the disk; 0: no limit',
    )
    metrics.collect(() => {
      used.set(log.usedBytes)
      most.set(maxBytes ?? 0)
    })
    const help = 'Deleted before their time to stay below the most'
    this.#trimmedBytes = metrics.counter('pspf_log_trimmed_early_bytes_total', help)
  }

  start(): void {
    if (this.#options.maxBytes === null) return
    this.#detach = this.#options.log.onVisible(() => this.#arm())
    this.#arm()
  }

  /** One round, now: for the timer and for tests. Answers how many partitions were trimmed. */
  async run(): Promise<number> {
    const { log, limits, maxBytes } = this.#options
    if (maxBytes === null) return 0
    const { usedBytes: used } = log
    const { trims, usedBytes } = decideDiskTrims({
      usedBytes: used,
      maxBytes,
      candidates: this.#candidates(used),
    })
    for (let first = 0; first < trims.length; first += limits.trimsPerAppendMax) {
      // A topic may have been deleted while an earlier part was on its way.
      const part = trims.slice(first, first + limits.trimsPerAppendMax).filter(({ id }) => log.partition(id))
      if (part.length > 0) await log.append(part.map(({ id, before }) => ({ kind: 'trim', id, before })))
    }
    this.#note(trims)
    this.#judge(usedBytes, maxBytes)
    const rolls = decideRolls({ usedBytes, maxBytes, candidates: this.#growing() }).filter((id) =>
      log.partition(id),
    )
    if (rolls.length > 0) await log.append(rolls.map((id) => ({ kind: 'roll', id })))
    return trims.length
  }

  use(): DiskUse {
    const { log, clock, maxBytes } = this.#options
    const trimmed = this.#trimmed
    const isRecent = trimmed !== null && clock.monotonic() - trimmed.atMonotonic < toldMs
    return {
      usedBytes: asByteSize(log.usedBytes),
      maxBytes: maxBytes === null ? null : asByteSize(maxBytes),
      isFull: this.#isFull,
      trimmed: isRecent ? trimmed.use : null,
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#detach()
    this.#timer?.cancel()
    await this.#round
  }

  #arm(): void {
    if (this.#timer !== null || this.#round !== null || this.#closed) return
    const { clock, limits } = this.#options
    this.#timer = clock.after(limits.diskCheckEveryMs, () => {
      this.#timer = null
      this.#round = this.#guardedRun().finally(() => {
        this.#round = null
        // Room may come back without a record coming in: none is let in.
        if (this.#isFull) this.#arm()
      })
    })
  }

  async #guardedRun(): Promise<void> {
    try {
      await this.run()
    } catch (thrown) {
      // The next record brings the next round.
      this.#options.logger.warn({ err: toError(thrown) }, 'the log could not be trimmed')
    }
  }

  #candidates(usedBytes: number): TrimCandidate[] {
    const { log, catalogue, maxBytes } = this.#options
    if (maxBytes === null || usedBytes <= maxBytes * trimAboveShare) return []
    const candidates: TrimCandidate[] = []
    for (const topic of catalogue) {
      if (!forgets(topic)) continue
      for (const id of topic.partitionIds) {
        const sealed = log.partition(id)?.sealedSegments() ?? []
        if (sealed.length > 0) candidates.push({ id, topic: topic.name, sealed })
      }
    }
    return candidates
  }

  /** What could be trimmed if it were sealed. */
  #growing(): RollCandidate[] {
    if (!this.#isFull) return []
    const candidates: RollCandidate[] = []
    for (const topic of this.#options.catalogue) {
      if (!forgets(topic)) continue
      for (const id of topic.partitionIds) {
        const partition = this.#options.log.partition(id)
        if (!partition || partition.activeSince === null || partition.damage !== null) continue
        candidates.push({
          id,
          activeSince: partition.activeSince,
          activeBytes: partition.compaction.activeBytes,
        })
      }
    }
    return candidates
  }

  #note(trims: readonly DiskTrim[]): void {
    if (trims.length === 0) return
    const { clock } = this.#options
    const bytes = trims.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    this.#trimmedBytes.add(bytes)
    const before = this.use().trimmed
    this.#trimmed = {
      atMonotonic: clock.monotonic(),
      use: {
        at: asMillis(clock.now()),
        bytes: asByteSize(bytes + (before?.bytes ?? 0)),
        appendedUpTo: asMillis(Math.max(...trims.map(({ lastAppendTime }) => lastAppendTime))),
      },
    }
    this.#unreported.push(...trims)
    this.#maybeReport()
  }

  #maybeReport(): void {
    const { clock, logger, log, maxBytes } = this.#options
    if (clock.monotonic() - this.#reportedAt < reportEveryMs) return
    this.#reportedAt = clock.monotonic()
    const trims = this.#unreported.splice(0)
    const freedBytes = trims.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const topics = [...new Set(trims.map(({ topic }) => topic))]
    logger.warn(
      { topics, freedBytes, usedBytes: log.usedBytes, maxBytes },
      'the oldest records were deleted before their time: the log nears --disk-max',
    )
  }

  #judge(usedBytes: number, maxBytes: number): void {
    const { log, logger } = this.#options
    const isFull = usedBytes > maxBytes
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    log.refuseRecords(isFull ? tooMuch(usedBytes, maxBytes) : null)
    if (isFull) logger.warn({ usedBytes, maxBytes }, 'records are refused: nothing is left to trim')
    else logger.info({ usedBytes, maxBytes }, 'records are taken again')
  }
}

/** Whether records of the topic may go before their time: it forgets, and is nobody's memory. */
function forgets({ internal, config }: Topic): boolean {
  return !internal && forgetsByAge(config) && (config.retentionMs !== null || config.retentionBytes !== null)
}

function tooMuch(usedBytes: number, maxBytes: number): BrokerError {
  const sizes = `${formatSize(usedBytes)} of the ${formatSize(maxBytes)} that it may have (--disk-max)`
  return new BrokerError('disk_full', `the log has ${sizes}, and nothing is left to trim`, {
    fix: 'delete topics, give some a retention, or raise --disk-max; appends resume by themselves',
    details: { usedBytes, maxBytes },
  })
}
