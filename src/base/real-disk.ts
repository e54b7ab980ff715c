// The machine's own disk. Page-cache writes and reads happen here and now; syncs and removals on threads of their own.
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { assert } from './assert.ts'
import { descriptorLimit } from './descriptor-limit.ts'
import type { Disk, DiskFile } from './disk.ts'
import { systemCode } from './errors.ts'
import { syncDirectoryNow } from './sync-task.ts'
import { SyncThread } from './sync-thread.ts'

/** Consecutive interruptions of one write before it counts as failed. */
const interruptionsMax = 100

/**
 * Three threads, each started when it is first needed: what somebody waits for never queues behind what happens in the
 * background, and that not behind removals, which retention asks for many at a time.
 */
export function realDisk(): Disk {
  const syncThread = new SyncThread()
  const backgroundThread = new SyncThread()
  const removalThread = new SyncThread()
  return {
    filesMax: descriptorLimit(),
    open: (path, mode, access) =>
      openFile(path, openDescriptor(path, mode, access), { syncThread, backgroundThread }),
    exists: existsSync,
    list,
    makeDirectory: (path, access) =>
      void mkdirSync(path, { recursive: true, mode: access === 'private' ? 0o700 : 0o777 }),
    rename: renameSync,
    link: linkSync,
    remove: (path) => rmSync(path, { recursive: true, force: true }),
    removeBehind: (path) => removalThread.run({ kind: 'remove', path }),
    syncDirectory: (path) => backgroundThread.run({ kind: 'directory', path }),
    syncDirectoryNow,
    space(path) {
      const { bavail, blocks, bsize } = statfsSync(path)
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
    },
    close() {
      syncThread.close()
      backgroundThread.close()
      removalThread.close()
    },
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return []
    throw thrown
  }
}

type Threads = { syncThread: SyncThread; backgroundThread: SyncThread }

function openFile(path: string, descriptor: number, threads: Threads): DiskFile {
  let open = true
  /** A descriptor number is reused after close, so a late call would touch another file. */
  const mustBeOpen = () => assert(open, `${path} is open when it is used`)
  return {
    path,
    write(bytes, position) {
      mustBeOpen()
      writeAll(descriptor, bytes, position)
    },
    read(into, position) {
      mustBeOpen()
      return readSync(descriptor, into, 0, into.length, position)
    },
    readAsync(into, position) {
      mustBeOpen()
      return new Promise((resolve, reject) => {
        read(descriptor, into, 0, into.length, position, (error, count) =>
          error ? reject(error) : resolve(count),
        )
      })
    },
    sync() {
      mustBeOpen()
      return threads.syncThread.run({ kind: 'file', descriptor })
    },
    syncBehind() {
      mustBeOpen()
      return threads.backgroundThread.run({ kind: 'file', descriptor })
    },
    writeBack(range) {
      mustBeOpen()
      return threads.backgroundThread.run({ kind: 'writeBack', descriptor, range })
    },
    syncNow() {
      mustBeOpen()
      fdatasyncSync(descriptor)
    },
    truncate(sizeBytes) {
      mustBeOpen()
      ftruncateSync(descriptor, sizeBytes)
    },
    size() {
      mustBeOpen()
      return fstatSync(descriptor).size
    },
    isLinked() {
      mustBeOpen()
      return fstatSync(descriptor).nlink > 0
    },
    close() {
      if (!open) return
      open = false
      closeSync(descriptor)
    },
  }
}

function openDescriptor(path: string, mode: 'read' | 'write' | 'create', access?: 'private'): number {
  if (mode === 'read') return openSync(path, 'r')
  try {
    return openSync(path, 'r+')
  } catch (thrown) {
    if (mode === 'write' || systemCode(thrown) !== 'ENOENT') throw thrown
    return openSync(path, 'wx+', access === 'private' ? 0o600 : 0o666)
  }
}

function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  let written = 0
  let interruptions = 0
  while (written < bytes.length) {
    try {
      const count = writeSync(descriptor, bytes, written, bytes.length - written, position + written)
      assert(count > 0, 'a write that succeeds moves on')
      written += count
      interruptions = 0
    } catch (thrown) {
      if (systemCode(thrown) !== 'EINTR' || ++interruptions > interruptionsMax) throw thrown
    }
  }
}
