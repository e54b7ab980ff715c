// Durable produce inside one process: single records of 1 KB, 1, 64 and 256 in flight. Beside the broker, which joins
// concurrent calls into shared batches, the same log with one batch and one append per call. Interleaved, medians.
//   bun bench/broker.ts [runs] [seconds]
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { openBroker } from '#broker'
import { openLog } from '#log'
import { BatchBuilder } from '#record'
import { Histogram } from './histogram.ts'

const runs = Number(process.argv[2] ?? 5)
const seconds = Number(process.argv[3] ?? 2)
const directory = join(import.meta.dir, 'results', `broker-${process.pid}`)
const value = new Uint8Array(1024).fill(120)

const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
const disk = realDisk()
mkdirSync(directory, { recursive: true })
const log = await openLog({ ...world, disk, directory })
const broker = await openBroker({ ...world, log, limits: { retentionEveryMs: 2_000 } })
const { id } = await broker.createTopic({ name: 'bench', config: { retentionBytes: 256 * 2 ** 20 } })

const subjects: Record<string, () => Promise<unknown>> = {
  'broker, shared batches': () => broker.produce('bench', [{ key: null, value }]),
  'log, a batch per call': () => {
    const builder = new BatchBuilder()
    builder.append({ key: null, value, timestamp: world.clock.now() })
    return log.append([{ kind: 'batch', id: { topicId: id, partition: 0 }, batch: builder.build() }])
  },
}

async function measure(work: () => Promise<unknown>, inFlight: number) {
  const latency = new Histogram()
  const cpu = process.cpuUsage()
  const end = performance.now() + seconds * 1000
  const lane = async () => {
    while (performance.now() < end) {
      const began = performance.now()
      await work()
      latency.add(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  const { user, system } = process.cpuUsage(cpu)
  return { rate: latency.count / seconds, cpuMicros: (user + system) / latency.count, ...latency.summary() }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!
const results = new Map<string, Awaited<ReturnType<typeof measure>>[]>()
for (let run = 0; run < runs; run++) {
  for (const inFlight of [1, 64, 256]) {
    // A B, then B A: whoever runs second finds the disk busier.
    const order = run % 2 === 0 ? Object.entries(subjects) : Object.entries(subjects).reverse()
    for (const [name, work] of order) {
      const key = `${name} | ${inFlight}`
      results.set(key, [...(results.get(key) ?? []), await measure(work, inFlight)])
    }
  }
}
await broker.close()
await log.close()
rmSync(directory, { recursive: true })
disk.close()

console.log(
  '| 1 KB records, acknowledged after fdatasync | in flight | records/s | CPU µs | p50 ms | p99 ms | max ms |',
)
console.log('|-|-|-|-|-|-|-|')
for (const [key, all] of results) {
  const of = (field: keyof (typeof all)[number], digits: number) =>
    median(all.map((each) => each[field])).toFixed(digits)
  console.log(
    `| ${key} | ${of('rate', 0)} | ${of('cpuMicros', 1)} | ${of('p50', 2)} | ${of('p99', 2)} | ${of('max', 1)} |`,
  )
}
