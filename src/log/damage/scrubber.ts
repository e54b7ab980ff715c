// Reads everything that lies still, slowly and over and over, so that damage is met while a backup is at hand. It reports
// and never repairs. Segments without sums, of a version that had none, get them here if each of their batches is whole.
import { BrokerError, type Counter, sleep, toError } from '#base'
import type { LogContext } from '../options.ts'
import { Pace } from '../pace.ts'
import type { PartitionSet } from '../partition/partition-set.ts'
import type { Segment } from '../segment/segment.ts'
import { type CheckOptions, checkSegment } from '../segment/segment-check.ts'

export class Scrubber {
  readonly #context: LogContext
  readonly #partitions: PartitionSet
  readonly #closing = new AbortController()
  readonly #scrubbed: Counter
  #running: Promise<void> | null = null

  constructor(context: LogContext, partitions: PartitionSet) {
    this.#context = context
    this.#partitions = partitions
    const help = 'Bytes of segments that were read and checked while they lay still'
    this.#scrubbed = context.metrics.counter('pspf_log_scrubbed_bytes_total', help)
  }

  start(): void {
    if (this.#context.scrubBytesPerSecond > 0) this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, scrubFirstMs, scrubEveryMs, logger } = this.#context
    const { signal } = this.#closing
    await sleep(clock, scrubFirstMs, signal)
    while (!signal.aborted) {
      try {
        await this.pass()
      } catch (thrown) {
        logger.error({ err: toError(thrown) }, 'scrubbing stopped half-way; it begins anew next time')
      }
      await sleep(clock, scrubEveryMs, signal)
    }
  }

  /** Everything once. */
  async pass(): Promise<void> {
    const { clock, logger, damages, scrubBytesPerSecond } = this.#context
    const { signal } = this.#closing
    const started = clock.monotonic()
    const speed = new Pace(clock, scrubBytesPerSecond)
    let bytes = 0
    const pace = async (count: number) => {
      bytes += count
      this.#scrubbed.add(count)
      await speed.rest(count, signal)
      return !signal.aborted
    }
    for (const partition of this.#partitions) {
      for (const segment of [...partition.segments]) {
        // One that a frame in flight has closed is not visible as a whole yet.
        const isWhole = segment.visibleBytes === segment.writtenBytes
        const isSealed = isWhole && segment !== partition.segments.at(-1)
        await this.#scrub(segment, { pace, isSealed })
        if (signal.aborted) return
      }
    }
    const tookMs = Math.round(clock.monotonic() - started)
    logger.info({ bytes, tookMs, damages: damages.list.length }, 'everything stored was read and checked')
  }

  async #scrub(
    segment: Segment,
    { pace, isSealed }: Pick<CheckOptions, 'pace'> & { isSealed: boolean },
  ): Promise<void> {
    const wasOpen = segment.isOpen
    try {
      const batches = segment.sums.get() === null || segment.sums.isUnconfirmed
      // Whoever meets damage notes it.
      const checked = await checkSegment(segment, { batches, pace, damaged: () => undefined })
      if (checked !== null && batches && isSealed) segment.sums.adopt(checked.sums)
    } catch (thrown) {
      // Damage is noted; a segment that retention took meanwhile needs no check.
      if (!(thrown instanceof BrokerError)) throw thrown
    } finally {
      // Not by force: somebody may have appended to it meanwhile.
      if (!wasOpen) segment.release()
    }
  }
}
