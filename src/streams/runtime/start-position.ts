// Where a task goes on in an input. State and positions come from one commit, so they agree, or something was done to
// one of them from outside: then it is refused, since going on would count records twice or not at all.
import { asOffset, BrokerError, type Offset } from '#base'
import type { TopicInfo } from '#broker'
import type { StoredInput } from './task-state.ts'

export type Place = {
  readonly topic: TopicInfo
  readonly partition: number
  /** What the log knows of the group; null: nothing. */
  readonly committed: Offset | null
  /** What the task's state says; undefined: nothing. */
  readonly stored: StoredInput | undefined
  /** The task has state from an earlier run. */
  readonly hasState: boolean
  readonly keepsState: boolean
}

/** Throws `conflict` when positions and state do not belong together. */
export function startPosition(place: Place): Offset {
  const { topic, partition, committed, stored, hasState, keepsState } = place
  const { startOffset, endOffset } = topic.partitions[partition]!
  const where = `${topic.name}/${partition}`
  if (keepsState && !hasState && committed !== null && committed > startOffset) {
    throw conflict(`it has read ${where} up to offset ${committed}, but its state is gone`)
  }
  if (stored !== undefined && committed !== null && committed !== stored.next) {
    throw conflict(`its state covers ${where} up to offset ${stored.next}, but its position is ${committed}`)
  }
  const position = asOffset(stored?.next ?? committed ?? startOffset)
  if (position > endOffset) {
    throw conflict(`it has read ${where} up to offset ${position}, but the log ends at ${endOffset}`)
  }
  return position
}

function conflict(why: string): BrokerError {
  return new BrokerError('conflict', `the app cannot go on where it was: ${why}`, {
    fix: 'pspf app reset, which computes it anew from its sources',
  })
}
