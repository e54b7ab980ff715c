// One partition: its segments, what of them is visible, and the batches on their way into them.
import {
  asByteSize,
  asMillis,
  asOffset,
  assert,
  BrokerError,
  type ByteSize,
  type Millis,
  type Offset,
} from '#base'
import type { Partition, PartitionId, SealedSegment, SegmentSlice } from './api.ts'
import { wholeBatches } from './batch-walk.ts'
import { damageFix } from './damage-list.ts'
import type { BatchPlace } from './frame-changes.ts'
import type { LogContext } from './options.ts'
import { type ProducerRow, ProducerTable } from './producer-table.ts'
import { type FoundBatch, Segment, type SegmentFacts } from './segment.ts'
import { StagedBatches } from './staged-batches.ts'

/** What a checkpoint keeps of a partition. */
export type PartitionFacts = {
  readonly id: PartitionId
  readonly topic: string
  readonly startOffset: number
  readonly endOffset: number
  readonly segments: readonly SegmentFacts[]
  /** Why it is known to be damaged. */
  readonly damage?: string
  /** Absent without idempotent producers. */
  readonly producers?: readonly ProducerRow[]
  /** Offsets from `endOffset` to here were acknowledged and could not be brought back. */
  readonly lostUntil?: number
}

/** `partitionDirectory('orders', 3) -> 'orders-3'`. */
export function partitionDirectory(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** Within this many bytes of the end the page cache surely holds what this process has just written. */
const warmBytes = 8 * 2 ** 20

/** Small batches, which are not adjacent in a frame, are gathered here, so that a segment gets few writes per frame. */
const gatherBuffer = new Uint8Array(256 * 1024)

type Place = FoundBatch & { readonly segment: Segment }

export class PartitionLog implements Partition {
  readonly id: PartitionId
  readonly topic: string
  readonly topicIdBytes: Uint8Array
  readonly directory: string
  readonly #context: LogContext
  readonly #segments: Segment[]
  readonly #staged = new StagedBatches()
  readonly #unsynced = new Set<Segment>()
  #producers: ProducerTable | null
  /** Sealed, and their sums are not in files yet. */
  readonly #unsummed = new Set<Segment>()
  #startOffset: number
  #endOffset: number
  #stagedEnd: number
  #lostUntil: number | null = null
  /** Set when a file was made whose name is not durable yet. */
  directoryChanged = false
  /** A partition that is not whole: reads up to the damage go on, appends are refused. */
  damage: BrokerError | null = null

  constructor(context: LogContext, facts: PartitionFacts) {
    this.#context = context
    this.id = facts.id
    this.topic = facts.topic
    this.topicIdBytes = Uint8Array.fromHex(facts.id.topicId)
    this.directory = `${context.directory}/topics/${partitionDirectory(facts.topic, facts.id.partition)}`
    this.#segments = facts.segments.map((segment) => new Segment(context, this.directory, segment))
    this.#producers = facts.producers ? new ProducerTable(context, facts.producers) : null
    this.#startOffset = facts.startOffset
    this.#endOffset = facts.endOffset
    this.#stagedEnd = facts.endOffset
    for (const segment of this.#segments.slice(0, -1)) this.#unsummed.add(segment)
    if (facts.damage !== undefined) this.damage = new BrokerError('corrupt', facts.damage, { fix: damageFix })
    if (facts.lostUntil !== undefined) this.#lostUntil = facts.lostUntil
  }

  /** First offset that was acknowledged and is lost; null if none is. */
  get lostFrom(): number | null {
    return this.#lostUntil === null ? null : this.#endOffset
  }

  /** From `offset` on it could not be brought back: what lies before is served, nothing is appended. */
  quarantine(offset: number, reason: string): void {
    assert(offset === this.#stagedEnd, 'damage begins where what was brought back ends')
    this.#lostUntil = offset
    this.damage = new BrokerError('corrupt', reason, { fix: damageFix, details: { offset } })
  }

  noteLost(until: number): void {
    this.#lostUntil = Math.max(this.#lostUntil ?? 0, until)
  }

  get startOffset(): Offset {
    return asOffset(this.#startOffset)
  }

  get endOffset(): Offset {
    return asOffset(this.#endOffset)
  }

  /** One past the last record in the frame that is being written. */
  get stagedEnd(): number {
    return this.#stagedEnd
  }

  get sizeBytes(): ByteSize {
    let sizeBytes = 0
    for (const segment of this.#segments) sizeBytes += segment.visibleBytes
    return asByteSize(sizeBytes)
  }

  get lastAppendTime(): Millis {
    for (let index = this.#segments.length - 1; index >= 0; index--) {
      const segment = this.#segments[index]!
      if (segment.visibleBytes > 0) return asMillis(segment.lastAppendTime)
    }
    return asMillis(0)
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** Made with the first batch of an idempotent producer: most partitions have none. */
  get producers(): ProducerTable {
    this.#producers ??= new ProducerTable(this.#context)
    return this.#producers
  }

  get producerCount(): number {
    return this.#producers?.count ?? 0
  }

  expireProducers(appendTime: number): void {
    this.#producers?.expire(appendTime)
  }

  /** What is durable and visible now. */
  get facts(): PartitionFacts {
    return {
      id: this.id,
      topic: this.topic,
      startOffset: this.#startOffset,
      endOffset: this.#endOffset,
      segments: this.#segments.filter((segment) => segment.visibleBytes > 0).map((segment) => segment.facts),
      ...(this.damage && { damage: this.damage.message }),
      ...(this.#producers && this.#producers.count > 0 && { producers: this.#producers.rows }),
      ...(this.#lostUntil !== null && { lostUntil: this.#lostUntil }),
    }
  }

  // Writing: stage, write, publish, in this order and once per frame; or stage and unstage.

  /** True if it is the first batch of this partition in this frame. */
  stage({ position, sizeBytes, offsetCount, maxTimestamp }: BatchPlace): boolean {
    const staged = this.#staged
    staged.positions.push(position)
    staged.sizes.push(sizeBytes)
    staged.baseOffsets.push(this.#stagedEnd)
    this.#stagedEnd += offsetCount
    staged.lastOffsets.push(this.#stagedEnd - 1)
    staged.maxTimestamps.push(maxTimestamp)
    return staged.count === 1
  }

  unstage(): void {
    this.#staged.clear()
    this.#stagedEnd = this.#endOffset
  }

  /** Writes what was staged into segments. May be called again after an error: what was written stays written. */
  write(frame: Uint8Array, appendTime: number): void {
    const staged = this.#staged
    while (staged.writtenCount < staged.count) {
      const segment = this.#segmentFor(
        staged.baseOffsets[staged.writtenCount]!,
        staged.sizes[staged.writtenCount]!,
        appendTime,
      )
      const until = this.#runEnd(segment)
      const bytes = gather(frame, staged, until)
      segment.append(bytes)
      for (let index = staged.writtenCount; index < until; index++) {
        const lastOffset = staged.lastOffsets[index]! - segment.baseOffset
        const maxTimestamp = staged.maxTimestamps[index]!
        segment.note(
          { position: segment.writtenBytes, sizeBytes: staged.sizes[index]!, lastOffset, maxTimestamp },
          appendTime,
        )
      }
      staged.writtenCount = until
    }
  }

  /** Makes visible what was written. */
  publish(): void {
    const staged = this.#staged
    assert(staged.writtenCount === staged.count, 'records are written before they become visible')
    const from = staged.baseOffsets[0]!
    for (let index = this.#segments.length - 1; index >= 0; index--) {
      const segment = this.#segments[index]!
      segment.publish()
      this.#unsynced.add(segment)
      if (segment.baseOffset <= from) break
    }
    this.#endOffset = this.#stagedEnd
    staged.clear()
  }

  /** `trim(31)` drops whole segments below 31; answers the files that nothing refers to any more. */
  trim(before: number): string[] {
    if (before <= this.#startOffset) return []
    // Of a quarantined partition the end may have been cut back below what was trimmed.
    this.#startOffset = Math.min(before, this.#endOffset)
    const kept = this.#segments.findIndex((_, index) => this.#endOf(index) > before)
    const dropped = this.#segments.splice(0, kept < 0 ? this.#segments.length : kept)
    for (const segment of dropped) {
      this.#unsynced.delete(segment)
      this.#unsummed.delete(segment)
    }
    return dropped.flatMap((segment) => segment.setAside() ?? [])
  }

  /** Closes every file. They lie in `directory` now, if one is given, which is the caller's to remove. */
  retire(directory?: string): void {
    for (const segment of this.#segments) segment.retire(directory)
  }

  /** Closes every file. */
  close(): void {
    for (const segment of this.#segments) segment.close()
  }

  /** Segments whose newest bytes are not synced. */
  *unsynced(): Generator<Segment> {
    for (const segment of this.#unsynced) {
      if (segment.syncedBytes === segment.visibleBytes) this.#unsynced.delete(segment)
      else yield segment
    }
  }

  /** Sealed segments that are visible as a whole and whose sums are known, but not in a file of their own. */
  *unsummed(): Generator<Segment> {
    for (const segment of this.#unsummed) {
      if (segment.sums.hasFile) this.#unsummed.delete(segment)
      else if (segment.sums.areKnown && segment.visibleBytes === segment.writtenBytes) yield segment
    }
  }

  /** For an orderly stop, before its checkpoint: the newest index is at hand at the next start. */
  saveIndex(): void {
    this.#segments.at(-1)?.saveIndex()
  }

  // Reading.

  async read(from: Offset, bytesMax: number): Promise<Uint8Array> {
    const place = this.#locate(from)
    if (place === null) return new Uint8Array(0)
    const { segment, position, header } = place
    const room = segment.visibleBytes - position
    const wantedBytes = Math.min(room, Math.max(bytesMax, header.sizeBytes))
    const warm = position >= segment.warmFrom && room <= warmBytes
    const { bytes, damage } = warm
      ? segment.read(position, wantedBytes)
      : await segment.readAsync(position, wantedBytes)
    const { sizeBytes, damagedAt } = wholeBatches(bytes, header.baseOffset)
    // What lies before damage is served; the next read begins at it.
    if (sizeBytes === 0)
      throw damage ?? segment.damaged(position + Math.max(damagedAt, 0), 'no record batch begins there')
    return bytes.subarray(0, sizeBytes)
  }

  slice(from: Offset, bytesMax: number): SegmentSlice | null {
    const place = this.#locate(from)
    if (place === null) return null
    const { segment, position, header } = place
    const end = segment.batchEndBefore(position + bytesMax)
    const sizeBytes = Math.max(end - position, header.sizeBytes)
    const summed = segment.summed(position, sizeBytes)
    return { path: segment.path, position, sizeBytes, ...(summed && { summed }) }
  }

  offsetAt(timestamp: Millis): Offset | null {
    for (const segment of this.#segments) {
      if (segment.visibleBytes === 0 || segment.maxTimestamp < timestamp) continue
      const found = segment.findTime(timestamp)
      if (found) return asOffset(Math.max(found.header.baseOffset, this.#startOffset))
    }
    return null
  }

  offsetAppendedAt(appendTime: Millis): Offset {
    const index = this.#segments.findIndex(
      (segment) => segment.visibleBytes > 0 && segment.lastAppendTime >= appendTime,
    )
    if (index < 0) return this.endOffset
    return asOffset(Math.max(this.#segments[index]!.baseOffset, this.#startOffset))
  }

  offsetForSize(sizeBytes: ByteSize): Offset {
    let kept = 0
    for (let index = this.#segments.length - 1; index >= 0; index--) {
      const segment = this.#segments[index]!
      kept += segment.visibleBytes
      if (kept > 0 && kept >= sizeBytes) return asOffset(Math.max(segment.baseOffset, this.#startOffset))
    }
    return this.startOffset
  }

  sealedSegments(): SealedSegment[] {
    return this.#segments.slice(0, -1).map(({ visibleBytes, lastAppendTime }, index) => ({
      endOffset: asOffset(this.#endOf(index)),
      sizeBytes: asByteSize(visibleBytes),
      lastAppendTime: asMillis(lastAppendTime),
    }))
  }

  /** One past the last offset of a segment. */
  #endOf(index: number): number {
    return this.#segments[index + 1]?.baseOffset ?? Math.max(this.#stagedEnd, this.#endOffset)
  }

  #locate(from: number): Place | null {
    if (from < this.#startOffset || from > this.#endOffset) {
      throw new BrokerError(
        'offset_out_of_range',
        `${this.topic}-${this.id.partition} holds offsets ${this.#startOffset} to ${this.#endOffset}, not ${from}`,
        { details: { startOffset: this.#startOffset, endOffset: this.#endOffset } },
      )
    }
    if (from === this.#endOffset) return null
    for (let index = this.#lastSegmentAtOrBefore(from); index < this.#segments.length; index++) {
      const segment = this.#segments[index]!
      if (segment !== this.#segments.at(-1)) this.#context.openSegments.touch(segment)
      const found = segment.find(from)
      if (found) return { ...found, segment }
    }
    throw this.damage ?? this.#hole(from)
  }

  #hole(from: number): BrokerError {
    return new BrokerError(
      'corrupt',
      `${this.topic}-${this.id.partition} has no record batch for offset ${from}`,
      {
        fix: damageFix,
        details: { directory: this.directory, offset: from },
      },
    )
  }

  #lastSegmentAtOrBefore(offset: number): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(low - 1, 0)
  }

  /** The segment that takes a batch of this size: the last one, or a new one if that is full, old or absent. */
  #segmentFor(baseOffset: number, sizeBytes: number, appendTime: number): Segment {
    const last = this.#segments.at(-1)
    if (last && !this.#mustRoll(last, baseOffset, sizeBytes, appendTime)) return last
    const facts = {
      baseOffset,
      sizeBytes: 0,
      maxTimestamp: -1,
      firstAppendTime: appendTime,
      lastAppendTime: appendTime,
    }
    const segment = new Segment(this.#context, this.directory, facts)
    // What lies there under this name was never acknowledged; of that a replay is sure only when it has met its end.
    if (!this.#context.replaying) segment.file.truncate(0)
    if (last) {
      last.saveIndex()
      this.#unsummed.add(last)
      this.#context.openSegments.touch(last)
    }
    this.#segments.push(segment)
    this.directoryChanged = true
    return segment
  }

  #mustRoll(last: Segment, baseOffset: number, sizeBytes: number, appendTime: number): boolean {
    if (last.writtenBytes === 0) return false
    const { segmentSizeBytesMax, segmentAgeMsMax } = this.#context
    if (last.writtenBytes + sizeBytes > segmentSizeBytesMax) return true
    // Index entries hold offsets relative to the segment in 31 bits; a batch spans less than half of that.
    return baseOffset - last.baseOffset > 2 ** 30 || appendTime - last.firstAppendTime > segmentAgeMsMax
  }

  /** One past the last staged batch that one write can take into the segment together with the next one. */
  #runEnd(segment: Segment): number {
    const { sizes, writtenCount, count } = this.#staged
    const room = Math.min(this.#context.segmentSizeBytesMax - segment.writtenBytes, gatherBuffer.length)
    let sizeBytes = sizes[writtenCount]!
    let until = writtenCount + 1
    while (until < count && sizeBytes + sizes[until]! <= room) sizeBytes += sizes[until++]!
    return until
  }
}

function gather(frame: Uint8Array, staged: StagedBatches, until: number): Uint8Array {
  const { positions, sizes, writtenCount } = staged
  if (until === writtenCount + 1) {
    const position = positions[writtenCount]!
    return frame.subarray(position, position + sizes[writtenCount]!)
  }
  let at = 0
  for (let index = writtenCount; index < until; index++) {
    const position = positions[index]!
    gatherBuffer.set(frame.subarray(position, position + sizes[index]!), at)
    at += sizes[index]!
  }
  return gatherBuffer.subarray(0, at)
}
