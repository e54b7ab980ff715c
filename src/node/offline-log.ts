// The log of a stopped node: checked, shown, repaired. While it is looked at no node may start on it, so the lock is held.
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
import {
  type DumpedPiece,
  dumpLog,
  type LogCheck,
  type LogOptions,
  type RepairChoice,
  type Repaired,
  repairLog,
  verifyLog,
} from '#log'
import { placeFailed } from './backup-place.ts'

export type CheckWatching = {
  /** Ends the check; its reason is thrown. */
  readonly signal: AbortSignal
  onProgress(doneBytes: number, totalBytes: number): void
}

/** Throws `conflict` while a node runs on the directory, `not_found` where there is none. */
export async function verifyStopped(dataDirectory: string, watching: CheckWatching): Promise<LogCheck> {
  return await withStopped(dataDirectory, (options) => verifyLog({ ...options, ...watching }))
}

export type DumpPlace = { readonly partition: string; readonly from: number }

export async function dumpStopped(
  dataDirectory: string,
  place: DumpPlace,
  take: (piece: DumpedPiece) => Promise<void>,
): Promise<void> {
  await withStopped(dataDirectory, async (options) => {
    for (const piece of dumpLog({ ...options, ...place })) await take(piece)
  })
}

export type RepairWish = { readonly choice: RepairChoice; readonly apply: boolean }

/** Brings the log forward as a start would; beyond that, changes something only with `apply`. */
export async function repairStopped(dataDirectory: string, wish: RepairWish): Promise<readonly Repaired[]> {
  return await withStopped(dataDirectory, (options) => repairLog({ ...options, ...wish }))
}

/** Holds the lock of the directory meanwhile, so that no node may start on it. */
export async function withStopped<T>(
  directory: string,
  use: (options: LogOptions) => Promise<T>,
): Promise<T> {
  const disk = realDisk()
  try {
    refuseForeign(disk, directory)
    const clock = realClock()
    const lock = lockDirectory(directory, clock.now())
    try {
      const parts = { disk, clock, random: realRandom(), logger: silentLogger, metrics: new Metrics() }
      return await use({ ...parts, directory })
    } finally {
      lock.release()
    }
  } catch (thrown) {
    throw placeFailed(directory, thrown)
  } finally {
    disk.close()
  }
}

/** The lock would leave a file there. */
function refuseForeign(disk: Disk, directory: string): void {
  const parts = ['format.json', 'checkpoint', 'wal', 'topics']
  if (parts.some((part) => disk.exists(`${directory}/${part}`))) return
  throw new BrokerError('not_found', `${directory} is no data directory`, { fix: 'check --data-dir' })
}
