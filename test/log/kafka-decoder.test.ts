// Segments are read by a decoder that is not ours: that of kafkajs. (It does not check CRCs; `bun test/log/kafka-dump.ts`
// has Kafka's own tool do that, where there is Java.)
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CompressionCodecs, CompressionTypes } from 'kafkajs'
import Decoder from 'kafkajs/src/protocol/decoder'
import decodeBatch, {
  type ForeignBatch,
  type ForeignRecord,
} from 'kafkajs/src/protocol/recordBatch/v0/decoder'
import { samplePartitions, type WrittenRecord, writeSampleLog } from './sample-log.ts'

CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => Buffer.from(Bun.zstdCompressSync(buffer)),
  decompress: async (bytes: Buffer) => Buffer.from(Bun.zstdDecompressSync(bytes)),
})

const directory = mkdtempSync(join(tmpdir(), 'pspf-kafka-'))
afterAll(() => rmSync(directory, { recursive: true }))

async function foreignBatches(partition: string): Promise<ForeignBatch[]> {
  const folder = join(directory, 'topics', partition)
  const segments = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort()
  expect(segments.length).toBeGreaterThan(1)
  const batches: ForeignBatch[] = []
  for (const name of segments) {
    const decoder = new Decoder(readFileSync(join(folder, name)))
    while (decoder.canReadBytes(61)) batches.push(await decodeBatch(decoder))
  }
  return batches
}

function asWritten({ offset, timestamp, key, value, headers }: ForeignRecord): WrittenRecord {
  const text = (bytes: Buffer | null) => bytes?.toString() ?? null
  const pairs = Object.entries(headers).map(([name, bytes]): [string, string] => [name, String(bytes)])
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: text(key),
    value: text(value),
    headers: pairs,
  }
}

test('kafkajs reads from every segment file exactly the records that were appended', async () => {
  const written = await writeSampleLog(directory)
  for (const name of samplePartitions) {
    const batches = await foreignBatches(name)
    const records = batches.flatMap((batch) => batch.records.map(asWritten))
    expect(records).toEqual(written.get(name)!)
    let next = 0
    for (const { firstOffset, lastOffsetDelta } of batches) {
      expect(Number(firstOffset)).toBe(next)
      next += lastOffsetDelta + 1
    }
  }
})
