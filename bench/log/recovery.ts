// How long a start takes after a kill -9 under load, against the size of the log: the log alone, and the whole product.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { binary, measure, onBothCores, servePspf } from '../servers.ts'
import { fill, hasRoom } from './filled.ts'
import type { OpenPlan, OpenResult } from './open.ts'
import { median, number, type Report, spread } from './report.ts'
import type { Settings } from './settings.ts'

const port = 7181
const partitions = 4
/** Filling 10 GB takes a while: each size is killed and reopened so often, at most. */
const runsMax = 3

type Times = { readonly open: number[]; readonly ready: number[]; readonly again: number[] }

export async function recovery(settings: Settings, report: Report): Promise<void> {
  report.table('Start after kill -9 under load', [
    'log',
    'log open, ms',
    'replayed',
    'exec to ready, ms',
    'ready again after an orderly stop, ms',
    'memory when ready, MB (Pss)',
  ])
  for (const gigabytes of settings.gigabytes) {
    const bytes = gigabytes * 1e9
    if (!hasRoom(settings.scratch, bytes)) {
      report.row([`${gigabytes} GB`, 'no room on the volume'])
      continue
    }
    report.row([`${gigabytes} GB`, ...(await measured(join(settings.scratch, 'recovery'), bytes, settings))])
  }
}

/** In the first run the log alone opens what the kill left, then the product: whoever opens it first cleans it up. */
async function measured(directory: string, bytes: number, { runs }: Settings): Promise<string[]> {
  const times: Times = { open: [], ready: [], again: [] }
  const replayed: number[] = []
  const memory: number[] = []
  for (let run = 0; run < Math.min(runs, runsMax); run++) {
    await fill({ directory, bytes, partitions, stop: false })
    if (run > 0 && existsSync(binary)) {
      memory.push(await startTwice(directory, times))
      continue
    }
    const plan: OpenPlan = { directory, read: false }
    const { openMs, report } = await measure<OpenResult>('log/open.ts', plan, onBothCores)
    times.open.push(openMs)
    replayed.push(report.bytesReplayed / 1e6)
  }
  rmSync(directory, { recursive: true, force: true })
  const cell = (values: readonly number[]) => (values.length > 0 ? spread(values) : '–')
  return [
    cell(times.open),
    `${cell(replayed)} MB`,
    cell(times.ready),
    cell(times.again),
    number(median(memory)),
  ]
}

async function startTwice(directory: string, times: Times): Promise<number> {
  const first = await servePspf(directory, port)
  times.ready.push(first.readyMs)
  const memory = first.memory().residentMegabytes
  await first.stop(true)
  const second = await servePspf(directory, port)
  times.again.push(second.readyMs)
  await second.stop(true)
  return memory
}
