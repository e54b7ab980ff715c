// What a sync thread does: the calls of the disk that can hold a thread for milliseconds.
import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { type FileRange, writeBack } from './write-back.ts'

export type SyncTask =
  | { readonly kind: 'file'; readonly descriptor: number }
  | { readonly kind: 'writeBack'; readonly descriptor: number; readonly range: FileRange }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'remove'; readonly path: string }

export function runSyncTask(task: SyncTask): void {
  if (task.kind === 'file') fdatasyncSync(task.descriptor)
  else if (task.kind === 'writeBack') writeBack(task.descriptor, task.range)
  else if (task.kind === 'directory') syncDirectoryNow(task.path)
  else rmSync(task.path, { recursive: true, force: true })
}

/** Windows cannot open directories and journals their changes by itself. */
export function syncDirectoryNow(path: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
