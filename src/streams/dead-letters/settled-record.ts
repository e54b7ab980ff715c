// What has become of the letters of one partition of a topic of dead letters: a record of `_pspf.dead-letters`. It is
// appended together with the records that a replay sends, so that a letter is sent again exactly when it is noted here.
//
//   key    <id of the topic of dead letters>/<partition>
//   value  {"v":1, "topic": its name, "purgedBefore": offset, "replayed": [[from, to], ...]}
//
// Invariants:
//   1. The newest record of a key counts; it is whole, not a change of the one before.
//   2. Ranges rise, do not touch, and are `from <= offset < to`. Nothing lies below `purgedBefore`.
//   3. The id is the topic's, so that a topic of the same name created later begins with nothing.
import { BrokerError } from '#base'
import type { OffsetRanges } from './offset-ranges.ts'

export type Settled = {
  /** Letters below are purged, whether or not the log still holds their bytes. */
  readonly purgedBefore: number
  /** Letters that were sent again. */
  readonly replayed: OffsetRanges
}

export const nothingSettled: Settled = { purgedBefore: 0, replayed: [] }

const version = 1
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const settledKey = (topicId: string, partition: number): string => `${topicId}/${partition}`

export function encodeSettled(topic: string, { purgedBefore, replayed }: Settled): Uint8Array {
  return encoder.encode(JSON.stringify({ v: version, topic, purgedBefore, replayed }))
}

export function decodeSettled(bytes: Uint8Array): Settled {
  const { v, purgedBefore, replayed } = JSON.parse(decoder.decode(bytes)) as Settled & { v: number }
  if (v === version) return { purgedBefore, replayed }
  throw new BrokerError(
    'conflict',
    `what became of dead letters was written by a newer pspf (version ${v})`,
    {
      fix: 'run the newer one',
    },
  )
}
