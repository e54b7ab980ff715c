// Sequential reads of whole batches through the log, beside plain reads of the same files: warm, and cold (the files' pages
// dropped from the cache before).
import { closeSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { measure, onBothCores } from '../servers.ts'
import { fill } from './filled.ts'
import type { OpenPlan, OpenResult } from './open.ts'
import { median, number, type Report, spread } from './report.ts'
import type { Settings } from './settings.ts'

const filledBytes = 2 ** 30

export async function read(settings: Settings, report: Report): Promise<void> {
  const directory = join(settings.scratch, 'read')
  await fill({ directory, bytes: filledBytes, partitions: 1, stop: true })
  report.table('Sequential read of 1 GB, MB/s', ['cache', 'pspf log', 'plain read of the files', 'ratio'])
  for (const cache of ['cold', 'warm'] as const) {
    const log: number[] = []
    const plain: number[] = []
    for (let run = 0; run < settings.runs; run++) {
      if (cache === 'cold') dropPages(directory)
      const plan: OpenPlan = { directory, read: true }
      const { readBytes, readSeconds } = await measure<OpenResult>('log/open.ts', plan, onBothCores)
      log.push(readBytes / readSeconds / 1e6)
      if (cache === 'cold') dropPages(directory)
      plain.push(plainRead(directory))
    }
    report.row([cache, spread(log), spread(plain), number(median(log) / median(plain), 2)])
  }
  rmSync(directory, { recursive: true, force: true })
}

function segmentPaths(directory: string): string[] {
  const topics = join(directory, 'topics')
  return readdirSync(topics, { recursive: true })
    .map((name) => join(topics, String(name)))
    .filter((path) => path.endsWith('.log'))
    .sort()
}

/** Of these files only: others on the machine keep theirs. */
function dropPages(directory: string): void {
  for (const path of segmentPaths(directory)) {
    const { exitCode } = Bun.spawnSync(['dd', `if=${path}`, 'iflag=nocache', 'count=0', 'status=none'])
    if (exitCode !== 0) throw new Error('dd cannot drop pages here, so there is no cold read')
  }
}

function plainRead(directory: string): number {
  const buffer = new Uint8Array(2 ** 20)
  const began = performance.now()
  let bytes = 0
  for (const path of segmentPaths(directory)) {
    const descriptor = openSync(path, 'r')
    for (let count = 1; count > 0; bytes += count)
      count = readSync(descriptor, buffer, 0, buffer.length, null)
    closeSync(descriptor)
  }
  return bytes / (performance.now() - began) / 1e3
}
