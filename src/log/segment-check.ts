// One pass over a segment, in steps: every block against its sum, and if asked for (or if there are no sums) every batch
// by itself. Reads only; whoever calls says how fast.
import { BlockSums, BrokerError, sumBlockBytes, toError } from '#base'
import { batchHeaderSizeBytes, checkBatch, readBatchHeader } from '#record'
import type { Segment, SegmentBytes } from './segment.ts'

export const checkStepBytes = 8 * sumBlockBytes
/** A batch that claims more is not believed. */
const batchBytesMax = 64 * 2 ** 20

export type CheckOptions = {
  /** Called after each step; the check goes on when it resolves, or ends if it answers false. */
  pace(bytes: number): Promise<boolean>
  /** Each place where something else lies than what was written. */
  damaged(error: BrokerError): void
}

/** Blocks against their sums. False: it was ended, or the segment went away. */
export async function checkBlocks(segment: Segment, { pace, damaged }: CheckOptions): Promise<boolean> {
  for (let position = 0; position < segment.visibleBytes; ) {
    const sizeBytes = Math.min(checkStepBytes, segment.visibleBytes - position)
    const { bytes, damage } = await readStep(segment, position, sizeBytes)
    if (damage !== null) damaged(damage)
    // Behind a damaged block the next ones may be whole.
    position =
      damage === null
        ? position + bytes.length
        : (Math.floor((position + bytes.length) / sumBlockBytes) + 1) * sumBlockBytes
    if (!(await pace(bytes.length))) return false
  }
  return true
}

/**
 * Batches by their own checksums, and that offsets rise from the base offset on. Answers the sums of what it read
 * and where offsets go on, or null if it was ended or met damage: behind
 * that it is not known where a batch begins.
 */
export async function checkBatches(
  segment: Segment,
  { pace, damaged }: CheckOptions,
): Promise<{ sums: BlockSums; nextOffset: number } | null> {
  const sums = new BlockSums()
  const sizeBytes = segment.visibleBytes
  let nextOffset = segment.baseOffset
  let stepBytes = checkStepBytes
  for (let position = 0; position < sizeBytes; ) {
    const { bytes, damage } = await readStep(segment, position, Math.min(stepBytes, sizeBytes - position))
    const step = checkWholeBatches(bytes, nextOffset)
    if (step.damage !== null || (step.sizeBytes === 0 && damage !== null)) {
      damaged(
        damage ?? segment.damaged(position + step.sizeBytes, step.damage ?? 'no record batch begins there'),
      )
      return null
    }
    // A batch that is larger than a step.
    if (step.sizeBytes === 0 && step.wantedBytes > sizeBytes - position) {
      damaged(segment.damaged(position, 'a record batch is cut short'))
      return null
    }
    stepBytes = step.sizeBytes === 0 ? step.wantedBytes : checkStepBytes
    sums.add(bytes.subarray(0, step.sizeBytes))
    position += step.sizeBytes
    nextOffset = step.nextOffset
    if (!(await pace(step.sizeBytes))) return null
  }
  sums.mark()
  return { sums, nextOffset }
}

export type CheckedBatches = {
  readonly sizeBytes: number
  readonly nextOffset: number
  /** Bytes that the next batch needs. */
  readonly wantedBytes: number
  readonly damage: string | null
}

/** How many of `bytes` are whole batches that pass their checksums, with offsets that rise from `from` on. */
export function checkWholeBatches(bytes: Uint8Array, from: number): CheckedBatches {
  let position = 0
  let nextOffset = from
  const end = (wantedBytes: number, damage: string | null): CheckedBatches => {
    return { sizeBytes: position, nextOffset, wantedBytes, damage }
  }
  for (;;) {
    const room = bytes.length - position
    if (room < batchHeaderSizeBytes) return end(batchHeaderSizeBytes, null)
    const header = readBatchHeader(bytes, position)
    const isSane =
      header.magic === 2 && header.sizeBytes >= batchHeaderSizeBytes && header.sizeBytes <= batchBytesMax
    if (!isSane) return end(0, 'no record batch begins there')
    if (header.sizeBytes > room) return end(header.sizeBytes, null)
    if (header.baseOffset < nextOffset || header.lastOffset < header.baseOffset) {
      return end(0, `offset ${header.baseOffset} does not follow ${nextOffset - 1}`)
    }
    try {
      checkBatch(bytes, position)
    } catch (thrown) {
      return end(0, toError(thrown).message)
    }
    position += header.sizeBytes
    nextOffset = header.lastOffset + 1
  }
}

/** A read that the disk refuses is damage, too. */
async function readStep(segment: Segment, position: number, sizeBytes: number): Promise<SegmentBytes> {
  try {
    return await segment.readAsync(position, sizeBytes)
  } catch (thrown) {
    if (thrown instanceof BrokerError) throw thrown
    return {
      bytes: new Uint8Array(0),
      damage: segment.damaged(position, `it cannot be read: ${toError(thrown).message}`),
    }
  }
}
