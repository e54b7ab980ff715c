// Judges the bytes of one segment as they come by: whole record batches, offsets that rise, checksums that match.
import { BrokerError } from '#base'
import { batchHeaderSizeBytes, checkBatch } from '#record'
import { batchAt } from '../segment/batch-walk.ts'

export type SegmentFault = { readonly position: number; readonly why: string }

export class SegmentCheck {
  readonly #sizeBytes: number
  #nextOffset: number
  /** Of a batch that has not come whole yet. */
  #buffer = new Uint8Array(0)
  #bufferedBytes = 0
  /** In the segment, where the buffer begins. */
  #position = 0
  fault: SegmentFault | null = null
  batches = 0
  records = 0

  constructor(baseOffset: number, sizeBytes: number) {
    this.#nextOffset = baseOffset
    this.#sizeBytes = sizeBytes
  }

  /** One past the last offset so far. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  push(bytes: Uint8Array): void {
    if (this.fault !== null) return
    if (this.#bufferedBytes === 0) {
      const used = this.#takeFrom(bytes)
      this.#keep(bytes.subarray(used))
      return
    }
    this.#keep(bytes)
    const used = this.#takeFrom(this.#buffer.subarray(0, this.#bufferedBytes))
    this.#buffer.copyWithin(0, used, this.#bufferedBytes)
    this.#bufferedBytes -= used
  }

  /** After the last byte. */
  end(): SegmentFault | null {
    const endsAt = this.#position + this.#bufferedBytes
    if (this.fault === null && this.#bufferedBytes > 0) this.#fail('a record batch is cut short')
    if (this.fault === null && endsAt < this.#sizeBytes) this.#fail('the file is shorter than it was')
    return this.fault
  }

  /** Takes whole batches; answers how many bytes they had. */
  #takeFrom(bytes: Uint8Array): number {
    let at = 0
    while (this.fault === null && at + batchHeaderSizeBytes <= bytes.length) {
      const header = batchAt(bytes, at)
      if (header === null || header.sizeBytes > this.#sizeBytes - this.#position) {
        this.#fail('no record batch begins there')
        break
      }
      if (at + header.sizeBytes > bytes.length) break
      if (header.baseOffset < this.#nextOffset) {
        this.#fail(`a record batch begins at offset ${header.baseOffset}, not ${this.#nextOffset} or later`)
        break
      }
      if (!this.#isWhole(bytes, at)) break
      this.batches++
      this.records += header.count
      this.#nextOffset = header.lastOffset + 1
      this.#position += header.sizeBytes
      at += header.sizeBytes
    }
    return at
  }

  #isWhole(bytes: Uint8Array, at: number): boolean {
    try {
      checkBatch(bytes, at)
      return true
    } catch (thrown) {
      if (!(thrown instanceof BrokerError)) throw thrown
      this.#fail(thrown.message)
      return false
    }
  }

  #keep(bytes: Uint8Array): void {
    const needed = this.#bufferedBytes + bytes.length
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2))
      larger.set(this.#buffer.subarray(0, this.#bufferedBytes))
      this.#buffer = larger
    }
    this.#buffer.set(bytes, this.#bufferedBytes)
    this.#bufferedBytes = needed
  }

  #fail(why: string): void {
    this.fault = { position: this.#position, why }
  }
}
