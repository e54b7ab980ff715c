// What a log needs from outside, and its limits.
import { assert, type Clock, type Disk, type Logger, type Metrics, type Random } from '#base'
import type { CompactionRunner } from './compaction/compaction-runner.ts'
import { DamageList } from './damage/damage-list.ts'
import { Ballast } from './disk/ballast.ts'
import { ballastPath } from './disk/data-directory.ts'
import { thriftyDisk } from './disk/thrifty-disk.ts'
import { History } from './history/history.ts'
import { ProducerCensus } from './partition/producer-census.ts'
import { OpenFiles } from './segment/open-files.ts'
import { OpenSegments } from './segment/open-segments.ts'

export type LogOptions = {
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** Holds `format.json`, `checkpoint`, `wal/` and `topics/`. One process at a time: see `lockDirectory`. */
  readonly directory: string
  /** Stamped on frames and batches; rises with each new leader. */
  readonly epoch?: number
  /** Where compaction runs; by default on the thread of the log. */
  readonly compaction?: CompactionRunner
} & Partial<LogLimits>

export type LogLimits = {
  /** A segment that would grow beyond is rolled. One larger batch still gets a segment of its own. */
  readonly segmentSizeBytesMax: number
  /** A segment older than this is rolled at the next append, so that retention by time can drop it. */
  readonly segmentAgeMsMax: number
  /** One append, with the overhead of its frame. */
  readonly appendBytesMax: number
  /** One frame takes what is queued up to here (a larger append travels alone). */
  readonly groupBytesMax: number
  /** When so much is queued while a sync is in flight it is written then, so that the disk need not wait for the processor. */
  readonly writeAheadBytes: number
  /** Queued and in flight; beyond it appends are refused with `busy`. */
  readonly pendingBytesMax: number
  /** Frames written and not yet covered by a sync; beyond it appends wait, whatever their durability. */
  readonly unsyncedFramesMax: number
  readonly walFileSizeBytes: number
  /** Files from the last checkpoint to the newest; at this many, commits wait for the checkpoint. */
  readonly walFilesMax: number
  /** A checkpoint begins after this much, or this long after the first append since the last one. */
  readonly checkpointBytes: number
  readonly checkpointMs: number
  /** Each such step of a segment is sent to the device behind the appends, so that a checkpoint finds little left to do. */
  readonly writeBackStepBytes: number
  /** Compacted files are synced after each such step. */
  readonly syncStepBytes: number
  /** After this long without an append a mark says that the last frame is durable. */
  readonly idleMarkMs: number
  /** Appends of records are refused with `disk_full` when less is free; the rest serves deletes, positions and recovery. */
  readonly diskReserveBytes: number
  /** How often a write to a full disk is tried again once its frame is durable. */
  readonly diskFullRetryMs: number
  /** Sealed segments whose file and index are kept at hand. */
  readonly openSegmentsMax: number
  /** Segment files that are open, and at most half of what the process may open. Those not synced yet may be more. */
  readonly openFilesMax: number
  /** Idempotent producers that a partition remembers; beyond it, whoever has been silent longest is forgotten. */
  readonly producersPerPartitionMax: number
  /** Over all partitions: beyond it, those with more than their share forget whoever has been silent longest. */
  readonly producersMax: number
  /** An idempotent producer that was silent for so long, as `producer-time.ts` counts, is forgotten. */
  readonly producerExpiryMs: number
  /** How fast what lies still is read and checked; 0: never. */
  readonly scrubBytesPerSecond: number
  /** The first such pass begins this long after the start, and every next one this long after the end of the last. */
  readonly scrubFirstMs: number
  readonly scrubEveryMs: number
  /** A file of the history that has so much is followed by the next; twice as much not written, and it begins anew. */
  readonly historyFileBytes: number
  /** Beyond it the oldest go, so that backups can be restored to less of the past. */
  readonly historyFilesMax: number
  /** Compaction reads and writes no faster, together. */
  readonly compactionBytesPerSecondMax: number
  /** Keys that one round of compaction holds in memory, with their offsets; more keys take more rounds. */
  readonly compactionKeysBytesMax: number
}

const mebibyte = 2 ** 20

export const defaultLimits: LogLimits = {
  segmentSizeBytesMax: 64 * mebibyte,
  segmentAgeMsMax: 24 * 3_600_000,
  appendBytesMax: 24 * mebibyte,
  groupBytesMax: 4 * mebibyte,
  writeAheadBytes: 2 * mebibyte,
  pendingBytesMax: 64 * mebibyte,
  unsyncedFramesMax: 1024,
  walFileSizeBytes: 32 * mebibyte,
  walFilesMax: 8,
  checkpointBytes: 64 * mebibyte,
  checkpointMs: 30_000,
  writeBackStepBytes: mebibyte / 2,
  syncStepBytes: mebibyte,
  idleMarkMs: 2_000,
  diskReserveBytes: 64 * mebibyte,
  diskFullRetryMs: 250,
  openSegmentsMax: 64,
  openFilesMax: 2048,
  producersPerPartitionMax: 10_000,
  producersMax: 100_000,
  producerExpiryMs: 24 * 3_600_000,
  scrubBytesPerSecond: 8 * mebibyte,
  scrubFirstMs: 10 * 60_000,
  scrubEveryMs: 24 * 3_600_000,
  historyFileBytes: 4 * mebibyte,
  historyFilesMax: 16,
  compactionBytesPerSecondMax: 32 * mebibyte,
  compactionKeysBytesMax: 32 * mebibyte,
}

/** Everything that parts of one log share. */
export type LogContext = LogLimits & {
  /** Frames are read back, and nobody knows yet where they end. */
  replaying: boolean
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly directory: string
  readonly epoch: number
  readonly openSegments: OpenSegments
  readonly openFiles: OpenFiles
  readonly ballast: Ballast
  readonly damages: DamageList
  readonly producerCensus: ProducerCensus
  readonly history: History
  readonly compaction: CompactionRunner | null
}

export function logContext(options: LogOptions): LogContext {
  const given = { ...defaultLimits, epoch: 0, compaction: null, ...options }
  const filesMax = given.disk.filesMax ?? Number.POSITIVE_INFINITY
  const openFiles = new OpenFiles(Math.min(given.openFilesMax, Math.floor(filesMax / 2)))
  const limits = { ...given, disk: thriftyDisk(given.disk, openFiles) }
  const context = {
    ...limits,
    replaying: false,
    openFiles,
    openSegments: new OpenSegments(limits.openSegmentsMax),
    ballast: ballastFor(limits),
    damages: new DamageList(limits.logger, limits.metrics),
    producerCensus: new ProducerCensus(),
    history: new History(limits),
  }
  assert(context.appendBytesMax <= context.walFileSizeBytes, 'an append fits into one file of the log')
  assert(context.groupBytesMax <= context.walFileSizeBytes, 'a group fits into one file of the log')
  assert(context.segmentSizeBytesMax < 2 ** 31, 'positions in a segment fit into 31 bits')
  assert(context.walFilesMax >= 2, 'one file is written while another is checkpointed')
  return context
}

function ballastFor(limits: Pick<LogContext, 'disk' | 'logger' | 'directory' | 'diskReserveBytes'>): Ballast {
  const { disk, logger, directory, diskReserveBytes } = limits
  return new Ballast({
    disk,
    logger,
    path: ballastPath(directory),
    sizeBytes: Math.floor(diskReserveBytes / 8),
  })
}
