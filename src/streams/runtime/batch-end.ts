// Where batches end: what to read next, also when their last offsets hold no records any more.
import { asOffset, BrokerError, type Offset } from '#base'
import { readBatchHeader } from '#record'

/** One past the last offset of consecutive whole batches: `[10..14][15..19] -> 20`. */
export function endOfBatches(batches: Uint8Array): Offset {
  let end = 0
  for (let at = 0; at < batches.length; ) {
    const { sizeBytes, lastOffset } = readBatchHeader(batches, at)
    if (sizeBytes <= 0) throw new BrokerError('corrupt', `a record batch claims ${sizeBytes} bytes`)
    end = Math.max(end, lastOffset + 1)
    at += sizeBytes
  }
  return asOffset(end)
}
