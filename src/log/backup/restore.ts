// Brings a backup back as a new data directory. Every byte is checked on its way; a mark says that the directory does not
// count until all of it is durable.
import { BrokerError, type Clock, type Disk } from '#base'
import { restoreMark } from '../disk/data-directory.ts'
import { Pace } from '../pace.ts'
import { partitionDirectory } from '../partition/partition-log.ts'
import { type BackupSource, readBackupCheckpoint } from './backup-source.ts'
import type { BackupProgress } from './create.ts'
import { DirectoryWriter } from './directory-writer.ts'
import { streamFile } from './file-stream.ts'
import { type BackupFile, totalBytes } from './manifest.ts'

export type RestoreOptions = {
  readonly disk: Disk
  readonly clock: Clock
  /** The new data directory: absent or empty. */
  readonly directory: string
  readonly signal: AbortSignal
  onProgress(progress: BackupProgress): void
}

/** Throws `conflict` if something is in the directory, `corrupt` for a damaged backup; the directory is then as it was. */
export async function restoreBackup(source: BackupSource, options: RestoreOptions): Promise<void> {
  const { disk, directory } = options
  const writer = new DirectoryWriter({ disk, root: directory, mark: restoreMark })
  await writer.begin()
  try {
    await copyFiles(source, writer, options)
    writer.makeDirectory('wal')
    writer.makeDirectory('topics')
    // Also those of empty partitions: the next checkpoint takes for granted that their names are durable.
    for (const name of await partitionDirectories(source)) writer.makeDirectory(`topics/${name}`)
    await writer.finish()
  } catch (thrown) {
    // What cannot be removed keeps the mark of the unfinished.
    await writer.abandon().catch(() => undefined)
    throw thrown
  }
}

async function copyFiles(
  source: BackupSource,
  writer: DirectoryWriter,
  { clock, signal, onProgress }: RestoreOptions,
): Promise<void> {
  const { files } = source.manifest
  const pace = new Pace(clock, Number.POSITIVE_INFINITY)
  const bytes = totalBytes(source.manifest)
  let bytesDone = 0
  for (const [filesDone, file] of files.entries()) {
    const stored = source.open(file.path)
    if (stored === null) throw damaged(source, file, 'is missing')
    const sink = writer.create(file.path)
    try {
      if (stored.sizeBytes !== file.sizeBytes) throw damaged(source, file, 'has another size')
      const take = async (part: Uint8Array) => {
        await sink.write(part)
        bytesDone += part.length
        onProgress({ files: files.length, filesDone, bytes, bytesDone })
      }
      const sha256 = await streamFile(stored, { sizeBytes: file.sizeBytes, pace, signal, take })
      if (sha256 !== file.sha256) throw damaged(source, file, 'has changed: its checksum does not match')
      await sink.end()
    } catch (thrown) {
      sink.abandon()
      throw thrown
    } finally {
      stored.close()
    }
  }
}

async function partitionDirectories(source: BackupSource): Promise<string[]> {
  const checkpoint = await readBackupCheckpoint(source)
  return (checkpoint?.partitions ?? []).map(({ topic, id }) => partitionDirectory(topic, id.partition))
}

function damaged({ path }: BackupSource, file: BackupFile, why: string): BrokerError {
  return new BrokerError('corrupt', `${file.path} in ${path} ${why}`, {
    fix: `see what else is wrong: pspfctl backup verify ${path}; or use another backup`,
    details: { path: file.path },
  })
}
