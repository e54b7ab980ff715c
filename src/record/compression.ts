// Compresses and decompresses the records of a batch, with the runtime's own gzip and zstd. Decompression stops at a
// named size, so that a small hostile batch cannot take the memory of the node.
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { BrokerError, formatSize, systemCode, toError } from '#base'
import type { Compression } from './api.ts'
import type { Codec } from './batch-format.ts'

/** What one batch may unpack to: four times the largest request, above what any client's limits allow. */
export const unpackedSizeBytesMax = 64 * 2 ** 20

export function compress(block: Uint8Array<ArrayBuffer>, compression: Compression): Uint8Array {
  switch (compression) {
    case 'none':
      return block
    case 'gzip':
      return Bun.gzipSync(block)
    case 'zstd':
      return Bun.zstdCompressSync(block)
  }
}

/** Throws `too_large` above the limit, `corrupt` for damage, `invalid_request` for a codec that cannot be read. */
export function decompress(
  block: Uint8Array,
  codec: Codec | 'unknown',
  sizeBytesMax = unpackedSizeBytesMax,
): Uint8Array {
  if (codec === 'none') return block
  if (codec !== 'gzip' && codec !== 'zstd') {
    throw new BrokerError('invalid_request', `records compressed with ${codec} cannot be read`, {
      fix: 'set the producer to compression.type=zstd, gzip or none',
    })
  }
  const inflate = codec === 'gzip' ? gunzipSync : zstdDecompressSync
  try {
    return inflate(block, { maxOutputLength: sizeBytesMax })
  } catch (thrown) {
    if (systemCode(thrown) === 'ERR_BUFFER_TOO_LARGE') {
      throw new BrokerError('too_large', `record batch unpacks to more than ${formatSize(sizeBytesMax)}`, {
        fix: 'send smaller batches',
        details: { limitBytes: sizeBytesMax },
      })
    }
    throw new BrokerError('corrupt', `record batch does not unpack (${codec}): ${toError(thrown).message}`, {
      cause: thrown,
    })
  }
}
