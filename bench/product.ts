// bun run bench: pspf beside Redis Streams (appendfsync always) and the raw disk, in one run, one table with ratios.
//   bun run bench                 as DESIGN.md asks: 7 runs of 60 s a figure (hours)
//   bun run bench -- --quick      3 runs of 5 s (minutes): for a first look, no checkpoint falls into it
//   bun run bench -- --runs 3 --seconds 60 --only produce,latency --in-flight 64
// Server on core 0, load on core 1, peers interleaved A B B A; medians, with minimum and maximum.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { LoadPlan, LoadResult } from './load.ts'
import type { RawPlan, RawResult } from './raw-disk.ts'
import { binary, measure, startPspf, startRedis } from './servers.ts'
import type { ViewerPlan, ViewerResult } from './viewers.ts'

const option = (name: string) => process.argv[process.argv.indexOf(`--${name}`) + 1]
const has = (name: string) => process.argv.includes(`--${name}`)
const quick = has('quick')
const runs = has('runs') ? Number(option('runs')) : quick ? 3 : 7
const seconds = has('seconds') ? Number(option('seconds')) : quick ? 5 : 60
const only = has('only') ? option('only')!.split(',') : ['disk', 'produce', 'latency', 'start', 'viewers']

const scratch = join(import.meta.dir, '..', 'dist', 'bench')
const ports = { pspf: 7170, redis: 7171 }
type Row = { what: string; pspf: string; peer: string; ratio: string; note: string }
const rows: Row[] = []

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
const spread = (values: number[], digits = 0) =>
  `${format(median(values), digits)} (${format(Math.min(...values), digits)}–${format(Math.max(...values), digits)})`
const format = (value: number, digits = 0) =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits })
function report(row: Row): void {
  rows.push(row)
  console.log(
    `${row.what.padEnd(46)} ${row.pspf.padStart(28)} ${row.peer.padStart(28)} ${row.ratio.padStart(7)}  ${row.note}`,
  )
}

type Sample = LoadResult & { cpuPerMillion: number; deviceBytesPerByte: number }

/** One run against a fresh server. */
async function sample(
  target: 'pspf' | 'redis',
  plan: Omit<LoadPlan, 'target' | 'port' | 'name'>,
): Promise<Sample> {
  const folder = join(scratch, target)
  const server =
    target === 'pspf' ? await startPspf(folder, ports.pspf) : await startRedis(folder, ports.redis)
  try {
    if (target === 'pspf') await createTopic('bench')
    const before = { cpu: server.cpuSeconds(), written: server.writtenBytes() }
    const result = await measure<LoadResult>('load.ts', { ...plan, target, port: server.port, name: 'bench' })
    if (result.failed > 0) throw new Error(`${result.failed} requests to ${target} failed`)
    const records = result.recordsPerSecond * plan.seconds
    return {
      ...result,
      cpuPerMillion: ((server.cpuSeconds() - before.cpu) / records) * 1e6,
      deviceBytesPerByte: (server.writtenBytes() - before.written) / (records * plan.bytes),
    }
  } finally {
    await server.stop()
  }
}

async function createTopic(name: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${ports.pspf}/api/v1/topics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })
  if (!response.ok) throw new Error(`topic not created: ${await response.text()}`)
}

/** A B B A ...: drift of the machine hits both sides alike. */
async function interleaved(
  plan: Omit<LoadPlan, 'target' | 'port' | 'name'>,
): Promise<{ pspf: Sample[]; redis: Sample[] }> {
  const samples: { pspf: Sample[]; redis: Sample[] } = { pspf: [], redis: [] }
  for (let run = 0; run < runs; run++) {
    for (const target of run % 2 === 0 ? (['pspf', 'redis'] as const) : (['redis', 'pspf'] as const))
      samples[target].push(await sample(target, plan))
  }
  return samples
}

async function rawDisk(): Promise<void> {
  for (const bytes of [1024, 65_536]) {
    const results: RawResult[] = []
    for (let run = 0; run < runs; run++) {
      results.push(
        await measure<RawResult>('raw-disk.ts', {
          file: join(scratch, 'raw'),
          bytes,
          seconds: Math.min(seconds, 10),
        } satisfies RawPlan),
      )
    }
    report({
      what: `raw write+fdatasync of ${bytes / 1024} KB, one at a time, /s`,
      pspf: '–',
      peer: spread(results.map(({ writesPerSecond }) => writesPerSecond)),
      ratio: '',
      note: `p99 ${median(results.map(({ latency }) => latency.p99)).toFixed(2)} ms, max ${Math.max(...results.map(({ latency }) => latency.max)).toFixed(1)} ms`,
    })
  }
}

const shapes = [
  { inFlight: 1, records: 1 },
  { inFlight: 64, records: 1 },
  { inFlight: 256, records: 1 },
  { inFlight: 16, records: 100 },
].filter(({ inFlight }) => !has('in-flight') || option('in-flight')!.split(',').includes(String(inFlight)))

async function produce(): Promise<void> {
  for (const { inFlight, records } of shapes) {
    const plan = { inFlight, records, bytes: 1024, seconds }
    const { pspf, redis } = await interleaved(plan)
    const rate = (samples: Sample[]) => samples.map(({ recordsPerSecond }) => recordsPerSecond)
    const what = `durable produce 1 KB, ${inFlight} in flight${records > 1 ? ` × ${records} records` : ''}`
    report({
      what: `${what}, records/s`,
      pspf: spread(rate(pspf)),
      peer: spread(rate(redis)),
      ratio: (median(rate(pspf)) / median(rate(redis))).toFixed(2),
      note: `CPU s/M records ${median(pspf.map((s) => s.cpuPerMillion)).toFixed(1)} : ${median(redis.map((s) => s.cpuPerMillion)).toFixed(1)}, device bytes/byte ${median(pspf.map((s) => s.deviceBytesPerByte)).toFixed(1)} : ${median(redis.map((s) => s.deviceBytesPerByte)).toFixed(1)}`,
    })
    if (only.includes('latency'))
      await latency(plan, Math.min(median(rate(pspf)), median(rate(redis))) / 2 / records)
  }
}

/** Open loop at half of what the slower side can do: the same load on both. */
async function latency(plan: Omit<LoadPlan, 'target' | 'port' | 'name'>, perSecond: number): Promise<void> {
  const { pspf, redis } = await interleaved({ ...plan, inFlight: Math.max(plan.inFlight, 16), perSecond })
  const figure = (samples: Sample[], pick: (sample: Sample) => number) => median(samples.map(pick))
  const text = (samples: Sample[]) =>
    (['p50', 'p99', 'p999', 'max'] as const)
      .map((name) => figure(samples, (s) => s.latency[name]).toFixed(1))
      .join(' / ')
  report({
    what: `  at ${format(perSecond * plan.records)}/s: p50/p99/p99.9/max ms`,
    pspf: text(pspf),
    peer: text(redis),
    ratio: (figure(pspf, (s) => s.latency.p99) / figure(redis, (s) => s.latency.p99)).toFixed(2),
    note: 'open loop; ratio of p99',
  })
}

async function start(): Promise<void> {
  const ready: number[] = []
  const resident: number[] = []
  const anonymous: number[] = []
  for (let run = 0; run < Math.max(runs, 5); run++) {
    const server = await startPspf(join(scratch, 'pspf'), ports.pspf)
    await Bun.sleep(2000)
    ready.push(server.readyMs)
    resident.push(server.memory().residentMegabytes)
    anonymous.push(server.memory().anonymousMegabytes)
    await server.stop()
  }
  report({
    what: 'exec to ready, empty data directory, ms',
    pspf: spread(ready),
    peer: '–',
    ratio: '',
    note: 'budget 150',
  })
  report({
    what: 'idle memory, MB (Pss)',
    pspf: spread(resident),
    peer: '–',
    ratio: '',
    note: `anonymous ${spread(anonymous)}; budget 80`,
  })
  const demo = await startPspf(join(scratch, 'pspf'), ports.pspf, ['--demo'])
  await Bun.sleep(15_000)
  const memory = demo.memory()
  report({
    what: 'demo with its two app processes, MB (Pss)',
    pspf: format(memory.residentMegabytes),
    peer: '–',
    ratio: '',
    note: `anonymous ${format(memory.anonymousMegabytes)}`,
  })
  await demo.stop()
}

const tails = Array.from({ length: 20 }, (_, n) => `busy-${n}`)

async function viewers(): Promise<void> {
  for (const count of [1000, 5000]) {
    const results: ViewerResult[] = []
    const memory: number[] = []
    for (let run = 0; run < Math.min(runs, 3); run++) {
      const server = await startPspf(join(scratch, 'pspf'), ports.pspf)
      for (const name of tails) await createTopic(name)
      let over = false
      const feeding = feed(() => over)
      const plan = {
        url: `ws://127.0.0.1:${ports.pspf}/ws`,
        viewers: count,
        channels: tails.map((name) => `tail/${name}`),
        seconds: Math.min(seconds, 20),
      }
      results.push(await measure<ViewerResult>('viewers.ts', plan satisfies ViewerPlan))
      memory.push(server.memory().residentMegabytes)
      over = true
      await feeding
      await server.stop()
    }
    report({
      what: `WebSocket deliveries/s to ${format(count)} viewers × 20 channels`,
      pspf: spread(results.map(({ deliveriesPerSecond }) => deliveriesPerSecond)),
      peer: '–',
      ratio: '',
      note: `${Math.min(...results.map(({ connected }) => connected))} connected at the end, delay p99 ${median(results.map(({ delay }) => delay.p99)).toFixed(0)} ms, ${median(results.map((r) => r.megabytesPerSecond)).toFixed(0)} MB/s, server ${format(median(memory))} MB`,
    })
  }
}

/** Ten records a second into each topic. */
async function feed(over: () => boolean): Promise<void> {
  while (!over()) {
    const body = JSON.stringify({
      records: [{ value: { sentAt: performance.timeOrigin + performance.now() } }],
    })
    await Promise.all(
      tails.map((name) =>
        fetch(`http://127.0.0.1:${ports.pspf}/api/v1/topics/${name}/records`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        }),
      ),
    )
    await Bun.sleep(100)
  }
}

mkdirSync(scratch, { recursive: true })
console.log(`${runs} runs of ${seconds} s; ${cpus().length} × ${cpus()[0]?.model}; ${binary}\n`)
console.log(
  `${''.padEnd(46)} ${'pspf'.padStart(28)} ${'Redis Streams (always)'.padStart(28)} ${'ratio'.padStart(7)}`,
)
if (only.includes('disk')) await rawDisk()
if (only.includes('produce')) await produce()
if (only.includes('start')) await start()
if (only.includes('viewers')) await viewers()

const day = new Date().toISOString().slice(0, 10)
const table = [
  '| what | pspf | Redis Streams (always) | ratio | note |',
  '|---|---|---|---|---|',
  ...rows.map((row) => `| ${row.what.trim()} | ${row.pspf} | ${row.peer} | ${row.ratio} | ${row.note} |`),
]
const head = `# Bench of ${day}\n\n${runs} runs of ${seconds} s, medians with minimum and maximum; ${cpus().length} × ${cpus()[0]?.model}; server on core 0, load on core 1; both sides sync before they answer.\n\n`
mkdirSync(join(import.meta.dir, 'results'), { recursive: true })
writeFileSync(join(import.meta.dir, 'results', `${day}-${only.join('-')}.md`), head + table.join('\n') + '\n')
