// Appends at half of the log's rate while checkpoints, rolls and retention run, each latency filed under what went on
// meanwhile. Prints one JSON line.
import { Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { type LogGroup, openLog, type PartitionId } from '#log'
import { Histogram, type Latency } from '../histogram.ts'
import { batchOf } from './in-process.ts'
import { type Disturbance, disturbanceNames, Watch, watchedDisk } from './watched-disk.ts'

export type DisturbedPlan = {
  readonly directory: string
  readonly bytes: number
  readonly partitions: number
  readonly seconds: number
  /** Of all partitions together; older segments are trimmed away. */
  readonly keptBytes: number
}

export type DisturbedResult = {
  readonly perSecond: number
  readonly all: Latency & { readonly count: number }
  readonly during: Record<
    Disturbance | 'nothing',
    Latency & { readonly count: number; readonly times: number }
  >
}

const topicId = 'b'.repeat(32)
const lanes = 256
const paceSeconds = 3
const trimEveryMs = 500

async function run(plan: DisturbedPlan): Promise<DisturbedResult> {
  const watch = new Watch()
  const disk = watchedDisk(realDisk(), watch)
  const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
  const log = await openLog({ ...world, disk, directory: plan.directory, pendingBytesMax: 512 * 2 ** 20 })
  const ids = Array.from({ length: plan.partitions }, (_, partition) => ({ topicId, partition }))
  await log.append(ids.map((id) => ({ kind: 'create', id, topic: 'bench' })))
  const batch = batchOf({ bytes: plan.bytes, records: 1, inFlight: lanes, partitions: plan.partitions })
  const append = (turn: number) => log.append([{ kind: 'batch', id: ids[turn % ids.length]!, batch }])
  const perSecond = (await pace(append)) / 2
  const trims = setInterval(() => void trim(log, ids, plan).catch(console.error), trimEveryMs)
  const result = await openLoop(append, { perSecond, seconds: plan.seconds, watch })
  clearInterval(trims)
  await log.close()
  disk.close()
  return { perSecond, ...result }
}

/** Appends per second when every lane appends again as soon as it is answered. */
async function pace(append: (turn: number) => Promise<unknown>): Promise<number> {
  const end = performance.now() + paceSeconds * 1000
  let count = 0
  const lane = async () => {
    while (performance.now() < end) await append(count++)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return count / paceSeconds
}

async function trim(log: LogGroup, ids: readonly PartitionId[], plan: DisturbedPlan): Promise<void> {
  const kept = plan.keptBytes / ids.length
  const entries = ids.flatMap((id) => {
    const partition = log.partition(id)!
    const before = partition.offsetForSize(kept as typeof partition.sizeBytes)
    return before > partition.startOffset ? [{ kind: 'trim' as const, id, before }] : []
  })
  if (entries.length > 0) await log.append(entries)
}

type OpenLoop = { readonly perSecond: number; readonly seconds: number; readonly watch: Watch }

async function openLoop(
  append: (turn: number) => Promise<unknown>,
  { perSecond, seconds, watch }: OpenLoop,
): Promise<Omit<DisturbedResult, 'perSecond'>> {
  const all = new Histogram()
  const quiet = new Histogram()
  const during = disturbanceNames.map((name) => ({ name, histogram: new Histogram() }))
  const began = performance.now()
  let scheduled = 0
  let answered = 0
  const note = (dueAt: number) => {
    const tookMs = performance.now() - dueAt
    answered++
    all.add(tookMs)
    let disturbed = false
    for (const { name, histogram } of during) {
      if (!watch.overlaps(name, dueAt)) continue
      histogram.add(tookMs)
      disturbed = true
    }
    if (!disturbed) quiet.add(tookMs)
  }
  while (performance.now() < began + seconds * 1000) {
    for (let dueAt = began; dueAt <= performance.now(); ) {
      dueAt = began + (scheduled * 1000) / perSecond
      if (dueAt > performance.now()) break
      const turn = scheduled++
      append(turn).then(() => note(dueAt), fail)
    }
    await Bun.sleep(0.2)
  }
  while (answered < scheduled) await Bun.sleep(5)
  const part = (histogram: Histogram) => ({ count: histogram.count, ...histogram.summary() })
  const entries = during.map(
    ({ name, histogram }) => [name, { ...part(histogram), times: watch.counts.get(name) ?? 0 }] as const,
  )
  return {
    all: part(all),
    during: {
      nothing: { ...part(quiet), times: 0 },
      ...Object.fromEntries(entries),
    } as DisturbedResult['during'],
  }
}

function fail(thrown: unknown): never {
  console.error(thrown)
  process.exit(1)
}

if (import.meta.main) {
  console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as DisturbedPlan)))
  process.exit(0)
}
