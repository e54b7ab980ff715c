// A snapshot: what one checkpoint speaks of, readable for as long as it is held, whatever is appended, trimmed, compacted
// or deleted meanwhile. It is the ground of a backup.
//
// Invariants:
//   1. It is the state at one frame, and every byte of it is durable.
//   2. While it is held no file of it is removed, though it may be moved aside: `open` knows where to.
//   3. A sealed segment is never written to again, not even by a recovery: the checkpoint knows a later one. Only such a
//      file may get a second name; the others grow, or are cut at the next start.
import { basename } from 'node:path'
import { BrokerError, type Disk, type DiskFile, systemCode } from '#base'
import type { PartitionId } from '../api.ts'
import type { GroupCommit } from '../commit/group-commit.ts'
import { diskFull } from '../disk/disk-errors.ts'
import { fileSize, historyNumbers, historyPath } from '../history/history-file.ts'
import type { LogContext } from '../options.ts'
import { partitionDirectory } from '../partition/partition-log.ts'
import { asideDirectory, type PartitionSet } from '../partition/partition-set.ts'
import type { Segment } from '../segment/segment.ts'
import { type SegmentFacts, segmentName } from '../segment/segment-facts.ts'
import type { Checkpoint } from './checkpoint.ts'

export type SnapshotFile = {
  /** In a data directory: `topics/orders-0/00000000000000000042.log`. */
  readonly path: string
  readonly id: PartitionId
  readonly topic: string
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly sealed: boolean
  /** Its sums have a file of their own, of which the checkpoint says so. */
  readonly hasSumFile: boolean
  /** Of that file; undefined: not known. */
  readonly sumFileChecksum: number | undefined
  /** Where the file lies now. */
  storedAt(): string
  /** The sums of its blocks, as a checkpoint keeps them; null if they are not known. */
  sums(): string | null
}

/** Of the history of the log: it grows, but only so much of it counts. */
export type HistoryFile = {
  /** In a data directory. */
  readonly path: string
  readonly sizeBytes: number
  readonly storedAt: string
}

export type LogSnapshot = {
  /** Of the data directory: frames that continue these can be read with it. */
  readonly salt: number
  readonly checkpoint: Checkpoint
  readonly files: readonly SnapshotFile[]
  readonly history: readonly HistoryFile[]
  /** By the clock. */
  readonly takenAt: number
  readonly disk: Disk
  /** For reading; null for a file that is gone although nobody removed it. */
  open(file: SnapshotFile): DiskFile | null
  /** The log is short of room, so that holding files back does harm. */
  isCostly(): boolean
  release(): void
}

export type SnapshotParts = {
  readonly salt: number
  readonly context: LogContext
  readonly commit: GroupCommit
  readonly partitions: PartitionSet
}

/** Throws why the log takes no appends, and `disk_full` when there is no room for a checkpoint. */
export async function takeSnapshot(parts: SnapshotParts): Promise<LogSnapshot> {
  const { salt, context, commit, partitions } = parts
  const release = commit.removals.hold()
  let taken: Pick<LogSnapshot, 'takenAt' | 'checkpoint' | 'files'> | undefined
  try {
    const durable = await commit.checkpointer.runWith((checkpoint) => {
      taken = { takenAt: context.clock.now(), checkpoint, files: [...filesOf(partitions)] }
    })
    if (commit.failure) throw commit.failure
    if (taken === undefined) throw new BrokerError('closed', 'the log is closed')
    if (!durable) throw diskFull(null)
  } catch (thrown) {
    release()
    throw thrown
  }
  const { disk, directory, diskReserveBytes } = context
  return {
    salt,
    ...taken,
    history: historyFiles(context, taken.checkpoint),
    disk,
    open: (file) => openFile(disk, directory, file),
    isCostly: () => disk.space(directory).freeBytes <= diskReserveBytes,
    release,
  }
}

/** All that count for a checkpoint that was written; none if the newest was not. */
function historyFiles({ disk, directory }: LogContext, { history }: Checkpoint): HistoryFile[] {
  if (history === undefined) return []
  const files = historyNumbers(disk, directory)
    .filter((number) => number <= history.number)
    .map((number) => {
      const storedAt = `${directory}/${historyPath(number)}`
      return { path: historyPath(number), storedAt, sizeBytes: fileSize(disk, storedAt) }
    })
  const newest = files.pop()
  const isThere = newest?.path === historyPath(history.number) && newest.sizeBytes >= history.sizeBytes
  return isThere ? [...files, { ...newest, sizeBytes: history.sizeBytes }] : []
}

function* filesOf(partitions: PartitionSet): Generator<SnapshotFile> {
  for (const { id, topic, segments } of partitions.visible()) {
    const visible = segments.filter(({ visibleBytes }) => visibleBytes > 0)
    for (const segment of visible) yield fileOf(segment, { id, topic, sealed: segment !== visible.at(-1) })
  }
}

function fileOf(segment: Segment, facts: Pick<SnapshotFile, 'id' | 'topic' | 'sealed'>): SnapshotFile {
  const { baseOffset, visibleBytes } = segment
  const { sums, hasSumFile = false, sumFileChecksum } = segment.facts
  return {
    ...facts,
    path: segmentPath(facts.topic, facts.id.partition, segment),
    baseOffset,
    sizeBytes: visibleBytes,
    storedAt: () => segment.storedAt,
    hasSumFile,
    sumFileChecksum,
    sums: () => sums ?? segment.sums.textOf(visibleBytes),
  }
}

/** `segmentPath('orders', 0, segment) -> 'topics/orders-0/00000000000000000042.log'`. */
export function segmentPath(
  topic: string,
  partition: number,
  { baseOffset, generation }: Pick<SegmentFacts, 'baseOffset' | 'generation'>,
): string {
  return `topics/${partitionDirectory(topic, partition)}/${segmentName(baseOffset, generation)}.log`
}

function openFile(disk: Disk, directory: string, file: SnapshotFile): DiskFile | null {
  const path = file.storedAt()
  try {
    return disk.open(path, 'read')
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown
  }
  // Trimmed, and then its partition was deleted.
  const moved = `${asideDirectory(directory, file.id)}/${basename(path)}`
  return disk.exists(moved) ? disk.open(moved, 'read') : null
}
