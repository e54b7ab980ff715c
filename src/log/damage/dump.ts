// Shows what lies in the segments of a partition, batch by batch, whole or not. Reads only, and believes nothing: what is
// no batch is told as damage, and the dump goes on behind it.
import { BrokerError } from '#base'
import { type BatchHeader, readRecords, readText } from '#record'
import { readCheckpoint } from '../checkpoint/checkpoint.ts'
import { readWholeFile } from '../disk/data-directory.ts'
import { type LogOptions, logContext } from '../options.ts'
import { partitionDirectory } from '../partition/partition-log.ts'
import type { SegmentFacts } from '../segment/segment-facts.ts'
import { segmentPath } from './repair-plan.ts'
import { salvage } from './salvage.ts'

export type DumpedRecord = {
  readonly offset: number
  readonly timestamp: number
  /** UTF-8 text, else base64. */
  readonly key: string | null
  readonly value: string | null
  /** Which of the two is base64. */
  readonly base64: readonly ('key' | 'value')[]
  readonly headers: readonly { readonly key: string; readonly value: string | null }[]
  readonly sizeBytes: number
}

export type DumpedBatch = {
  readonly kind: 'batch'
  readonly path: string
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly recordCount: number
  readonly compression: string
  readonly epoch: number
  readonly maxTimestamp: number
  /** Append times of the first and the last frame of its segment: a batch has none of its own. */
  readonly appendedFrom: number
  readonly appendedUntil: number
  /** From the offset that was asked for on; none if pspf cannot read its codec. */
  readonly records: readonly DumpedRecord[]
}

export type DumpedPiece =
  | DumpedBatch
  | {
      readonly kind: 'damage'
      readonly path: string
      readonly position: number
      readonly sizeBytes: number
      readonly why: string
    }

export type DumpOptions = LogOptions & {
  /** `orders-3` */
  readonly partition: string
  readonly from: number
}

/** As far as the last checkpoint: what is only in the write-ahead log comes with the next start. Throws `not_found`. */
export function* dumpLog(options: DumpOptions): Generator<DumpedPiece, void, undefined> {
  const context = logContext(options)
  const facts = readCheckpoint(context).partitions.find(
    ({ topic, id }) => partitionDirectory(topic, id.partition) === options.partition,
  )
  if (facts === undefined) {
    throw new BrokerError('not_found', `the log has no partition ${options.partition}`, {
      fix: 'name it as topic-number, such as orders-0',
    })
  }
  for (const [index, segment] of facts.segments.entries()) {
    const until = facts.segments[index + 1]?.baseOffset ?? facts.endOffset
    if (until <= options.from) continue
    yield* dumpSegment(options, segmentPath(context, facts, segment), { segment, until })
  }
}

function* dumpSegment(
  { disk, from }: DumpOptions,
  path: string,
  { segment, until }: { segment: SegmentFacts; until: number },
): Generator<DumpedPiece, void, undefined> {
  const damage = (position: number, sizeBytes: number, why: string): DumpedPiece => {
    return { kind: 'damage', path, position, sizeBytes, why }
  }
  if (!disk.exists(path)) return yield damage(0, segment.sizeBytes, 'the file is missing')
  const file = disk.open(path, 'read')
  const bytes = readWholeFile(file).subarray(0, segment.sizeBytes)
  file.close()
  for (const piece of salvage(bytes, { from: segment.baseOffset, until })) {
    if (piece.kind === 'damage') {
      yield damage(piece.position, piece.sizeBytes, piece.why)
      continue
    }
    if (piece.header.lastOffset < from) continue
    const { position, header } = piece
    const batch = bytes.subarray(position, position + header.sizeBytes)
    yield dumpedBatch({ path, position, segment, header, records: dumpedRecords(batch, header, from) })
  }
  if (bytes.length < segment.sizeBytes) {
    yield damage(bytes.length, segment.sizeBytes - bytes.length, 'the file is shorter than it was')
  }
}

type Found = {
  readonly path: string
  readonly position: number
  readonly segment: SegmentFacts
  readonly header: BatchHeader
  readonly records: readonly DumpedRecord[]
}

function dumpedBatch({ path, position, segment, header, records }: Found): DumpedBatch {
  const { sizeBytes, baseOffset, lastOffset, count, compression, leaderEpoch, maxTimestamp } = header
  return {
    kind: 'batch',
    path,
    position,
    sizeBytes,
    baseOffset,
    lastOffset,
    recordCount: count,
    compression,
    epoch: leaderEpoch,
    maxTimestamp,
    appendedFrom: segment.firstAppendTime,
    appendedUntil: segment.lastAppendTime,
    records,
  }
}

function dumpedRecords(batch: Uint8Array, { compression }: BatchHeader, from: number): DumpedRecord[] {
  if (!readableCodecs.has(compression)) return []
  return Array.from(readRecords(batch, from), ({ offset, timestamp, key, value, headers }) => {
    const keyText = readText(key)
    const valueText = readText(value)
    return {
      offset,
      timestamp,
      key: keyText.value,
      value: valueText.value,
      base64: [
        ...(keyText.encoding === undefined ? [] : (['key'] as const)),
        ...(valueText.encoding === undefined ? [] : (['value'] as const)),
      ],
      headers: headers.map((header) => ({ key: header.key, value: readText(header.value).value })),
      sizeBytes: (key?.length ?? 0) + (value?.length ?? 0),
    }
  })
}

const readableCodecs = new Set(['none', 'gzip', 'zstd'])
