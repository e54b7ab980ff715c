// The tail of appends by what the log did meanwhile: segment syncs, rolls, removals by retention, checkpoints.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { measure, onBothCores } from '../servers.ts'
import type { DisturbedPlan, DisturbedResult } from './disturbed-load.ts'
import { number, type Report } from './report.ts'
import type { Settings } from './settings.ts'
import { sizeText } from './shape.ts'

const keptBytes = 512 * 2 ** 20
/** Shorter runs hold no checkpoint. */
const secondsMin = 10

export async function disturbances(settings: Settings, report: Report): Promise<void> {
  for (const bytes of settings.bytes.filter((bytes) => bytes === 1024 || bytes === 16_384)) {
    for (const partitions of settings.partitions) {
      const directory = join(settings.scratch, 'disturbed')
      rmSync(directory, { recursive: true, force: true })
      mkdirSync(directory, { recursive: true })
      const seconds = Math.max(settings.seconds, secondsMin)
      const plan: DisturbedPlan = { directory, bytes, partitions, seconds, keptBytes }
      const result = await measure<DisturbedResult>('log/disturbed-load.ts', plan, onBothCores)
      report.table(
        `${sizeText(bytes)}, ${partitions} partitions, open loop of ${number(result.perSecond)}/s for ${seconds} s, retention at 512 MB`,
        ['appends during', 'times', 'share', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms'],
      )
      for (const [name, part] of [
        ['anything', { ...result.all, times: 0 }] as const,
        ...Object.entries(result.during),
      ]) {
        const share = `${number((part.count / result.all.count) * 100, 1)} %`
        const latency = [part.p50, part.p99, part.p999, part.max].map((ms) => number(ms, 2))
        report.row([name, part.times > 0 ? number(part.times) : '', share, ...latency])
      }
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
