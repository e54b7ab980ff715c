#!/usr/bin/env bun
// What the log can do in this process, beside the raw disk in the same run: durable appends at several sizes, numbers of
// partitions and appends in flight. Medians of several short runs, interleaved; figures of a shared machine are ranges.
//   bun bench/log.ts [--runs 5] [--seconds 1] [--directory DIR] [--only 1KB]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Disk, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { type LogGroup, openLog, type PartitionId } from '#log'
import { BatchBuilder } from '#record'

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    directory: { type: 'string', default: tmpdir() },
    only: { type: 'string', default: '' },
  },
})

type Scenario = {
  name: string
  valueBytes: number
  recordsPerBatch: number
  partitions: number
  inFlight: number
}

const scenarios: Scenario[] = [
  { name: '100B x1, 1 in flight', valueBytes: 100, recordsPerBatch: 1, partitions: 1, inFlight: 1 },
  { name: '100B x1, 256 in flight', valueBytes: 100, recordsPerBatch: 1, partitions: 1, inFlight: 256 },
  { name: '100B x1, 256 in flight, 16p', valueBytes: 100, recordsPerBatch: 1, partitions: 16, inFlight: 256 },
  { name: '1KB x1, 1 in flight', valueBytes: 1024, recordsPerBatch: 1, partitions: 1, inFlight: 1 },
  { name: '1KB x1, 64 in flight', valueBytes: 1024, recordsPerBatch: 1, partitions: 1, inFlight: 64 },
  { name: '1KB x1, 256 in flight', valueBytes: 1024, recordsPerBatch: 1, partitions: 1, inFlight: 256 },
  { name: '1KB x1, 256 in flight, 64p', valueBytes: 1024, recordsPerBatch: 1, partitions: 64, inFlight: 256 },
  { name: '1KB x16, 64 in flight', valueBytes: 1024, recordsPerBatch: 16, partitions: 1, inFlight: 64 },
  { name: '16KB x1, 64 in flight', valueBytes: 16_384, recordsPerBatch: 1, partitions: 1, inFlight: 64 },
  { name: '1MB x1, 8 in flight', valueBytes: 1_048_576, recordsPerBatch: 1, partitions: 1, inFlight: 8 },
]

type Result = { recordsPerSecond: number; megabytesPerSecond: number; p50: number; p99: number; max: number }

const clock = realClock()
const seconds = Number(flags.seconds)
const topicId = 'a'.repeat(32)

function batchOf({ valueBytes, recordsPerBatch }: Scenario): Uint8Array {
  const builder = new BatchBuilder()
  for (let index = 0; index < recordsPerBatch; index++) {
    builder.append({ key: null, value: new Uint8Array(valueBytes).fill(index + 1), timestamp: clock.now() })
  }
  return builder.build()
}

function resultOf(scenario: Scenario, latencies: number[], elapsedMs: number): Result {
  latencies.sort((a, b) => a - b)
  const at = (q: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? 0
  const recordsPerSecond = (latencies.length * scenario.recordsPerBatch * 1000) / elapsedMs
  return {
    recordsPerSecond,
    megabytesPerSecond: (recordsPerSecond * scenario.valueBytes) / 2 ** 20,
    p50: at(0.5),
    p99: at(0.99),
    max: latencies.at(-1) ?? 0,
  }
}

async function runLog(scenario: Scenario, log: LogGroup): Promise<Result> {
  const batch = batchOf(scenario)
  const ids: PartitionId[] = Array.from({ length: scenario.partitions }, (_, partition) => ({
    topicId,
    partition,
  }))
  await log.append(ids.map((id) => ({ kind: 'create', id, topic: 'bench' })))
  const latencies: number[] = []
  const started = clock.monotonic()
  const until = started + seconds * 1000
  const client = async (index: number) => {
    for (let turn = index; clock.monotonic() < until; turn++) {
      const sent = clock.monotonic()
      await log.append([{ kind: 'batch', id: ids[turn % ids.length]!, batch }])
      latencies.push(clock.monotonic() - sent)
    }
  }
  await Promise.all(Array.from({ length: scenario.inFlight }, (_, index) => client(index)))
  return resultOf(scenario, latencies, clock.monotonic() - started)
}

/** The floor: one file, one write of everything in flight, one sync, again; inside a file that was written before. */
async function runRaw(scenario: Scenario, disk: Disk, directory: string): Promise<Result> {
  const sizeBytes = batchOf(scenario).length * scenario.inFlight
  const group = new Uint8Array(sizeBytes).fill(1)
  const fileSizeBytes = 64 * 2 ** 20
  const file = disk.open(join(directory, 'raw'), 'create')
  for (let at = 0; at < fileSizeBytes; at += sizeBytes) file.write(group, at)
  await file.sync()
  const latencies: number[] = []
  const started = clock.monotonic()
  let position = 0
  while (clock.monotonic() < started + seconds * 1000) {
    const sent = clock.monotonic()
    if (position + sizeBytes > fileSizeBytes) position = 0
    file.write(group, position)
    position += sizeBytes
    await file.sync()
    for (let index = 0; index < scenario.inFlight; index++) latencies.push(clock.monotonic() - sent)
  }
  file.close()
  return resultOf(scenario, latencies, clock.monotonic() - started)
}

async function inFreshDirectory<T>(use: (directory: string, disk: Disk) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(flags.directory, 'pspf-bench-'))
  const disk = realDisk()
  try {
    return await use(directory, disk)
  } finally {
    disk.close()
    rmSync(directory, { recursive: true })
  }
}

async function openAndRun(scenario: Scenario): Promise<Result> {
  return inFreshDirectory(async (directory, disk) => {
    const log = await openLog({
      disk,
      clock,
      random: realRandom(),
      logger: silentLogger,
      metrics: new Metrics(),
      directory,
    })
    const result = await runLog(scenario, log)
    await log.close()
    return result
  })
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? 0

function row(name: string, kind: string, results: Result[]): string {
  const rates = results.map(({ recordsPerSecond }) => recordsPerSecond)
  const cell = (value: number, width: number, digits = 0) => value.toFixed(digits).padStart(width)
  const range = `${(Math.min(...rates) / 1000).toFixed(1)}-${(Math.max(...rates) / 1000).toFixed(1)}`
  return [
    name.padEnd(28),
    kind.padEnd(4),
    `${cell(median(rates) / 1000, 7, 1)} k/s (${range})`.padEnd(28),
    `${cell(median(results.map((r) => r.megabytesPerSecond)), 6)} MB/s`,
    `p50 ${cell(median(results.map((r) => r.p50)), 6, 2)}`,
    `p99 ${cell(median(results.map((r) => r.p99)), 6, 2)}`,
    `max ${cell(Math.max(...results.map((r) => r.max)), 6, 1)} ms`,
  ].join('  ')
}

for (const scenario of scenarios.filter(({ name }) => name.includes(flags.only))) {
  const log: Result[] = []
  const raw: Result[] = []
  for (let run = 0; run < Number(flags.runs); run++) {
    raw.push(await inFreshDirectory((directory, disk) => runRaw(scenario, disk, directory)))
    log.push(await openAndRun(scenario))
  }
  console.log(row(scenario.name, 'raw', raw))
  console.log(row(scenario.name, 'log', log))
}
