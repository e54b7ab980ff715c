// Which records a partition may forget: those older than `retentionMs` by append time, and the oldest ones above
// `retentionBytes`. Event time plays no part, so replayed old data is kept like any other. Only whole segments go, so a
// segment must not take records for too long.
import { asByteSize, asMillis, type Millis, type Offset } from '#base'
import type { Partition } from '#log'
import type { TopicConfig } from './api.ts'
import { forgetsByAge } from './config.ts'

export type RetentionFacts = {
  readonly config: Pick<TopicConfig, 'cleanupPolicy' | 'retentionMs' | 'retentionBytes'>
  readonly now: Millis
  readonly partition: Pick<Partition, 'startOffset' | 'endOffset' | 'offsetAppendedAt' | 'offsetForSize'>
}

export type RetentionDecision = { readonly before: Offset; readonly reason: 'age' | 'size' }

/** Where the partition may start, or null if it stays as it is. Deletes whole segments only, as the log offers them. */
export function decideRetention({ config, now, partition }: RetentionFacts): RetentionDecision | null {
  const { startOffset, endOffset } = partition
  if (!forgetsByAge(config)) return null
  let before = startOffset
  let reason: RetentionDecision['reason'] = 'age'
  if (config.retentionMs !== null && now > config.retentionMs) {
    before = partition.offsetAppendedAt(asMillis(now - config.retentionMs))
  }
  if (config.retentionBytes !== null) {
    const bySize = partition.offsetForSize(asByteSize(config.retentionBytes))
    if (bySize > before) {
      before = bySize
      reason = 'size'
    }
  }
  if (before > endOffset) before = endOffset
  return before > startOffset ? { before, reason } : null
}

/** Of the retention by time: what a segment may span, and so by how much records may outlive it. */
export const segmentAgeShare = 1 / 4
const segmentAgeMsMax = 24 * 60 * 60 * 1000

/** Whether the newest segment has taken records for so long that it must be sealed: else it would outlive its time. */
export function mustSeal(facts: {
  readonly config: Pick<TopicConfig, 'cleanupPolicy' | 'retentionMs'>
  readonly now: Millis
  readonly partition: Pick<Partition, 'activeSince'>
}): boolean {
  const { activeSince } = facts.partition
  const { retentionMs } = facts.config
  if (activeSince === null || retentionMs === null || !forgetsByAge(facts.config)) return false
  return facts.now - activeSince > Math.min(segmentAgeMsMax, retentionMs * segmentAgeShare)
}

/** What a partition may forget that one group reads once, in order; `seals`: what it has not read can be told from the rest. */
export function decideConsumed(facts: {
  /** The least position that a group has committed. */
  readonly committed: Offset
  readonly partition: Pick<Partition, 'startOffset' | 'endOffset' | 'segmentStart' | 'compaction'>
  readonly segmentBytesMax: number
}): { readonly before: Offset } | 'seal' | null {
  const { committed, partition } = facts
  const { startOffset, endOffset } = partition
  const before = committed >= endOffset ? endOffset : partition.segmentStart(committed)
  if (before > startOffset) return { before }
  return partition.compaction.activeBytes >= facts.segmentBytesMax ? 'seal' : null
}
