// What is deleted before its time when the log nears the most that it may have of the disk: the oldest sealed segments of
// all partitions that forget anyway, by append time, whole segments. What keeps for ever, is compacted or belongs to pspf
// itself is never touched. A segment that still grows is sealed first, and only when nothing else is left.
import type { Millis, Offset } from '#base'
import type { PartitionId, SealedSegment } from '#log'

/** Trimming begins at this share of the most, so that records need not be refused meanwhile. */
export const trimAboveShare = 0.95

export type TrimCandidate = {
  readonly id: PartitionId
  readonly topic: string
  /** The oldest first. */
  readonly sealed: readonly SealedSegment[]
}

export type DiskTrim = {
  readonly id: PartitionId
  readonly topic: string
  readonly before: Offset
  readonly sizeBytes: number
  readonly lastAppendTime: Millis
}

export type DiskFacts = {
  readonly usedBytes: number
  readonly maxBytes: number
  readonly candidates: readonly TrimCandidate[]
}

/** One trim a partition at most. `usedBytes` of it is what stays. */
export function decideDiskTrims({ usedBytes, maxBytes, candidates }: DiskFacts): {
  readonly trims: readonly DiskTrim[]
  readonly usedBytes: number
} {
  const aimBytes = maxBytes * trimAboveShare
  let left = usedBytes
  if (left <= aimBytes) return { trims: [], usedBytes }
  const oldestFirst = candidates
    .flatMap(({ id, topic, sealed }) => sealed.map((segment) => ({ id, topic, segment })))
    // Within a partition append times never fall, so a stable order keeps its segments in theirs.
    .sort((a, b) => a.segment.lastAppendTime - b.segment.lastAppendTime)
  const trims = new Map<string, DiskTrim>()
  for (const { id, topic, segment } of oldestFirst) {
    if (left <= aimBytes) break
    const key = `${id.topicId}-${id.partition}`
    const { endOffset, sizeBytes, lastAppendTime } = segment
    const before = trims.get(key)
    trims.set(key, {
      id,
      topic,
      before: endOffset,
      sizeBytes: sizeBytes + (before?.sizeBytes ?? 0),
      lastAppendTime,
    })
    left -= sizeBytes
  }
  return { trims: [...trims.values()], usedBytes: left }
}

export type RollCandidate = {
  readonly id: PartitionId
  /** Append time of the oldest record in the segment that still grows. */
  readonly activeSince: Millis
  readonly activeBytes: number
}

/** Whose segments to seal, the oldest first, so that the next round finds enough to trim. */
export function decideRolls(facts: {
  readonly usedBytes: number
  readonly maxBytes: number
  readonly candidates: readonly RollCandidate[]
}): PartitionId[] {
  const { usedBytes, maxBytes, candidates } = facts
  if (usedBytes <= maxBytes) return []
  const rolls: PartitionId[] = []
  let left = usedBytes
  for (const { id, activeBytes } of candidates.toSorted((a, b) => a.activeSince - b.activeSince)) {
    if (left <= maxBytes * trimAboveShare) break
    rolls.push(id)
    left -= activeBytes
  }
  return rolls
}
