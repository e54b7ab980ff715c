// A checkpoint: everything that lies before one frame of the write-ahead log, as far as it is not in segment files.
//
//   pspf-checkpoint 1 <crc32 of the rest, 8 hex digits>\n
//   {"salt": ..., "wal": {...}, "appendTime": ..., "producerTime": ..., "clean": ..., "partitions": [...]}\n
//
// A partition with `"sealed": true` begins a new segment with its next batch; `"compactedTo"` says up to where compaction
// has been through it.
//
// One text file, replaced as a whole (temporary file, sync, rename, directory sync).
//
// Invariants:
//   1. When it exists under its name, every byte and every file name it speaks of is durable.
//   2. Every frame from its position on is still in `wal/`.
//   3. It is evidence: what it says of a segment's size is the truth, whatever the file's size is.
import { BrokerError, type Clock, crc32, type DiskFile, sleep } from '#base'
import { checkpointPath, readWholeFile, replaceFile, replaceFileWith } from '../disk/data-directory.ts'
import type { HistoryEnd } from '../history/history-file.ts'
import type { LogContext } from '../options.ts'
import type { PartitionFacts } from '../partition/partition-log.ts'
import type { ProducerRow } from '../partition/producer-table.ts'
import { decodeSegmentRow, encodeSegmentRow, type SegmentRow } from '../segment/segment-facts.ts'
import type { WalPosition } from '../wal/wal.ts'

export type Checkpoint = {
  /** As in `format.json`: a second witness, since without the right one no frame can be read. Absent in older ones. */
  readonly salt?: number
  /** The first frame that is not in it. */
  readonly wal: WalPosition
  /** Of the last frame in it: append times never fall, whatever the clock says. */
  readonly appendTime: number
  /** The time that producers are forgotten by, then. Absent in older ones: as `appendTime`. */
  readonly producerTime?: number
  /** Up to where the history counts. Absent: there is none, and it begins anew. */
  readonly history?: HistoryEnd
  /** Written at an orderly stop. */
  readonly clean: boolean
  readonly partitions: readonly PartitionFacts[]
}

const encoder = new TextEncoder()
const magicWord = 'pspf-checkpoint'
const version = 1

type StoredPartition = {
  topicId: string
  partition: number
  topic: string
  startOffset: number
  endOffset: number
  segments: SegmentRow[]
  sealed?: boolean
  compactedTo?: number
  keysTo?: number
  damage?: string
  producers?: Iterable<ProducerRow>
}
/** Characters encoded and written in one go: all at once would hold the log's thread for far more than a millisecond. */
const partSizeMax = 64 * 1024

type Stored = {
  salt?: number
  wal: WalPosition
  appendTime: number
  producerTime?: number
  history?: HistoryEnd
  clean: boolean
  partitions: StoredPartition[]
}

export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const body = [...bodyParts(checkpoint)].join('')
  return firstLine(checksumOf(body)) + body
}

/** For whoever cannot keep its thread: the same bytes. */
export async function encodeCheckpointSlowly(clock: Clock, checkpoint: Checkpoint): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  const checksum = await inTurns(clock, checkpoint, (bytes) => parts.push(bytes))
  return Buffer.concat([encoder.encode(firstLine(checksum)), ...parts])
}

/** Everything behind the first line. */
function* bodyParts(checkpoint: Checkpoint): Generator<string> {
  let part = ''
  for (const piece of bodyPieces(checkpoint)) {
    part += piece
    if (part.length < partSizeMax) continue
    yield part
    part = ''
  }
  if (part !== '') yield part
}

function* bodyPieces({ partitions, ...rest }: Checkpoint): Generator<string> {
  yield `${JSON.stringify(rest).slice(0, -1)},"partitions":[`
  let isFirst = true
  for (const partition of partitions) {
    const { producers, ...facts } = storedPartition(partition)
    const text = (isFirst ? '' : ',') + JSON.stringify(facts)
    if (producers === undefined) yield text
    else yield* producerPieces(text.slice(0, -1), producers)
    isFirst = false
  }
  yield ']}\n'
}

function* producerPieces(facts: string, rows: Iterable<ProducerRow>): Generator<string> {
  yield `${facts},"producers":[`
  let isFirst = true
  for (const row of rows) {
    yield `${isFirst ? '' : ','}[${row.join(',')}]`
    isFirst = false
  }
  yield ']}'
}

/** Of one length, whatever the checksum of the body. */
function firstLine(checksum: string): string {
  return `${magicWord} ${version} ${checksum}\n`
}

const hexOf = (checksum: number) => checksum.toString(16).padStart(8, '0')
const checksumOf = (body: string) => hexOf(crc32(encoder.encode(body)))

/** null: it is not one, or it is damaged. */
export function decodeCheckpoint(text: string): Checkpoint | null {
  const lineEnd = text.indexOf('\n')
  const [word, number, checksum] = text.slice(0, Math.max(lineEnd, 0)).split(' ')
  const body = text.slice(lineEnd + 1)
  if (word !== magicWord || number !== String(version) || checksum !== checksumOf(body)) return null
  const stored = JSON.parse(body) as Stored
  return { ...stored, partitions: stored.partitions.map(partitionFacts) }
}

export async function writeCheckpoint(context: LogContext, checkpoint: Checkpoint): Promise<void> {
  const path = checkpointPath(context.directory)
  if (isShort(checkpoint)) return await replaceFile(context, path, encodeCheckpoint(checkpoint))
  await replaceFileWith(context, path, (file) => writeParts(context, file, checkpoint))
}

/** Whether it fits into one part, which is told without encoding more than that. */
function isShort(checkpoint: Checkpoint): boolean {
  const parts = bodyParts(checkpoint)
  parts.next()
  return parts.next().done === true
}

async function writeParts({ clock }: LogContext, file: DiskFile, checkpoint: Checkpoint): Promise<void> {
  let at = firstLine(hexOf(0)).length
  const checksum = await inTurns(clock, checkpoint, (bytes) => {
    file.write(bytes, at)
    at += bytes.length
  })
  file.write(encoder.encode(firstLine(checksum)), 0)
}

/** Encodes part by part, and gives the thread back between them. Answers the checksum of all. */
async function inTurns(
  clock: Clock,
  checkpoint: Checkpoint,
  take: (bytes: Uint8Array) => void,
): Promise<string> {
  let checksum = 0
  for (const part of bodyParts(checkpoint)) {
    const bytes = encoder.encode(part)
    checksum = Bun.hash.crc32(bytes, checksum)
    take(bytes)
    await sleep(clock, 0)
  }
  return hexOf(checksum)
}

export function readCheckpoint({ disk, directory }: LogContext): Checkpoint {
  const path = checkpointPath(directory)
  if (!disk.exists(path)) throw damaged(path, 'is missing')
  const file = disk.open(path, 'read')
  const checkpoint = decodeCheckpoint(new TextDecoder().decode(readWholeFile(file)))
  file.close()
  if (checkpoint === null) throw damaged(path, 'is damaged: its checksum does not match')
  return checkpoint
}

function damaged(path: string, why: string): BrokerError {
  return new BrokerError('corrupt', `${path} ${why}`, {
    fix: 'restore the data directory from a backup; starting without this file would lose track of what was acknowledged',
    details: { path },
  })
}

function storedPartition({ id, segments, ...facts }: PartitionFacts): StoredPartition {
  return { ...id, ...facts, segments: segments.map(encodeSegmentRow) }
}

function partitionFacts({ topicId, partition, segments, ...facts }: StoredPartition): PartitionFacts {
  return { id: { topicId, partition }, ...facts, segments: segments.map(decodeSegmentRow) }
}
