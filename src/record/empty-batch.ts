// A batch without records, as Kafka keeps one where compaction removed all: it says that these offsets hold nothing, so
// that readers go on behind them.
import { assert, crc32c, type Offset } from '#base'
import {
  batchHeaderSizeBytes,
  batchMagic,
  batchPrefixSizeBytes,
  field,
  writeInt32,
  writeInt64,
} from './batch-format.ts'

/** `emptyBatch(10, 13, epoch)` holds the place of offsets 10, 11 and 12. */
export function emptyBatch(from: Offset, until: Offset, leaderEpoch: number): Uint8Array {
  assert(until > from && until - from <= 2 ** 31, 'an empty batch holds the place of some offsets')
  const bytes = new Uint8Array(batchHeaderSizeBytes)
  writeInt64(bytes, field.baseOffset, from)
  writeInt32(bytes, field.batchLength, batchHeaderSizeBytes - batchPrefixSizeBytes)
  writeInt32(bytes, field.leaderEpoch, leaderEpoch)
  bytes[field.magic] = batchMagic
  writeInt32(bytes, field.lastOffsetDelta, until - from - 1)
  for (const none of [field.baseTimestamp, field.maxTimestamp, field.producerId]) writeInt64(bytes, none, -1)
  bytes.fill(0xff, field.producerEpoch, field.count)
  writeInt32(bytes, field.crc, crc32c(bytes, field.attributes, bytes.length))
  return bytes
}
