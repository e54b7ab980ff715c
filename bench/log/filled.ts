// A data directory of a given size, left by a kill -9 under load or by an orderly stop.
import { mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { onBothCores } from '../servers.ts'
import type { FillPlan } from './fill.ts'

export async function fill(plan: FillPlan): Promise<void> {
  rmSync(plan.directory, { recursive: true, force: true })
  mkdirSync(plan.directory, { recursive: true })
  const child = Bun.spawn(
    [...onBothCores, process.execPath, join(import.meta.dir, 'fill.ts'), JSON.stringify(plan)],
    { stdout: 'pipe', stderr: 'inherit' },
  )
  if (plan.stop) {
    if ((await child.exited) !== 0) throw new Error('the log could not be filled')
    return
  }
  for await (const _ of child.stdout) break
  // Somewhere between two checkpoints.
  await Bun.sleep(Math.random() * 300)
  child.kill('SIGKILL')
  await child.exited
}

/** Whether the volume has room for twice as much. */
export function hasRoom(directory: string, bytes: number): boolean {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize > 2 * bytes + 2 ** 30
}
