// What compaction does to a partition, as the payload of a `replace` entry: these neighbouring segments gave way to those.
//
//   {"replaced": [[base offset, generation], ...], "by": [[...facts]], "keysTo": offset, "compactedTo": offset}
//
// JSON in UTF-8; facts as in checkpoint.ts. `keysTo`: what went gave way to records below it. `compactedTo` is there when a
// round is through: below it, each key has one record.
//
// Invariants:
//   1. The files of `by`, and their names, are durable before the entry is written.
//   2. What is replaced is sealed, and stays on the disk until a checkpoint speaks of what replaced it.
//   3. The first of `by` begins where the first of `replaced` began: there is no offset without a segment.
import {
  decodeSegmentRow,
  encodeSegmentRow,
  type SegmentFacts,
  type SegmentRow,
} from '../segment/segment-facts.ts'

export type SegmentKey = Pick<SegmentFacts, 'baseOffset' | 'generation'>

export type SegmentSwap = {
  readonly replaced: readonly SegmentKey[]
  readonly by: readonly SegmentFacts[]
  /** Absent in frames of an older version. */
  readonly keysTo?: number
  readonly compactedTo?: number
}

type Stored = { replaced: [number, number][]; by: SegmentRow[]; keysTo?: number; compactedTo?: number }

export function encodeSwap({ replaced, by, ...rest }: SegmentSwap): Uint8Array {
  const stored: Stored = {
    replaced: replaced.map(({ baseOffset, generation }) => [baseOffset, generation]),
    by: by.map(encodeSegmentRow),
    ...rest,
  }
  return new TextEncoder().encode(JSON.stringify(stored))
}

/** Of bytes whose frame was believed. */
export function decodeSwap(payload: Uint8Array): SegmentSwap {
  const { replaced, by, ...rest } = JSON.parse(new TextDecoder().decode(payload)) as Stored
  return {
    replaced: replaced.map(([baseOffset, generation]) => ({ baseOffset, generation })),
    by: by.map(decodeSegmentRow),
    ...rest,
  }
}
