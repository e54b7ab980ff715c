// Brings a log group back: what the last checkpoint says, plus the frames of the write-ahead log behind it.
//
// Nothing but segment files behind the checkpoint's sizes is written before the new checkpoint stands, and the write-ahead
// log not at all; so a crash in here leaves what was found, and the next start does the same again. What is read back is
// written and synced again, whether or not it is in the page cache: after a failed sync the cache cannot be trusted.
import { BrokerError, toError } from '#base'
import { batchHeaderSizeBytes, readBatchHeader } from '#record'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { FrameChanges } from '../commit/frame-changes.ts'
import { decodeSwap } from '../compaction/segment-swap.ts'
import { deletedSuffix, quarantinedWalPath, topicsDirectory, walPath } from '../disk/data-directory.ts'
import { isCurable, isOutOfFiles } from '../disk/disk-errors.ts'
import type { LogContext } from '../options.ts'
import { PartitionLog } from '../partition/partition-log.ts'
import { PartitionSet } from '../partition/partition-set.ts'
import { hasSequence } from '../partition/producer-table.ts'
import { type ProducerMoment, producerTimeAt } from '../partition/producer-time.ts'
import { batchAt, isWholeBatch } from '../segment/batch-walk.ts'
import type { Segment } from '../segment/segment.ts'
import { parseSegmentName, segmentName } from '../segment/segment-facts.ts'
import type { ReadEntry } from '../wal/frame-reader.ts'
import { readWal, type WalEnd, type WalFrame } from '../wal/wal-reader.ts'
import { rewriteFrames } from '../wal/wal-rewrite.ts'

export type Recovered = {
  readonly partitions: PartitionSet
  readonly end: WalEnd
  /** The last frame. */
  readonly last: ProducerMoment
  /** Generations of write-ahead files with batches that are damaged, or that follow damage and were left out. */
  readonly evidence: ReadonlySet<number>
}

export async function recover(context: LogContext, salt: number, checkpoint: Checkpoint): Promise<Recovered> {
  const { disk, directory } = context
  const partitions = new PartitionSet(context)
  const found: FoundDamage[] = []
  const grew = new Map<PartitionLog, Segment | undefined>()
  for (const facts of checkpoint.partitions) {
    const partition = new PartitionLog(context, facts)
    partitions.add(partition)
    found.push(...inspect(context, partition))
    grew.set(partition, partition.segments.at(-1))
  }
  const changes = new FrameChanges(context, partitions)
  const { appendTime, producerTime = appendTime } = checkpoint
  context.history.resume({ appendTime, frame: checkpoint.wal.sequence - 1 }, checkpoint.history)
  const replaying: Replaying = {
    context,
    changes,
    evidence: new Set<number>(),
    last: { appendTime, producerTime },
  }
  context.replaying = true
  const unproven: WalFrame[] = []
  const end = readWal({ disk, directory, salt }, checkpoint.wal, (frame) => {
    while (unproven.length > 0 && unproven[0]!.header.sequence <= frame.header.durableUpTo)
      replay(replaying, unproven.shift()!)
    unproven.push(frame)
  })
  if (end.damage === null) await secure(context, unproven, end)
  for (const frame of unproven) replay(replaying, frame)
  for (const partition of partitions) partition.damage ??= damageOf(context, partition, found)
  context.replaying = false
  removeSetAside(context)
  // Behind damage may lie what was acknowledged, and the segment may hold the only good copy of it.
  for (const partition of partitions)
    if (end.damage === null && partition.damage === null) cut(context, partition, grew.get(partition))
  for (const partition of partitions) settle(context, partition)
  if (!context.history.isWhole) context.history.begin([...partitions])
  return { partitions, end, last: replaying.last, evidence: replaying.evidence }
}

/**
 * Frames that no later one calls durable may be in the page cache alone. What they delete is gone for good once they are
 * replayed, so they must not be: a power cut would leave a checkpoint that speaks of files which are not there.
 */
async function secure(context: LogContext, unproven: readonly WalFrame[], { next }: WalEnd): Promise<void> {
  const [first] = unproven
  if (first === undefined || unproven.every(({ entries }) => entries.every(({ kind }) => kind === 'batch')))
    return
  await rewriteFrames(context, first, next)
}

type Replaying = {
  readonly context: LogContext
  readonly changes: FrameChanges
  readonly evidence: Set<number>
  /** The frame that is read back. */
  last: ProducerMoment
}

function replay(replaying: Replaying, frame: WalFrame): void {
  const { changes, context } = replaying
  const { appendTime, sequence } = frame.header
  replaying.last = {
    appendTime,
    producerTime: producerTimeAt(replaying.last, appendTime, context.producerExpiryMs),
  }
  if (frame.damaged) noteDamage(replaying, frame)
  for (const entry of frame.entries) replayEntry(replaying, entry, frame)
  write(replaying, frame)
  changes.cover()
  changes.publish({ appendTime, frame: sequence })
}

/** What a power cut took from the segments needs its room again. */
function write({ context, changes }: Replaying, { bytes, header }: WalFrame): void {
  try {
    changes.write(bytes, header.appendTime)
  } catch (thrown) {
    const lacksRoom = isCurable(toError(thrown)) && !isOutOfFiles(thrown)
    if (!lacksRoom || !context.ballast.giveUp()) throw thrown
    changes.write(bytes, header.appendTime)
  }
}

function noteDamage({ context, evidence }: Replaying, { generation, position }: WalFrame): void {
  const why = 'the checksum of a frame does not match; its batches are judged one by one'
  context.damages.note({ path: walPath(context.directory, generation), position, why })
  evidence.add(generation)
}

function replayEntry(replaying: Replaying, entry: ReadEntry, frame: WalFrame): void {
  const { changes } = replaying
  const { kind, topicId, partition: number, offset, payloadAt, payloadSizeBytes } = entry
  const id = { topicId, partition: number }
  if (kind === 'create') {
    const topic = new TextDecoder().decode(frame.bytes.subarray(payloadAt, payloadAt + payloadSizeBytes))
    changes.create(id, topic)
    return
  }
  const partition = changes.find(id)
  // A batch may be followed by the deletion of its partition in the same frame, never preceded by it.
  if (partition === undefined) throw inconsistent(`${topicId}-${number} is unknown`)
  if (kind === 'delete') changes.delete(partition)
  else if (kind === 'trim') changes.trim(partition, offset)
  else if (kind === 'batch') replayBatch(replaying, partition, { entry, frame })
  // Behind damage nothing of a partition is applied; what was replaced is still there then.
  else if (partition.lostFrom === null && kind === 'roll') replayRoll(changes, partition, entry)
  else if (partition.lostFrom === null) replaySwap(changes, partition, { entry, frame })
}

function replayRoll(changes: FrameChanges, partition: PartitionLog, { offset }: ReadEntry): void {
  if (offset !== partition.stagedEnd) throw discontinued(partition, offset)
  changes.roll(partition)
}

function replaySwap(
  changes: FrameChanges,
  partition: PartitionLog,
  { entry, frame }: { entry: ReadEntry; frame: WalFrame },
): void {
  const { payloadAt, payloadSizeBytes } = entry
  const swap = decodeSwap(frame.bytes.subarray(payloadAt, payloadAt + payloadSizeBytes))
  if (!partition.canReplace(swap)) {
    const { topic, id } = partition
    throw inconsistent(`segments that were compacted are not in ${topic}-${id.partition}`)
  }
  changes.replace(partition, swap)
}

function replayBatch(
  replaying: Replaying,
  partition: PartitionLog,
  { entry, frame }: { entry: ReadEntry; frame: WalFrame },
): void {
  const { offset, payloadAt, payloadSizeBytes } = entry
  const { bytes, header, damaged } = frame
  if (partition.lostFrom !== null) {
    skip(replaying, partition, { entry, frame })
    return
  }
  if (damaged && !isWholeBatch(bytes, { payloadAt, payloadSizeBytes, offset, epoch: header.epoch })) {
    partition.quarantine(offset, quarantineReason(replaying.context, partition, { entry, frame }))
    skip(replaying, partition, { entry, frame })
    return
  }
  const batch = batchAt(bytes, payloadAt)
  if (batch === null || offset !== partition.stagedEnd || batch.baseOffset !== offset)
    throw discontinued(partition, offset)
  const { appendTime, explicitRolls } = header
  if (!explicitRolls && partition.mustRoll(payloadSizeBytes, appendTime)) replaying.changes.roll(partition)
  replaying.changes.batch(partition, {
    position: payloadAt,
    sizeBytes: payloadSizeBytes,
    offsetCount: batch.lastOffset - batch.baseOffset + 1,
    maxTimestamp: batch.maxTimestamp,
    appendTime,
  })
  if (!hasSequence(batch)) return
  const { producerTime } = replaying.last
  replaying.changes.producer(partition, batch, producerTime).baseOffset = offset
}

/** Behind damage nothing of a partition is applied, since offsets would not follow each other. */
function skip(
  { evidence }: Replaying,
  partition: PartitionLog,
  { entry, frame }: { entry: ReadEntry; frame: WalFrame },
): void {
  evidence.add(frame.generation)
  partition.noteLost(entry.offset + offsetCountAtMost(frame.bytes, entry))
}

/** A batch says it twice, so that one of the two may be damaged. Too many do no harm: no offset is used twice. */
function offsetCountAtMost(bytes: Uint8Array, { payloadAt, payloadSizeBytes }: ReadEntry): number {
  if (payloadSizeBytes < batchHeaderSizeBytes) return 1
  const { baseOffset, lastOffset, count } = readBatchHeader(bytes, payloadAt)
  return Math.max(1, lastOffset - baseOffset + 1, count)
}

function quarantineReason(
  { directory }: LogContext,
  partition: PartitionLog,
  { entry, frame }: { entry: ReadEntry; frame: WalFrame },
): string {
  const { path, copy } = {
    path: walPath(directory, frame.generation),
    copy: quarantinedWalPath(directory, frame.generation),
  }
  const what = `${partition.topic}-${partition.id.partition} is whole up to offset ${entry.offset}`
  return `${what}: the batch there is damaged in ${path} at byte ${entry.payloadAt} (kept as ${copy})`
}

function discontinued({ topic, id, stagedEnd }: PartitionLog, offset: number): BrokerError {
  return inconsistent(`${topic}-${id.partition} continues at ${stagedEnd}, not at ${offset}`)
}

/** Frames and checkpoint are each whole and yet do not fit: a directory put together from several. */
function inconsistent(why: string): BrokerError {
  return new BrokerError('corrupt', `the write-ahead log does not continue the checkpoint: ${why}`, {
    fix: 'restore the data directory as a whole from one backup',
  })
}

function removeSetAside({ disk, directory }: LogContext): void {
  const topics = topicsDirectory(directory)
  for (const name of disk.list(topics)) {
    if (name.endsWith(deletedSuffix)) disk.remove(`${topics}/${name}`)
  }
}

type FoundDamage = {
  readonly partition: PartitionLog
  readonly segment: Segment
  readonly position: number
  readonly why: string
}

/**
 * Looks for the files that the checkpoint speaks of, before anything is written to them. What is missing need not be
 * damage: the write-ahead log may say that it was trimmed or deleted.
 */
function inspect({ disk }: LogContext, partition: PartitionLog): FoundDamage[] {
  const names = new Set(disk.list(partition.directory))
  // It may be gone because its deletion comes later in the write-ahead log.
  if (names.size === 0) disk.makeDirectory(partition.directory)
  const missing = partition.segments.filter(({ name }) => !names.has(`${name}.log`))
  const found = missing.map((segment) => ({
    partition,
    segment,
    position: 0,
    why: 'the file is missing',
  }))
  const last = partition.segments.at(-1)
  if (last === undefined || missing.includes(last)) return found
  const sizeBytes = last.source.size()
  if (sizeBytes >= last.writtenBytes) return found
  const why = 'the file is shorter than it was'
  return [...found, { partition, segment: last, position: sizeBytes, why }]
}

/** Of what is left of a partition after the replay: what was trimmed, deleted or replaced may well be gone. */
function damageOf(
  { disk }: LogContext,
  partition: PartitionLog,
  found: readonly FoundDamage[],
): BrokerError | null {
  const lost = found.find(({ segment }) => partition.segments.includes(segment))
  if (lost) return lost.segment.damaged(lost.position, lost.why)
  // Compacted files were durable before they were spoken of, and nothing is ever written to them.
  const compacted = partition.segments.filter(({ generation }) => generation > 0)
  const names = new Set(compacted.length > 0 ? disk.list(partition.directory) : [])
  const missing = compacted.find(({ name }) => !names.has(`${name}.log`))
  return missing ? missing.damaged(0, 'the file is missing') : null
}

/** Makes the files agree with what is known: what lies behind the end was never acknowledged. `grew` was the last one. */
function cut({ disk, logger }: LogContext, partition: PartitionLog, grew: Segment | undefined): void {
  // Written to or begun by a replay, whether or not it had to be synced for want of descriptors.
  const mayBeLonger = partition.segments.filter(({ baseOffset }) => baseOffset >= (grew?.baseOffset ?? 0))
  for (const segment of mayBeLonger) {
    if (segment.generation > 0 || segment.file.size() <= segment.writtenBytes) continue
    segment.file.truncate(segment.writtenBytes)
    // Else a power cut could bring it back, by then in the midst of the partition.
    segment.file.syncNow()
  }
  // The frame that replaced a segment may not be durable yet: its files go after the checkpoint, as ever.
  const known = new Set([...partition.segments, ...partition.replaced].map(({ name }) => name))
  for (const name of disk.list(partition.directory)) {
    const parsed = parseSegmentName(name)
    const stem = parsed === null ? '' : segmentName(parsed.baseOffset, parsed.generation)
    if (known.has(stem) && !name.endsWith(deletedSuffix)) continue
    const path = `${partition.directory}/${name}`
    if (isLeftOver(partition, name)) {
      disk.remove(path)
      partition.directoryChanged = true
    } else logger.warn({ path }, 'a file that the log does not know is ignored')
  }
}

function settle({ logger }: LogContext, partition: PartitionLog): void {
  const last = partition.segments.at(-1)
  // Many partitions may be idle: those that nothing was written to need no descriptor.
  if (last && last.writtenBytes === last.syncedBytes) last.close()
  if (partition.damage) logger.error({ err: partition.damage }, 'a partition is damaged and refuses appends')
}

/**
 * Of a trim, a compaction or appends that a crash interrupted. Anything else is not ours to remove, nor is it ever read.
 */
function isLeftOver({ segments, endOffset, compactedTo }: PartitionLog, name: string): boolean {
  if (name.endsWith(deletedSuffix)) return true
  const parsed = parseSegmentName(name)
  if (parsed === null) return false
  const { baseOffset, generation } = parsed
  if (generation > 0 || baseOffset >= endOffset || baseOffset < (segments[0]?.baseOffset ?? endOffset))
    return true
  // What a compacted segment covers, it replaced; a segment of which compaction left nothing is covered by none.
  if (baseOffset < compactedTo) return true
  return segments.findLast((segment) => segment.baseOffset <= baseOffset)!.generation > 0
}
