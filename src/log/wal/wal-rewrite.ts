// Makes durable what was read back from the write-ahead log, when no checkpoint can do it: on a full disk, and before files
// are deleted because a frame says so. Frames that a process wrote and did not live to sync are in the page cache, and after
// a failed sync the cache may hold what no further sync will bring to the disk. So the same bytes are written over
// themselves, which takes no room, and then synced.
import { readWholeFile, walGenerations, walPath } from '../disk/data-directory.ts'
import type { LogContext } from '../options.ts'
import type { WalPosition } from './wal.ts'

type Place = Pick<WalPosition, 'generation' | 'position'>

export async function rewriteFrames(context: LogContext, from: Place, until: Place): Promise<void> {
  const { disk, directory } = context
  for (const generation of walGenerations(disk, directory)) {
    if (generation < from.generation || generation > until.generation) continue
    const file = disk.open(walPath(directory, generation), 'write')
    try {
      const bytes = readWholeFile(file)
      const start = generation === from.generation ? from.position : 0
      const end = generation === until.generation ? until.position : bytes.length
      file.write(bytes.subarray(start, end), start)
      await file.syncBehind()
    } finally {
      file.close()
    }
  }
}
