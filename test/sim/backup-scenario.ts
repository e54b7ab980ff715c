// Backups on the simulated disk: made while the log works, judged, restored and compared with what was acknowledged.
import { BrokerError } from '#base'
import {
  type BackupPlace,
  backupTarget,
  createBackup,
  type Manifest,
  openBackup,
  restoreBackup,
  type VerifyReport,
  verifyBackup,
} from '#log'
import type { Attempt } from './log-model.ts'
import type { LogScenario } from './log-scenario.ts'

const never = new AbortController().signal
const watching = { signal: never, onProgress: () => undefined }

/** Begins a backup; it goes on while the scenario is driven. */
export async function startBackup(
  scenario: LogScenario,
  place: BackupPlace,
  signal: AbortSignal = never,
): Promise<Manifest> {
  const { log, disk, clock } = scenario
  const target = backupTarget(disk, place, clock.now())
  await target.begin()
  return await createBackup(log!, target, {
    clock,
    madeBy: 'test',
    bytesPerSecond: 100_000,
    signal,
    onProgress: () => undefined,
  })
}

export async function verifyAt(scenario: LogScenario, path: string): Promise<VerifyReport> {
  const { disk, clock } = scenario
  const work = async () => {
    const source = await openBackup(disk, path)
    try {
      return await verifyBackup(source, { clock, ...watching })
    } finally {
      source.close()
    }
  }
  return await scenario.drive(work())
}

export async function restoreTo(scenario: LogScenario, path: string, directory: string): Promise<void> {
  const { disk, clock } = scenario
  const work = async () => {
    const source = await openBackup(disk, path)
    try {
      await restoreBackup(source, { disk, clock, directory, ...watching })
    } finally {
      source.close()
    }
  }
  await scenario.drive(work())
}

export const acknowledged = (scenario: LogScenario): ReadonlySet<Attempt> =>
  new Set(scenario.model.attempts.filter(({ outcome }) => outcome === 'acknowledged'))

/** Restores, opens what came of it, and holds it against what must and may be in it. */
export async function checkRestored(
  scenario: LogScenario,
  path: string,
  surely: ReadonlySet<Attempt>,
): Promise<void> {
  await restoreTo(scenario, path, '/restored')
  await checkOpened(scenario, '/restored', surely)
}

export async function checkOpened(
  scenario: LogScenario,
  directory: string,
  surely: ReadonlySet<Attempt>,
): Promise<void> {
  const log = await scenario.openAt(directory)
  if (log.state !== 'open') throw new Error(`wrongly refused: ${log.failure?.message}`)
  if (log.report.quarantined.length > 0) throw new Error(`damaged: ${log.report.quarantined[0]!.reason}`)
  await scenario.drive(scenario.model.copyWith(surely).check(log))
  if (log.damages.length > 0) throw new Error(`damage was met: ${JSON.stringify(log.damages)}`)
  await scenario.drive(log.close())
}

/** The code of a refusal, or `done`. Anything but a refusal is thrown. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (thrown) {
    if (thrown instanceof BrokerError) return thrown.code
    throw thrown
  }
}
