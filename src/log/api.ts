// What the log offers to the layers above: an ordered set of partitions with one atomic, durable append.
import type { BrokerError, ByteSize, Millis, Offset, SummedRange } from '#base'

/** `topicId` is 32 hex digits, new for every creation of a topic, so that a re-created topic is another partition. */
export type PartitionId = { readonly topicId: string; readonly partition: number }

/** One change. All entries of one `append` become durable and visible together, or not at all. */
export type LogEntry =
  /** `topic` names the directory: `topics/<topic>-<partition>/`. */
  | { readonly kind: 'create'; readonly id: PartitionId; readonly topic: string }
  | { readonly kind: 'delete'; readonly id: PartitionId }
  /** Records below `before` may be deleted: `trim(31): [10..30][31..99] -> [31..99]` (whole segments). */
  | { readonly kind: 'trim'; readonly id: PartitionId; readonly before: Offset }
  /** Seals the newest segment, if there is one: the next batch begins another, and this one can be trimmed or compacted. */
  | { readonly kind: 'roll'; readonly id: PartitionId }
  /** One complete record batch v2. The log overwrites its base offset and leader epoch, nothing else. */
  | { readonly kind: 'batch'; readonly id: PartitionId; readonly batch: Uint8Array }

export type AppendOptions = {
  /**
   * Lets records in although the disk has only its reserve left: for what gives room back or must go on meanwhile
   * (definitions, positions, epochs). Appends without records go on anyway.
   */
  readonly useReserve?: boolean
  /**
   * `synced` (the default): answered when durable and visible. `written`: answered when it is in the write-ahead file, so
   * that it survives the end of the process but not that of the machine; visible only after the sync all the same.
   * Appends with anything but batches are always `synced`.
   */
  readonly acknowledge?: 'synced' | 'written'
  /** How long the sync of a `written` append may wait for company; 0: it follows at once. */
  readonly syncWithinMs?: number
}

export type Appended = {
  /** Base offset given to each `batch` entry, in order; -1 for the other kinds. */
  readonly offsets: readonly Offset[]
  readonly appendTime: Millis
  /** Position of the frame in the log group: rises by one per frame. */
  readonly frame: number
}

/** A range of bytes in a segment file that holds whole batches: what an app process reads by itself. */
export type SegmentSlice = {
  readonly path: string
  readonly position: number
  readonly sizeBytes: number
  /** Whole blocks around it, to read and check with `damagedBlockAt`. Absent: of an older version, not summed yet. */
  readonly summed?: SummedRange
}

/** Bytes on the disk that are not what was written. */
export type Damage = { readonly path: string; readonly position: number; readonly why: string }

/** A segment that grows no more: what retention can delete as a whole. */
export type SealedSegment = {
  readonly endOffset: Offset
  readonly sizeBytes: ByteSize
  readonly lastAppendTime: Millis
}

export interface Partition {
  readonly id: PartitionId
  readonly topic: string
  /** First offset that can be read. */
  readonly startOffset: Offset
  /** One past the last visible (that is, durable) record. */
  readonly endOffset: Offset
  readonly sizeBytes: ByteSize
  /** Append time of the newest record; 0 when empty. */
  readonly lastAppendTime: Millis
  /** Why appends are refused: what lies before the damage can be read. */
  readonly damage: Error | null
  /** Append time of the oldest record in the segment that takes the next one; null when that begins a new one. */
  readonly activeSince: Millis | null
  /**
   * Whole batches from the one that holds `from`, or the next one after a gap that compaction left, up to about
   * `bytesMax`, at least one batch if there is any; empty at the end. The first batch may begin before `from`: readers
   * skip. Rejects with `offset_out_of_range` outside `[startOffset, endOffset]`, `corrupt` for damage, `not_found` when it is
   * deleted meanwhile, `busy` when no file descriptor is left (ask again), and what the disk says.
   */
  read(from: Offset, bytesMax: number): Promise<Uint8Array>
  /**
   * As `read`, but says where the bytes are; null at the end. They stay until retention deletes the segment (then opening
   * fails: ask again). Throws what `read` rejects with.
   */
  slice(from: Offset, bytesMax: number): SegmentSlice | null
  /**
   * First offset whose record timestamp is at or after `timestamp` (per-block maximum: may be a little early); null if none.
   * Throws `corrupt`, `not_found` and `busy` as `read`.
   */
  offsetAt(timestamp: Millis): Offset | null
  /** First offset appended at or after `appendTime`, whole segments: what retention by time may trim to. */
  offsetAppendedAt(appendTime: Millis): Offset
  /** The largest start offset of a segment that leaves at least `sizeBytes`: never past the newest segment. */
  offsetForSize(sizeBytes: ByteSize): Offset
  /** The oldest first. */
  sealedSegments(): readonly SealedSegment[]
  /** Where the segment begins that holds `offset`: what a trim before it would leave. The end at the end. */
  segmentStart(offset: Offset): Offset
  readonly compaction: CompactionFacts
}

export type RecoveryReport = {
  readonly clean: boolean
  readonly framesReplayed: number
  readonly bytesReplayed: number
  /** Bytes of a torn, never-acknowledged tail that were cut. */
  readonly bytesCut: number
  readonly partitions: number
  readonly quarantined: readonly {
    readonly topic: string
    readonly partition: number
    readonly reason: string
  }[]
  readonly tookMs: number
}

/** What compaction by key would find. */
export type CompactionFacts = {
  /** Bytes of sealed segments that it has been through, and of those that it has not. */
  readonly cleanBytes: number
  readonly dirtyBytes: number
  /** Bytes of the segment that takes the next record, which it never touches. */
  readonly activeBytes: number
}

export type CompactionOptions = {
  /** By the clock that retention goes by. */
  readonly now: Millis
  /** How long a tombstone stays after compaction has first seen it. */
  readonly deleteRetentionMs: number
  /** Segments are merged only up to so much time between appends, so that retention by time can drop them; null: any. */
  readonly appendSpanMsMax?: number | null
  /** Ends it early, with `closed`. */
  readonly signal?: AbortSignal
}

export type CompactionReport = {
  readonly bytesBefore: number
  readonly bytesAfter: number
  readonly recordsRemoved: number
  readonly swaps: number
  readonly tookMs: number
}

/** `open`: appends are accepted. `failed`: a write or sync failed, reads go on. `closed`: stopped. */
export type LogState = 'open' | 'failed' | 'closed'

export interface LogGroup {
  readonly report: RecoveryReport
  /** Met since the start by reads, the scrubber and recovery: a hundred places at most. */
  readonly damages: readonly Damage[]
  readonly state: LogState
  /** Why the state is `failed`. */
  readonly failure: Error | undefined
  /**
   * Appends atomically; resolves when durable (fdatasync returned) and visible, or earlier if so asked. Batches of an
   * idempotent producer that were appended before are answered with their first offsets and not written again; those that
   * do not continue its sequence are `out_of_order_sequence`, those of an older epoch `fenced`. Rejects with `too_large`, `disk_full`,
   * `disk_failed`, `not_found` (partition) or `closed`; after a rejection nothing of it is or becomes visible, except
   * after `disk_failed`: then only the next start can tell. The batches belong to the log until it settles.
   */
  append(entries: readonly LogEntry[], options?: AppendOptions): Promise<Appended>
  /**
   * Leaves of each key its latest record, in sealed segments; offsets stay as they are. Records without a key stay. One
   * round at a time: rejects with `busy`, and with `not_found`, `disk_full`, `corrupt` or `closed`.
   */
  compact(id: PartitionId, options: CompactionOptions): Promise<CompactionReport>
  partition(id: PartitionId): Partition | undefined
  partitions(): Iterable<Partition>
  /** Called after partitions' ends moved, once per sync, with the partitions that grew. Returns how to stop. */
  onVisible(listener: (grown: readonly Partition[]) => void): () => void
  /** Bytes taken in and not yet durable, acknowledged or not: for back-pressure. */
  readonly pendingBytes: number
  /** Of all segments and the write-ahead log, about. */
  readonly usedBytes: number
  /** From now on records are refused with this error, as when the disk is full; null takes them again. */
  refuseRecords(reason: BrokerError | null): void
  /** Stops taking appends, finishes those in flight, checkpoints, marks the log clean. */
  close(): Promise<void>
}
