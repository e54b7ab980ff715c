// The write-ahead log, writing side: a chain of frames through files of one size, which are reused.
//
// Files are named by generation. A frame carries that of its file, so what a recycled file held before can never be read
// as a frame. A file grows by zeroes a step ahead of its frames: syncing bytes inside a file is cheaper than syncing a
// file that grew, and a full disk is met before anything of a frame is written.
//
// Invariants:
//   1. One sync at a time. Frames may be written while it runs; each says up to which frame the log was durable then. So
//      what a power cut may tear or lose is the end of the chain, from the first frame that no later frame calls durable.
//   2. Every frame of a file is synced before the next file is begun, so that one sync covers all that is not durable.
//   3. A file is recycled only when a durable checkpoint lies behind its last frame.
//   4. A file's name is durable before its first frame is written.
//   5. After a failed sync nothing is written any more.
import { assert, type DiskFile, systemCode, toError } from '#base'
import { walDirectory, walPath } from '../disk/data-directory.ts'
import { diskFailed, isCurable, isOutOfFiles } from '../disk/disk-errors.ts'
import type { LogContext } from '../options.ts'
import { frameHeaderSizeBytes } from './frame.ts'
import type { FrameWriter } from './frame-writer.ts'

/** Zeroes written ahead of the frames. */
const growStepBytes = 2 ** 20
const zeroes = new Uint8Array(growStepBytes)
/** Files kept for reuse, at least. */
const spareFilesMin = 2

/** Where a frame begins, and what the chain demands of it. */
export type WalPosition = {
  readonly generation: number
  readonly position: number
  /** Of the frame that comes next. */
  readonly sequence: number
  /** Of the frame before it. */
  readonly previousChecksum: number
}

export type WalStart = {
  readonly chain: WalPosition
  /** Generations of the files that are there. */
  readonly generations: readonly number[]
}

export class Wal {
  readonly #context: LogContext
  readonly salt: number
  /** Oldest first: files from the last checkpoint up to the current one. */
  readonly #inUse: number[]
  /** Generations that may be overwritten. */
  readonly #spare: number[] = []
  /** Older files are deleted, not reused: a crash amid a rename, or a backup, may have given one of them two names. */
  readonly #firstOwn: number
  /** null until the first frame: an idle start touches nothing. */
  #file: DiskFile | null = null
  #fileSizeBytes = 0
  #newestGeneration: number
  #end: WalPosition
  /** The first frame that may not be durable. */
  #durableBefore: number
  /** The frame at `end` may be there in part. */
  #touched = false
  #prepared: Promise<DiskFile> | null = null

  /** Continues a chain in a new file, since what lies behind its end may be the remains of a torn frame. */
  constructor(context: LogContext, salt: number, from: WalStart) {
    this.#context = context
    this.salt = salt
    this.#end = from.chain
    this.#durableBefore = from.chain.sequence
    this.#newestGeneration = Math.max(from.chain.generation, ...from.generations)
    this.#firstOwn = this.#newestGeneration + 1
    this.#inUse = [...from.generations]
  }

  /** Where the next frame goes, all before it being written. */
  get end(): WalPosition {
    return this.#end
  }

  /** Whether every frame that was written is durable. */
  get isSynced(): boolean {
    return this.#durableBefore === this.#end.sequence
  }

  get fileCount(): number {
    return this.#inUse.length
  }

  /** Of all its files, at most. */
  get sizeBytes(): number {
    const { walFileSizeBytes } = this.#context
    const whole = (this.#inUse.length + this.#spare.length) * walFileSizeBytes
    return this.#file === null ? whole : whole - walFileSizeBytes + this.#fileSizeBytes
  }

  fits(frameSizeBytes: number): boolean {
    return this.#file !== null && this.#end.position + frameSizeBytes <= this.#context.walFileSizeBytes
  }

  /** Goes on in a fresh file. The caller sees to it that all is synced and that not too many files are in use. */
  async roll(): Promise<void> {
    assert(this.isSynced, 'all frames of a file are synced before the next file is begun')
    const file = await this.#prepareNext()
    this.#prepared = null
    this.#file?.close()
    this.#file = file
    this.#fileSizeBytes = file.size()
    this.#newestGeneration++
    this.#inUse.push(this.#newestGeneration)
    this.#end = { ...this.#end, generation: this.#newestGeneration, position: 0 }
  }

  /**
   * Writes a frame into the page cache; `sync` makes it durable. Throws the system's error. After `ENOSPC` the frame is
   * not there and may be written again; after anything else the log must not go on.
   */
  write(frame: FrameWriter, facts: { appendTime: number }): number {
    const { generation, position, sequence, previousChecksum } = this.#end
    const bytes = frame.finish({
      salt: this.salt,
      generation,
      position,
      sequence,
      previousChecksum,
      durableUpTo: this.#durableBefore - 1,
      appendTime: facts.appendTime,
      epoch: this.#context.epoch,
    })
    const file = this.#current()
    assert(this.fits(bytes.length), 'a frame fits into its file')
    this.#grow(position + bytes.length)
    this.#touched = true
    file.write(bytes, position)
    this.#touched = false
    const checksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true)
    this.#end = {
      generation,
      position: position + bytes.length,
      sequence: sequence + 1,
      previousChecksum: checksum,
    }
    return sequence
  }

  /** Resolves when every frame written so far is durable. */
  async sync(): Promise<void> {
    const { sequence } = this.#end
    const file = this.#current()
    await file.sync()
    if (!file.isLinked()) throw new Error(`${file.path} was deleted by somebody else`)
    this.#durableBefore = sequence
    if (this.#end.position > this.#context.walFileSizeBytes / 2) this.#prepareSoon()
  }

  /** Makes sure that a frame which was written only in part can never be read: for a disk that filled up meanwhile. */
  async blank(): Promise<void> {
    if (!this.#touched) return
    const file = this.#current()
    file.write(zeroes.subarray(0, frameHeaderSizeBytes), this.#end.position)
    try {
      await file.sync()
    } catch (thrown) {
      throw diskFailed(toError(thrown))
    }
    this.#touched = false
  }

  /** Frames before this position are in a durable checkpoint: their files may be reused. Answers files to delete. */
  release(before: WalPosition): string[] {
    const surplus: number[] = []
    const usedCount = this.#inUse.length
    for (const generation of this.#inUse.splice(0)) {
      const isOwn = generation >= this.#firstOwn
      // Of the files found at the start only the one where the chain ended can still matter.
      const isNeeded = isOwn ? generation >= before.generation : generation === before.generation
      const list = isNeeded ? this.#inUse : isOwn ? this.#spare : surplus
      list.push(generation)
    }
    // As many as are written between two checkpoints: making one anew costs its zeroes, and syncs that commit a journal.
    surplus.push(...this.#spare.splice(Math.max(usedCount, spareFilesMin)))
    return surplus.map((generation) => walPath(this.#context.directory, generation))
  }

  close(): void {
    this.#file?.close()
    this.#prepared?.then(
      (file) => file.close(),
      () => undefined,
    )
  }

  #current(): DiskFile {
    assert(this.#file, 'a frame has a file')
    return this.#file
  }

  #grow(endsAt: number): void {
    const { walFileSizeBytes } = this.#context
    if (endsAt <= this.#fileSizeBytes) return
    const aim = Math.min(walFileSizeBytes, endsAt + growStepBytes)
    try {
      this.#fillTo(aim)
    } catch (thrown) {
      if (systemCode(thrown) !== 'ENOSPC' || aim === endsAt) throw thrown
      // Near the end of the disk a step may be too much when the frame itself still fits.
      this.#fillTo(endsAt)
    }
  }

  #fillTo(sizeBytes: number): void {
    for (let at = this.#fileSizeBytes; at < sizeBytes; at += growStepBytes) {
      this.#current().write(zeroes.subarray(0, Math.min(growStepBytes, sizeBytes - at)), at)
    }
    this.#fileSizeBytes = sizeBytes
  }

  #prepareSoon(): void {
    // A failure shows when the file is needed.
    this.#prepareNext().catch(() => undefined)
  }

  async #prepareNext(): Promise<DiskFile> {
    this.#prepared ??= prepareFile(this.#context, this.#newestGeneration + 1, this.#spare.shift())
    try {
      return await this.#prepared
    } catch (thrown) {
      // A full disk may have room again the next time. Any other failure stays.
      if (isCurable(toError(thrown))) this.#prepared = null
      throw thrown
    }
  }
}

/** Gives a file its name for good: an old one if there is one to spare. */
async function prepareFile(
  context: LogContext,
  generation: number,
  spare: number | undefined,
): Promise<DiskFile> {
  const { disk, directory } = context
  const path = walPath(directory, generation)
  if (spare !== undefined) disk.rename(walPath(directory, spare), path)
  const file = disk.open(path, 'create')
  try {
    await disk.syncDirectory(walDirectory(directory))
    return file
  } catch (thrown) {
    file.close()
    // Then nothing was synced either, and so nothing failed.
    throw isOutOfFiles(thrown) ? thrown : diskFailed(toError(thrown))
  }
}
