// Where in a segment the batches end that lie before an offset.
import { BrokerError } from '#base'
import { batchHeaderSizeBytes } from '#record'
import { batchAt } from '../segment/batch-walk.ts'
import type { SegmentFacts } from '../segment/segment-facts.ts'
import type { StoredFile } from './backup-source.ts'

export type SegmentCut = {
  readonly sizeBytes: number
  /** One past the last offset before it. */
  readonly nextOffset: number
  readonly maxTimestamp: number
  /** Of the last batch. */
  readonly epoch: number
}

const windowBytes = 256 * 1024

/** Throws `corrupt` where something else than batches lies, or a batch on both sides of the offset. */
export async function findCut(
  stored: StoredFile,
  { baseOffset, sizeBytes }: SegmentFacts,
  endOffset: number,
): Promise<SegmentCut> {
  let cut: SegmentCut = { sizeBytes: 0, nextOffset: baseOffset, maxTimestamp: -1, epoch: 0 }
  const buffer = new Uint8Array(Math.min(windowBytes, sizeBytes))
  let window = buffer.subarray(0, 0)
  let windowAt = 0
  while (cut.sizeBytes < sizeBytes) {
    const position = cut.sizeBytes
    if (position + batchHeaderSizeBytes > windowAt + window.length) {
      windowAt = position
      window = await readWindow(stored, buffer, position)
    }
    const header = batchAt(window, position - windowAt)
    if (header === null || header.baseOffset < cut.nextOffset)
      throw damaged(position, 'no record batch begins there')
    if (header.baseOffset >= endOffset) break
    if (header.lastOffset >= endOffset)
      throw damaged(position, `a record batch lies on both sides of offset ${endOffset}`)
    cut = {
      sizeBytes: position + header.sizeBytes,
      nextOffset: header.lastOffset + 1,
      maxTimestamp: Math.max(cut.maxTimestamp, header.maxTimestamp),
      epoch: header.leaderEpoch,
    }
  }
  return cut
}

async function readWindow(
  stored: StoredFile,
  buffer: Uint8Array,
  position: number,
): Promise<Uint8Array<ArrayBuffer>> {
  let length = 0
  for (let count = -1; count !== 0 && length < buffer.length; length += count)
    count = await stored.read(buffer.subarray(length), position + length)
  return new Uint8Array(buffer.buffer as ArrayBuffer, 0, length)
}

function damaged(position: number, why: string): BrokerError {
  return new BrokerError('corrupt', `a segment of the backup is damaged at byte ${position}: ${why}`, {
    fix: 'use another backup',
  })
}
