// One round of compaction over the sealed segments of a partition: notes the latest offset of each key that came since the
// last round, then writes the segments anew without what is superseded. It touches no segment that is there: it makes
// files beside them, durable ones, and says what they could replace. Whether they do is the log's decision.
//
// A generator, since it is somebody else who knows how fast it may go and on which thread: it stops after each few
// megabytes, and where a file is ready.
import type { Disk } from '#base'
import { BatchFilter, type BatchHeader, deleteHorizonOf, RecordCursor } from '#record'
import { batchAt } from '../segment/batch-walk.ts'
import { type SegmentFacts, segmentName } from '../segment/segment-facts.ts'
import { SegmentOutput } from '../segment/segment-output.ts'
import { scanSegment } from '../segment/segment-scan.ts'
import { readSums } from '../segment/segment-sums.ts'
import { isOpaque, type MergeLimits, mayHideValues, planGroups, tombstoneStays } from './compaction-plan.ts'
import { KeyMap } from './key-map.ts'
import type { SegmentSwap } from './segment-swap.ts'

/** Plain data: it may go to another thread. */
export type CompactionJob = MergeLimits & {
  /** Of the partition. */
  readonly directory: string
  /** Sealed, oldest first, without a gap. */
  readonly segments: readonly SegmentFacts[]
  /** Below it each key has one record already. */
  readonly compactedTo: number
  /** Of the files that the round makes; no other round of the partition has it. */
  readonly generation: number
  readonly now: number
  readonly deleteRetentionMs: number
  readonly keysSizeBytesMax: number
  readonly seed: number
  readonly stepBytes: number
}

export type CompactionStep =
  /** So much was read and written since the last step. */
  | { readonly kind: 'worked'; readonly sizeBytes: number }
  /** The files are durable. Whoever goes on has taken them over. */
  | { readonly kind: 'swap'; readonly swap: SegmentSwap }

export type CompactionTotals = {
  /** Each key has one record below this offset now. */
  readonly compactedTo: number
  readonly recordsRemoved: number
}

type StoredBatch = { readonly bytes: Uint8Array; readonly header: BatchHeader; readonly isLast: boolean }

export function* compact(
  disk: Disk,
  job: CompactionJob,
): Generator<CompactionStep, CompactionTotals, undefined> {
  return yield* new CompactionRound(disk, job).run()
}

class CompactionRound {
  readonly #disk: Disk
  readonly #job: CompactionJob
  readonly #keys: KeyMap
  readonly #cursor = new RecordCursor()
  readonly #filter = new BatchFilter()
  /** Of the records of the batch at hand, in their order. */
  #kept: boolean[] = []
  #hidden = false
  #workedBytes = 0
  #recordsRemoved = 0

  constructor(disk: Disk, job: CompactionJob) {
    this.#disk = disk
    this.#job = job
    this.#keys = new KeyMap(job.keysSizeBytesMax, job.seed)
  }

  *run(): Generator<CompactionStep, CompactionTotals, undefined> {
    const { segments } = this.#job
    const compactedTo = yield* this.#noteKeys()
    const reached = segments.filter(({ baseOffset }) => baseOffset < compactedTo)
    const endOffset = segments[reached.length]?.baseOffset ?? this.#job.endOffset
    for (const group of planGroups(reached, { ...this.#job, endOffset })) {
      if (group.length > 1 || (yield* this.#changes(group[0]!, compactedTo)))
        yield* this.#rewrite(group, compactedTo)
    }
    return { compactedTo, recordsRemoved: this.#recordsRemoved }
  }

  /** Answers up to where keys are known: the end, unless there are too many of them for the memory given. */
  *#noteKeys(): Generator<CompactionStep, number, undefined> {
    const { segments, compactedTo, endOffset } = this.#job
    for (const [index, segment] of segments.entries()) {
      if ((segments[index + 1]?.baseOffset ?? endOffset) <= compactedTo) continue
      for (const { bytes, header } of this.#batches(segment)) {
        if (header.lastOffset < compactedTo) continue
        if (this.#keys.isFull) return header.baseOffset
        yield* this.#pace(bytes.length)
        if (!isOpaque(header)) this.#noteBatch(bytes)
      }
    }
    return endOffset
  }

  #noteBatch(bytes: Uint8Array): void {
    const cursor = this.#cursor
    for (cursor.reset(bytes); cursor.next(); ) {
      const key = cursor.key()
      if (key !== null) this.#keys.put(key, cursor.offset)
    }
  }

  /** Whether the segment would be another one afterwards. */
  *#changes(segment: SegmentFacts, until: number): Generator<CompactionStep, boolean, undefined> {
    const hidden = this.#hidden
    for (const batch of this.#batches(segment)) {
      yield* this.#pace(batch.bytes.length)
      if (this.#judge(batch, until) === 'stays') continue
      this.#hidden = hidden
      return true
    }
    return false
  }

  *#rewrite(group: readonly SegmentFacts[], until: number): Generator<CompactionStep, void, undefined> {
    const { directory, generation, stepBytes } = this.#job
    const first = group[0]!
    const times = { firstAppendTime: first.firstAppendTime, lastAppendTime: group.at(-1)!.lastAppendTime }
    const { baseOffset } = first
    const output = new SegmentOutput(this.#disk, { directory, baseOffset, generation, stepBytes })
    let by: SegmentFacts | null = null
    try {
      for (const segment of group) {
        for (const batch of this.#batches(segment)) {
          const written = this.#write(output, batch, until)
          yield* this.#pace(batch.bytes.length + written)
        }
      }
      by = output.finish(times)
    } finally {
      if (by === null) output.discard()
    }
    yield { kind: 'swap', swap: { replaced: group, by: by.sizeBytes > 0 ? [by] : [], keysTo: until } }
  }

  /** Answers how many bytes are left of the batch. */
  #write(output: SegmentOutput, batch: StoredBatch, until: number): number {
    const { bytes, header } = batch
    const verdict = this.#judge(batch, until)
    if (verdict === 'goes') {
      this.#recordsRemoved += header.count
      return 0
    }
    if (verdict === 'stays') {
      output.add(bytes, header)
      return bytes.length
    }
    const filtered = this.#filtered(batch, verdict.horizon)
    output.add(filtered, batchAt(filtered, 0)!)
    return filtered.length
  }

  /** `horizon` null: the batch keeps what it has. */
  #judge(batch: StoredBatch, until: number): 'stays' | 'goes' | { readonly horizon: number | null } {
    const { bytes, header, isLast } = batch
    if (header.baseOffset >= until) return 'stays'
    if (mayHideValues(header)) this.#hidden = true
    if (isOpaque(header)) return 'stays'
    // One batch must hold the place up to the end, or reading there would find nothing.
    if (header.count === 0) return isLast ? 'stays' : 'goes'
    const { keptCount, hasTombstones } = this.#choose(bytes, header)
    if (keptCount === 0 && !isLast) return 'goes'
    const { now, deleteRetentionMs } = this.#job
    const isNew = hasTombstones && deleteHorizonOf(header) === null
    if (isNew) return { horizon: now + deleteRetentionMs }
    return keptCount === header.count ? 'stays' : { horizon: null }
  }

  #choose(bytes: Uint8Array, header: BatchHeader): { keptCount: number; hasTombstones: boolean } {
    const cursor = this.#cursor
    const tombstone = {
      deleteHorizon: deleteHorizonOf(header),
      now: this.#job.now,
      mayBeHidden: this.#hidden,
    }
    let keptCount = 0
    let hasTombstones = false
    this.#kept.length = 0
    for (cursor.reset(bytes); cursor.next(); ) {
      const key = cursor.key()
      const isLatest = key === null || this.#keys.latest(key) <= cursor.offset
      const isTombstone = key !== null && cursor.valueStart < 0
      const stays = isLatest && (!isTombstone || tombstoneStays(tombstone))
      this.#kept.push(stays)
      if (stays) keptCount++
      if (stays && isTombstone) hasTombstones = true
    }
    return { keptCount, hasTombstones }
  }

  #filtered({ bytes, header }: StoredBatch, horizon: number | null): Uint8Array {
    const cursor = this.#cursor
    const filter = this.#filter
    filter.begin(header, horizon)
    let index = 0
    for (cursor.reset(bytes); cursor.next(); index++) if (this.#kept[index]) filter.keep(cursor)
    this.#recordsRemoved += header.count - filter.count
    return filter.build(bytes)
  }

  *#batches(segment: SegmentFacts): Generator<StoredBatch, void, undefined> {
    const { directory, segments } = this.#job
    const { baseOffset, generation, sizeBytes } = segment
    const file = this.#disk.open(`${directory}/${segmentName(baseOffset, generation)}.log`, 'read')
    const isNewest = segment === segments.at(-1)
    try {
      const sums = readSums(this.#disk, file, segment)
      for (const { bytes, header, end } of scanSegment(file, segment, sums))
        yield { bytes, header, isLast: isNewest && end === sizeBytes }
    } finally {
      file.close()
    }
  }

  *#pace(sizeBytes: number): Generator<CompactionStep, void, undefined> {
    this.#workedBytes += sizeBytes
    if (this.#workedBytes < this.#job.stepBytes) return
    yield { kind: 'worked', sizeBytes: this.#workedBytes }
    this.#workedBytes = 0
  }
}
