// What a run of whole batches holds, told from their headers alone.
import { asOffset, assert, type Offset } from '#base'
import { readBatchHeader } from '#record'

export type BatchSpan = {
  readonly records: number
  /** One past the last offset of the last batch; -1 when there is none. */
  readonly nextOffset: Offset
}

/** `spanOf([10..14][15..15]) -> { records: 6, nextOffset: 16 }`. */
export function spanOf(batches: Uint8Array): BatchSpan {
  let records = 0
  let nextOffset = -1
  for (let position = 0; position < batches.length; ) {
    const header = readBatchHeader(batches, position)
    assert(header.sizeBytes > 0, 'stored batches have a size')
    records += header.count
    nextOffset = header.lastOffset + 1
    position += header.sizeBytes
  }
  return { records, nextOffset: asOffset(nextOffset) }
}
