// Looks at every compacted partition from time to time and has the log compact those that are worth it, one after the
// other. The log does it on a thread of its own and no faster than it may.
import { BrokerError, type Clock, type Logger, type Millis, type Timer, toError } from '#base'
import type { LogGroup, PartitionId } from '#log'
import type { Catalogue } from './catalogue.ts'
import { decideCompaction } from './compaction.ts'
import { forgetsByAge, isCompacted } from './config.ts'
import type { BrokerLimits } from './limits.ts'
import { segmentAgeShare } from './retention.ts'
import type { Topic } from './topic.ts'

export type CompactionRoundsOptions = {
  readonly log: LogGroup
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: BrokerLimits
  readonly catalogue: Catalogue
  /** The clock that retention goes by: one that leaps must not take tombstones away. */
  readonly now: () => Millis
}

export class CompactionRounds {
  readonly #options: CompactionRoundsOptions
  readonly #closing = new AbortController()
  #timer: Timer | null = null
  #round: Promise<unknown> = Promise.resolve()

  constructor(options: CompactionRoundsOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, limits } = this.#options
    this.#timer = clock.after(limits.compactionEveryMs, () => {
      this.#round = this.run().finally(() => {
        if (!this.#closing.signal.aborted) this.start()
      })
    })
  }

  /** One round, now: for the timer and for tests. Answers how many partitions were compacted. Never rejects. */
  async run(): Promise<number> {
    let count = 0
    for (const topic of [...this.#options.catalogue]) {
      if (!isCompacted(topic.config)) continue
      for (const id of topic.partitionIds) {
        if (this.#closing.signal.aborted) return count
        if (await this.#guarded(topic, id)) count++
      }
    }
    return count
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#timer?.cancel()
    await this.#round
  }

  async #guarded(topic: Topic, id: PartitionId): Promise<boolean> {
    try {
      return await this.#maybeCompact(topic, id)
    } catch (thrown) {
      const error = toError(thrown)
      // Deleted, trimmed or closed meanwhile; otherwise nothing is lost by keeping more: the next round tries again.
      const isExpected = error instanceof BrokerError && expectedCodes.has(error.code)
      const facts = { topic: topic.name, partition: id.partition, err: error }
      if (isExpected) this.#options.logger.debug(facts, 'compaction ended early')
      else this.#options.logger.warn(facts, 'a partition could not be compacted')
      return false
    }
  }

  async #maybeCompact({ name, config }: Topic, id: PartitionId): Promise<boolean> {
    const { log, limits, logger, now } = this.#options
    const partition = log.partition(id)
    if (!partition || partition.damage !== null) return false
    const dirtyBytesMin = limits.compactionBytesMin
    const decision = decideCompaction({ config, partition: partition.compaction, dirtyBytesMin })
    if (decision === null) return false
    if (decision.rolls) await log.append([{ kind: 'roll', id }])
    const { retentionMs, deleteRetentionMs } = config
    const appendSpanMsMax =
      forgetsByAge(config) && retentionMs !== null ? retentionMs * segmentAgeShare : null
    const report = await log.compact(id, {
      now: now(),
      deleteRetentionMs,
      appendSpanMsMax,
      signal: this.#closing.signal,
    })
    logger.debug({ topic: name, partition: id.partition, ...report }, 'partition compacted')
    return true
  }
}

const expectedCodes: ReadonlySet<string> = new Set(['closed', 'conflict', 'not_found', 'busy'])
