// A segment file that is made beside the log: batches go in, and at the end file, name and indexes are on the disk. Syncs
// happen in steps and on the calling thread, so it is for threads that nobody waits for.
import { dirname } from 'node:path'
import { assert, BlockSums, type Disk, type DiskFile } from '#base'
import type { BatchHeader } from '#record'
import { indexSumOf, type SegmentFacts, segmentName } from './segment-facts.ts'
import { SegmentIndex } from './segment-index.ts'
import { checksumIn, encodeSumFile } from './segment-sums.ts'

const bufferSizeBytes = 256 * 1024

export type SegmentOutputOptions = {
  readonly directory: string
  readonly baseOffset: number
  readonly generation: number
  /** Bytes between two syncs. */
  readonly stepBytes: number
}

export class SegmentOutput {
  readonly #disk: Disk
  readonly #options: SegmentOutputOptions
  readonly #stem: string
  readonly #file: DiskFile
  readonly #index = new SegmentIndex(0)
  readonly #sums = new BlockSums()
  readonly #buffer = new Uint8Array(bufferSizeBytes)
  #buffered = 0
  #writtenBytes = 0
  #syncedBytes = 0
  #maxTimestamp = -1

  constructor(disk: Disk, options: SegmentOutputOptions) {
    this.#disk = disk
    this.#options = options
    this.#stem = `${options.directory}/${segmentName(options.baseOffset, options.generation)}`
    this.#file = disk.open(`${this.#stem}.log`, 'create')
    // Left by a process that ended here.
    this.#file.truncate(0)
  }

  /** Appends a batch; its bytes may change afterwards. */
  add(batch: Uint8Array, header: BatchHeader): void {
    const position = this.#writtenBytes + this.#buffered
    const lastOffset = header.lastOffset - this.#options.baseOffset
    const { maxTimestamp } = header
    this.#index.add({ position, sizeBytes: batch.length, lastOffset, maxTimestamp })
    if (maxTimestamp > this.#maxTimestamp) this.#maxTimestamp = maxTimestamp
    if (this.#buffered + batch.length > bufferSizeBytes) this.#flush()
    if (batch.length > bufferSizeBytes) this.#write(batch)
    else {
      this.#buffer.set(batch, this.#buffered)
      this.#buffered += batch.length
    }
  }

  /** Makes it durable under its name. Without a batch there is no file; its facts have no bytes then. */
  finish(times: Pick<SegmentFacts, 'firstAppendTime' | 'lastAppendTime'>): SegmentFacts {
    const { directory, baseOffset, generation } = this.#options
    this.#flush()
    const sizeBytes = this.#writtenBytes
    const facts = { baseOffset, generation, sizeBytes, maxTimestamp: this.#maxTimestamp, ...times }
    if (sizeBytes === 0) {
      this.discard()
      return facts
    }
    this.#sync()
    this.#file.close()
    const sumFileChecksum = this.#writeSums(sizeBytes)
    const indexSum = this.#writeIndex()
    this.#disk.syncDirectoryNow(directory)
    // The partition may be so new that its own name is not durable.
    this.#disk.syncDirectoryNow(dirname(directory))
    return { ...facts, indexSum, hasSumFile: true, sumFileChecksum }
  }

  /** Nobody will have heard of it. */
  discard(): void {
    this.#file.close()
    for (const extension of ['log', 'index', 'timeindex', 'sum'])
      this.#disk.remove(`${this.#stem}.${extension}`)
  }

  #flush(): void {
    if (this.#buffered > 0) this.#write(this.#buffer.subarray(0, this.#buffered))
    this.#buffered = 0
  }

  #write(bytes: Uint8Array): void {
    this.#file.write(bytes, this.#writtenBytes)
    this.#sums.add(bytes)
    this.#writtenBytes += bytes.length
    if (this.#writtenBytes - this.#syncedBytes >= this.#options.stepBytes) this.#sync()
  }

  #sync(): void {
    if (this.#syncedBytes === this.#writtenBytes) return
    this.#file.syncNow()
    this.#syncedBytes = this.#writtenBytes
  }

  /** Answers the checksum of their file. */
  #writeSums(sizeBytes: number): number {
    this.#sums.mark()
    assert(this.#sums.markedBytes === sizeBytes, 'sums are of what was written')
    const { baseOffset } = this.#options
    const file = this.#disk.open(`${this.#stem}.sum`, 'create')
    try {
      file.truncate(0)
      const bytes = encodeSumFile({ baseOffset, sizeBytes }, this.#sums)
      file.write(bytes, 0)
      file.syncNow()
      return checksumIn(bytes)
    } finally {
      file.close()
    }
  }

  /** Hints, so they need no sync. Answers their sum. */
  #writeIndex(): number {
    const { offsets, times } = this.#index.encode()
    for (const [extension, bytes] of [
      ['index', offsets],
      ['timeindex', times],
    ] as const) {
      const file = this.#disk.open(`${this.#stem}.${extension}`, 'create')
      file.truncate(0)
      file.write(bytes, 0)
      file.close()
    }
    return indexSumOf(offsets, times)
  }
}
