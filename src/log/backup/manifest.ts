// The manifest of a backup: what it consists of. It is written last, so a backup without one is not one.
//
//   manifest.json    {"checksum": "<crc32 of the text of the manifest, 8 hex digits>", "manifest": {...}}
//
// A backup holds, as a directory or as a tar file, what a data directory holds after an orderly stop: `format.json`,
// `checkpoint`, the segments of `topics/` and the lines of `history/` (from version 2 on). It has no write-ahead log: everything in it lies behind its checkpoint.
// What a node can compute again is not in it: indexes, and the state stores of apps, which come back from changelogs.
import { BrokerError, crc32 } from '#base'
import { formatVersion, manifestName } from '../disk/data-directory.ts'

export type BackupFile = {
  /** In a data directory. */
  readonly path: string
  readonly sizeBytes: number
  /** 64 hex digits. */
  readonly sha256: string
}

/** A partition that was not whole when the backup was made. */
export type BackupDamage = { readonly topic: string; readonly partition: number; readonly why: string }

export type Manifest = {
  readonly version: number
  /** Of the data directory in it. */
  readonly format: number
  /** The pspf that made it. */
  readonly madeBy: string
  /** Milliseconds UTC. */
  readonly createdAt: number
  /** The last frame in it, and when that was appended. */
  readonly frame: number
  readonly appendTime: number
  /** The moment that it holds, by the clock. Absent in version 1. */
  readonly takenAt?: number
  readonly partitions: number
  readonly records: number
  readonly files: readonly BackupFile[]
  readonly damage: readonly BackupDamage[]
}

export const manifestVersion = 2

export function encodeManifest(manifest: Manifest): string {
  const body = JSON.stringify(manifest)
  return `{"checksum":"${checksumOf(body)}","manifest":${body}}\n`
}

/** Throws `corrupt` for a damaged manifest and `conflict` for one of a newer version. `place` is for the message. */
export function decodeManifest(text: string, place: string): Manifest {
  const body = /^\{"checksum":"([0-9a-f]{8})","manifest":(\{.*\})\}\n$/s.exec(text)
  if (!body || body[1] !== checksumOf(body[2]!)) {
    throw new BrokerError('corrupt', `${manifestName} of ${place} is damaged: its checksum does not match`, {
      fix: 'use another backup',
      details: { path: place },
    })
  }
  const manifest = JSON.parse(body[2]!) as Manifest
  if (manifest.version > manifestVersion || manifest.format > formatVersion) {
    throw new BrokerError('conflict', `${place} was made by the newer pspf ${manifest.madeBy}`, {
      fix: 'use that version, or a newer one',
      details: { path: place, version: manifest.version, format: manifest.format },
    })
  }
  for (const { path } of manifest.files) checkPath(path, place)
  return manifest
}

export function totalBytes({ files }: Pick<Manifest, 'files'>): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** A backup comes from elsewhere: none of its files may land outside the directory it is restored into. */
function checkPath(path: string, place: string): void {
  const isOurs =
    /^(format\.json|checkpoint|history\/\d{10}\.lines|topics\/[^/\\\0]+\/\d{20}(\.\d+)?\.[a-z]+)$/.test(path)
  if (isOurs && !path.includes('/../')) return
  throw new BrokerError('corrupt', `${manifestName} of ${place} names a file that no backup has: "${path}"`, {
    fix: 'use another backup',
    details: { path: place },
  })
}

function checksumOf(body: string): string {
  return crc32(new TextEncoder().encode(body)).toString(16).padStart(8, '0')
}
