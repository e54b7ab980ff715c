// One append on its way: judged against the partitions as they are when its frame is built, then copied into the frame.
import { asOffset, BrokerError, type Offset } from '#base'
import { type BatchHeader, writeBaseOffset } from '#record'
import type { Appended, LogEntry, PartitionId } from '../api.ts'
import { encodeSwap, type SegmentSwap } from '../compaction/segment-swap.ts'
import type { PartitionLog } from '../partition/partition-log.ts'
import { hasSequence, type ProducerBatch } from '../partition/producer-table.ts'
import { batchAt } from '../segment/batch-walk.ts'
import { entryHeaderSizeBytes } from '../wal/frame.ts'
import type { FrameWriter } from '../wal/frame-writer.ts'
import type { FrameChanges } from './frame-changes.ts'

/** What compaction appends, and nobody else: the files it speaks of must be durable. */
export type ReplaceEntry = { readonly kind: 'replace'; readonly id: PartitionId; readonly swap: SegmentSwap }
export type AnyEntry = LogEntry | ReplaceEntry

export type PendingAppend = {
  readonly entries: readonly AnyEntry[]
  /** In its frame. */
  readonly sizeBytes: number
  /** Changes more than the ends of partitions: travels in a frame of its own. */
  readonly hasControls: boolean
  /** Goes on when only the reserve of the disk is left. */
  readonly useReserve: boolean
  /** `written`: answered before the sync, which must begin within `syncWithinMs`. */
  readonly acknowledge: 'synced' | 'written'
  readonly syncWithinMs: number
  /** When it was taken in, on the monotonic clock. */
  readonly sinceMs: number
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: Error) => void
  readonly offsets: Offset[]
  /** The answer, once its frame is written. */
  appended: Appended | null
}

/** The frame that is being built. */
export type FrameInProgress = {
  readonly writer: FrameWriter
  readonly changes: FrameChanges
  readonly epoch: number
  /** Never falls. */
  appendTime: number
  /** By which producers are forgotten. */
  producerTime: number
}

const encoder = new TextEncoder()
const topicIdPattern = /^[0-9a-f]{32}$/
const noPayload = new Uint8Array(0)
const noOffset = asOffset(-1)

/** A batch may need a roll before it, so there is room for one. */
export function entrySizeBytes(entry: AnyEntry): number {
  if (entry.kind === 'batch') return 2 * entryHeaderSizeBytes + entry.batch.length
  return entryHeaderSizeBytes + payloadOf(entry).length
}

function payloadOf(entry: AnyEntry): Uint8Array {
  if (entry.kind === 'create') return encoder.encode(entry.topic)
  return entry.kind === 'replace' ? encodeSwap(entry.swap) : noPayload
}

/** Takes an append into the frame, or says why not and leaves the frame as it was. */
export function takeAppend(frame: FrameInProgress, append: PendingAppend): BrokerError | null {
  return append.hasControls ? takeControls(frame, append) : takeBatches(frame, append)
}

/** Reused, since appends are taken one at a time. */
const headers: BatchHeader[] = []
const partitions: PartitionLog[] = []
/** Of batches with a sequence: themselves, or the earlier ones that they repeat. */
const claims: (ProducerBatch | null)[] = []

function takeBatches(frame: FrameInProgress, { entries, offsets }: PendingAppend): BrokerError | null {
  headers.length = 0
  partitions.length = 0
  claims.length = 0
  const mark = frame.changes.producersMark
  for (const entry of entries) {
    if (entry.kind !== 'batch') continue
    const partition = frame.changes.find(entry.id)
    const header = batchAt(entry.batch, 0)
    const refusal = judgeBatch(entry, partition, header)
    const claim = refusal ?? takeSequence(frame, partition!, header!)
    if (claim instanceof BrokerError) {
      frame.changes.undoProducers(mark)
      return claim
    }
    partitions.push(partition!)
    headers.push(header!)
    claims.push(claim)
  }
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index]!
    if (entry.kind !== 'batch') continue
    const judged = { batch: entry.batch, header: headers[index]!, claim: claims[index]! }
    offsets.push(placeBatch(frame, partitions[index]!, judged))
  }
  return null
}

/** Judges what an idempotent producer says of its batch, against everything staged so far; null for any other batch. */
function takeSequence(
  { changes, producerTime }: FrameInProgress,
  partition: PartitionLog,
  header: BatchHeader,
): ProducerBatch | BrokerError | null {
  if (!hasSequence(header)) return null
  if (!isClaim(header))
    return malformed(`a batch of producer ${header.producerId} has no epoch or no sequence`)
  const verdict = partition.producers.judge(header, producerTime)
  switch (verdict.kind) {
    case 'new':
      return changes.producer(partition, header, producerTime)
    case 'duplicate':
      return verdict.of
    case 'fenced':
      return fenced(partition, header, verdict.epoch)
    case 'out_of_order':
      return outOfOrder(partition, header, verdict.expected)
  }
}

function isClaim({ producerId, producerEpoch, baseSequence }: BatchHeader): boolean {
  return producerEpoch >= 0 && baseSequence >= 0 && Number.isSafeInteger(producerId)
}

/** What was refused of a producer that is not known must come again before anything behind it is taken. */
export function noteRefused({ changes, producerTime }: FrameInProgress, entries: readonly AnyEntry[]): void {
  for (const entry of entries) {
    const header = entry.kind === 'batch' ? batchAt(entry.batch, 0) : null
    if (header === null || !hasSequence(header) || !isClaim(header)) continue
    changes.find(entry.id)?.producers.awaitRetry(header, producerTime)
  }
}

/** Entries may build on one another here, so each is judged after those before it are staged. */
function takeControls(frame: FrameInProgress, { entries, offsets }: PendingAppend): BrokerError | null {
  for (const entry of entries) {
    const staged = judge(frame.changes, entry) ?? stage(frame, entry)
    if (staged instanceof BrokerError) {
      frame.changes.undo()
      return staged
    }
    offsets.push(staged)
  }
  return null
}

function judge(changes: FrameChanges, entry: AnyEntry): BrokerError | null {
  const partition = changes.find(entry.id)
  switch (entry.kind) {
    case 'batch':
      return judgeBatch(entry, partition, batchAt(entry.batch, 0))
    case 'create':
      return judgeCreate(changes, entry)
    case 'delete':
      if (partition === undefined) return unknown(entry.id)
      return changes.creates(partition) ? malformed('an append cannot delete what it creates') : null
    case 'trim':
      if (partition === undefined) return unknown(entry.id)
      return entry.before <= partition.stagedEnd ? null : beyondEnd(partition, entry.before)
    case 'replace':
      if (partition === undefined) return unknown(entry.id)
      return partition.canReplace(entry.swap) ? partition.damage : outdated(partition)
    case 'roll':
      return partition === undefined ? unknown(entry.id) : partition.damage
  }
}

function judgeCreate(
  changes: FrameChanges,
  { id, topic }: LogEntry & { kind: 'create' },
): BrokerError | null {
  if (!topicIdPattern.test(id.topicId) || !Number.isInteger(id.partition) || id.partition < 0) {
    return malformed(`"${id.topicId}" and ${id.partition} are no topic id and partition`)
  }
  if (topic === '' || /[/\\\0]/.test(topic)) return malformed(`"${topic}" cannot name a directory`)
  if (!changes.has(id, topic)) return null
  return new BrokerError('already_exists', `partition ${id.partition} of topic "${topic}" exists`)
}

function judgeBatch(
  { id, batch }: LogEntry & { kind: 'batch' },
  partition: PartitionLog | undefined,
  header: BatchHeader | null,
): BrokerError | null {
  if (partition === undefined) return unknown(id)
  if (partition.damage !== null) return partition.damage
  if (header === null || header.sizeBytes !== batch.length)
    return malformed('an entry is not one whole record batch')
  return null
}

function stage(frame: FrameInProgress, entry: AnyEntry): Offset | BrokerError {
  const { changes, writer } = frame
  if (entry.kind === 'batch') {
    const partition = changes.find(entry.id)!
    const header = batchAt(entry.batch, 0)!
    const claim = takeSequence(frame, partition, header)
    if (claim instanceof BrokerError) return claim
    return placeBatch(frame, partition, { batch: entry.batch, header, claim })
  }
  if (entry.kind === 'roll') {
    stageRoll(frame, changes.find(entry.id)!)
    return noOffset
  }
  const { kind, id } = entry
  const payload = payloadOf(entry)
  const offset = kind === 'trim' ? entry.before : 0
  writer.add({ kind, topicId: Uint8Array.fromHex(id.topicId), partition: id.partition, offset, payload })
  if (kind === 'create') changes.create(id, entry.topic)
  else if (kind === 'delete') changes.delete(changes.find(id)!)
  else if (kind === 'replace') changes.replace(changes.find(id)!, entry.swap)
  else changes.trim(changes.find(id)!, entry.before)
  return noOffset
}

type JudgedBatch = {
  readonly batch: Uint8Array
  readonly header: BatchHeader
  readonly claim: ProducerBatch | null
}

/** Where the batch lies, or will lie: a repeated one is not written again. */
function placeBatch(frame: FrameInProgress, partition: PartitionLog, judged: JudgedBatch): Offset {
  const { claim } = judged
  if (claim === null) return stageBatch(frame, partition, judged)
  if (claim.baseOffset < 0) claim.baseOffset = stageBatch(frame, partition, judged)
  return asOffset(claim.baseOffset)
}

/** Written down, so that replay needs to know neither the limits nor the time. */
function stageRoll({ writer, changes }: FrameInProgress, partition: PartitionLog): void {
  const { topicIdBytes, id, stagedEnd } = partition
  writer.add({
    kind: 'roll',
    topicId: topicIdBytes,
    partition: id.partition,
    offset: stagedEnd,
    payload: noPayload,
  })
  changes.roll(partition)
}

function stageBatch(frame: FrameInProgress, partition: PartitionLog, { batch, header }: JudgedBatch): Offset {
  const { writer, changes, epoch, appendTime } = frame
  if (partition.mustRoll(batch.length, appendTime)) stageRoll(frame, partition)
  const offset = partition.stagedEnd
  const position = writer.add({
    kind: 'batch',
    topicId: partition.topicIdBytes,
    partition: partition.id.partition,
    offset,
    payload: batch,
  })
  writeBaseOffset(writer.bytes, position, offset, epoch)
  const offsetCount = header.lastOffset - header.baseOffset + 1
  changes.batch(partition, {
    position,
    sizeBytes: batch.length,
    offsetCount,
    maxTimestamp: header.maxTimestamp,
    appendTime,
  })
  return asOffset(offset)
}

function unknown({ topicId, partition }: PartitionId): BrokerError {
  return new BrokerError('not_found', `partition ${partition} of topic id ${topicId} does not exist`)
}

function fenced(partition: PartitionLog, { producerId, producerEpoch }: BatchHeader, newest: number) {
  const where = `${partition.topic}-${partition.id.partition}`
  return new BrokerError(
    'fenced',
    `producer ${producerId} wrote to ${where} with epoch ${producerEpoch}, but epoch ${newest} has begun`,
    {
      fix: 'stop this producer: another one with a newer epoch has taken its place',
      details: { producerId, epoch: producerEpoch, newestEpoch: newest },
    },
  )
}

function outOfOrder(partition: PartitionLog, header: BatchHeader, expected: number) {
  const { producerId, producerEpoch: epoch, baseSequence: sequence } = header
  const where = `${partition.topic}-${partition.id.partition}`
  return new BrokerError(
    'out_of_order_sequence',
    `producer ${producerId} sent sequence ${sequence} to ${where}, where ${expected} comes next`,
    {
      fix: 'send the missing batches first; if they are lost, begin a new epoch at sequence 0',
      details: { producerId, epoch, sequence, expected },
    },
  )
}

function outdated({ topic, id }: PartitionLog): BrokerError {
  return new BrokerError('conflict', `segments of ${topic}-${id.partition} went while they were compacted`)
}

function malformed(why: string): BrokerError {
  return new BrokerError('invalid_request', why)
}

function beyondEnd(partition: PartitionLog, before: number): BrokerError {
  return new BrokerError(
    'offset_out_of_range',
    `${partition.topic}-${partition.id.partition} ends at ${partition.stagedEnd}, so it cannot be trimmed to ${before}`,
    { details: { endOffset: partition.stagedEnd } },
  )
}
