// Brings a backup back as a new data directory. Every byte is checked on its way; a mark says that the directory does not
// count until all of it is durable.
import { asOffset, BlockSums, BrokerError, type Clock, type Disk } from '#base'
import { emptyBatch } from '#record'
import { type Checkpoint, encodeCheckpointSlowly } from '../checkpoint/checkpoint.ts'
import { segmentPath } from '../checkpoint/snapshot.ts'
import { checkpointName, formatName, restoreMark } from '../disk/data-directory.ts'
import type { LogMoment } from '../history/history.ts'
import { Pace } from '../pace.ts'
import { type PartitionFacts, partitionDirectory } from '../partition/partition-log.ts'
import type { SegmentFacts } from '../segment/segment-facts.ts'
import { textOf } from '../segment/segment-sums.ts'
import { type BackupSource, readBackupCheckpoint, type StoredFile } from './backup-source.ts'
import type { BackupProgress } from './create.ts'
import { type Cut, decideCut } from './cut.ts'
import { DirectoryWriter } from './directory-writer.ts'
import { streamFile } from './file-stream.ts'
import { type BackupFile, totalBytes } from './manifest.ts'
import { findCut } from './segment-cut.ts'

export type RestoreOptions = {
  readonly disk: Disk
  readonly clock: Clock
  /** The new data directory: absent or empty. */
  readonly directory: string
  /**
   * The log as it was then: milliseconds UTC of append time, rounded down to a moment that its history knows (one a second
   * while something is appended). Absent: all of it.
   */
  readonly until?: number
  readonly signal: AbortSignal
  onProgress(progress: BackupProgress): void
}

export type Restored = {
  /** The last frame in it, and when it was appended. */
  readonly moment: LogMoment
  /** Partitions that were there then and have been deleted before the backup: `orders-0`. */
  readonly missing: readonly string[]
}

/**
 * Throws `conflict` if something is in the directory, `corrupt` for a damaged backup, and what `decideCut` does; the directory
 * is then as it was.
 */
export async function restoreBackup(source: BackupSource, options: RestoreOptions): Promise<Restored> {
  const { disk, directory, until } = options
  const cut = until === undefined ? null : await decideCut(source, until)
  const writer = new DirectoryWriter({ disk, root: directory, mark: restoreMark })
  await writer.begin()
  try {
    const { partitions } =
      cut === null
        ? await copyAll(source, writer, options)
        : await copyCut(source, writer, { ...options, cut })
    writer.makeDirectory('wal')
    writer.makeDirectory('topics')
    // Also those of empty partitions: the next checkpoint takes for granted that their names are durable.
    for (const { topic, id } of partitions)
      writer.makeDirectory(`topics/${partitionDirectory(topic, id.partition)}`)
    await writer.finish()
    const { frame, appendTime } = source.manifest
    return { moment: cut?.moment ?? { frame, appendTime }, missing: cut?.missing ?? [] }
  } catch (thrown) {
    // What cannot be removed keeps the mark of the unfinished.
    await writer.abandon().catch(() => undefined)
    throw thrown
  }
}

async function copyAll(
  source: BackupSource,
  writer: DirectoryWriter,
  options: RestoreOptions,
): Promise<Pick<Checkpoint, 'partitions'>> {
  const copying = new Copying(source, writer, options)
  for (const file of source.manifest.files) await copying.copy(file, (bytes) => bytes)
  return (await readBackupCheckpoint(source)) ?? { partitions: [] }
}

/** What was there at a moment, and a checkpoint that speaks of that. The directory begins a history of its own. */
async function copyCut(
  source: BackupSource,
  writer: DirectoryWriter,
  options: RestoreOptions & { cut: Cut },
): Promise<Checkpoint> {
  const { checkpoint } = options.cut
  const copying = new Copying(source, writer, options)
  const byPath = new Map(source.manifest.files.map((file) => [file.path, file]))
  const partitions: PartitionFacts[] = []
  for (const facts of checkpoint.partitions) {
    const newest = facts.segments.at(-1)
    const segments: SegmentFacts[] = []
    for (const segment of facts.segments) {
      const path = segmentPath(facts.topic, facts.id.partition, segment)
      const file = byPath.get(path)
      if (file === undefined) throw damaged(source, { path }, 'is missing')
      if (segment === newest)
        segments.push(await cutSegment(copying, { file, segment, endOffset: facts.endOffset }))
      else {
        await copying.copy(file, (bytes) => bytes)
        const sums = byPath.get(path.replace(/log$/, 'sum'))
        if (sums !== undefined) await copying.copy(sums, (bytes) => bytes)
        segments.push(segment)
      }
    }
    partitions.push(segments.length > 0 ? { ...facts, segments } : { ...facts, startOffset: facts.endOffset })
  }
  const format = byPath.get(formatName)
  if (format === undefined) throw damaged(source, { path: formatName }, 'is missing')
  await copying.copy(format, (bytes) => bytes)
  const made = { ...checkpoint, partitions }
  await copying.write(checkpointName, await encodeCheckpointSlowly(options.clock, made))
  return made
}

/** Copies the newest segment up to where the partition ended. */
async function cutSegment(
  copying: Copying,
  { file, segment, endOffset }: { file: BackupFile; segment: SegmentFacts; endOffset: number },
): Promise<SegmentFacts> {
  const end = await copying.reading(file, (stored) => findCut(stored, segment, endOffset))
  const sums = new BlockSums()
  const take = (bytes: Uint8Array, position: number) => {
    const kept = bytes.subarray(0, Math.max(0, end.sizeBytes - position))
    sums.add(kept)
    return kept
  }
  // Compaction may have left nothing at the end, where another batch was to follow.
  const isShort = end.nextOffset < endOffset
  const last = isShort
    ? emptyBatch(asOffset(end.nextOffset), asOffset(endOffset), end.epoch)
    : new Uint8Array(0)
  await copying.copy(file, take, last)
  sums.add(last)
  sums.mark()
  const { indexSum: _index, hasSumFile: _file, sumFileChecksum: _checksum, ...rest } = segment
  const sizeBytes = end.sizeBytes + last.length
  return { ...rest, sizeBytes, maxTimestamp: end.maxTimestamp, sums: textOf(sums) }
}

/** Files on their way into the new directory, each checked against the manifest. */
class Copying {
  readonly #source: BackupSource
  readonly #writer: DirectoryWriter
  readonly #options: RestoreOptions
  readonly #pace: Pace
  readonly #bytes: number
  #bytesDone = 0
  #filesDone = 0

  constructor(source: BackupSource, writer: DirectoryWriter, options: RestoreOptions) {
    this.#source = source
    this.#writer = writer
    this.#options = options
    this.#pace = new Pace(options.clock, Number.POSITIVE_INFINITY)
    this.#bytes = totalBytes(source.manifest)
  }

  async reading<T>(file: BackupFile, use: (stored: StoredFile) => Promise<T>): Promise<T> {
    const stored = this.#source.open(file.path)
    if (stored === null) throw damaged(this.#source, file, 'is missing')
    try {
      if (stored.sizeBytes !== file.sizeBytes) throw damaged(this.#source, file, 'has another size')
      return await use(stored)
    } finally {
      stored.close()
    }
  }

  /** `keep` says what of the bytes at a position is written; `last` follows them. */
  async copy(
    file: BackupFile,
    keep: (bytes: Uint8Array, position: number) => Uint8Array,
    last: Uint8Array = new Uint8Array(0),
  ): Promise<void> {
    await this.reading(file, async (stored) => {
      const sink = this.#writer.create(file.path)
      try {
        let position = 0
        const take = async (part: Uint8Array) => {
          await sink.write(keep(part, position))
          position += part.length
          this.#report(part.length)
        }
        const { sizeBytes } = file
        const { signal } = this.#options
        const sha256 = await streamFile(stored, { sizeBytes, pace: this.#pace, signal, take })
        if (sha256 !== file.sha256)
          throw damaged(this.#source, file, 'has changed: its checksum does not match')
        await sink.write(last)
        await sink.end()
      } catch (thrown) {
        sink.abandon()
        throw thrown
      }
    })
    this.#filesDone++
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const sink = this.#writer.create(path)
    await sink.write(bytes)
    await sink.end()
  }

  #report(sizeBytes: number): void {
    this.#bytesDone += sizeBytes
    this.#options.onProgress({
      files: this.#source.manifest.files.length,
      filesDone: this.#filesDone,
      bytes: this.#bytes,
      bytesDone: this.#bytesDone,
    })
  }
}

function damaged({ path }: BackupSource, file: Pick<BackupFile, 'path'>, why: string): BrokerError {
  return new BrokerError('corrupt', `${file.path} in ${path} ${why}`, {
    fix: `see what else is wrong: pspfctl backup verify ${path}; or use another backup`,
    details: { path: file.path },
  })
}
