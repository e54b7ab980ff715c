// Steps from batch to batch through bytes that hold consecutive batches, reading only their headers.
import { type BatchHeader, batchHeaderSizeBytes, checkBatch, readBatchHeader } from '#record'

/** The header at `position` if it fits and is one that a segment may hold; null if the bytes say anything else. */
export function batchAt(bytes: Uint8Array, position: number): BatchHeader | null {
  if (position + batchHeaderSizeBytes > bytes.length) return null
  const header = readBatchHeader(bytes, position)
  const sane =
    header.magic === 2 &&
    header.sizeBytes >= batchHeaderSizeBytes &&
    header.baseOffset >= 0 &&
    header.lastOffset >= header.baseOffset
  return sane ? header : null
}

export type ClaimedBatch = {
  readonly payloadAt: number
  readonly payloadSizeBytes: number
  readonly offset: number
  readonly epoch: number
}

/** Every byte of a batch: its checksum covers all but offset, length, epoch and magic, which must be those claimed. */
export function isWholeBatch(bytes: Uint8Array, claimed: ClaimedBatch): boolean {
  const { payloadAt, payloadSizeBytes, offset, epoch } = claimed
  try {
    const header = checkBatch(bytes.subarray(payloadAt, payloadAt + payloadSizeBytes))
    return (
      header.sizeBytes === payloadSizeBytes && header.baseOffset === offset && header.leaderEpoch === epoch
    )
  } catch {
    return false // It says what is wrong; here only counts that something is.
  }
}

export type WholeBatches = {
  /** Bytes of whole batches from the start. */
  readonly sizeBytes: number
  /** One past the last record in them. */
  readonly endOffset: number
  /** Where bytes that are no batch begin, or -1: a batch that is merely cut by the end is not damage. */
  readonly damagedAt: number
}

/** How many of `bytes` are whole batches, whose offsets begin at `from` or later and rise. */
export function wholeBatches(bytes: Uint8Array, from: number): WholeBatches {
  let position = 0
  let endOffset = from
  while (position + batchHeaderSizeBytes <= bytes.length) {
    const header = batchAt(bytes, position)
    if (header === null || header.baseOffset < endOffset)
      return { sizeBytes: position, endOffset, damagedAt: position }
    if (position + header.sizeBytes > bytes.length) break
    position += header.sizeBytes
    endOffset = header.lastOffset + 1
  }
  return { sizeBytes: position, endOffset, damagedAt: -1 }
}
