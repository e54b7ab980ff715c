// The sparse index of one segment: about every 4 KiB one entry says where a batch lies and how late the records up to it
// are. In memory it is built while batches are appended; on disk it is two files in Kafka's format:
//   .index      entries of i32 last offset of a batch, relative to the segment, and i32 position of that batch
//   .timeindex  entries of i64 largest timestamp so far, and i32 relative last offset of that batch
// Both are hints: a lookup is a place to begin reading batches from, and what is read there decides. A missing, cut or
// wrong index costs one pass over the segment.

/** Bytes of batches between two entries. */
export const indexIntervalBytes = 4096

const offsetEntrySizeBytes = 8
const timeEntrySizeBytes = 12

export type BatchSpan = {
  readonly position: number
  readonly sizeBytes: number
  /** Relative to the segment's base offset. */
  readonly lastOffset: number
  readonly maxTimestamp: number
}

export class SegmentIndex {
  #lastOffsets = new Int32Array(16)
  #positions = new Int32Array(16)
  /** Largest timestamp of the batches up to and including that of the entry. */
  #maxTimestamps = new Float64Array(16)
  #count = 0
  #unindexedBytes = 0
  #maxTimestamp = -1

  /** Position from which on entries are complete; below it nothing is known until `fill`. */
  coversFrom: number

  constructor(coversFrom: number) {
    this.coversFrom = coversFrom
  }

  get entryCount(): number {
    return this.#count
  }

  /** Takes note of a batch that follows all others. */
  add(batch: BatchSpan): void {
    if (batch.maxTimestamp > this.#maxTimestamp) this.#maxTimestamp = batch.maxTimestamp
    if (this.#unindexedBytes > indexIntervalBytes) {
      this.#push(batch.lastOffset, batch.position, this.#maxTimestamp)
      this.#unindexedBytes = 0
    }
    this.#unindexedBytes += batch.sizeBytes
  }

  /** Batches follow that were not looked at; none of the segment is later than `maxTimestamp`. */
  skip(sizeBytes: number, maxTimestamp: number): void {
    this.#unindexedBytes += sizeBytes
    this.#maxTimestamp = Math.max(this.#maxTimestamp, maxTimestamp)
  }

  /** Puts what is known of the batches below `coversFrom` in front. */
  fill(below: SegmentIndex): void {
    const above = { count: this.#count, positions: this.#positions, lastOffsets: this.#lastOffsets }
    const maxTimestamps = this.#maxTimestamps
    const maxTimestamp = Math.max(this.#maxTimestamp, below.#maxTimestamp)
    this.#lastOffsets = below.#lastOffsets
    this.#positions = below.#positions
    this.#maxTimestamps = below.#maxTimestamps
    this.#count = below.#count
    for (let index = 0; index < above.count; index++) {
      const until = Math.max(maxTimestamps[index]!, below.#maxTimestamp)
      this.#push(above.lastOffsets[index]!, above.positions[index]!, until)
    }
    this.#maxTimestamp = maxTimestamp
    this.coversFrom = below.coversFrom
  }

  /** A position at or before the batch that holds `offset` (relative). */
  positionOf(offset: number): number {
    return this.#before((index) => this.#lastOffsets[index]! <= offset)
  }

  /** A position at or before the first batch with a timestamp at or after `timestamp`. */
  positionAt(timestamp: number): number {
    return this.#before((index) => this.#maxTimestamps[index]! < timestamp)
  }

  /** The last known start of a batch at or before `position`. */
  batchStartBefore(position: number): number {
    return this.#before((index) => this.#positions[index]! <= position)
  }

  /** The contents of `.index` and `.timeindex`. */
  encode(): { offsets: Uint8Array; times: Uint8Array } {
    const offsets = new DataView(new ArrayBuffer(this.#count * offsetEntrySizeBytes))
    const times = new DataView(new ArrayBuffer(this.#count * timeEntrySizeBytes))
    let timeAt = 0
    let lastTimestamp = -1
    for (let index = 0; index < this.#count; index++) {
      offsets.setInt32(index * offsetEntrySizeBytes, this.#lastOffsets[index]!)
      offsets.setInt32(index * offsetEntrySizeBytes + 4, this.#positions[index]!)
      const timestamp = this.#maxTimestamps[index]!
      if (timestamp <= lastTimestamp) continue
      times.setInt32(timeAt, Math.floor(timestamp / 2 ** 32))
      times.setUint32(timeAt + 4, timestamp >>> 0)
      times.setInt32(timeAt + 8, this.#lastOffsets[index]!)
      lastTimestamp = timestamp
      timeAt += timeEntrySizeBytes
    }
    return { offsets: new Uint8Array(offsets.buffer), times: new Uint8Array(times.buffer, 0, timeAt) }
  }

  /**
   * Reads index files as hints for the first `sizeBytes` of a segment; null if they make no sense. `maxTimestamp` is
   * that of the whole segment, known from elsewhere.
   */
  static decode(
    files: { offsets: Uint8Array; times: Uint8Array },
    facts: { sizeBytes: number; maxTimestamp: number },
  ): SegmentIndex | null {
    const index = new SegmentIndex(0)
    const offsets = viewOf(files.offsets)
    const times = viewOf(files.times)
    let timeAt = 0
    let until = -1
    let lastOffset = -1
    let lastPosition = 0
    let gapMax = 0
    for (let at = 0; at + offsetEntrySizeBytes <= offsets.byteLength; at += offsetEntrySizeBytes) {
      const offset = offsets.getInt32(at)
      const position = offsets.getInt32(at + 4)
      if (position >= facts.sizeBytes) break
      if (offset <= lastOffset || position <= lastPosition) return null
      while (timeAt + timeEntrySizeBytes <= times.byteLength && times.getInt32(timeAt + 8) <= offset) {
        until = Number(times.getBigInt64(timeAt))
        timeAt += timeEntrySizeBytes
      }
      index.#push(offset, position, until)
      gapMax = Math.max(gapMax, position - lastPosition)
      lastOffset = offset
      lastPosition = position
    }
    // An index whose last step is much longer than any other was cut.
    if (facts.sizeBytes - lastPosition > 2 * gapMax + 16 * indexIntervalBytes) return null
    index.#maxTimestamp = facts.maxTimestamp
    index.#unindexedBytes = facts.sizeBytes - lastPosition
    return index
  }

  #push(lastOffset: number, position: number, maxTimestamp: number): void {
    if (this.#count === this.#positions.length) this.#grow()
    this.#lastOffsets[this.#count] = lastOffset
    this.#positions[this.#count] = position
    this.#maxTimestamps[this.#count] = maxTimestamp
    this.#count++
  }

  #grow(): void {
    const length = this.#positions.length * 2
    const lastOffsets = new Int32Array(length)
    const positions = new Int32Array(length)
    const maxTimestamps = new Float64Array(length)
    lastOffsets.set(this.#lastOffsets)
    positions.set(this.#positions)
    maxTimestamps.set(this.#maxTimestamps)
    this.#lastOffsets = lastOffsets
    this.#positions = positions
    this.#maxTimestamps = maxTimestamps
  }

  /** Position of the last entry for which `holds`, which is true for a prefix of the entries; 0 if for none. */
  #before(holds: (index: number) => boolean): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (holds(middle)) low = middle + 1
      else high = middle
    }
    return low === 0 ? 0 : this.#positions[low - 1]!
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
