// One produce call after its checks: what the packer needs, and how its caller is answered.
import { BrokerError, formatSize } from '#base'
import type { Header } from '#record'
import type { ProduceRecord, RecordPosition } from './api.ts'
import { isCompacted } from './config.ts'
import type { BrokerLimits } from './limits.ts'
import type { Topic } from './topic.ts'

export type ProduceCall = {
  readonly topic: Topic
  readonly records: readonly ProduceRecord[]
  /** Keys, values and headers, without what batches add. */
  readonly sizeBytes: number
  /** For records that bring no timestamp. */
  readonly timestamp: number
  /** Appended by itself, since an append that it shared was refused because of one of its calls. */
  alone: boolean
  readonly resolve: (positions: RecordPosition[]) => void
  readonly reject: (why: unknown) => void
}

/** Throws `too_large`, `not_found` or `invalid_request` for the first record that cannot be appended; answers the size. */
export function checkRecords(topic: Topic, records: readonly ProduceRecord[], limits: BrokerLimits): number {
  const { recordsPerRequestMax, requestSizeBytesMax } = limits
  if (records.length > recordsPerRequestMax) {
    throw new BrokerError('too_large', `${records.length} records at once are above the limit`, {
      fix: `send at most ${recordsPerRequestMax} records at once`,
      details: { limit: recordsPerRequestMax },
    })
  }
  let total = 0
  for (let index = 0; index < records.length; index++) {
    total += checkRecord(topic, records, index, limits)
    if (total > requestSizeBytesMax) {
      throw new BrokerError(
        'too_large',
        `the records together are above ${formatSize(requestSizeBytesMax)}`,
        {
          fix: 'send fewer records at once',
          details: { limitBytes: requestSizeBytesMax, record: index },
        },
      )
    }
  }
  return total
}

function checkRecord(
  topic: Topic,
  records: readonly ProduceRecord[],
  index: number,
  limits: BrokerLimits,
): number {
  const { key, value, headers, partition, timestamp } = records[index]!
  const sizeBytes =
    (key?.length ?? 0) + (value?.length ?? 0) + (headers === undefined ? 0 : sizeOfHeaders(headers))
  if (sizeBytes > limits.recordSizeBytesMax) {
    const limitBytes = limits.recordSizeBytesMax
    const [size, limit] = sizeTexts(sizeBytes, limitBytes)
    throw new BrokerError('too_large', `record ${index} has ${size}, ${limit} is the limit`, {
      fix: 'split the record, or keep large files elsewhere and send their address',
      details: { record: index, sizeBytes, limitBytes },
    })
  }
  if (partition !== undefined && topic.partitionIds[partition] === undefined) {
    throw topic.noPartition(partition)
  }
  topic.checkTakes(partition, key)
  if (key === null && isCompacted(topic.config)) {
    throw new BrokerError('invalid_request', `record ${index} has no key, and "${topic.name}" is compacted`, {
      fix: 'give every record a key, or set cleanupPolicy of the topic to delete',
      details: { record: index },
    })
  }
  if (timestamp !== undefined && !isTimestamp(timestamp)) {
    throw new BrokerError(
      'invalid_request',
      `record ${index} has the timestamp ${JSON.stringify(timestamp)}`,
      {
        fix: 'give whole milliseconds since 1970 UTC, or leave it out for the time of arrival',
        details: { record: index },
      },
    )
  }
  return sizeBytes
}

/** Kafka's range, cut to what a double holds exactly with room for differences. */
function isTimestamp(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= 2 ** 52
}

function sizeOfHeaders(headers: readonly Header[]): number {
  let sizeBytes = 0
  for (const { key, value } of headers) sizeBytes += Buffer.byteLength(key) + (value?.length ?? 0)
  return sizeBytes
}

/** Rounded, but never so that a size above its limit looks like the limit. */
function sizeTexts(sizeBytes: number, limitBytes: number): readonly [string, string] {
  const texts = [formatSize(sizeBytes), formatSize(limitBytes)] as const
  return texts[0] === texts[1] ? [`${sizeBytes} bytes`, `${limitBytes} bytes`] : texts
}
