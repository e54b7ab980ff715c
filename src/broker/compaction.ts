// When a compacted partition is worth a round: enough has come since the last one, next to what that left.
import type { CompactionFacts } from '#log'
import type { TopicConfig } from './api.ts'

export type CompactionDecisionFacts = {
  readonly config: Pick<TopicConfig, 'minCleanableDirtyRatio'>
  readonly partition: CompactionFacts
  /** Less than this is not worth a round. */
  readonly dirtyBytesMin: number
}

/** `rolls`: the newest segment is sealed first, since rounds touch no other. null: not yet. */
export function decideCompaction(facts: CompactionDecisionFacts): { readonly rolls: boolean } | null {
  const { cleanBytes, dirtyBytes, activeBytes } = facts.partition
  const fresh = dirtyBytes + activeBytes
  if (fresh < facts.dirtyBytesMin) return null
  if (fresh / (fresh + cleanBytes) < facts.config.minCleanableDirtyRatio) return null
  return { rolls: activeBytes > 0 }
}
