// Backups without a running node: of a stopped one's directory, and what is done with a backup itself.
import {
  BrokerError,
  type Disk,
  lockDirectory,
  Metrics,
  realClock,
  realDisk,
  realRandom,
  silentLogger,
} from '#base'
import { version } from '#embedded'
import {
  type BackupPlace,
  type BackupProgress,
  backupTarget,
  createBackup,
  type Manifest,
  openBackup,
  openLog,
  type Restored,
  restoreBackup,
  type VerifyReport,
  verifyBackup,
} from '#log'
import { checkBackupPlace, placeFailed } from './backup-place.ts'

export type Watching = {
  /** Ends the work; its reason is thrown. */
  readonly signal: AbortSignal
  onProgress(progress: BackupProgress): void
}

/** Throws `conflict` while a node runs on the directory. */
export async function backupStopped(
  dataDirectory: string,
  place: BackupPlace,
  watching: Watching,
): Promise<Manifest> {
  const path = checkBackupPlace(place.path, dataDirectory)
  const clock = realClock()
  return await withDisk(path, async (disk) => {
    refuseMissing(disk, dataDirectory)
    const lock = lockDirectory(dataDirectory, clock.now())
    try {
      const parts = { disk, clock, random: realRandom(), logger: silentLogger, metrics: new Metrics() }
      const log = await openLog({ ...parts, directory: dataDirectory })
      try {
        const target = backupTarget(disk, { ...place, path }, clock.now())
        await target.begin()
        const pace = { bytesPerSecond: Number.POSITIVE_INFINITY, madeBy: version }
        return await createBackup(log, target, { ...parts, ...pace, ...watching })
      } finally {
        await log.close()
      }
    } finally {
      lock.release()
    }
  })
}

/** Opening would make one. */
function refuseMissing(disk: Disk, dataDirectory: string): void {
  if (disk.exists(`${dataDirectory}/format.json`)) return
  throw new BrokerError('not_found', `${dataDirectory} is no data directory`, { fix: 'check --data-dir' })
}

export async function verifyBackupAt(path: string, watching: Watching): Promise<VerifyReport> {
  return await withDisk(path, async (disk) => {
    const source = await openBackup(disk, path)
    try {
      return await verifyBackup(source, { clock: realClock(), ...watching })
    } finally {
      source.close()
    }
  })
}

/** `until`: milliseconds UTC; absent: all that is in it. */
export async function restoreBackupTo(
  path: string,
  directory: string,
  options: Watching & { readonly until?: number },
): Promise<Restored & { readonly manifest: Manifest }> {
  return await withDisk(directory, async (disk) => {
    const source = await openBackup(disk, path)
    try {
      const restored = await restoreBackup(source, { disk, clock: realClock(), directory, ...options })
      return { ...restored, manifest: source.manifest }
    } finally {
      source.close()
    }
  })
}

async function withDisk<T>(path: string, use: (disk: Disk) => Promise<T>): Promise<T> {
  const disk = realDisk()
  try {
    return await use(disk)
  } catch (thrown) {
    throw placeFailed(path, thrown)
  } finally {
    disk.close()
  }
}
