#!/usr/bin/env bun
// What a start takes after kill -9, against what lies below the checkpoint: very many segments, or very many bytes.
//   bun test/log/start-torture.ts --segments 100000      # each of one batch
//   bun test/log/start-torture.ts --gigabytes 100        # of holes, for a start reads nothing of them; the tail is real
// Counts are checked and batches read back, at random, of all that is no hole.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  asOffset,
  type Disk,
  type DiskFile,
  Metrics,
  realClock,
  realDisk,
  realRandom,
  silentLogger,
} from '#base'
import { type LogGroup, type LogLimits, openLog, type PartitionId } from '#log'
import { BatchBuilder, readRecords } from '#record'

const { values: flags } = parseArgs({
  options: {
    step: { type: 'string', default: 'all' },
    segments: { type: 'string', default: '0' },
    gigabytes: { type: 'string', default: '0' },
    directory: { type: 'string', default: tmpdir() },
  },
})
const segments = Number(flags.segments)
const gigabytes = Number(flags.gigabytes)
const partitionCount = 16
const tailAppends = 2000
const readsMax = 500
const largeBatchBytes = 4 * 2 ** 20
const inFlightBytesMax = 32 * 2 ** 20
const ids: PartitionId[] = Array.from({ length: partitionCount }, (_, partition) => ({
  topicId: 'f'.repeat(32),
  partition,
}))
const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }

function batchOf(bytes: number): Uint8Array {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new Uint8Array(bytes).fill(120), timestamp: 1 })
  return builder.build()
}

/** Takes the size of what is written to the log's files, and nothing of the bytes. */
function hollow(disk: Disk): Disk {
  const hollowed = (file: DiskFile): DiskFile => ({
    ...file,
    write(bytes, position) {
      if (position + bytes.length > file.size()) file.truncate(position + bytes.length)
    },
  })
  return {
    ...disk,
    open: (path, mode, access) => {
      const file = disk.open(path, mode, access)
      return /\.(log|wal)$/.test(path) ? hollowed(file) : file
    },
  }
}

async function appendAll(log: LogGroup, batch: Uint8Array, count: number): Promise<void> {
  const lanes = Math.min(128, Math.floor(inFlightBytesMax / batch.length))
  let next = 0
  const lane = async () => {
    while (next < count) {
      const id = ids[next++ % partitionCount]!
      await log.append([{ kind: 'batch', id, batch: batch.slice() }])
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

async function fill(directory: string): Promise<void> {
  // One checkpoint, at the end: each of them speaks of all segments.
  const whole: Partial<LogLimits> = {
    segmentSizeBytesMax: 1,
    checkpointBytes: 1e12,
    checkpointMs: 1e9,
    walFilesMax: 1e6,
  }
  const log =
    segments > 0
      ? await openLog({ ...world, ...whole, disk: realDisk(), directory })
      : await openLog({ ...world, disk: hollow(realDisk()), directory })
  await log.append(ids.map((id) => ({ kind: 'create', id, topic: 'start' })))
  if (segments > 0) await appendAll(log, batchOf(100), segments)
  else await appendAll(log, batchOf(largeBatchBytes), Math.ceil((gigabytes * 1e9) / largeBatchBytes))
  await log.append(ids.map((id) => ({ kind: 'roll', id })))
  await log.close()
}

/** Appends and is gone. */
async function tail(directory: string): Promise<void> {
  const log = await openLog({ ...world, disk: realDisk(), directory })
  await appendAll(log, batchOf(1000), tailAppends)
  process.kill(process.pid, 'SIGKILL')
}

async function open(directory: string): Promise<void> {
  const began = performance.now()
  const log = await openLog({ ...world, disk: realDisk(), directory })
  const openMs = Math.round(performance.now() - began)
  if (log.state !== 'open') throw new Error(`wrongly refused: ${log.failure?.message}`)
  let offsets = 0
  for (const { endOffset } of log.partitions()) offsets += endOffset
  for (let count = 0; count < readsMax; count++) await readAny(log)
  const { bytesReplayed, framesReplayed } = log.report
  const residentMegabytes = Math.round(process.memoryUsage.rss() / 2 ** 20)
  const gigabytesUsed = Math.round(log.usedBytes / 1e7) / 100
  console.log(
    JSON.stringify({ openMs, offsets, gigabytesUsed, framesReplayed, bytesReplayed, residentMegabytes }),
  )
  await log.close()
}

/** Of a hollow log, what is in its tail. */
async function readAny(log: LogGroup): Promise<void> {
  const { endOffset, read } = partitionAt(log, Math.floor(Math.random() * partitionCount))
  const among = segments > 0 ? endOffset : Math.floor(tailAppends / partitionCount)
  const offset = endOffset - 1 - Math.floor(Math.random() * among)
  const [record] = readRecords(await read(offset), offset)
  if (record?.offset !== offset) throw new Error(`offset ${offset} is not there`)
}

function partitionAt(log: LogGroup, index: number) {
  const partition = log.partition(ids[index]!)!
  return {
    endOffset: partition.endOffset as number,
    read: (offset: number) => partition.read(asOffset(offset), 1000),
  }
}

async function step(name: string, directory: string): Promise<void> {
  const began = performance.now()
  const child = Bun.spawn([
    process.execPath,
    import.meta.path,
    ...process.argv.slice(2),
    '--step',
    name,
    '--directory',
    directory,
  ])
  const text = await new Response(child.stdout).text()
  const code = await child.exited
  if (code !== 0 && name !== 'tail') throw new Error(`${name} failed with ${code}`)
  console.log(`${name}: ${Math.round(performance.now() - began)} ms ${text.trim()}`)
}

const steps: Record<string, (directory: string) => Promise<void>> = { fill, tail, open }
if (flags.step === 'all') {
  const directory = mkdtempSync(join(flags.directory, 'pspf-start-'))
  for (const name of ['fill', 'tail', 'open', 'open']) await step(name, directory)
  rmSync(directory, { recursive: true })
} else {
  await steps[flags.step]!(flags.directory)
  process.exit(0)
}
