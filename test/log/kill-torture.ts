#!/usr/bin/env bun
// Kills a writing process with SIGKILL, again and again, and checks after each time that what it had acknowledged is
// there: once, in order, at the offsets that were told, and both halves of each append or neither.
//   bun test/log/kill-torture.ts --rounds 50 [--rounds-per-log 50] [--directory DIR]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  asOffset,
  Metrics,
  type Random,
  realClock,
  realDisk,
  realRandom,
  seededRandom,
  silentLogger,
} from '#base'
import { type LogGroup, type LogLimits, openLog, type PartitionId } from '#log'
import { readRecords } from '#record'

export const partitionIds: [PartitionId, PartitionId] = [
  { topicId: 'a'.repeat(32), partition: 0 },
  { topicId: 'a'.repeat(32), partition: 1 },
]

/** Small files, so that rolls, checkpoints and reuse happen in every round. */
export const tortureLimits: Partial<LogLimits> = {
  segmentSizeBytesMax: 512 * 1024,
  walFileSizeBytes: 1024 * 1024,
  appendBytesMax: 256 * 1024,
  groupBytesMax: 256 * 1024,
  checkpointBytes: 2 * 1024 * 1024,
  walFilesMax: 4,
  writeBackStepBytes: 256 * 1024,
  syncStepBytes: 256 * 1024,
}

/** value -> its offsets in the two partitions. */
export type Acknowledged = Map<string, readonly [number, number]>

export type TortureResult = { rounds: number; acknowledged: number; replayed: number; present: number }

export async function torture(options: {
  rounds: number
  seed: number
  directory: string
}): Promise<TortureResult> {
  const random = seededRandom(options.seed)
  const acknowledged: Acknowledged = new Map()
  const result = { rounds: 0, acknowledged: 0, replayed: 0, present: 0 }
  for (let round = 0; round < options.rounds; round++) {
    await writeUntilKilled(options.directory, round, random, acknowledged)
    const { present, replayed } = await verify(options.directory, acknowledged)
    result.rounds++
    result.present = present
    result.replayed += replayed
  }
  result.acknowledged = acknowledged.size
  return result
}

async function writeUntilKilled(
  directory: string,
  round: number,
  random: Random,
  acknowledged: Acknowledged,
): Promise<void> {
  // Sometimes while it opens, mostly amid its work.
  const after = round % 7 === 6 ? 0 : 1 + random.below(4000)
  await writeUntil({ directory, round, after, acknowledged, stop: (child) => child.kill('SIGKILL') })
}

export type Writing = {
  readonly directory: string
  readonly round: number
  /** Acknowledgements to wait for before `stop`. */
  readonly after: number
  readonly acknowledged: Acknowledged
  readonly syncs?: boolean
  stop(child: Bun.Subprocess): void
}

/** Starts a writer and takes down what it acknowledges, also after it was told to stop. */
export async function writeUntil(writing: Writing): Promise<void> {
  const { directory, round, after, acknowledged, syncs = true, stop } = writing
  const command = [process.execPath, join(import.meta.dir, 'kill-writer.ts'), directory, String(round)]
  const child = Bun.spawn(syncs ? command : [...command, 'no-syncs'], { stdout: 'pipe', stderr: 'inherit' })
  let stopped = after === 0
  if (stopped) stop(child)
  let lines = 0
  let rest = ''
  for await (const chunk of child.stdout) {
    const parts = (rest + new TextDecoder().decode(chunk)).split('\n')
    rest = parts.pop()!
    for (const line of parts) {
      lines++
      const [value, first, second] = line.split(' ')
      if (second !== undefined) acknowledged.set(value!, [Number(first), Number(second)])
    }
    if (stopped || lines < after) continue
    stopped = true
    stop(child)
  }
  await child.exited
  if (!stopped) throw new Error(`the writer ended by itself in round ${round}`)
}

export async function verify(
  directory: string,
  acknowledged: Acknowledged,
): Promise<{ present: number; replayed: number }> {
  const disk = realDisk()
  const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
  const log = await openLog({ disk, ...world, directory, ...tortureLimits })
  try {
    return await compare(log, acknowledged)
  } finally {
    await log.close()
    disk.close()
  }
}

async function compare(
  log: LogGroup,
  acknowledged: Acknowledged,
): Promise<{ present: number; replayed: number }> {
  if (log.state !== 'open') throw new Error(`wrongly refused: ${log.failure?.message}`)
  if (!log.partition(partitionIds[0])) {
    if (acknowledged.size > 0) throw new Error('the topic is gone')
    return { present: 0, replayed: 0 }
  }
  const [first, second] = [await offsetsOf(log, partitionIds[0]), await offsetsOf(log, partitionIds[1])]
  for (const [value, offsets] of acknowledged) {
    if (first.get(value) === offsets[0] && second.get(value) === offsets[1]) continue
    throw new Error(
      `${value} was acknowledged at ${offsets} and is at ${first.get(value)}, ${second.get(value)}`,
    )
  }
  for (const value of first.keys()) if (!second.has(value)) throw new Error(`${value} is there in half`)
  for (const value of second.keys()) if (!first.has(value)) throw new Error(`${value} is there in half`)
  return { present: first.size, replayed: log.report.framesReplayed }
}

async function offsetsOf(log: LogGroup, id: PartitionId): Promise<Map<string, number>> {
  const partition = log.partition(id)!
  const offsets = new Map<string, number>()
  let next = 0
  while (next < partition.endOffset) {
    for (const record of readRecords(await partition.read(asOffset(next), 2 ** 20), next)) {
      if (record.offset !== next) throw new Error(`offset ${next} is followed by ${record.offset}`)
      const value = new TextDecoder().decode(record.value!.subarray(0, 40)).split(':')[0]!
      if (offsets.has(value)) throw new Error(`${value} is there twice`)
      offsets.set(value, next++)
    }
  }
  return offsets
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '50' },
      // Each round reads everything that is there, so a log that grew for ever would take for ever.
      'rounds-per-log': { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      directory: { type: 'string', default: tmpdir() },
    },
  })
  const total = { rounds: 0, acknowledged: 0, replayed: 0, present: 0 }
  for (let seed = Number(values.seed); total.rounds < Number(values.rounds); seed++) {
    const directory = mkdtempSync(join(values.directory, 'pspf-kill-'))
    const rounds = Math.min(Number(values['rounds-per-log']), Number(values.rounds) - total.rounds)
    const result = await torture({ rounds, seed, directory })
    rmSync(directory, { recursive: true })
    for (const key of ['rounds', 'acknowledged', 'replayed', 'present'] as const) total[key] += result[key]
    console.log(`seed ${seed}: ${JSON.stringify(result)}, lost 0`)
  }
  console.log(`in all: ${JSON.stringify(total)}, lost 0`)
}
