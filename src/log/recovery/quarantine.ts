// Files of the write-ahead log that hold what could not be applied are copied aside before a checkpoint lets them go: what
// is damaged can be looked at later, and what followed it is not lost.
//
//   quarantine/<10-digit generation>.wal                              as it was found
//   quarantine/<topic id>-<partition>-<base offset>.log[.<number>]    before a repair
//
// A crash on the way leaves the log as it was, so the next start finds the same damage and copies again.
import type { Disk, DiskFile } from '#base'
import { quarantineDirectory, quarantinedWalPath, walPath } from '../disk/data-directory.ts'
import type { LogContext } from '../options.ts'

const copyStepBytes = 2 ** 20

export async function quarantineWalFiles(context: LogContext, generations: Iterable<number>): Promise<void> {
  const { disk, directory } = context
  disk.makeDirectory(quarantineDirectory(directory))
  for (const generation of generations) {
    await copyAside(disk, walPath(directory, generation), quarantinedWalPath(directory, generation))
  }
  await disk.syncDirectory(quarantineDirectory(directory))
  await disk.syncDirectory(directory)
}

/** A durable copy, but for its name. */
export async function copyAside(disk: Disk, path: string, copyPath: string): Promise<void> {
  const from = disk.open(path, 'read')
  const to = disk.open(copyPath, 'create')
  try {
    copy(from, to)
    await to.syncBehind()
  } finally {
    from.close()
    to.close()
  }
}

function copy(from: DiskFile, to: DiskFile): void {
  const buffer = new Uint8Array(copyStepBytes)
  to.truncate(0)
  for (let at = 0, count = -1; count !== 0; at += count) {
    count = from.read(buffer, at)
    if (count > 0) to.write(buffer.subarray(0, count), at)
  }
}
