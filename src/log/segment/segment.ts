// One segment of a partition: a file of consecutive record batches, exactly as Kafka lays it out, with its index and the
// sums of its blocks. Whoever reads goes through `read` or `readAsync`: they answer nothing that is not what was written.
import { basename } from 'node:path'
import {
  assert,
  BrokerError,
  type DiskFile,
  damagedBlockAt,
  type SummedRange,
  type SumsEnd,
  sumBlockBytes,
  systemCode,
  toError,
} from '#base'
import { type BatchHeader, batchHeaderSizeBytes } from '#record'
import { damageError } from '../damage/damage-list.ts'
import { deletedSuffix, readFileIfThere } from '../disk/data-directory.ts'
import type { LogContext } from '../options.ts'
import { batchAt } from './batch-walk.ts'
import { indexSumOf, type SegmentFacts, segmentName } from './segment-facts.ts'
import { type BatchSpan, SegmentIndex } from './segment-index.ts'
import { SegmentSums } from './segment-sums.ts'

export type FoundBatch = { readonly position: number; readonly header: BatchHeader }

/** What was read, up to the first block that is not what was written. */
export type SegmentBytes = { readonly bytes: Uint8Array; readonly damage: BrokerError | null }

/** Shared by all walks: they are synchronous, so no two are under way at once. A header may lie in two blocks. */
const walkBuffer = new Uint8Array(2 * sumBlockBytes)

/** An index with fewer entries is made anew by a pass over the segment rather than kept in files. */
const savedEntriesMin = 256

/** How far a segment was written at some moment. */
export type SegmentEnd = { readonly bytes: number; readonly sums: SumsEnd | null }

export class Segment {
  readonly baseOffset: number
  readonly sums: SegmentSums
  readonly generation: number
  /** Without extension. */
  readonly #stem: string
  readonly #context: LogContext
  #index: SegmentIndex
  #indexSum: number | undefined
  /** Everything in the index can be read again: from its files, or from the segment. */
  #isIndexSaved = true
  /** It grows no more, and the index is only here. */
  #indexUnsaved = false
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
  /** Bytes up to here were sent to the device; whether they are durable only a sync tells. */
  #sentBytes: number
  /** Bytes from here on were written by this process, so that they are likely in the page cache. */
  readonly warmFrom: number
  maxTimestamp: number
  firstAppendTime: number
  lastAppendTime: number

  constructor(context: LogContext, directory: string, facts: SegmentFacts) {
    this.#context = context
    this.#stem = `${directory}/${segmentName(facts.baseOffset, facts.generation)}`
    this.baseOffset = facts.baseOffset
    this.generation = facts.generation
    this.writtenBytes = facts.sizeBytes
    this.visibleBytes = facts.sizeBytes
    this.syncedBytes = facts.sizeBytes
    this.#sentBytes = facts.sizeBytes
    this.warmFrom = facts.sizeBytes
    this.maxTimestamp = facts.maxTimestamp
    this.firstAppendTime = facts.firstAppendTime
    this.lastAppendTime = facts.lastAppendTime
    this.#index = new SegmentIndex(facts.sizeBytes)
    this.#indexSum = facts.indexSum
    this.sums = new SegmentSums(context, `${this.#stem}.sum`, { ...facts, segment: this })
  }

  /** Of its files, without extension. */
  get name(): string {
    return segmentName(this.baseOffset, this.generation)
  }

  get path(): string {
    return `${this.#stem}.log`
  }

  /** Where the file lies now: under `path` until it is on its way out. */
  get storedAt(): string {
    return this.#aside ?? this.path
  }

  get isPinned(): boolean {
    return this.#pins > 0
  }

  get isOpen(): boolean {
    return this.#file !== null
  }

  get facts(): SegmentFacts {
    return {
      baseOffset: this.baseOffset,
      generation: this.generation,
      sizeBytes: this.visibleBytes,
      maxTimestamp: this.maxTimestamp,
      firstAppendTime: this.firstAppendTime,
      lastAppendTime: this.lastAppendTime,
      ...(this.#indexSum !== undefined && { indexSum: this.#indexSum }),
      ...this.sums.facts,
    }
  }

  /** For writing: made if missing, since recovery may bring back a segment that never reached the disk. */
  get file(): DiskFile {
    const file = this.#file ?? this.#context.disk.open(this.path, 'create')
    return this.#opened(file)
  }

  #opened(file: DiskFile): DiskFile {
    this.#file = file
    this.#context.openFiles.touch(this)
    return file
  }

  /** For reading: a segment that is gone is damage, and must not come back empty. */
  get source(): DiskFile {
    if (this.#file !== null) return this.#opened(this.#file)
    // Another topic of the same name may have a segment at this path by now.
    if (this.#removed) throw new BrokerError('not_found', `${this.path} was deleted while it was read`)
    try {
      return this.#opened(this.#context.disk.open(this.path, 'write'))
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') throw this.damaged(0, 'the file is missing')
      throw thrown
    }
  }

  /** Writes whole batches at the end; `note` follows for each of them. */
  append(bytes: Uint8Array): void {
    this.file.write(bytes, this.writtenBytes)
    this.sums.add(bytes)
  }

  /** Notes a batch that was written at the end; `appendTime` is its frame's. */
  note(batch: BatchSpan, appendTime: number): void {
    if (this.writtenBytes === 0) this.firstAppendTime = appendTime
    this.lastAppendTime = appendTime
    if (batch.maxTimestamp > this.maxTimestamp) this.maxTimestamp = batch.maxTimestamp
    this.#index.add(batch)
    this.#isIndexSaved = false
    this.writtenBytes = batch.position + batch.sizeBytes
  }

  /** What is written so far, for `publish`. */
  get end(): SegmentEnd {
    return { bytes: this.writtenBytes, sums: this.sums.end }
  }

  /** Makes visible what was written up to there. */
  publish({ bytes, sums }: SegmentEnd): void {
    this.visibleBytes = bytes
    this.sums.mark(sums)
  }

  /** Where the blocks around visible bytes lie and what they sum up to; null if that is not known. */
  summed(position: number, sizeBytes: number): SummedRange | null {
    return this.sums.get()?.covering(position, position + sizeBytes) ?? null
  }

  /** Visible bytes, read on this thread: for what is in the page cache, and for little. */
  read(position: number, sizeBytes: number): SegmentBytes {
    const range = this.summed(position, sizeBytes)
    const { from, until } = range ?? { from: position, until: position + sizeBytes }
    const bytes = new Uint8Array(until - from)
    const read = this.source.read(bytes, from)
    return this.#checked(bytes.subarray(0, read), { position, sizeBytes, range })
  }

  /** As `read`, without holding the thread. */
  async readAsync(position: number, sizeBytes: number): Promise<SegmentBytes> {
    const range = this.summed(position, sizeBytes)
    const { from, until } = range ?? { from: position, until: position + sizeBytes }
    const bytes = new Uint8Array(until - from)
    const { source } = this
    this.pin()
    try {
      let read = 0
      for (let count = -1; count !== 0 && read < bytes.length; read += count) {
        count = await source.readAsync(read === 0 ? bytes : bytes.subarray(read), from + read)
      }
      return this.#checked(bytes.subarray(0, read), { position, sizeBytes, range })
    } finally {
      this.unpin()
    }
  }

  #checked(bytes: Uint8Array, { position, sizeBytes, range }: Wanted): SegmentBytes {
    const from = range?.from ?? position
    const damagedAt = range === null ? -1 : damagedBlockAt(bytes, range)
    const end = damagedAt < 0 ? from + bytes.length : Math.min(damagedAt, from + bytes.length)
    const good = bytes.subarray(
      position - from,
      Math.max(position, Math.min(end, position + sizeBytes)) - from,
    )
    if (good.length === sizeBytes) return { bytes: good, damage: null }
    const why =
      damagedAt >= 0 && from + bytes.length >= Math.min(damagedAt + sumBlockBytes, range!.until)
        ? 'the checksum of a block does not match'
        : 'the file is shorter than it was'
    return { bytes: good, damage: this.damaged(damagedAt < 0 ? end : damagedAt, why) }
  }

  /** The batch that holds `offset`, or the next one after a gap; null if there is none in sight. */
  find(offset: number): FoundBatch | null {
    return this.#search(() => this.#loadedIndex().positionOf(offset - this.baseOffset), {
      isWanted: (header) => header.lastOffset >= offset,
      // An entry leads to a batch before the wanted one. One that leads behind it would hide records.
      isTooLate: (header) => header.baseOffset > offset,
    })
  }

  /** The first batch with a record at or after `timestamp`. */
  findTime(timestamp: number): FoundBatch | null {
    return this.#search(() => this.#loadedIndex().positionAt(timestamp), {
      isWanted: (header) => header.maxTimestamp >= timestamp,
      isTooLate: () => false,
    })
  }

  /** End of the last whole batch known to end at or before `position`; 0 if none is known. */
  batchEndBefore(position: number): number {
    if (position >= this.visibleBytes) return this.visibleBytes
    return this.#loadedIndex().batchStartBefore(position)
  }

  /** It grows no more: `seal` gives what is known of it files of their own. */
  endGrowth(): void {
    this.#indexUnsaved = true
  }

  get isIndexUnsaved(): boolean {
    return this.#indexUnsaved
  }

  get isSealed(): boolean {
    return this.sums.hasFile && !this.#indexUnsaved
  }

  /** Writes the index files. They are hints, so nobody waits for them and nothing is synced. False: they are not there. */
  saveIndex(): boolean {
    this.#indexUnsaved = false
    const { disk, logger } = this.#context
    try {
      if (this.#index.coversFrom > 0) {
        const saved = this.#savedIndex()
        if (saved === null) return false
        this.#index.fill(saved)
      }
      const { offsets, times } = this.#index.encode()
      for (const [extension, bytes] of [
        ['index', offsets],
        ['timeindex', times],
      ] as const) {
        const file = disk.open(`${this.#stem}.${extension}`, 'create')
        try {
          file.truncate(0)
          file.write(bytes, 0)
        } finally {
          file.close()
        }
      }
      this.#indexSum = indexSumOf(offsets, times)
      this.#isIndexSaved = true
      return true
    } catch (thrown) {
      logger.warn({ err: toError(thrown), path: this.#stem }, 'index not written; it is rebuilt when needed')
      return false
    }
  }

  /** Forgets what can be read again, the descriptor and the index; false while anything of it is needed. */
  release(): boolean {
    if (this.#pins > 0 || this.writtenBytes !== this.syncedBytes) return false
    this.close()
    // One that just ended its growth is saved soon.
    if (this.#indexUnsaved) return false
    if (!this.#isIndexSaved) {
      // A pass over the little that is there is cheaper than files for it.
      if (this.#index.entryCount < savedEntriesMin || !this.saveIndex()) return true
    }
    this.#index = new SegmentIndex(this.writtenBytes)
    this.sums.release()
    return true
  }

  /** Whether a whole step was written that is not on its way to the device. */
  get hasStep(): boolean {
    return !this.#removed && this.#file !== null && this.#nextStep.end <= this.writtenBytes
  }

  /** Steps have fixed places: pages that are being written out would hold up whoever appends to them. */
  get #nextStep(): { position: number; end: number } {
    const { writeBackStepBytes } = this.#context
    const position = Math.max(this.#sentBytes, this.syncedBytes)
    return { position, end: position - (position % writeBackStepBytes) + writeBackStepBytes }
  }

  /** Brings one whole step to the device, so that `sync`, which alone makes it durable, finds little left to do. */
  async writeBack(): Promise<void> {
    if (this.#file === null || !this.hasStep) return
    const { position, end } = this.#nextStep
    this.#sentBytes = end
    this.pin()
    try {
      await this.#file.writeBack({ position, sizeBytes: end - position })
    } finally {
      this.unpin()
    }
  }

  /** Makes what is written now durable, visible or not. Through the descriptor that it was written with: see open-files.ts. */
  async sync(): Promise<void> {
    if (this.syncedBytes === this.writtenBytes) return
    if (this.#removed) return await this.#syncAside()
    const sizeBytes = this.writtenBytes
    assert(this.#file, 'a segment that is not synced is open')
    this.pin()
    try {
      await this.#file.syncBehind()
      this.syncedBytes = sizeBytes
    } finally {
      this.unpin()
    }
  }

  /** As `sync`, on this thread: only at start. */
  syncNow(): void {
    assert(this.#file, 'a segment that is not synced is open')
    this.#file.syncNow()
    this.syncedBytes = this.writtenBytes
  }

  /** The log needs it no more, but a snapshot that was taken before may. */
  async #syncAside(): Promise<void> {
    let file: DiskFile
    try {
      file = this.#context.disk.open(this.storedAt, 'write')
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return
      throw thrown
    }
    try {
      await file.syncBehind()
    } finally {
      file.close()
    }
  }

  /** Gives index and sums of a segment that grows no more files of their own. */
  async seal(): Promise<void> {
    if (this.#removed) return
    if (this.#indexUnsaved) this.saveIndex()
    await this.sums.seal()
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
    this.#context.openFiles.forget(this)
  }

  /** Its partition is gone, and its files with it, to another directory if one is given. */
  retire(directory?: string): void {
    this.#removed = true
    this.sums.retire()
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
      for (const extension of ['index', 'timeindex', 'sum']) disk.remove(`${this.#stem}.${extension}`)
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
    const damage = { path: this.path, position, why }
    this.#context.damages.note(damage)
    return damageError(damage)
  }

  #search(start: () => number, { isWanted, isTooLate }: Search): FoundBatch | null {
    const from = start()
    const found = this.#walk(from, isWanted)
    const misled = found !== null && found !== 'damaged' && found.position === from && from > 0
    if (found !== 'damaged' && !(misled && isTooLate(found.header))) return found
    // The index may have lied, so only a pass over the batches themselves is evidence.
    const index = this.#scan(this.visibleBytes)
    // What is in flight stays unseen, yet the entries that follow are of no earlier time.
    index.skip(this.writtenBytes - this.visibleBytes, this.maxTimestamp)
    this.#index = index
    const again = this.#walk(start(), isWanted)
    if (again === 'damaged') throw this.damaged(start(), 'no record batch begins there')
    return again
  }

  #walk(start: number, isWanted: (header: BatchHeader) => boolean): FoundBatch | null | 'damaged' {
    let position = start
    let windowAt = start
    let window: Uint8Array = walkBuffer.subarray(0, 0)
    let nextOffset = this.baseOffset
    while (position < this.visibleBytes) {
      let header = batchAt(window, position - windowAt)
      if (header === null) {
        windowAt = this.summed(position, 1)?.from ?? position
        window = this.#window(position)
        header = batchAt(window, position - windowAt)
      }
      if (header === null || header.baseOffset < nextOffset) return 'damaged'
      if (position + header.sizeBytes > this.visibleBytes) return 'damaged'
      if (isWanted(header)) return { position, header }
      nextOffset = header.lastOffset + 1
      position += header.sizeBytes
    }
    return null
  }

  /** The blocks in which the header of a batch at `position` lies, checked; or some bytes from there on. */
  #window(position: number): Uint8Array {
    const room = this.visibleBytes - position
    const range = this.summed(position, Math.min(batchHeaderSizeBytes, room))
    const from = range?.from ?? position
    const sizeBytes = range === null ? Math.min(walkBuffer.length, room) : range.until - from
    const read = this.source.read(walkBuffer.subarray(0, sizeBytes), from)
    const { damage } = this.#checked(walkBuffer.subarray(0, read), { position: from, sizeBytes, range })
    if (damage !== null) throw damage
    return walkBuffer.subarray(0, read)
  }

  #loadedIndex(): SegmentIndex {
    const index = this.#index
    if (index.coversFrom > 0) index.fill(this.#savedIndex() ?? this.#scan(index.coversFrom))
    return index
  }

  /** Of the files, against their sum. */
  indexState(): 'absent' | 'unknown' | 'whole' | 'damaged' {
    const offsets = readFileIfThere(this.#context.disk, `${this.#stem}.index`)
    const times = readFileIfThere(this.#context.disk, `${this.#stem}.timeindex`)
    if (offsets === null || times === null) return 'absent'
    if (this.#indexSum === undefined) return 'unknown'
    return this.#indexSum === indexSumOf(offsets, times) ? 'whole' : 'damaged'
  }

  #savedIndex(): SegmentIndex | null {
    const offsets = readFileIfThere(this.#context.disk, `${this.#stem}.index`)
    const times = readFileIfThere(this.#context.disk, `${this.#stem}.timeindex`)
    if (offsets === null || times === null) return null
    // A segment of an older version has no sums at all; then only what the batches say can show that an index lies.
    const isUnsummed = this.#indexSum === undefined && !this.sums.areKnown
    if (!isUnsummed && this.#indexSum !== indexSumOf(offsets, times)) return null
    const sizeBytes = this.#index.coversFrom
    return SegmentIndex.decode({ offsets, times }, { sizeBytes, maxTimestamp: this.maxTimestamp })
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

type Wanted = { readonly position: number; readonly sizeBytes: number; readonly range: SummedRange | null }

type Search = {
  isWanted(header: BatchHeader): boolean
  /** Of the very batch to which the index leads: it should have led to one further ahead. */
  isTooLate(header: BatchHeader): boolean
}
