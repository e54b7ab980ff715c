// What a repair does to one partition: decided from its files and what the checkpoint says of it, before anything changes.
import { asOffset, BrokerError, type Disk } from '#base'
import { emptyBatch } from '#record'
import { readFileIfThere } from '../disk/data-directory.ts'
import { type PartitionFacts, partitionDirectory } from '../partition/partition-log.ts'
import { type SegmentFacts, segmentName } from '../segment/segment-facts.ts'
import { believable, type OffsetRange, salvage } from './salvage.ts'

export type SegmentRepair = {
  readonly facts: SegmentFacts
  readonly path: string
  /** Null: there is none. */
  readonly before: Uint8Array | null
  readonly after: Uint8Array
}

export type PartitionRepair = {
  readonly facts: PartitionFacts
  /** Segments that get other bytes; those of `facts` that are not here and not dropped stay. */
  readonly segments: readonly SegmentRepair[]
  /** Segments that go. */
  readonly dropped: readonly SegmentFacts[]
  readonly endOffset: number
  /** Offsets whose records are gone. */
  readonly lost: readonly OffsetRange[]
}

export type RepairSource = { readonly disk: Disk; readonly directory: string; readonly epoch: number }

/** Batches that are whole stay; empty ones take the place of the rest. `damagedPaths` are the segments to look at. */
export function planSkip(
  source: RepairSource,
  facts: PartitionFacts,
  damagedPaths: ReadonlySet<string>,
): PartitionRepair {
  const endOffset = Math.max(facts.endOffset, facts.lostUntil ?? 0)
  const lost: OffsetRange[] = []
  const repairs: SegmentRepair[] = []
  const segments = facts.segments.length > 0 ? facts.segments : [newSegment(facts)]
  segments.forEach((segment, index) => {
    const next = segments[index + 1]
    const path = segmentPath(source, facts, segment)
    const isCut = next === undefined && endOffset > facts.endOffset
    if (!damagedPaths.has(path) && !isCut) return
    const before = readFileIfThere(source.disk, path)
    const bytes = believable(source.disk, { path, facts: segment, bytes: before })
    const range = { from: segment.baseOffset, until: next?.baseOffset ?? endOffset }
    const after = mended(bytes, range, {
      epoch: source.epoch,
      isShort: bytes.length < segment.sizeBytes || isCut,
      lost,
    })
    repairs.push({ facts: segment, path, before, after })
  })
  return { facts, segments: repairs, dropped: [], endOffset, lost }
}

/** Everything from the batch that holds `at` goes. Throws `invalid_request` if damage lies before it. */
export function planTruncate(source: RepairSource, facts: PartitionFacts, at: number): PartitionRepair {
  const name = partitionDirectory(facts.topic, facts.id.partition)
  if (!Number.isSafeInteger(at) || at < facts.startOffset || at > facts.endOffset) {
    throw new BrokerError(
      'invalid_request',
      `${name} holds offsets ${facts.startOffset} to ${facts.endOffset}, not ${at}`,
    )
  }
  const end = Math.max(facts.endOffset, facts.lostUntil ?? 0)
  const index = facts.segments.findLastIndex(({ baseOffset }) => baseOffset < at)
  const dropped = facts.segments.slice(index + 1)
  const segment = facts.segments[index]
  if (segment === undefined)
    return { facts, segments: [], dropped, endOffset: at, lost: [{ from: at, until: end }] }
  const path = segmentPath(source, facts, segment)
  const before = readFileIfThere(source.disk, path)
  const until = facts.segments[index + 1]?.baseOffset ?? end
  let keptBytes = 0
  let endOffset = segment.baseOffset
  const bytes = believable(source.disk, { path, facts: segment, bytes: before })
  for (const piece of salvage(bytes, { from: segment.baseOffset, until })) {
    if (piece.kind === 'damage') break
    if (piece.header.lastOffset >= at) {
      endOffset = Math.min(at, piece.header.baseOffset)
      return cut()
    }
    keptBytes = piece.position + piece.header.sizeBytes
    endOffset = piece.header.lastOffset + 1
  }
  if (endOffset < at && until > endOffset) {
    throw new BrokerError('invalid_request', `${name} is damaged at offset ${endOffset}, before ${at}`, {
      fix: `truncate at ${endOffset} or before, or skip what is damaged`,
    })
  }
  return cut()

  function cut(): PartitionRepair {
    const repair = { facts: segment!, path, before, after: bytes.slice(0, keptBytes) }
    return { facts, segments: [repair], dropped, endOffset, lost: [{ from: endOffset, until: end }] }
  }
}

function mended(
  bytes: Uint8Array,
  range: OffsetRange,
  { epoch, isShort, lost }: { epoch: number; isShort: boolean; lost: OffsetRange[] },
): Uint8Array {
  const parts: Uint8Array[] = []
  let nextOffset = range.from
  let isTorn = false
  const fill = (until: number) => {
    if (until <= nextOffset) return
    lost.push({ from: nextOffset, until })
    parts.push(emptyBatch(asOffset(nextOffset), asOffset(until), epoch))
  }
  for (const piece of salvage(bytes, range)) {
    if (piece.kind === 'damage') {
      isTorn = true
      continue
    }
    if (isTorn) fill(piece.header.baseOffset)
    isTorn = false
    parts.push(bytes.subarray(piece.position, piece.position + piece.header.sizeBytes))
    nextOffset = piece.header.lastOffset + 1
  }
  if (isTorn || isShort) fill(range.until)
  return Uint8Array.from(Buffer.concat(parts))
}

function newSegment({ endOffset }: PartitionFacts): SegmentFacts {
  return {
    baseOffset: endOffset,
    generation: 0,
    sizeBytes: 0,
    maxTimestamp: -1,
    firstAppendTime: 0,
    lastAppendTime: 0,
  }
}

export function segmentPath(
  { directory }: { readonly directory: string },
  { topic, id }: PartitionFacts,
  { baseOffset, generation }: Pick<SegmentFacts, 'baseOffset' | 'generation'>,
): string {
  return `${directory}/topics/${partitionDirectory(topic, id.partition)}/${segmentName(baseOffset, generation)}.log`
}
