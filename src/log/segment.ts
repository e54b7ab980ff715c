// One segment of a partition: a file of consecutive record batches, exactly as Kafka lays it out, with its index.
import { basename } from 'node:path'
import { BrokerError, type DiskFile, systemCode, toError } from '#base'
import type { BatchHeader } from '#record'
import { batchAt } from './batch-walk.ts'
import { deletedSuffix } from './data-directory.ts'
import type { LogContext } from './options.ts'
import { type BatchSpan, SegmentIndex } from './segment-index.ts'

/** What a checkpoint keeps of a segment. */
export type SegmentFacts = {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
  readonly firstAppendTime: number
  readonly lastAppendTime: number
}

export type FoundBatch = { readonly position: number; readonly header: BatchHeader }

export const damageFix = 'restore this partition from a backup, or trim it past the damage'

/** Shared by all walks: they are synchronous, so no two are under way at once. */
const walkBuffer = new Uint8Array(16 * 1024)

/** `segmentName(42) -> '00000000000000000042'`. */
export function segmentName(baseOffset: number): string {
  return String(baseOffset).padStart(20, '0')
}

export class Segment {
  readonly baseOffset: number
  /** Without extension. */
  readonly #stem: string
  readonly #context: LogContext
  #index: SegmentIndex
  #file: DiskFile | null = null
  #pins = 0
  #removed = false
  /** Where the file lies since it was set aside. */
  #aside: string | null = null
  #closeWhenUnpinned = false

  /** Bytes in the file; those up to `visibleBytes` are durable and may be read. */
  writtenBytes: number
  visibleBytes: number
  syncedBytes: number
  /** Bytes from here on were written by this process, so that they are likely in the page cache. */
  readonly warmFrom: number
  maxTimestamp: number
  firstAppendTime: number
  lastAppendTime: number

  constructor(context: LogContext, directory: string, facts: SegmentFacts) {
    this.#context = context
    this.#stem = `${directory}/${segmentName(facts.baseOffset)}`
    this.baseOffset = facts.baseOffset
    this.writtenBytes = facts.sizeBytes
    this.visibleBytes = facts.sizeBytes
    this.syncedBytes = facts.sizeBytes
    this.warmFrom = facts.sizeBytes
    this.maxTimestamp = facts.maxTimestamp
    this.firstAppendTime = facts.firstAppendTime
    this.lastAppendTime = facts.lastAppendTime
    this.#index = new SegmentIndex(facts.sizeBytes)
  }

  get path(): string {
    return `${this.#stem}.log`
  }

  /** Where the file lies now: under `path` until it is on its way out. */
  get storedAt(): string {
    return this.#aside ?? this.path
  }

  get facts(): SegmentFacts {
    return {
      baseOffset: this.baseOffset,
      sizeBytes: this.visibleBytes,
      maxTimestamp: this.maxTimestamp,
      firstAppendTime: this.firstAppendTime,
      lastAppendTime: this.lastAppendTime,
    }
  }

  /** For writing: made if missing, since recovery may bring back a segment that never reached the disk. */
  get file(): DiskFile {
    this.#file ??= this.#context.disk.open(this.path, 'create')
    return this.#file
  }

  /** For reading: a segment that is gone is damage, and must not come back empty. */
  get source(): DiskFile {
    if (this.#file !== null) return this.#file
    try {
      this.#file = this.#context.disk.open(this.path, 'write')
      return this.#file
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') throw this.damaged(0, 'the file is missing')
      throw thrown
    }
  }

  /** Notes a batch that was written at the end; `appendTime` is its frame's. */
  note(batch: BatchSpan, appendTime: number): void {
    if (this.writtenBytes === 0) this.firstAppendTime = appendTime
    this.lastAppendTime = appendTime
    if (batch.maxTimestamp > this.maxTimestamp) this.maxTimestamp = batch.maxTimestamp
    this.#index.add(batch)
    this.writtenBytes = batch.position + batch.sizeBytes
  }

  /** The batch that holds `offset`, or the next one after a gap; null if there is none in sight. */
  find(offset: number): FoundBatch | null {
    return this.#search(
      () => this.#loadedIndex().positionOf(offset - this.baseOffset),
      (header) => header.lastOffset >= offset,
    )
  }

  /** The first batch with a record at or after `timestamp`. */
  findTime(timestamp: number): FoundBatch | null {
    return this.#search(
      () => this.#loadedIndex().positionAt(timestamp),
      (header) => header.maxTimestamp >= timestamp,
    )
  }

  /** End of the last whole batch known to end at or before `position`; 0 if none is known. */
  batchEndBefore(position: number): number {
    if (position >= this.visibleBytes) return this.visibleBytes
    return this.#loadedIndex().batchStartBefore(position)
  }

  /** Writes the index files. They are hints, so nobody waits for them and nothing is synced. */
  saveIndex(): void {
    const { disk, logger } = this.#context
    try {
      if (this.#index.coversFrom > 0) {
        const saved = this.#savedIndex()
        if (saved === null) return
        this.#index.fill(saved)
      }
      const { offsets, times } = this.#index.encode()
      for (const [extension, bytes] of [
        ['index', offsets],
        ['timeindex', times],
      ] as const) {
        const file = disk.open(`${this.#stem}.${extension}`, 'create')
        file.truncate(0)
        file.write(bytes, 0)
        file.close()
      }
    } catch (thrown) {
      logger.warn({ err: toError(thrown), path: this.#stem }, 'index not written; it is rebuilt when needed')
    }
  }

  /** Forgets what can be read again, the descriptor and the index; false while they are needed. */
  release(): boolean {
    if (this.#pins > 0 || this.writtenBytes !== this.syncedBytes) return false
    this.close()
    this.#index = new SegmentIndex(this.writtenBytes)
    return true
  }

  /** Makes what is visible now durable. A segment that is gone needs it no more. */
  async sync(): Promise<void> {
    if (this.#removed || this.syncedBytes === this.visibleBytes) return
    const sizeBytes = this.visibleBytes
    this.pin()
    try {
      await this.file.syncBehind()
      this.syncedBytes = sizeBytes
    } finally {
      this.unpin()
    }
  }

  pin(): void {
    this.#pins++
  }

  unpin(): void {
    this.#pins--
    if (this.#closeWhenUnpinned) this.close()
  }

  /** Reads and syncs that are under way keep the descriptor until they end. */
  close(): void {
    this.#closeWhenUnpinned = this.#pins > 0
    if (this.#closeWhenUnpinned) return
    this.#file?.close()
    this.#file = null
  }

  /** Its partition is gone, and its files with it, to another directory if one is given. */
  retire(directory?: string): void {
    this.#removed = true
    if (directory !== undefined) this.#aside = `${directory}/${basename(this.storedAt)}`
    this.close()
  }

  /**
   * Answers the file to delete. It gets a name that is never used again, since by the time it is deleted another topic of
   * the same name may have a segment at this path.
   */
  setAside(): string | null {
    this.retire()
    const { disk, logger } = this.#context
    try {
      const aside = this.#freeAside()
      for (const extension of ['index', 'timeindex']) disk.remove(`${this.#stem}.${extension}`)
      if (!disk.exists(this.path)) return null
      disk.rename(this.path, aside)
      this.#aside = aside
      return aside
    } catch (thrown) {
      logger.warn({ err: toError(thrown), path: this.path }, 'not deleted; the next start does it')
      return null
    }
  }

  /** What was set aside from this path before may still be read by a snapshot. */
  #freeAside(): string {
    for (let tried = 0; ; tried++) {
      const aside = `${this.path}${tried === 0 ? '' : `.${tried}`}${deletedSuffix}`
      if (!this.#context.disk.exists(aside)) return aside
    }
  }

  damaged(position: number, why: string): BrokerError {
    return new BrokerError('corrupt', `${this.path} is damaged at byte ${position}: ${why}`, {
      fix: damageFix,
      details: { path: this.path, position },
    })
  }

  #search(start: () => number, wanted: (header: BatchHeader) => boolean): FoundBatch | null {
    const found = this.#walk(start(), wanted)
    if (found !== 'damaged') return found
    // The index may have lied, so only a pass over the batches themselves is evidence.
    this.#index = new SegmentIndex(this.writtenBytes)
    this.#index.fill(this.#scan(this.writtenBytes))
    const again = this.#walk(start(), wanted)
    if (again === 'damaged') throw this.damaged(start(), 'no record batch begins there')
    return again
  }

  #walk(start: number, wanted: (header: BatchHeader) => boolean): FoundBatch | null | 'damaged' {
    let position = start
    let windowAt = start
    let window = walkBuffer.subarray(0, 0)
    let nextOffset = this.baseOffset
    while (position < this.visibleBytes) {
      let header = batchAt(window, position - windowAt)
      if (header === null) {
        windowAt = position
        window = walkBuffer.subarray(0, this.source.read(walkBuffer, position))
        header = batchAt(window, 0)
      }
      if (header === null || header.baseOffset < nextOffset) return 'damaged'
      if (position + header.sizeBytes > this.visibleBytes) return 'damaged'
      if (wanted(header)) return { position, header }
      nextOffset = header.lastOffset + 1
      position += header.sizeBytes
    }
    return null
  }

  #loadedIndex(): SegmentIndex {
    const index = this.#index
    if (index.coversFrom > 0) index.fill(this.#savedIndex() ?? this.#scan(index.coversFrom))
    return index
  }

  #savedIndex(): SegmentIndex | null {
    const offsets = this.#readWhole(`${this.#stem}.index`)
    const times = this.#readWhole(`${this.#stem}.timeindex`)
    if (offsets === null || times === null) return null
    const sizeBytes = this.#index.coversFrom
    return SegmentIndex.decode({ offsets, times }, { sizeBytes, maxTimestamp: this.maxTimestamp })
  }

  #readWhole(path: string): Uint8Array | null {
    const { disk } = this.#context
    if (!disk.exists(path)) return null
    const file = disk.open(path, 'read')
    try {
      const bytes = new Uint8Array(file.size())
      return bytes.subarray(0, file.read(bytes, 0))
    } finally {
      file.close()
    }
  }

  /** Builds the index from the batches themselves. */
  #scan(sizeBytes: number): SegmentIndex {
    const index = new SegmentIndex(0)
    let position = 0
    const stopped = this.#walk(0, (header) => {
      if (position >= sizeBytes) return true
      const lastOffset = header.lastOffset - this.baseOffset
      index.add({ position, sizeBytes: header.sizeBytes, lastOffset, maxTimestamp: header.maxTimestamp })
      position += header.sizeBytes
      return false
    })
    if (stopped === 'damaged') throw this.damaged(position, 'no record batch begins there')
    return index
  }
}
