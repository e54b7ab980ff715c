// Where a backup is written to: a new directory, or a new tar file.
import { assert, type Disk, type DiskFile } from '#base'
import { backupMark } from '../disk/data-directory.ts'
import { DirectoryWriter } from './directory-writer.ts'
import type { FileSink } from './file-sink.ts'
import { TarWriter } from './tar-writer.ts'

export type BackupPlace = { readonly path: string; readonly kind: 'directory' | 'tar' }

export type BackupTarget = {
  /** Throws `conflict` if something is there. Until it resolves nothing there is ours. */
  begin(): Promise<void>
  /** Gives a durable file a second name here; false where that cannot be. */
  link(from: string, path: string): boolean
  /** For reading what was linked. */
  openLinked(path: string): DiskFile
  /** One file at a time, of exactly this size. */
  create(path: string, sizeBytes: number): Promise<FileSink>
  /** Resolves when all is durable. */
  finish(): Promise<void>
  /** Removes what was written. */
  abandon(): Promise<void>
}

export function backupTarget(disk: Disk, place: BackupPlace, now: number): BackupTarget {
  return place.kind === 'tar' ? tarTarget(disk, place.path, now) : directoryTarget(disk, place.path)
}

function directoryTarget(disk: Disk, root: string): BackupTarget {
  const writer = new DirectoryWriter({ disk, root, mark: backupMark })
  return {
    begin: () => writer.begin(),
    link: (from, path) => writer.link(from, path),
    openLinked: (path) => writer.open(path),
    create: async (path) => writer.create(path),
    finish: () => writer.finish(),
    abandon: () => writer.abandon(),
  }
}

function tarTarget(disk: Disk, path: string, modifiedMs: number): BackupTarget {
  const writer = new TarWriter({ disk, path, modifiedMs })
  return {
    begin: async () => writer.begin(),
    link: () => false,
    openLinked: (name) => {
      assert(false, `${name} was not linked: a tar file has no links`)
    },
    create: (name, sizeBytes) => writer.create(name, sizeBytes),
    finish: () => writer.finish(),
    abandon: () => writer.abandon(),
  }
}
