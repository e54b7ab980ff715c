// How fast compaction goes, and what appends feel of it: one partition of keyed records is compacted on its thread, without
// a limit and with the default one, beside durable appends to another partition.
//   bun bench/compaction.ts [megabytes] [keys]
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { asMillis, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { openLog, type PartitionId, threadedCompaction } from '#log'
import { BatchBuilder } from '#record'
import { Histogram } from './histogram.ts'

const megabytes = Number(process.argv[2] ?? 256)
const keys = Number(process.argv[3] ?? 100_000)
const recordBytes = 200
const recordsPerBatch = 500

const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
const disk = realDisk()
const encoder = new TextEncoder()

function keyedBatch(from: number): Uint8Array {
  const builder = new BatchBuilder()
  for (let index = 0; index < recordsPerBatch; index++) {
    const key = encoder.encode(`key-${((from + index) * 7919) % keys}`)
    builder.append({ key, value: new Uint8Array(recordBytes).fill(120), timestamp: from })
  }
  return builder.build()
}

const value = encoder.encode('x'.repeat(1024))
function oneRecord(): Uint8Array {
  const builder = new BatchBuilder()
  builder.append({ key: null, value, timestamp: 1 })
  return builder.build()
}

async function run(name: string, bytesPerSecond: number | null): Promise<void> {
  const directory = join(import.meta.dir, 'results', `compaction-${process.pid}`)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const compaction = threadedCompaction(disk)
  const limits = bytesPerSecond === null ? {} : { compactionBytesPerSecondMax: bytesPerSecond }
  const log = await openLog({ ...world, ...limits, disk, directory, compaction })
  const table: PartitionId = { topicId: world.random.id(), partition: 0 }
  const stream: PartitionId = { topicId: world.random.id(), partition: 0 }
  await log.append([
    { kind: 'create', id: table, topic: 'table' },
    { kind: 'create', id: stream, topic: 'stream' },
  ])
  for (let from = 0; log.partition(table)!.sizeBytes < megabytes * 2 ** 20; from += 8 * recordsPerBatch) {
    const batches = Array.from({ length: 8 }, (_, index) => keyedBatch(from + index * recordsPerBatch))
    await log.append(batches.map((batch) => ({ kind: 'batch', id: table, batch })))
  }
  await log.append([{ kind: 'roll', id: table }])
  const alone = new Histogram()
  const beside = new Histogram()
  let into = alone
  let stop = false
  const lane = async () => {
    while (!stop) {
      const began = performance.now()
      await log.append([{ kind: 'batch', id: stream, batch: oneRecord() }])
      into.add(performance.now() - began)
    }
  }
  const lanes = Array.from({ length: 16 }, lane)
  await Bun.sleep(5_000)
  into = beside
  const report = await log.compact(table, { now: asMillis(world.clock.now()), deleteRetentionMs: 86_400_000 })
  stop = true
  await Promise.all(lanes)
  const rate = report.bytesBefore / 2 ** 20 / (report.tookMs / 1000)
  const p = (histogram: Histogram) => {
    const { p50, p99, max } = histogram.summary()
    return `p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} max ${max.toFixed(1)} ms (${histogram.count})`
  }
  console.log(
    `${name}: ${(report.bytesBefore / 2 ** 20).toFixed(0)} -> ${(report.bytesAfter / 2 ** 20).toFixed(1)} MB in ${(report.tookMs / 1000).toFixed(1)} s, ${rate.toFixed(0)} MB/s`,
  )
  console.log(`  appends of 1 KB, 16 in flight: alone ${p(alone)}; beside it ${p(beside)}`)
  await log.close()
  rmSync(directory, { recursive: true, force: true })
}

await run('no limit', 1e12)
await run('default limit', null)
disk.close()
