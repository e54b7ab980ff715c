// Compaction as the log sees it: one round at a time, at a limited speed, each finished file swapped in by an entry of the
// write-ahead log. Until that entry is durable the files beside the segments mean nothing.
import { BrokerError, type Disk } from '#base'
import type { CompactionOptions, CompactionReport } from '../api.ts'
import type { AnyEntry } from '../commit/append.ts'
import type { LogContext } from '../options.ts'
import { Pace } from '../pace.ts'
import { type PartitionLog, spanMax } from '../partition/partition-log.ts'
import { type SegmentFacts, segmentName } from '../segment/segment-facts.ts'
import type { CompactionJob } from './compaction.ts'
import type { CompactionRunner } from './compaction-runner.ts'
import type { SegmentSwap } from './segment-swap.ts'

export type CompactorParts = {
  readonly context: LogContext
  readonly runner: CompactionRunner
  append(entry: AnyEntry): Promise<unknown>
}

/** Segments for which there must be room at any time: what is replaced goes after the next checkpoint only. */
const roomSegments = 2

export class Compactor {
  readonly #parts: CompactorParts
  readonly #stopping = new AbortController()
  #running: Promise<unknown> | null = null

  constructor(parts: CompactorParts) {
    this.#parts = parts
  }

  /** Rejects with `busy` while another round runs, `disk_full`, `corrupt`, `closed`, or what the disk says. */
  run(partition: PartitionLog, options: CompactionOptions): Promise<CompactionReport> {
    if (this.#stopping.signal.aborted) return Promise.reject(closed())
    if (this.#running !== null) return Promise.reject(new BrokerError('busy', 'a compaction is running'))
    if (partition.damage !== null) return Promise.reject(partition.damage)
    const running = this.#round(partition, options).finally(() => {
      this.#running = null
    })
    this.#running = running.catch(() => undefined)
    return running
  }

  /** The round under way ends at its next step. */
  stop(): void {
    this.#stopping.abort()
  }

  async ended(): Promise<void> {
    await this.#running
  }

  async #round(partition: PartitionLog, options: CompactionOptions): Promise<CompactionReport> {
    const { context, runner } = this.#parts
    const started = context.clock.monotonic()
    const job = this.#job(partition, options)
    const pace = new Pace(context.clock, context.compactionBytesPerSecondMax)
    const bytesBefore = sizeOf(job.segments)
    let bytesAfter = bytesBefore
    let swaps = 0
    this.#checkRoom(bytesBefore)
    const signal = options.signal
      ? AbortSignal.any([this.#stopping.signal, options.signal])
      : this.#stopping.signal
    const run = runner.start(job)
    try {
      for (;;) {
        const progress = await run.next()
        if (progress.done) {
          const { compactedTo, recordsRemoved } = progress.totals
          if (compactedTo > partition.compactedTo)
            await this.#swap(partition, { replaced: [], by: [], compactedTo })
          return {
            bytesBefore,
            bytesAfter,
            recordsRemoved,
            swaps,
            tookMs: context.clock.monotonic() - started,
          }
        }
        const { step } = progress
        if (step.kind === 'swap') {
          await this.#swap(partition, step.swap)
          bytesAfter += sizeOf(step.swap.by) - sizeOf(replacedOf(job, step.swap))
          swaps++
        } else await pace.rest(step.sizeBytes, signal)
        if (signal.aborted) throw closed()
        this.#checkRoom(bytesBefore)
      }
    } finally {
      await run.stop()
    }
  }

  #job(partition: PartitionLog, options: CompactionOptions): CompactionJob {
    const { context } = this.#parts
    const { now, deleteRetentionMs, appendSpanMsMax = null } = options
    return {
      directory: partition.directory,
      segments: partition.sealedFacts(),
      endOffset: partition.sealedEnd,
      compactedTo: partition.compactedTo,
      generation: partition.takeGeneration(),
      now,
      deleteRetentionMs,
      appendSpanMsMax,
      offsetSpanMax: spanMax,
      segmentSizeBytesMax: context.segmentSizeBytesMax,
      keysSizeBytesMax: context.compactionKeysBytesMax,
      seed: context.random.below(2 ** 32),
      stepBytes: context.syncStepBytes,
    }
  }

  #checkRoom(sizeBytes: number): void {
    const { disk, directory, segmentSizeBytesMax } = this.#parts.context
    const { freeBytes } = disk.space(directory)
    const neededBytes = roomSegments * Math.min(sizeBytes, segmentSizeBytesMax)
    if (freeBytes >= neededBytes) return
    throw new BrokerError('disk_full', 'there is too little room to compact', {
      fix: 'free some space, or shorten the retention of a topic',
      details: { neededBytes, freeBytes },
    })
  }

  /** Segments may have been trimmed meanwhile: then the files came to nothing. */
  async #swap(partition: PartitionLog, swap: SegmentSwap): Promise<void> {
    const { context, append } = this.#parts
    try {
      await append({ kind: 'replace', id: partition.id, swap })
    } catch (thrown) {
      // Unless the entry was judged, only the next start can tell whether it is there, so the files stay.
      if (context.disk.exists(partition.directory) && thrown instanceof BrokerError && isRefusal(thrown))
        removeFiles(context.disk, partition.directory, swap)
      throw thrown
    }
  }
}

function isRefusal({ code }: BrokerError): boolean {
  return code === 'conflict' || code === 'not_found'
}

function removeFiles(disk: Disk, directory: string, { by }: SegmentSwap): void {
  for (const { baseOffset, generation } of by) {
    const stem = `${directory}/${segmentName(baseOffset, generation)}`
    for (const extension of ['log', 'index', 'timeindex', 'sum']) disk.remove(`${stem}.${extension}`)
  }
}

function replacedOf({ segments }: CompactionJob, { replaced }: SegmentSwap): SegmentFacts[] {
  return segments.filter(({ baseOffset }) => replaced.some((key) => key.baseOffset === baseOffset))
}

function sizeOf(segments: readonly SegmentFacts[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

function closed(): BrokerError {
  return new BrokerError('closed', 'the compaction was stopped')
}
