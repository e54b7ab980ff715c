// The layout of a data directory and the mark of its format.
//
//   format.json                        {"format": 1, "salt": <u32>}: written last when a directory is made
//   checkpoint                         see checkpoint.ts
//   wal/<10-digit generation>.wal      see wal.ts
//   topics/<topic>-<partition>/        <20-digit base offset>.log .index .timeindex .sum
//   history/<10-digit number>.lines    see history-file.ts
//   quarantine/                        see quarantine.ts
//   topics/*.deleted                   on its way out
//   ballast                            room for the worst of full disks: see ballast.ts
//   restore.incomplete                 a restore into this directory did not finish: nothing here counts
import { BrokerError, type Disk, type DiskFile } from '#base'
import type { LogContext } from '../options.ts'

export const formatVersion = 1

/** Of a partition's directory that only waits to be removed. */
export const deletedSuffix = '.deleted'

const walNamePattern = /^(\d{10})\.wal$/

/** Of a restore, or of a backup, that has begun and not ended. */
export const restoreMark = 'restore.incomplete'
export const backupMark = 'backup.incomplete'
export const manifestName = 'manifest.json'
export const formatName = 'format.json'
export const checkpointName = 'checkpoint'

export const formatPath = (directory: string) => `${directory}/${formatName}`
export const checkpointPath = (directory: string) => `${directory}/${checkpointName}`
export const ballastPath = (directory: string) => `${directory}/ballast`
export const walDirectory = (directory: string) => `${directory}/wal`
export const topicsDirectory = (directory: string) => `${directory}/topics`

export const quarantineDirectory = (directory: string) => `${directory}/quarantine`

/** `walPath('/data', 7) -> '/data/wal/0000000007.wal'`. */
export function walPath(directory: string, generation: number): string {
  return `${walDirectory(directory)}/${walName(generation)}`
}

export function quarantinedWalPath(directory: string, generation: number): string {
  return `${quarantineDirectory(directory)}/${walName(generation)}`
}

function walName(generation: number): string {
  return `${String(generation).padStart(10, '0')}.wal`
}

/** Generations of the files in `wal/`, rising. */
export function walGenerations(disk: Disk, directory: string): number[] {
  return disk.list(walDirectory(directory)).flatMap((name) => {
    const match = walNamePattern.exec(name)
    return match ? [Number(match[1])] : []
  })
}

export function readWholeFile(file: DiskFile): Uint8Array {
  const bytes = new Uint8Array(file.size())
  let length = 0
  for (let count = -1; count !== 0 && length < bytes.length; length += count) {
    count = file.read(bytes.subarray(length), length)
  }
  return bytes.subarray(0, length)
}

/** `null`: there is none. */
export function readFileIfThere(disk: Disk, path: string): Uint8Array | null {
  if (!disk.exists(path)) return null
  const file = disk.open(path, 'read')
  try {
    return readWholeFile(file)
  } finally {
    file.close()
  }
}

/** Replaces a small file as a whole: after a crash there is the old one or the new one. */
export async function replaceFile(context: LogContext, path: string, text: string): Promise<void> {
  await replaceFileWith(context, path, async (file) => file.write(new TextEncoder().encode(text), 0))
}

/** As `replaceFile`; `write` gets an empty file. */
export async function replaceFileWith(
  { disk, directory }: LogContext,
  path: string,
  write: (file: DiskFile) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.tmp`
  const file = disk.open(temporary, 'create')
  try {
    file.truncate(0)
    await write(file)
    await file.syncBehind()
  } finally {
    file.close()
  }
  disk.rename(temporary, path)
  await disk.syncDirectory(directory)
}

/** The salt of an existing directory, or null if this one is new. Throws for one that another version must open. */
export function readFormat({ disk, directory }: LogContext): { salt: number } | null {
  const path = formatPath(directory)
  refuseBackup(disk, directory)
  if (!disk.exists(path)) {
    refuseStray(disk, directory)
    return null
  }
  const file = disk.open(path, 'read')
  const text = new TextDecoder().decode(readWholeFile(file))
  file.close()
  const { format, salt } = parseFormat(text, path)
  if (format < 1) throw formatDamaged(path)
  if (format > formatVersion) {
    throw new BrokerError(
      'conflict',
      `${directory} has data format ${format}; this version reads up to ${formatVersion}`,
      {
        fix: 'run the newer pspf that wrote it',
        details: { path, format },
      },
    )
  }
  return { salt }
}

export async function writeFormat(context: LogContext, salt: number): Promise<void> {
  await replaceFile(context, formatPath(context.directory), encodeFormat(salt))
}

export function encodeFormat(salt: number): string {
  return JSON.stringify({ format: formatVersion, salt }) + '\n'
}

function parseFormat(text: string, path: string): { format: number; salt: number } {
  const { format, salt } = parseObject(text)
  if (Number.isInteger(format) && Number.isInteger(salt))
    return { format: format as number, salt: salt as number }
  throw formatDamaged(path)
}

function formatDamaged(path: string): BrokerError {
  return new BrokerError('corrupt', `${path} is damaged: it names no data format`, {
    fix: 'restore it from a backup of this data directory',
    details: { path },
  })
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {} // The caller names the path; the parser's words would not help.
  }
}

/** What a backup or a restore left is not a data directory, whole or not. Throws before anything is written there. */
export function refuseBackup(disk: Disk, directory: string): void {
  if (disk.exists(`${directory}/${restoreMark}`)) {
    throw new BrokerError('corrupt', `a restore into ${directory} did not finish`, {
      fix: `remove the directory and restore again: pspfctl backup restore BACKUP --data-dir ${directory}`,
      details: { path: `${directory}/${restoreMark}` },
    })
  }
  if (![manifestName, backupMark].some((name) => disk.exists(`${directory}/${name}`))) return
  throw new BrokerError('conflict', `${directory} is a backup, which stays as it is`, {
    fix: `restore it into a new directory: pspfctl backup restore ${directory} --data-dir NEW`,
    details: { path: directory },
  })
}

/** Data without a format mark is not a new directory: starting afresh over it would hide it. */
function refuseStray(disk: Disk, directory: string): void {
  const hasData = [topicsDirectory, walDirectory].some((part) => disk.list(part(directory)).length > 0)
  if (!hasData) return
  throw new BrokerError('corrupt', `${directory} holds data but ${formatPath(directory)} is missing`, {
    fix: 'restore format.json from a backup, or choose another directory with --data-dir',
    details: { path: formatPath(directory) },
  })
}
