// A log of several partitions and segments with every shape of record, for decoders that are not ours.
import { Metrics, realClock, realDisk, seededRandom, silentLogger } from '#base'
import { openLog } from '#log'
import { BatchBuilder, type Compression, type RecordInput } from '#record'

export type WrittenRecord = {
  offset: number
  timestamp: number
  key: string | null
  value: string | null
  headers: [string, string][]
}

const compressions: readonly Compression[] = ['none', 'gzip', 'zstd']
/** One partition for each way of compression. */
export const samplePartitions = compressions.map((_, index) => `sample-${index}`)
const batchesPerPartition = 120
const firstTimestamp = Date.UTC(2026, 0, 1)

/** Answers what was written by name of the partition's directory. */
export async function writeSampleLog(directory: string): Promise<Map<string, WrittenRecord[]>> {
  const random = seededRandom(7)
  const disk = realDisk()
  const log = await openLog({
    disk,
    clock: realClock(),
    random,
    logger: silentLogger,
    metrics: new Metrics(),
    directory,
    segmentSizeBytesMax: 20_000,
  })
  const written = new Map<string, WrittenRecord[]>()
  const encoder = new TextEncoder()
  const text = (sizeMax: number) => 'äx0{"}'.repeat(1 + random.below(sizeMax)).slice(0, random.below(sizeMax))
  const randomRecord = (offset: number): WrittenRecord => ({
    offset,
    // Event times may lie before those of earlier records.
    timestamp: firstTimestamp + offset * 10 - random.below(1000),
    key: random.below(3) === 0 ? null : text(20),
    value: random.below(8) === 0 ? null : text(random.below(20) === 0 ? 3000 : 200),
    headers: Array.from({ length: random.below(3) }, (_, n): [string, string] => [`h${n}`, text(12)]),
  })
  const input = ({ timestamp, key, value, headers }: WrittenRecord): RecordInput => ({
    timestamp,
    key: key === null ? null : encoder.encode(key),
    value: value === null ? null : encoder.encode(value),
    headers: headers.map(([name, content]) => ({ key: name, value: encoder.encode(content) })),
  })
  for (const [partition, compression] of compressions.entries()) {
    const id = { topicId: 'c'.repeat(32), partition }
    const records: WrittenRecord[] = []
    await log.append([{ kind: 'create', id, topic: 'sample' }])
    for (let batch = 0; batch < batchesPerPartition; batch++) {
      const builder = new BatchBuilder({ compression })
      for (let count = 1 + random.below(30); count > 0; count--) {
        records.push(randomRecord(records.length))
        builder.append(input(records.at(-1)!))
      }
      await log.append([{ kind: 'batch', id, batch: builder.build() }])
    }
    written.set(`sample-${partition}`, records)
  }
  await log.close()
  disk.close()
  return written
}
