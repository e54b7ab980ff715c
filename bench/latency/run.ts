// bun run bench latency: from when an event is due to when its result can be read, durable and exactly once.
//   bun run bench latency                         each app at 1,000/s, 10,000/s and half of what it can do, 60 s each
//   bun run bench latency --quick                 5 s each
//   bun run bench latency --seconds 30 --rates 1000,10000 --apps map
//   bun run bench latency --restart 1000000       instead: from the start of a process with so many keys to its next result
// Open loop: events are due at fixed times whatever the answers do, and latency counts from there. Events go in over
// HTTP, a millisecond's worth in one request, results come out of a stream of lines that follows the output topic. All
// processes share the machine's cores.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { Histogram } from '../histogram.ts'
import { onBothCores, type Server, servePspf } from '../servers.ts'
import { Bids } from './bids.ts'
import { followOutput } from './output.ts'
import { restart } from './restart.ts'
import { Sender } from './sender.ts'

const has = (name: string) => process.argv.includes(`--${name}`)
const option = (name: string, otherwise: string): string => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : process.argv[at + 1]!
}
const seconds = Number(option('seconds', has('quick') ? '5' : '60'))
const apps = option('apps', 'map,count').split(',')
const rates = option('rates', '1000,10000,half').split(',')

const folder = join(import.meta.dir, '..', '..', 'dist', 'bench', 'latency')
const port = 7173
const url = `http://127.0.0.1:${port}/api/v1`
const warmUpSeconds = 2
/** Results that are still on their way when the last event has been sent. */
const drainMsMax = 10_000

type Line = { readonly app: string; readonly rate: number; readonly text: string }

/** Starts the product on an empty folder with one of the apps, and both topics there. */
async function start(app: string): Promise<Server & { readonly readyMs: number }> {
  const used = join(folder, 'used')
  mkdirSync(used, { recursive: true })
  const server = await servePspf(used, port, [join(import.meta.dir, 'apps', `${app}.ts`)], onBothCores)
  const deadline = performance.now() + 15_000
  while ((await fetch(`${url}/topics/${app}-out`)).status === 404) {
    if (performance.now() > deadline) throw new Error(`the app ${app} did not start`)
    await Bun.sleep(20)
  }
  return server
}

/** How many a second go through when as many are sent as are taken. */
async function capacity(app: string): Promise<number> {
  const server = await start(app)
  const output = await followOutput(`${url}/topics/${app}-out`)
  const sender = new Sender(`${url}/topics/latency/records`, new Bids())
  const began = performance.now()
  try {
    await sender.asFastAsPossible(Math.max(3, seconds / 10))
    await output.until(sender.sent, 60_000)
    return (sender.sent / (output.lastAt - began)) * 1000
  } finally {
    output.stop()
    await server.stop()
  }
}

async function measure(app: string, perSecond: number): Promise<Line> {
  const server = await start(app)
  const histogram = new Histogram()
  const sender = new Sender(`${url}/topics/latency/records`, new Bids())
  const measureFrom = performance.timeOrigin + performance.now() + warmUpSeconds * 1000
  const output = await followOutput(`${url}/topics/${app}-out`, (dueAt, seenAt) => {
    if (dueAt >= measureFrom) histogram.add(seenAt - dueAt)
  })
  const before = server.cpuSeconds()
  try {
    await sender.openLoop(perSecond, warmUpSeconds + seconds)
    await output.until(sender.sent, drainMsMax)
    const cpu = (server.cpuSeconds() - before) / (warmUpSeconds + seconds)
    const { p50, p99, p999, max } = histogram.summary()
    const figures = [p50, p99, p999, max].map((value) => value.toFixed(1))
    const text = `| ${app} | ${Math.round(perSecond).toLocaleString('en-US')} | ${figures.join(' | ')} | ${cpu.toFixed(2)} | ${output.rows} of ${sender.sent} |`
    console.log(text)
    return { app, rate: perSecond, text }
  } finally {
    output.stop()
    await server.stop()
  }
}

mkdirSync(folder, { recursive: true })
if (has('restart')) {
  await restart(start, { url, keys: Number(option('restart', '1000000')) })
  process.exit(0)
}
console.log(`${seconds} s each after ${warmUpSeconds} s; ${cpus().length} × ${cpus()[0]?.model}`)
const head = [
  '| app | events/s | p50 ms | p99 ms | p99.9 ms | max ms | cores used | results |',
  '|---|---|---|---|---|---|---|---|',
]
console.log(head.join('\n'))
const lines: Line[] = []
for (const app of apps) {
  const whole = rates.includes('half') ? await capacity(app) : 0
  for (const rate of rates) lines.push(await measure(app, rate === 'half' ? whole / 2 : Number(rate)))
}
writeFileSync(join(folder, 'table.md'), [...head, ...lines.map(({ text }) => text)].join('\n') + '\n')
process.exit(0)
