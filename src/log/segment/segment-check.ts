// One pass over a segment, in steps: every block against its sum, and if asked for every batch by itself. Reads only;
// whoever calls says how fast.
import { BlockSums, type BrokerError, sumBlockBytes, systemCode, toError } from '#base'
import { SegmentCheck } from '../backup/segment-check.ts'
import type { Segment, SegmentBytes } from './segment.ts'

const stepBytes = 8 * sumBlockBytes

export type CheckOptions = {
  /** Whether batches are judged by their own checksums too; without sums there is nothing else. */
  readonly batches: boolean
  /** Called after each step; the check goes on when it resolves, or ends if it answers false. */
  pace(bytes: number): Promise<boolean>
  /** Each place where something else lies than what was written. */
  damaged(error: BrokerError): void
}

export type CheckedSegment = {
  /** Of what was read. */
  readonly sums: BlockSums
  /** One past the last offset. Only if batches were judged. */
  readonly nextOffset: number
}

/** null: it was ended, or damage was met. Throws what `Segment.readAsync` throws for a file that is gone. */
export async function checkSegment(
  segment: Segment,
  { batches, pace, damaged }: CheckOptions,
): Promise<CheckedSegment | null> {
  const sizeBytes = segment.visibleBytes
  const check = new SegmentCheck(segment.baseOffset, sizeBytes)
  const sums = new BlockSums()
  let isWhole = true
  const fail = (error: BrokerError) => {
    isWhole = false
    damaged(error)
  }
  const judge = () => {
    if (check.fault !== null && isWhole) fail(segment.damaged(check.fault.position, check.fault.why))
  }
  for (let position = 0; position < sizeBytes; ) {
    const { bytes, damage } = await readStep(segment, position, Math.min(stepBytes, sizeBytes - position))
    if (damage === null) {
      sums.add(bytes)
      if (batches && isWhole) check.push(bytes)
      judge()
      position += bytes.length
    } else {
      fail(damage)
      // Behind a damaged block the next ones may be whole; where a batch begins there is not known.
      position = (Math.floor((position + bytes.length) / sumBlockBytes) + 1) * sumBlockBytes
      // Of a file that was cut, one place says it all.
      if (position >= segment.source.size()) return null
    }
    if (!(await pace(bytes.length))) return null
  }
  if (batches && isWhole) check.end()
  judge()
  sums.mark()
  return isWhole ? { sums, nextOffset: check.nextOffset } : null
}

/** A read that the disk cannot do is damage, too; anything else, such as too few descriptors, is not. */
async function readStep(segment: Segment, position: number, sizeBytes: number): Promise<SegmentBytes> {
  try {
    return await segment.readAsync(position, sizeBytes)
  } catch (thrown) {
    if (systemCode(thrown) !== 'EIO') throw thrown
    const why = `it cannot be read: ${toError(thrown).message}`
    return { bytes: new Uint8Array(0), damage: segment.damaged(position, why) }
  }
}
