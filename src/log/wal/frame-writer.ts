// Builds one frame after the other in one reused buffer: the log's thread allocates nothing per batch.
import { assert } from '#base'
import {
  entryField,
  entryHeaderSizeBytes,
  entryKind,
  frameChecksum,
  frameField,
  frameHeaderSizeBytes,
  frameMagic,
  frameVersion,
  tableChecksum,
  writeWide,
} from './frame.ts'

const bufferSizeBytes = 64 * 2 ** 10
const tableSizeBytes = 4 * 2 ** 10
/** A larger buffer is given back after use, so that one huge append does not hold memory for ever. */
const bufferKeptSizeBytesMax = 8 * 2 ** 20

export type FrameFacts = {
  readonly salt: number
  readonly generation: number
  readonly position: number
  readonly previousChecksum: number
  readonly sequence: number
  readonly durableUpTo: number
  readonly appendTime: number
  readonly epoch: number
}

export type FrameEntry = {
  readonly kind: keyof typeof entryKind
  /** 16 bytes. */
  readonly topicId: Uint8Array
  readonly partition: number
  readonly offset: number
  readonly payload: Uint8Array
}

export class FrameWriter {
  bytes = new Uint8Array(bufferSizeBytes)
  #view = new DataView(this.bytes.buffer)
  #end = frameHeaderSizeBytes
  #entryCount = 0
  /** What the table checksum covers of the entries. */
  #table = new Uint8Array(tableSizeBytes)
  #tableView = new DataView(this.#table.buffer)
  #tableEnd = 0

  /** Size of the frame so far. */
  get sizeBytes(): number {
    return this.#end
  }

  /** Nothing was added since `begin`. */
  get isEmpty(): boolean {
    return this.#entryCount === 0
  }

  /** Starts over, with room for a frame of this size. */
  begin(sizeBytesMax: number): void {
    this.#end = frameHeaderSizeBytes
    this.#entryCount = 0
    this.#tableEnd = 0
    const tooLarge = this.bytes.length > bufferKeptSizeBytesMax && sizeBytesMax <= bufferKeptSizeBytesMax
    if (sizeBytesMax <= this.bytes.length && !tooLarge) return
    let capacity = bufferSizeBytes
    while (capacity < sizeBytesMax) capacity *= 2
    this.bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.bytes.buffer)
  }

  /** Copies one entry in; answers where its payload lies in `bytes`. */
  add(entry: FrameEntry): number {
    const { payload } = entry
    const at = this.#end
    const payloadAt = at + entryHeaderSizeBytes
    assert(payloadAt + payload.length <= this.bytes.length, 'a frame gets no more than it reserved')
    const view = this.#view
    view.setUint32(at + entryField.kind, entryKind[entry.kind], true)
    view.setInt32(at + entryField.partition, entry.partition, true)
    this.bytes.set(entry.topicId, at + entryField.topicId)
    writeWide(view, at + entryField.offset, entry.offset)
    view.setUint32(at + entryField.payloadSize, payload.length, true)
    this.bytes.set(payload, payloadAt)
    this.#addToTable(at, entry.kind === 'batch' ? payloadAt : payloadAt + payload.length)
    this.#end = payloadAt + payload.length
    this.#entryCount++
    return payloadAt
  }

  /** The finished frame: a view that is valid until the next `begin`. */
  finish(facts: FrameFacts): Uint8Array {
    const view = this.#view
    view.setUint32(frameField.magic, frameMagic, true)
    view.setUint32(frameField.size, this.#end, true)
    view.setUint32(frameField.generation, facts.generation, true)
    view.setUint32(frameField.position, facts.position, true)
    view.setUint32(frameField.previousChecksum, facts.previousChecksum, true)
    writeWide(view, frameField.sequence, facts.sequence)
    writeWide(view, frameField.durableUpTo, facts.durableUpTo)
    writeWide(view, frameField.appendTime, facts.appendTime)
    view.setInt32(frameField.epoch, facts.epoch, true)
    view.setUint32(frameField.entryCount, this.#entryCount, true)
    const frame = this.bytes.subarray(0, this.#end)
    const table = tableChecksum(frame, this.#table.subarray(0, this.#tableEnd), facts.salt)
    view.setUint32(frameField.tableChecksum, table, true)
    view.setUint32(frameField.version, frameVersion, true)
    view.setUint32(frameField.checksum, frameChecksum(frame, facts.salt), true)
    return frame
  }

  #addToTable(from: number, to: number): void {
    const end = this.#tableEnd + to - from
    if (end > this.#table.length) {
      const larger = new Uint8Array(2 * end)
      larger.set(this.#table)
      this.#table = larger
      this.#tableView = new DataView(larger.buffer)
    }
    if (to - from === entryHeaderSizeBytes) {
      // Word by word: a copy through a view would allocate one per batch.
      for (let word = 0; word < entryHeaderSizeBytes; word += 4) {
        this.#tableView.setUint32(this.#tableEnd + word, this.#view.getUint32(from + word))
      }
    } else this.#table.set(this.bytes.subarray(from, to), this.#tableEnd)
    this.#tableEnd = end
  }
}
