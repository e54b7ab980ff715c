// Reads a backup back, be it a directory or a tar file.
import { BrokerError, type Disk, type DiskFile, systemCode } from '#base'
import { type Checkpoint, decodeCheckpoint } from '../checkpoint/checkpoint.ts'
import { backupMark, checkpointName, manifestName } from '../disk/data-directory.ts'
import { decodeManifest, type Manifest } from './manifest.ts'
import { decodeTarHeader, decodeTarPath, tarBlockBytes, tarPaddingBytes } from './tar-format.ts'

export type StoredFile = {
  readonly sizeBytes: number
  read(into: Uint8Array, position: number): Promise<number>
  close(): void
}

export type BackupSource = {
  readonly path: string
  readonly kind: 'directory' | 'tar'
  /** Throws `corrupt` for a damaged one. */
  readonly manifest: Manifest
  /** null: it is missing. */
  open(path: string): StoredFile | null
  close(): void
}

/** Throws `not_found` for nothing, `corrupt` for something that is no finished backup. */
export async function openBackup(disk: Disk, path: string): Promise<BackupSource> {
  if (!disk.exists(path)) {
    throw new BrokerError('not_found', `there is no backup ${path}`, {
      fix: 'check the path',
      details: { path },
    })
  }
  return isDirectory(disk, path) ? await openDirectory(disk, path) : await openTar(disk, path)
}

function isDirectory(disk: Disk, path: string): boolean {
  try {
    disk.list(path)
    return true
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOTDIR') return false
    throw thrown
  }
}

async function openDirectory(disk: Disk, root: string): Promise<BackupSource> {
  const open = (path: string): StoredFile | null => {
    try {
      return storedFile(disk.open(`${root}/${path}`, 'read'))
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return null
      throw thrown
    }
  }
  // The mark goes last, so a manifest beside it may not be durable yet.
  const found = disk.exists(`${root}/${backupMark}`) ? null : open(manifestName)
  const manifest = await manifestIn(found, root)
  return { path: root, kind: 'directory', manifest, open, close: () => undefined }
}

function storedFile(file: DiskFile): StoredFile {
  const sizeBytes = file.size()
  return { sizeBytes, read: (into, position) => file.readAsync(into, position), close: () => file.close() }
}

async function openTar(disk: Disk, path: string): Promise<BackupSource> {
  const file = disk.open(path, 'read')
  try {
    const places = await tarPlaces(file)
    const open = (name: string): StoredFile | null => {
      const place = places.get(name)
      return place ? storedInTar(file, place) : null
    }
    const manifest = await manifestIn(open(manifestName), path)
    return { path, kind: 'tar', manifest, open, close: () => file.close() }
  } catch (thrown) {
    file.close()
    throw thrown
  }
}

type TarPlace = { readonly position: number; readonly sizeBytes: number }

/** Where each file lies; what follows a damaged header is not found. */
async function tarPlaces(file: DiskFile): Promise<Map<string, TarPlace>> {
  const places = new Map<string, TarPlace>()
  const block = new Uint8Array(tarBlockBytes)
  const end = file.size()
  let longPath: string | null = null
  for (let at = 0; at + tarBlockBytes <= end; ) {
    await readFully(file, block, at)
    const entry = decodeTarHeader(block)
    if (entry === null) break
    const position = at + tarBlockBytes
    if (position + entry.sizeBytes > end) break
    if (entry.kind === 'path') {
      const text = new Uint8Array(Math.min(entry.sizeBytes, pathBytesMax))
      await readFully(file, text, position)
      longPath = decodeTarPath(text)
    } else {
      if (entry.kind === 'file') places.set(longPath ?? entry.path, { position, sizeBytes: entry.sizeBytes })
      longPath = null
    }
    at = position + entry.sizeBytes + tarPaddingBytes(entry.sizeBytes)
  }
  return places
}

const pathBytesMax = 4096

function storedInTar(file: DiskFile, { position, sizeBytes }: TarPlace): StoredFile {
  return {
    sizeBytes,
    read: (into, from) => {
      const room = Math.max(0, Math.min(into.length, sizeBytes - from))
      return file.readAsync(into.subarray(0, room), position + from)
    },
    close: () => undefined,
  }
}

async function readFully(file: DiskFile, into: Uint8Array, position: number): Promise<void> {
  for (let length = 0; length < into.length; ) {
    const count = await file.readAsync(into.subarray(length), position + length)
    if (count === 0) return
    length += count
  }
}

async function manifestIn(file: StoredFile | null, place: string): Promise<Manifest> {
  if (file === null) {
    throw new BrokerError('corrupt', `${place} is not a finished backup: it has no ${manifestName}`, {
      fix: 'use another backup; one without a manifest was interrupted while it was made',
      details: { path: place },
    })
  }
  return decodeManifest(await readText(file), place)
}

/** null: it is missing or damaged. */
export async function readBackupCheckpoint(source: BackupSource): Promise<Checkpoint | null> {
  const file = source.open(checkpointName)
  return file === null ? null : decodeCheckpoint(await readText(file))
}

/** Throws `corrupt` if it is missing. */
export async function readBackupBytes(source: BackupSource, path: string): Promise<Uint8Array> {
  const file = source.open(path)
  if (file !== null) return await readBytes(file)
  throw new BrokerError('corrupt', `${path} in ${source.path} is missing`, {
    fix: 'use another backup',
    details: { path },
  })
}

async function readText(file: StoredFile): Promise<string> {
  return new TextDecoder().decode(await readBytes(file))
}

async function readBytes(file: StoredFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.sizeBytes)
  let length = 0
  for (let count = -1; count !== 0 && length < bytes.length; length += count) {
    count = await file.read(bytes.subarray(length), length)
  }
  file.close()
  return bytes.subarray(0, length)
}
