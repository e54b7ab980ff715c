export * from './api.ts'
export * from './batch-builder.ts'
export { BatchFilter, canFilter, deleteHorizonOf } from './batch-filter.ts'
export {
  type BatchHeader,
  batchHeaderSizeBytes,
  type Codec,
  checkBatch,
  checkProducedBatch,
  readBatchHeader,
  writeBaseOffset,
} from './batch-format.ts'
export * from './batch-reader.ts'
export { unpackedSizeBytesMax } from './compression.ts'
export * from './empty-batch.ts'
export * from './value.ts'
export * from './varint.ts'
