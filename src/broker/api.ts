// The only API to data. Asynchronous throughout, so that another thread, process or machine can stand behind it.
import type { ByteSize, Millis, Offset } from '#base'
import type { SegmentSlice } from '#log'
import type { Compression, Header, RecordInput } from '#record'
import type { Durability } from './durability.ts'

/** `delete`: records go by age and size. `compact`: of each key the latest stays. Both: the latest, as long as it is young. */
export type CleanupPolicy = 'delete' | 'compact' | 'compact,delete'

export type TopicConfig = {
  readonly cleanupPolicy: CleanupPolicy
  /** How long compaction keeps a tombstone, so that readers hear of it. */
  readonly deleteRetentionMs: number
  /** Share of a partition that must have come since the last compaction before the next one, 0 to 1. */
  readonly minCleanableDirtyRatio: number
  /** By append time; null keeps for ever. */
  readonly retentionMs: number | null
  /** Per partition; null has no limit. */
  readonly retentionBytes: number | null
  readonly compression: Compression
  /** When a producer is told that its records are written. Commits of apps and groups are always `fsync`. */
  readonly durability: Durability
}

/** What is left out keeps its value, or takes the default. */
export type TopicConfigChange = Partial<Omit<TopicConfig, 'durability'>> & {
  /** As people write it: `interval(2s)` too. */
  readonly durability?: string
}

export type TopicSpec = {
  readonly name: string
  readonly partitions?: number
  readonly config?: TopicConfigChange
}

/**
 * Who asks. Topics created with `internal` belong to parts of pspf (changelogs, repartitions, histories): without it
 * everybody may read them, and creating, altering, deleting, truncating and producing is `forbidden`. Edges never set it.
 */
export type Access = { readonly internal?: boolean }

export type PartitionInfo = {
  readonly partition: number
  readonly startOffset: Offset
  readonly endOffset: Offset
  readonly sizeBytes: ByteSize
  readonly lastAppendTime: Millis
}

export type TopicInfo = {
  readonly name: string
  readonly id: string
  readonly internal: boolean
  readonly config: TopicConfig
  readonly createdAt: Millis
  readonly partitions: readonly PartitionInfo[]
}

/** A record to produce. Without `partition`: murmur2 of the key as Kafka's clients do, or round robin without a key. */
export type ProduceRecord = Omit<RecordInput, 'timestamp'> & {
  readonly partition?: number
  readonly timestamp?: number
}

export type RecordPosition = { readonly partition: number; readonly offset: Offset }

export type FetchRequest = {
  readonly topic: string
  readonly partition: number
  readonly from: Offset
  readonly bytesMax: number
  /** Waits up to this long for a record at `from`; 0 answers at once. */
  readonly waitMs: number
  /** Ends the wait early, without an error: the answer is then empty. */
  readonly signal?: AbortSignal
}

/** `batches`: whole record batches as stored; the first may begin before `from`. */
export type Fetched = {
  readonly batches: Uint8Array
  readonly startOffset: Offset
  readonly endOffset: Offset
}
export type FetchedSlice = {
  readonly slice: SegmentSlice | null
  readonly startOffset: Offset
  readonly endOffset: Offset
}

/** Who writes batches with sequence numbers. */
export type ProducerIdentity = { readonly producerId: number; readonly epoch: number }

export type BatchAppend = { readonly topic: string; readonly partition: number; readonly batch: Uint8Array }

/**
 * One atomic step of a stream task or of a group member: batches and positions together or not at all. The bytes of the
 * batches must not change until it is answered.
 */
export type Commit = {
  readonly group: string
  /** `fenced` unless `epoch` is the newest that `fence` gave this owner. '' is nobody: its epoch is not looked at. */
  readonly owner: string
  readonly epoch: number
  readonly batches: readonly BatchAppend[]
  /** Next offset to read, per input partition. */
  readonly offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: Offset }[]
}

export type GroupOffset = {
  readonly topic: string
  readonly partition: number
  readonly offset: Offset
  readonly committedAt: Millis
}
export type GroupInfo = {
  readonly id: string
  readonly offsets: readonly (GroupOffset & { readonly endOffset: Offset; readonly lag: number })[]
}

/** How much of the disk the log has, and what became of that. */
export type DiskUse = {
  readonly usedBytes: ByteSize
  /** null: no limit but the disk. */
  readonly maxBytes: ByteSize | null
  /** Nothing is left to trim: records are refused. */
  readonly isFull: boolean
  /** What was deleted before its time in the last hour, to stay below the most; null: nothing. */
  readonly trimmed: { readonly at: Millis; readonly bytes: ByteSize; readonly appendedUpTo: Millis } | null
}

export interface Broker {
  /** Partitions, definition and configuration are one atomic append. `already_exists` for all but the first. */
  createTopic(spec: TopicSpec, access?: Access): Promise<TopicInfo>
  alterTopic(name: string, config: TopicConfigChange, access?: Access): Promise<TopicInfo>
  /** Its records and every group's positions in it go together. */
  deleteTopic(name: string, access?: Access): Promise<void>
  /** Deletes whole segments below the offset, in one partition; beyond its end is `offset_out_of_range`. */
  truncateTopic(name: string, partition: number, before: Offset, access?: Access): Promise<void>
  /** By name. */
  topics(): TopicInfo[]
  /** Throws `not_found` with a did-you-mean. */
  topic(name: string): TopicInfo
  /** As `topic`, without gathering what is known of it. */
  requireTopic(name: string): void
  /**
   * All records durable when it resolves; records of one call are visible together. Positions are in input order. Calls
   * that are made at the same time share batches. The bytes of keys and values must not change until it resolves.
   * Rejects with `busy` when too much waits for the disk.
   */
  produce(topic: string, records: readonly ProduceRecord[], access?: Access): Promise<RecordPosition[]>
  fetch(request: FetchRequest): Promise<Fetched>
  /** As `fetch`, but answers where the bytes are, for readers in another process on this machine. */
  fetchSlice(request: FetchRequest): Promise<FetchedSlice>
  /** First offset with a record timestamp at or after `timestamp`; the end if there is none. */
  offsetAt(topic: string, partition: number, timestamp: Millis): Promise<Offset>
  /** Takes ownership: the next higher epoch for `owner` in `group`, durable. Older epochs are fenced from then on. */
  fence(group: string, owner: string): Promise<number>
  commit(commit: Commit): Promise<{ positions: readonly Offset[] }>
  /** The position committed for the group, or null. */
  committed(group: string, topic: string, partition: number): Offset | null
  groups(): GroupInfo[]
  /** Throws `not_found` for a group that has committed nothing. */
  group(id: string): GroupInfo
  /** `conflict` for a group that an app owns: its positions belong to its state. `deleteGroup` too. */
  resetGroup(
    id: string,
    offsets: readonly { topic: string; partition: number; offset: Offset }[],
  ): Promise<GroupInfo>
  /** Forgets its positions. */
  deleteGroup(id: string): Promise<void>
  /**
   * An identity for an idempotent producer, never given before: its id and the epoch to begin with. For a producer that
   * has one already, `previous`, the next epoch, which fences the one before wherever it writes.
   */
  allocateProducerId(previous?: ProducerIdentity): Promise<ProducerIdentity>
  /**
   * Appends one batch as a client has built it, with its producer id, epoch and sequence if it has them, and answers its
   * base offset: the first one, if the batch was sent before. `out_of_order_sequence` and `fenced` as in the log.
   */
  produceBatch(append: BatchAppend, access?: Access): Promise<Offset>
  /** Per-topic totals since start, for rates: records and bytes in and out. */
  traffic(): ReadonlyMap<string, { recordsIn: number; bytesIn: number; recordsOut: number; bytesOut: number }>
  diskUse(): DiskUse
  /** Ends waiting fetches with `closed`, finishes what is under way. The log stays open: its opener closes it. */
  close(): Promise<void>
}

export type { Header }
