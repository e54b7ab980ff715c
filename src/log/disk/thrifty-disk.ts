// The disk as a log uses it: when the process may open no more files, segments that nobody needs just now are closed, and
// the call is made again. Only when none is left to close it fails, with an error of its own that names the remedy.
import type { Disk } from '#base'
import type { OpenFiles } from '../segment/open-files.ts'
import { isOutOfFiles, outOfFiles } from './disk-errors.ts'

export function thriftyDisk(disk: Disk, files: OpenFiles): Disk {
  const mayTryAgain = (thrown: unknown): true => {
    if (!isOutOfFiles(thrown)) throw thrown
    if (!files.freeOldest()) throw outOfFiles(thrown, disk.filesMax)
    return true
  }
  /** A call that found no descriptor has done nothing, not even begun a sync, so it may be made again. */
  const now = <T>(call: () => T): T => {
    for (;;) {
      try {
        return call()
      } catch (thrown) {
        mayTryAgain(thrown)
      }
    }
  }
  const later = async (call: () => Promise<void>): Promise<void> => {
    for (;;) {
      try {
        return await call()
      } catch (thrown) {
        mayTryAgain(thrown)
      }
    }
  }
  return {
    filesMax: disk.filesMax,
    open: (path, mode, access) => now(() => disk.open(path, mode, access)),
    exists: (path) => disk.exists(path),
    list: (directory) => now(() => disk.list(directory)),
    makeDirectory: (path, access) => disk.makeDirectory(path, access),
    rename: (from, to) => disk.rename(from, to),
    link: (from, to) => disk.link(from, to),
    remove: (path) => now(() => disk.remove(path)),
    removeBehind: (path) => later(() => disk.removeBehind(path)),
    syncDirectory: (path) => later(() => disk.syncDirectory(path)),
    syncDirectoryNow: (path) => now(() => disk.syncDirectoryNow(path)),
    space: (path) => disk.space(path),
    close: () => disk.close(),
  }
}
