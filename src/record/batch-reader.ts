// Reads records out of consecutive batches, in two forms: `RecordCursor` moves through them with no object per record
// (for the stream runtime), `readRecords` yields views (for everyone else). Neither copies a key or a value, and neither
// reads outside the bytes it was given, whatever they say.
import { BrokerError } from '#base'
import type { Header, RecordView } from './api.ts'
import { type BatchHeader, batchHeaderSizeBytes, checkBatch, readBatchHeader } from './batch-format.ts'
import { decompress, unpackedSizeBytesMax } from './compression.ts'
import { VarintReader } from './varint.ts'

export type RecordCursorOptions = {
  /** Check each batch's CRC on entering it (default). `false` for bytes that were checked a moment ago. */
  readonly verify?: boolean
  /** What one compressed batch may unpack to. */
  readonly unpackedSizeBytesMax?: number
}

/**
 * A place in consecutive batches. Fields describe the current record after `next()` answered true.
 * @example for (cursor.reset(batches, from); cursor.next(); ) count(cursor.bytes, cursor.valueStart, cursor.valueEnd)
 */
export class RecordCursor {
  /** Where `keyStart`, `valueStart` and so on point: the batches themselves, or the unpacked block of this one. */
  bytes: Uint8Array = new Uint8Array(0)
  offset = 0
  timestamp = 0
  /** -1: the key is null. */
  keyStart = -1
  keyEnd = -1
  /** -1: the value is null, a tombstone. */
  valueStart = -1
  valueEnd = -1
  headerCount = 0
  /** The whole record, its length included. */
  recordStart = 0
  recordEnd = 0

  readonly #verify: boolean
  readonly #unpackedSizeBytesMax: number
  readonly #reader = new VarintReader()
  #batches: Uint8Array = new Uint8Array(0)
  #nextBatch = 0
  #from = 0
  #batch: BatchHeader | null = null
  #remaining = 0
  #blockEnd = 0
  #lastDelta = -1
  #headersStart = 0

  constructor(options: RecordCursorOptions = {}) {
    this.#verify = options.verify ?? true
    this.#unpackedSizeBytesMax = options.unpackedSizeBytesMax ?? unpackedSizeBytesMax
  }

  /** Starts over, before the first record of `batches` at or after offset `from`. */
  reset(batches: Uint8Array, from = 0): void {
    this.#batches = batches
    this.#from = from
    this.#nextBatch = 0
    this.#batch = null
    this.#remaining = 0
    this.#blockEnd = 0
    this.recordEnd = 0
  }

  /** Moves to the next record; false at the end. Throws `corrupt` for damage, and what `checkBatch` throws. */
  next(): boolean {
    do {
      while (this.#remaining === 0) if (!this.#enterBatch()) return false
      this.#readRecord()
    } while (this.offset < this.#from)
    return true
  }

  /** The batch of the current record. */
  get batch(): BatchHeader | null {
    return this.#batch
  }

  key(): Uint8Array | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd)
  }

  value(): Uint8Array | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd)
  }

  headers(): readonly Header[] {
    if (this.headerCount === 0) return noHeaders
    const reader = this.#reader
    reader.end = this.recordEnd
    reader.at = this.#headersStart
    const headers: Header[] = []
    for (let index = 0; index < this.headerCount; index++) {
      const keyStart = this.#skipBytes()
      if (keyStart < 0) throw damaged('a header has no key')
      const key = decoder.decode(this.bytes.subarray(keyStart, reader.at))
      const valueStart = this.#skipBytes()
      headers.push({ key, value: valueStart < 0 ? null : this.bytes.subarray(valueStart, reader.at) })
    }
    if (reader.at !== this.recordEnd) throw damaged('its headers do not fill it')
    return headers
  }

  /** Enters the next batch that can hold a wanted record; false when there is none. Markers of transactions are skipped. */
  #enterBatch(): boolean {
    if (this.recordEnd !== this.#blockEnd) throw damaged('bytes follow the last record of its batch')
    for (;;) {
      const position = this.#nextBatch
      if (position === this.#batches.length) return false
      const header = this.#verify
        ? checkBatch(this.#batches, position)
        : readBatchHeader(this.#batches, position)
      const end = position + header.sizeBytes
      if (header.sizeBytes < batchHeaderSizeBytes || end > this.#batches.length) {
        throw damaged('its batch is cut short')
      }
      this.#nextBatch = end
      if (header.control || header.count === 0 || header.lastOffset < this.#from) continue
      this.#openBlock(header, position + batchHeaderSizeBytes, end)
      return true
    }
  }

  #openBlock(header: BatchHeader, start: number, end: number): void {
    const reader = this.#reader
    this.#batch = header
    if (header.compression === 'none') {
      this.bytes = this.#batches
      reader.at = start
      this.#blockEnd = end
    } else {
      const block = this.#batches.subarray(start, end)
      this.bytes = decompress(block, header.compression, this.#unpackedSizeBytesMax)
      reader.at = 0
      this.#blockEnd = this.bytes.length
    }
    reader.bytes = this.bytes
    this.#remaining = header.count
    this.recordEnd = reader.at
    this.#lastDelta = -1
  }

  #readRecord(): void {
    const reader = this.#reader
    const batch = this.#batch!
    reader.at = this.recordEnd
    reader.end = this.#blockEnd
    this.recordStart = reader.at
    const sizeBytes = reader.varint()
    const end = reader.at + sizeBytes
    if (sizeBytes < 0 || end > this.#blockEnd) throw damaged('it is longer than its batch')
    reader.end = end
    reader.at++
    const timestampDelta = reader.varlong()
    const offsetDelta = reader.varint()
    if (offsetDelta <= this.#lastDelta || batch.baseOffset + offsetDelta > batch.lastOffset) {
      throw damaged('offsets of its batch do not rise')
    }
    this.keyStart = this.#skipBytes()
    this.keyEnd = reader.at
    this.valueStart = this.#skipBytes()
    this.valueEnd = reader.at
    const headerCount = reader.varint()
    // A header takes two bytes at least, so a count beyond that cannot make us reserve memory for it.
    if (headerCount < 0 || headerCount > (end - reader.at) / 2) throw damaged('it claims too many headers')
    if (headerCount === 0 && reader.at !== end) throw damaged('its fields do not fill it')
    this.#headersStart = reader.at
    this.headerCount = headerCount
    this.offset = batch.baseOffset + offsetDelta
    this.timestamp = batch.appendTime ? batch.maxTimestamp : batch.baseTimestamp + timestampDelta
    this.#lastDelta = offsetDelta
    this.recordEnd = end
    this.#remaining--
  }

  /** Moves over a length and that many bytes; answers where they start, or -1 for null. */
  #skipBytes(): number {
    const reader = this.#reader
    const size = reader.varint()
    if (size < 0) return -1
    const start = reader.at
    if (size > reader.end - start) throw damaged('a field is longer than it')
    reader.at = start + size
    return start
  }
}

/** Records of consecutive batches at or after offset `from`, read one at a time as the caller asks for them. */
export function* readRecords(
  batches: Uint8Array,
  from = 0,
  options: RecordCursorOptions = {},
): Generator<RecordView, void, undefined> {
  const cursor = new RecordCursor(options)
  cursor.reset(batches, from)
  while (cursor.next()) {
    yield {
      offset: cursor.offset,
      timestamp: cursor.timestamp,
      key: cursor.key(),
      value: cursor.value(),
      headers: cursor.headers(),
    }
  }
}

const decoder = new TextDecoder()
const noHeaders: readonly Header[] = []

function damaged(why: string): BrokerError {
  return new BrokerError('corrupt', `record is malformed: ${why}`)
}
