// Brings a part of a file to the device, so that a later sync finds little left to do. Unlike a sync it makes nothing
// durable: it flushes no cache of the device and commits no journal, so that the syncs of other files wait for neither.
// It does wait for its part: tried without, 64 files sent their parts at once, and a sync behind them took 50 ms.
import { dlopen } from 'bun:ffi'
import { fdatasyncSync } from 'node:fs'
import { assert } from './assert.ts'

export type FileRange = { readonly position: number; readonly sizeBytes: number }

/** glibc, then musl by architecture. */
const libraries = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']
/** SYNC_FILE_RANGE_WRITE and _WAIT_AFTER; without any flag the call does nothing. */
const flags = { none: 0, writeAndWait: 2 | 4 } as const
const signature = { args: ['i32', 'i64', 'i64', 'u32'], returns: 'i32' } as const

type SyncFileRange = (descriptor: number, position: number, sizeBytes: number, flags: number) => number

/** undefined: not looked for yet. null: this system has no such call, or does not let us. */
let syncFileRange: SyncFileRange | null | undefined

/** Throws when the system says that it cannot; then nobody knows what of it was written, as after a failed sync. */
export function writeBack(descriptor: number, { position, sizeBytes }: FileRange): void {
  assert(sizeBytes > 0, 'a part of a file has bytes')
  if (syncFileRange === undefined) syncFileRange = findCall(descriptor)
  if (syncFileRange === null) fdatasyncSync(descriptor)
  else if (syncFileRange(descriptor, position, sizeBytes, flags.writeAndWait) !== 0)
    throw Object.assign(new Error('a part of a file could not be written back'), { code: 'EIO' })
}

/** Tried on a file that can be written, so that a later refusal is one of the disk. */
function findCall(descriptor: number): SyncFileRange | null {
  if (process.platform !== 'linux') return null
  for (const library of libraries) {
    const call = callOf(library)
    if (call !== null) return call(descriptor, 0, 1, flags.none) === 0 ? call : null
  }
  return null
}

function callOf(library: string): SyncFileRange | null {
  try {
    return dlopen(library, { sync_file_range: signature }).symbols.sync_file_range
  } catch {
    // Another C library: the next name.
    return null
  }
}
