// Which records a partition may forget: those older than `retentionMs` by append time, and the oldest ones above
// `retentionBytes`. Event time plays no part, so replayed old data is kept like any other.
import { asByteSize, asMillis, type Millis, type Offset } from '#base'
import type { Partition } from '#log'
import type { TopicConfig } from './api.ts'

export type RetentionFacts = {
  readonly config: Pick<TopicConfig, 'retentionMs' | 'retentionBytes'>
  readonly now: Millis
  readonly partition: Pick<Partition, 'startOffset' | 'endOffset' | 'offsetAppendedAt' | 'offsetForSize'>
}

export type RetentionDecision = { readonly before: Offset; readonly reason: 'age' | 'size' }

/** Where the partition may start, or null if it stays as it is. Deletes whole segments only, as the log offers them. */
export function decideRetention({ config, now, partition }: RetentionFacts): RetentionDecision | null {
  const { startOffset, endOffset } = partition
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
