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
import type { CompactionFacts, Partition, PartitionId, SealedSegment, SegmentSlice } from '../api.ts'
import type { BatchPlace } from '../commit/frame-changes.ts'
import type { SegmentSwap } from '../compaction/segment-swap.ts'
import { damageFix } from '../damage/damage-list.ts'
import type { LogContext } from '../options.ts'
import { wholeBatches } from '../segment/batch-walk.ts'
import { type FoundBatch, Segment, type SegmentEnd } from '../segment/segment.ts'
import type { SegmentFacts } from '../segment/segment-facts.ts'
import { type ProducerRow, ProducerTable } from './producer-table.ts'
import { StagedBatches } from './staged-batches.ts'

/** What a checkpoint keeps of a partition. */
export type PartitionFacts = {
  readonly id: PartitionId
  readonly topic: string
  readonly startOffset: number
  readonly endOffset: number
  readonly segments: readonly SegmentFacts[]
  /** The next batch begins a new segment. */
  readonly sealed?: boolean
  /** Below it compaction has left one record of each key. */
  readonly compactedTo?: number
  /** Records below it may have taken others away. Absent: none did since there is a history. */
  readonly keysTo?: number
  /** Why it is known to be damaged. */
  readonly damage?: string
  /** Absent without idempotent producers. */
  readonly producers?: Iterable<ProducerRow>
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

/** Index entries hold offsets relative to the segment in 31 bits; a batch spans less than half of that. */
export const spanMax = 2 ** 30

/** The end of what one sync makes visible. */
type Covered = {
  readonly segment: Segment | undefined
  readonly end: SegmentEnd | undefined
  readonly endOffset: number
  readonly sealed: boolean
}

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
  /** Gave way to compacted ones; the last checkpoint may still speak of them. */
  #replaced: Segment[] = []
  #newestGeneration = 0
  #compactedTo: number
  #keysTo: number
  #retired = false
  #startOffset: number
  #endOffset: number
  #stagedEnd: number
  #lostUntil: number | null = null
  #sealed: boolean
  /** One past the last record that is in a segment, visible or not, and whether the next one begins another. */
  #writtenEnd: number
  #writtenSealed: boolean
  /** Written since the last sync began. */
  #isOpen = false
  #covered: Covered | null = null
  /** The segment that takes the next batch, as staged; without bytes, that batch begins a new one. */
  #tailBase = 0
  #tailBytes = 0
  #tailSince = 0
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
    this.#producers = facts.producers ? new ProducerTable(context, facts.producers, facts.endOffset) : null
    this.#startOffset = facts.startOffset
    this.#endOffset = facts.endOffset
    this.#stagedEnd = facts.endOffset
    this.#sealed = facts.sealed ?? false
    this.#compactedTo = facts.compactedTo ?? 0
    this.#keysTo = facts.keysTo ?? 0
    for (const { generation } of facts.segments) this.#noteGeneration(generation)
    this.#writtenEnd = facts.endOffset
    this.#writtenSealed = this.#sealed
    this.#resetTail()
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

  get activeSince(): Millis | null {
    const last = this.#segments.at(-1)
    return last && !this.#sealed && last.visibleBytes > 0 ? asMillis(last.firstAppendTime) : null
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

  expireProducers(producerTime: number): void {
    this.#producers?.expire(producerTime)
  }

  /** What is durable and visible now. */
  get facts(): PartitionFacts {
    return {
      id: this.id,
      topic: this.topic,
      startOffset: this.#startOffset,
      endOffset: this.#endOffset,
      segments: this.#segments.filter((segment) => segment.visibleBytes > 0).map((segment) => segment.facts),
      ...(this.#sealed && { sealed: true }),
      ...(this.#compactedTo > 0 && { compactedTo: this.#compactedTo }),
      ...(this.#keysTo > 0 && { keysTo: this.#keysTo }),
      ...(this.damage && { damage: this.damage.message }),
      ...(this.#producers && this.#producers.count > 0 && { producers: this.#producers.rows }),
      ...(this.#lostUntil !== null && { lostUntil: this.#lostUntil }),
    }
  }

  // Writing. Per frame: stage, then write or unstage. Per sync: cover what is written so far, then publish it.

  /** Whether the segment at the end is too full or too old for a batch of this size. */
  mustRoll(sizeBytes: number, appendTime: number): boolean {
    if (this.#tailBytes === 0) return false
    const { segmentSizeBytesMax, segmentAgeMsMax } = this.#context
    if (this.#tailBytes + sizeBytes > segmentSizeBytesMax) return true
    return this.#stagedEnd - this.#tailBase > spanMax || appendTime - this.#tailSince > segmentAgeMsMax
  }

  /** The next batch begins a new segment, whatever the limits say. */
  roll(): void {
    this.#tailBytes = 0
  }

  /** True if it is the first batch of this partition in this frame. */
  stage({ position, sizeBytes, offsetCount, maxTimestamp, appendTime }: BatchPlace): boolean {
    const staged = this.#staged
    const begins = this.#tailBytes === 0
    if (begins) {
      this.#tailBase = this.#stagedEnd
      this.#tailSince = appendTime
    }
    this.#tailBytes += sizeBytes
    staged.begins.push(begins)
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
    this.#stagedEnd = this.#writtenEnd
    this.#resetTail()
  }

  /**
   * Writes what was staged into segments. May be called again after an error: what was written stays written. True if it
   * is the first since the last sync began.
   */
  write(frame: Uint8Array, appendTime: number): boolean {
    const staged = this.#staged
    while (staged.writtenCount < staged.count) {
      const segment = this.#segmentFor(staged.writtenCount, appendTime)
      const until = this.#runEnd()
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
    staged.clear()
    this.#writtenEnd = this.#stagedEnd
    this.#writtenSealed = this.#tailBytes === 0
    const isFirst = !this.#isOpen
    this.#isOpen = true
    return isFirst
  }

  /** What is written so far becomes visible with the next `publish`; what is written from now on does not. */
  cover(): void {
    assert(this.#covered === null && this.#isOpen, 'what one sync covers is published before the next begins')
    const segment = this.#segments.at(-1)
    this.#covered = {
      segment,
      end: segment?.end,
      endOffset: this.#writtenEnd,
      sealed: this.#writtenSealed,
    }
    this.#isOpen = false
  }

  /** True if records became visible. */
  publish(): boolean {
    const covered = this.#covered
    assert(covered, 'a sync covers what becomes visible')
    const { segment: newest, end, endOffset, sealed } = covered
    this.#covered = null
    this.#sealed = sealed
    if (endOffset === this.#endOffset) return false
    assert(newest && end, 'records are in a segment')
    for (let index = this.#segments.length - 1; index >= 0; index--) {
      const segment = this.#segments[index]!
      // Begun later.
      if (segment.baseOffset > newest.baseOffset) continue
      segment.publish(segment === newest ? end : segment.end)
      this.#unsynced.add(segment)
      if (segment.baseOffset <= this.#endOffset) break
    }
    this.#endOffset = endOffset
    return true
  }

  /** `trim(31)` drops whole segments below 31; answers the files that nothing refers to any more. */
  trim(before: number): string[] {
    if (before <= this.#startOffset) return []
    // Of a quarantined partition the end may have been cut back below what was trimmed.
    this.#startOffset = Math.min(before, this.#endOffset)
    const kept = this.#segments.findIndex((_, index) => !this.#isBelow(index, before))
    const dropped = this.#segments.splice(0, kept < 0 ? this.#segments.length : kept)
    for (const segment of dropped) this.#unsynced.delete(segment)
    this.#resetTail()
    return dropped.flatMap((segment) => segment.setAside() ?? [])
  }

  // Compaction: segments give way to others that hold less.

  /** Segments that take no more records, oldest first. */
  sealedFacts(): SegmentFacts[] {
    return this.#segments.slice(0, this.#sealedCount).map((segment) => segment.facts)
  }

  /** Where the sealed segments end. */
  get sealedEnd(): number {
    return this.#segments[this.#sealedCount]?.baseOffset ?? this.#endOffset
  }

  /** One that was closed by a frame whose sync is under way is not visible as a whole yet. */
  get #sealedCount(): number {
    const isWhole = ({ visibleBytes, writtenBytes }: Segment) =>
      visibleBytes > 0 && visibleBytes === writtenBytes
    const closed = this.#sealed ? this.#segments.length : Math.max(this.#segments.length - 1, 0)
    const open = this.#segments.findIndex((segment) => !isWhole(segment))
    return open < 0 ? closed : Math.min(open, closed)
  }

  get compaction(): CompactionFacts {
    const facts = { cleanBytes: 0, dirtyBytes: 0, activeBytes: 0 }
    const active = this.#sealed ? undefined : this.#segments.at(-1)
    this.#segments.forEach((segment, index) => {
      const isClean = this.#endOf(index) <= this.#compactedTo
      const kind = segment === active ? 'activeBytes' : isClean ? 'cleanBytes' : 'dirtyBytes'
      facts[kind] += segment.visibleBytes
    })
    return facts
  }

  get compactedTo(): number {
    return this.#compactedTo
  }

  /** For the files of one round of compaction. Files that came to nothing may lie under an earlier one. */
  takeGeneration(): number {
    return ++this.#newestGeneration
  }

  /** Whether the segments to be replaced are all here, side by side and sealed. */
  canReplace({ replaced }: SegmentSwap): boolean {
    if (replaced.length === 0) return true
    const from = this.#indexOf(replaced)
    if (from < 0) return false
    const isSealed = this.#sealed || from + replaced.length < this.#segments.length
    return isSealed && replaced.every((key, index) => isSame(this.#segments[from + index]!, key))
  }

  /** To be called when nothing is staged. */
  replace(swap: SegmentSwap): void {
    const { replaced, by, compactedTo, keysTo = 0 } = swap
    assert(this.canReplace(swap), 'what is replaced is there')
    const made = by.map((facts) => new Segment(this.#context, this.directory, facts))
    const gone = this.#segments.splice(this.#indexOf(replaced), replaced.length, ...made)
    for (const { generation } of made) this.#noteGeneration(generation)
    for (const segment of gone) {
      this.#unsynced.delete(segment)
      segment.retire()
    }
    this.#replaced.push(...gone)
    this.#keysTo = Math.max(this.#keysTo, keysTo)
    if (compactedTo !== undefined) this.#compactedTo = Math.max(this.#compactedTo, compactedTo)
    this.#resetTail()
  }

  /** Whose files stay until a checkpoint no longer speaks of them. */
  get replaced(): readonly Segment[] {
    return this.#replaced
  }

  get replacedCount(): number {
    return this.#replaced.length
  }

  /** A checkpoint no longer speaks of the oldest `count` replaced segments: answers the files to delete. */
  removeReplaced(count: number): string[] {
    const gone = this.#replaced.splice(0, count)
    // The directory may belong to another topic of the same name by now.
    return this.#retired ? [] : gone.flatMap((segment) => segment.setAside() ?? [])
  }

  /** Closes every file. They lie in `directory` now, if one is given, which is the caller's to remove. */
  retire(directory?: string): void {
    this.#retired = true
    this.#producers?.retire()
    for (const segment of [...this.#segments, ...this.#replaced]) segment.retire(directory)
  }

  /** Closes every file. */
  close(): void {
    for (const segment of this.#segments) segment.close()
  }

  /** Segments whose newest bytes are not synced. */
  *unsynced(): Generator<Segment> {
    for (const segment of this.#unsynced) {
      if (segment.syncedBytes >= segment.visibleBytes) this.#unsynced.delete(segment)
      else yield segment
    }
  }

  /**
   * Full segments of which something is known that is in no file of their own. One that was closed by a frame whose sync is
   * under way is not among them: should that frame be lost, it goes on growing.
   */
  *unsealed(): Generator<Segment> {
    const newest = this.#segments.findLast(({ visibleBytes }) => visibleBytes > 0)
    for (const segment of this.#segments) {
      if (newest === undefined || segment.baseOffset >= newest.baseOffset) return
      if (!segment.isSealed && (segment.isIndexUnsaved || segment.sums.areKnown)) yield segment
    }
  }

  /** For an orderly stop, before its checkpoint: the newest indexes are at hand at the next start. */
  saveIndexes(): void {
    for (const segment of this.#segments) if (segment.isIndexUnsaved) segment.saveIndex()
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

  segmentStart(offset: Offset): Offset {
    if (offset >= this.#endOffset) return this.endOffset
    const segment = this.#segments[this.#lastSegmentAtOrBefore(offset)]
    return asOffset(Math.max(segment?.baseOffset ?? 0, this.#startOffset))
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
    return this.#segments.slice(0, this.#sealedCount).map(({ visibleBytes, lastAppendTime }, index) => ({
      endOffset: asOffset(this.#endOf(index)),
      sizeBytes: asByteSize(visibleBytes),
      lastAppendTime: asMillis(lastAppendTime),
    }))
  }

  #indexOf(replaced: SegmentSwap['replaced']): number {
    const first = replaced[0]
    return first === undefined ? 0 : this.#segments.findIndex((segment) => isSame(segment, first))
  }

  #noteGeneration(generation: number): void {
    this.#newestGeneration = Math.max(this.#newestGeneration, generation)
  }

  /** One past the last offset of a segment that anybody may see. */
  #endOf(index: number): number {
    return Math.min(this.#segments[index + 1]?.baseOffset ?? this.#endOffset, this.#endOffset)
  }

  /** Whether all of a segment lies below an offset, also what is in flight. */
  #isBelow(index: number, offset: number): boolean {
    const next = this.#segments[index + 1]?.baseOffset
    return (next ?? Math.max(this.#stagedEnd, this.#endOffset)) <= offset
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

  /** The segment that takes a staged batch: the last one, or a new one. */
  #segmentFor(index: number, appendTime: number): Segment {
    const last = this.#segments.at(-1)
    const baseOffset = this.#staged.baseOffsets[index]!
    // One that was made before the write failed is there already.
    if (last && (!this.#staged.begins[index] || last.baseOffset === baseOffset)) return last
    const facts = {
      baseOffset,
      generation: 0,
      sizeBytes: 0,
      maxTimestamp: -1,
      firstAppendTime: appendTime,
      lastAppendTime: appendTime,
    }
    const segment = new Segment(this.#context, this.directory, facts)
    // What lies there under this name was never acknowledged; of that a replay is sure only when it has met its end.
    if (!this.#context.replaying) segment.file.truncate(0)
    if (last) {
      // Many partitions fill up at the same time: what takes a millisecond each is not done amid a frame.
      last.endGrowth()
      this.#context.openSegments.touch(last)
    }
    this.#segments.push(segment)
    this.directoryChanged = true
    return segment
  }

  /** Back to what is written. */
  #resetTail(): void {
    const last = this.#segments.at(-1)
    this.#tailBytes = this.#writtenSealed ? 0 : (last?.writtenBytes ?? 0)
    this.#tailBase = last?.baseOffset ?? 0
    this.#tailSince = last?.firstAppendTime ?? 0
  }

  /** One past the last staged batch that one write can take into a segment together with the next one. */
  #runEnd(): number {
    const { sizes, begins, writtenCount, count } = this.#staged
    let sizeBytes = sizes[writtenCount]!
    let until = writtenCount + 1
    while (until < count && !begins[until] && sizeBytes + sizes[until]! <= gatherBuffer.length)
      sizeBytes += sizes[until++]!
    return until
  }
}

function isSame(segment: Segment, { baseOffset, generation }: SegmentSwap['replaced'][number]): boolean {
  return segment.baseOffset === baseOffset && segment.generation === generation
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
