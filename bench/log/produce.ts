// Durable produce over the grid of shapes, every subject in turn; then, at half of each one's own rate, its tail.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Latency } from '../histogram.ts'
import {
  binary,
  measure,
  natsServer,
  onBothCores,
  onLoadCore,
  type Server,
  startNats,
  startPspf,
  startRedis,
} from '../servers.ts'
import { median, number, type Report, spread } from './report.ts'
import type { Settings } from './settings.ts'
import { type LoadPlan, type LoadResult, type Shape, type Subject, shapeText, subjectNames } from './shape.ts'

const port = 7180
const shapeRecords = { manyFrom: 2, bytesMax: 1024, inFlightMax: 64 }
const inProcess: readonly Subject[] = ['log', 'raw', 'sqlite']
/** An open loop has at least so many lanes, so that it measures the subject's latency and not its own queue. */
const openLanesMin = 64

type Sample = LoadResult & { readonly serverPeakMegabytes: number }
/** null: it failed, and is left out of the rest of its shape. */
type Samples = Map<Subject, Sample[] | null>

const starts: Partial<Record<Subject, (folder: string) => Promise<Server>>> = {
  redis: (folder) => startRedis(folder, port),
  'redis-weak': (folder) => startRedis(folder, port, 'everysec'),
  nats: (folder) => startNats(folder, port, 'always'),
  'nats-weak': (folder) => startNats(folder, port, 'default'),
  http: (folder) => startPspf(folder, port),
}

const needs: Partial<Record<Subject, { path: string; how: string }>> = {
  redis: { path: Bun.which('redis-server') ?? '', how: 'sh bench/peers.sh' },
  'redis-weak': { path: Bun.which('redis-server') ?? '', how: 'sh bench/peers.sh' },
  nats: { path: natsServer, how: 'sh bench/peers.sh' },
  'nats-weak': { path: natsServer, how: 'sh bench/peers.sh' },
  http: { path: binary, how: 'bun run compile' },
}

function isAbsent(subject: Subject): boolean {
  const need = needs[subject]
  return need !== undefined && !existsSync(need.path)
}

/** A line for every subject that cannot run here. */
export function absentPeers({ subjects }: Settings): string[] {
  return subjects
    .filter(isAbsent)
    .map((subject) => `Left out: ${subjectNames[subject]} (${needs[subject]!.how}).`)
}

export async function produce(settings: Settings, report: Report): Promise<void> {
  const columns =
    'records/s,MB/s,p50 ms,p99 ms,p99.9 ms,max ms,CPU s/M records,device bytes/byte,peak MB,ratio'
  for (const shape of shapesOf(settings)) {
    const subjects = settings.subjects.filter((subject) => !isAbsent(subject) && takes(subject, shape))
    if (subjects.length === 0) continue
    const samples = await interleaved(settings, subjects, { ...shape, perSecond: 0 })
    report.table(shapeText(shape), ['as fast as it goes', ...columns.split(',')])
    for (const subject of subjects) report.row(rowOf(subject, shape, samples))
    if (settings.only.includes('tails')) await tails(settings, report, { shape, subjects, closed: samples })
  }
}

function shapesOf({ bytes, inFlight, partitions, records }: Settings): Shape[] {
  const shapes = records.flatMap((records) =>
    bytes.flatMap((bytes) =>
      inFlight.flatMap((inFlight) =>
        partitions.map((partitions) => ({ bytes, inFlight, partitions, records })),
      ),
    ),
  )
  return shapes.filter(
    ({ records, bytes, inFlight }) =>
      records < shapeRecords.manyFrom ||
      (bytes <= shapeRecords.bytesMax && inFlight <= shapeRecords.inFlightMax),
  )
}

/** Our node takes batches through HTTP; single records through it are the other bench's. */
const takes = (subject: Subject, { records, partitions }: Shape) =>
  subject !== 'http' || (records >= shapeRecords.manyFrom && partitions === 1)

type Load = Shape & { readonly perSecond: number }

async function interleaved(
  settings: Settings,
  subjects: readonly Subject[],
  load: Load | ((subject: Subject) => Load),
): Promise<Samples> {
  const samples: Samples = new Map(subjects.map((subject) => [subject, []]))
  for (let run = 0; run < settings.runs; run++) {
    for (const subject of run % 2 === 0 ? subjects : subjects.toReversed()) {
      const list = samples.get(subject)
      if (!list) continue
      const result = await sample(settings, subject, typeof load === 'function' ? load(subject) : load)
      if (result === null || result.failed > 0) samples.set(subject, null)
      else list.push(result)
    }
  }
  return samples
}

/** One run, on a fresh folder and a fresh server. */
async function sample(settings: Settings, subject: Subject, load: Load): Promise<Sample | null> {
  const directory = join(settings.scratch, subject)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const plan: LoadPlan = { ...load, subject, directory, port, seconds: settings.seconds }
  const server = await starts[subject]?.(directory)
  try {
    if (subject === 'http') await createTopic()
    const before = { cpu: server?.cpuSeconds() ?? 0, written: server?.writtenBytes() ?? 0 }
    const result = await measure<LoadResult>(
      'log/load.ts',
      plan,
      inProcess.includes(subject) ? onBothCores : onLoadCore,
    )
    if (server === undefined) return { ...result, serverPeakMegabytes: result.peakMegabytes }
    return {
      ...result,
      cpuSeconds: result.cpuSeconds + server.cpuSeconds() - before.cpu,
      writtenBytes: server.writtenBytes() - before.written,
      serverPeakMegabytes: server.peakMegabytes(),
    }
  } catch (thrown) {
    console.error(`${subjectNames[subject]}: ${String(thrown)}`)
    return null
  } finally {
    await server?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function createTopic(): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/topics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench' }),
  })
  if (!response.ok) throw new Error(`topic not created: ${await response.text()}`)
}

const rates = (list: readonly Sample[]) => list.map(({ recordsPerSecond }) => recordsPerSecond)

function latencyCells(list: readonly Sample[]): string[] {
  const of = (pick: (latency: Latency) => number) =>
    number(median(list.map(({ latency }) => pick(latency))), 2)
  const max = Math.max(...list.map(({ latency }) => latency.max))
  return [of(({ p50 }) => p50), of(({ p99 }) => p99), of(({ p999 }) => p999), number(max, 1)]
}

function rowOf(subject: Subject, shape: Shape, samples: Samples): string[] {
  const list = samples.get(subject)
  if (!list || list.length === 0) return [subjectNames[subject], 'failed']
  const ours = samples.get('log')
  const rate = median(rates(list))
  const cost = (pick: (sample: Sample) => number, digits: number) => number(median(list.map(pick)), digits)
  return [
    subjectNames[subject],
    spread(rates(list)),
    number((rate * shape.bytes) / 1e6, 1),
    ...latencyCells(list),
    cost(({ cpuSeconds, records }) => (cpuSeconds / records) * 1e6, 1),
    cost(({ writtenBytes, records }) => writtenBytes / (records * shape.bytes), 2),
    cost(({ serverPeakMegabytes }) => serverPeakMegabytes, 0),
    ours && subject !== 'log' ? number(median(rates(ours)) / rate, 2) : '',
  ]
}

type Tails = { readonly shape: Shape; readonly subjects: readonly Subject[]; readonly closed: Samples }

async function tails(settings: Settings, report: Report, { shape, subjects, closed }: Tails): Promise<void> {
  const alive = subjects.filter((subject) => (closed.get(subject)?.length ?? 0) > 0)
  const perSecond = (subject: Subject) => median(rates(closed.get(subject)!)) / shape.records / 2
  const samples = await interleaved(settings, alive, (subject) => ({
    ...shape,
    inFlight: Math.max(shape.inFlight, openLanesMin),
    perSecond: perSecond(subject),
  }))
  report.table(`${shapeText(shape)}: at half of its own rate, open loop`, [
    'subject',
    'records/s',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    'max ms',
  ])
  for (const subject of alive) {
    const list = samples.get(subject)
    if (!list || list.length === 0) continue
    report.row([subjectNames[subject], spread(rates(list)), ...latencyCells(list)])
  }
}
