// Makes a backup of a snapshot while the log goes on.
//
// First every sealed segment gets a second name, where the file system can; the rest is copied as far as it is visible;
// then the snapshot is let go, and what was linked is read to be checked and hashed. The manifest comes last.
import { BlockSums, BrokerError, type Clock, type DiskFile, sleep, sumBlockBytes } from '#base'
import { type Checkpoint, encodeCheckpointSlowly } from '../checkpoint/checkpoint.ts'
import { type HistoryFile, type LogSnapshot, type SnapshotFile, segmentPath } from '../checkpoint/snapshot.ts'
import {
  checkpointName,
  encodeFormat,
  formatName,
  formatVersion,
  manifestName,
} from '../disk/data-directory.ts'
import type { OpenLog } from '../log-group.ts'
import { Pace } from '../pace.ts'
import { checksumIn, encodeSumFile, notTheSegment, sumsChecksum, textOf } from '../segment/segment-sums.ts'
import { BackupDamages } from './backup-damages.ts'
import type { BackupTarget } from './backup-target.ts'
import { streamFile } from './file-stream.ts'
import { type BackupFile, encodeManifest, type Manifest, manifestVersion } from './manifest.ts'
import { SegmentCheck, type SegmentFault } from './segment-check.ts'

export type BackupProgress = {
  readonly files: number
  readonly filesDone: number
  readonly bytes: number
  readonly bytesDone: number
}

export type BackupOptions = {
  readonly clock: Clock
  /** Version of pspf. */
  readonly madeBy: string
  readonly bytesPerSecond: number
  readonly signal: AbortSignal
  onProgress(progress: BackupProgress): void
}

/** Second names given before others get their turn. */
const linksPerTurn = 32

/**
 * `target` has begun, and becomes the backup or is removed. Throws why the log has no snapshot to give, `disk_full`, the
 * reason of the signal, or the system's error. A partition that is not whole is saved as far as it goes and named.
 */
export async function createBackup(
  log: Pick<OpenLog, 'snapshot'>,
  target: BackupTarget,
  options: BackupOptions,
): Promise<Manifest> {
  try {
    const snapshot = await log.snapshot()
    try {
      return await new BackupRun(snapshot, target, options).run()
    } finally {
      snapshot.release()
    }
  } catch (thrown) {
    // What cannot be removed keeps the mark of the unfinished.
    await target.abandon().catch(() => undefined)
    throw thrown
  }
}

function tooCostly(): BrokerError {
  return new BrokerError(
    'disk_full',
    'the backup was given up: the disk of the data directory is almost full',
    {
      fix: 'free some space there, or write the backup to another disk',
    },
  )
}

class BackupRun {
  readonly #snapshot: LogSnapshot
  readonly #target: BackupTarget
  readonly #options: BackupOptions
  readonly #pace: Pace
  readonly #damages = new BackupDamages()
  readonly #files: BackupFile[] = []
  readonly #bytes: number
  /** Of segments whose sums have no file in the backup: they travel in the checkpoint. */
  readonly #sumsOf = new Map<string, BlockSums>()
  /** Of their files, of those that have one. */
  readonly #checksumOf = new Map<string, number>()
  #bytesDone = 0
  #holds = true

  constructor(snapshot: LogSnapshot, target: BackupTarget, options: BackupOptions) {
    this.#snapshot = snapshot
    this.#target = target
    this.#options = options
    this.#pace = new Pace(options.clock, options.bytesPerSecond)
    this.#bytes = snapshot.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  async run(): Promise<Manifest> {
    const { checkpoint } = this.#snapshot
    const linked = await this.#link()
    for (const file of this.#snapshot.files) if (!linked.has(file)) await this.#copy(file)
    for (const file of this.#snapshot.history) await this.#copyHistory(file)
    this.#snapshot.release()
    this.#holds = false
    for (const file of linked) await this.#check(file)
    for (const { topic, id, damage } of checkpoint.partitions) {
      if (damage !== undefined) this.#damages.add({ topic, id }, damage)
    }
    const encoder = new TextEncoder()
    await this.#add(checkpointName, await encodeCheckpointSlowly(this.#options.clock, this.#checkpoint()))
    await this.#add(formatName, encoder.encode(encodeFormat(this.#snapshot.salt)))
    const manifest = this.#manifest()
    await this.#put(manifestName, encoder.encode(encodeManifest(manifest)))
    await this.#target.finish()
    return manifest
  }

  async #link(): Promise<Set<SnapshotFile>> {
    const linked = new Set<SnapshotFile>()
    let tried = 0
    for (const file of this.#snapshot.files) {
      if (!file.sealed || !this.#isExact(file)) continue
      if (++tried % linksPerTurn === 0) await sleep(this.#options.clock, 0)
      this.#options.signal.throwIfAborted()
      if (this.#target.link(file.storedAt(), file.path)) linked.add(file)
    }
    return linked
  }

  /** A file that a crash left longer than its segment is copied instead. */
  #isExact(file: SnapshotFile): boolean {
    const source = this.#open(file)
    if (source === null) return false
    const sizeBytes = source.size()
    source.close()
    return sizeBytes === file.sizeBytes
  }

  async #copy(file: SnapshotFile): Promise<void> {
    const source = this.#open(file)
    if (source === null) return
    try {
      const sizeBytes = Math.min(file.sizeBytes, source.size())
      const sink = await this.#target.create(file.path, sizeBytes)
      try {
        const sha256 = await this.#stream(file, { source, sizeBytes, write: (bytes) => sink.write(bytes) })
        await sink.end()
        this.#files.push({ path: file.path, sizeBytes, sha256 })
        await this.#writeSums(file)
      } catch (thrown) {
        sink.abandon()
        throw thrown
      }
    } finally {
      source.close()
    }
  }

  async #copyHistory({ path, sizeBytes, storedAt }: HistoryFile): Promise<void> {
    const source = this.#snapshot.disk.open(storedAt, 'read')
    const sink = await this.#target.create(path, sizeBytes)
    try {
      const read = (into: Uint8Array, position: number) => source.readAsync(into, position)
      const take = (bytes: Uint8Array) => sink.write(bytes)
      const options = { sizeBytes, pace: this.#pace, signal: this.#options.signal, take }
      const sha256 = await streamFile({ read }, options)
      await sink.end()
      this.#files.push({ path, sizeBytes, sha256 })
    } catch (thrown) {
      sink.abandon()
      throw thrown
    } finally {
      source.close()
    }
  }

  async #check(file: SnapshotFile): Promise<void> {
    const source = this.#target.openLinked(file.path)
    try {
      const { path, sizeBytes } = file
      const sha256 = await this.#stream(file, { source, sizeBytes, write: () => undefined })
      this.#files.push({ path, sizeBytes, sha256 })
      await this.#writeSums(file)
    } finally {
      source.close()
    }
  }

  async #stream(
    file: SnapshotFile,
    to: { source: DiskFile; sizeBytes: number; write(bytes: Uint8Array): void | Promise<void> },
  ): Promise<string> {
    const check = new SegmentCheck(file.baseOffset, file.sizeBytes)
    const made = new BlockSums()
    const { source, sizeBytes, write } = to
    const sha256 = await streamFile(
      { read: (into, position) => source.readAsync(into, position) },
      {
        sizeBytes,
        pace: this.#pace,
        signal: this.#options.signal,
        take: async (bytes) => {
          if (this.#holds && this.#snapshot.isCostly()) throw tooCostly()
          check.push(bytes)
          made.add(bytes)
          await write(bytes)
          this.#bytesDone += bytes.length
          this.#report()
        },
      },
    )
    made.mark()
    const known = knownSums(file)
    const fault = check.end() ?? (known ? differenceOf(known, made) : unlessMade(file, made))
    if (fault) this.#damages.add(file, `${file.path} is damaged at byte ${fault.position}: ${fault.why}`)
    // The checkpoint goes on saying what the sums of another segment, or of a damaged one, are not.
    if (known !== null || fault === null || file.sumFileChecksum === undefined)
      this.#sumsOf.set(file.path, known ?? made)
    return sha256
  }

  /** What the log knows goes with the bytes, so that their damage shows wherever they are restored. */
  async #writeSums(file: SnapshotFile): Promise<void> {
    const sums = this.#sumsOf.get(file.path)
    if (!file.hasSumFile || sums?.markedBytes !== file.sizeBytes) return
    const bytes = encodeSumFile(file, sums)
    await this.#add(file.path.replace(/\.log$/, '.sum'), bytes)
    this.#sumsOf.delete(file.path)
    this.#checksumOf.set(file.path, checksumIn(bytes))
  }

  /** null: it is gone, which is noted. */
  #open(file: SnapshotFile): DiskFile | null {
    const source = this.#snapshot.open(file)
    if (source === null) this.#damages.add(file, `${file.path} is missing`)
    return source
  }

  /** Nothing is left to replay: the first frame after a restore continues the chain in the first file. */
  #checkpoint(): Checkpoint {
    const { checkpoint, history } = this.#snapshot
    const { history: historyEnd, ...rest } = checkpoint
    const partitions = checkpoint.partitions.map((facts) => {
      const damage = this.#damages.of(facts)
      const segments = facts.segments.map((segment) => {
        const path = segmentPath(facts.topic, facts.id.partition, segment)
        const sumFileChecksum = this.#checksumOf.get(path)
        if (sumFileChecksum !== undefined) return { ...segment, sumFileChecksum }
        const sums = this.#sumsOf.get(path)
        if (sums === undefined) return segment
        const { hasSumFile: _file, sumFileChecksum: _checksum, ...rest } = segment
        return sums.markedBytes === segment.sizeBytes ? { ...rest, sums: textOf(sums) } : rest
      })
      return { ...facts, segments, ...(damage !== undefined && { damage }) }
    })
    return {
      ...rest,
      ...(historyEnd && history.length > 0 && { history: historyEnd }),
      wal: { ...checkpoint.wal, generation: 0, position: 0 },
      clean: true,
      partitions,
    }
  }

  async #add(path: string, bytes: Uint8Array): Promise<void> {
    await this.#put(path, bytes)
    const sha256 = new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
    this.#files.push({ path, sizeBytes: bytes.length, sha256 })
  }

  async #put(path: string, bytes: Uint8Array): Promise<void> {
    const sink = await this.#target.create(path, bytes.length)
    await sink.write(bytes)
    await sink.end()
  }

  #manifest(): Manifest {
    const { checkpoint, takenAt } = this.#snapshot
    const { partitions, appendTime, wal } = checkpoint
    return {
      version: manifestVersion,
      format: formatVersion,
      madeBy: this.#options.madeBy,
      createdAt: this.#options.clock.now(),
      frame: wal.sequence - 1,
      appendTime,
      // The clock may have been put back.
      takenAt: Math.max(takenAt, appendTime),
      partitions: partitions.length,
      records: partitions.reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0),
      files: this.#files,
      damage: this.#damages.list(),
    }
  }

  #report(): void {
    this.#options.onProgress({
      files: this.#snapshot.files.length,
      filesDone: this.#files.length,
      bytes: this.#bytes,
      bytesDone: this.#bytesDone,
    })
  }
}

function knownSums(file: SnapshotFile): BlockSums | null {
  const text = file.sums()
  return text === null ? null : BlockSums.decode(Buffer.from(text, 'base64'), file.sizeBytes)
}

/** Of a segment whose file of sums says nothing. */
function unlessMade(file: SnapshotFile, made: BlockSums): SegmentFault | null {
  const { sumFileChecksum } = file
  const isMade = sumFileChecksum === undefined || sumFileChecksum === sumsChecksum(file, made)
  return isMade ? null : { position: 0, why: notTheSegment }
}

/** Sums cover what no batch's own checksum does: offsets, lengths, epochs. */
function differenceOf(known: BlockSums, made: BlockSums): SegmentFault | null {
  const wanted = known.encode()
  const found = made.encode()
  const at = wanted.findIndex((byte, index) => byte !== found[index])
  if (at < 0) return null
  return { position: Math.floor(at / 4) * sumBlockBytes, why: 'the checksum of a block does not match' }
}
