// The sums of one segment: in memory and in the checkpoint while it grows, in a file of its own once it is sealed.
//
//   <base offset>.sum, little-endian:
//   byte  field        type
//      0  magic        u32   "pspS"
//      4  checksum     u32   CRC-32 of byte 8 to the end
//      8  base offset  u64   of the segment
//     16  size         u64   of the segment, in bytes
//     24  block size   u32
//     28  reserved     u32   0
//     32  sums         u32   CRC-32 of each block, the last of which may be short
//
// Invariants:
//   1. Sums come from the bytes that were written, or from one pass in which every batch passed its own checks: for
//      segments of a version without sums, and for those whose sums are lost.
//   2. A checkpoint says that a segment has the file only when it is durable under its name; until then it holds the sums.
//   3. A file that is missing, damaged or of another segment is as none: it says nothing about the segment.
import { BlockSums, crc32, type Disk, type SumsEnd, sumBlockBytes, systemCode, toError } from '#base'
import { readWholeFile } from '../disk/data-directory.ts'
import type { LogContext } from '../options.ts'
import { readWide, writeWide } from '../wal/frame.ts'

/** What a checkpoint keeps: the sums themselves (base64), or that the file has them. Neither: there are none. */
export type SumsFacts = { readonly sums?: string; readonly hasSumFile?: true }

const magic = 0x53707370
const headerSizeBytes = 32

export type SumsOf = {
  readonly baseOffset: number
  readonly sizeBytes: number
}

export class SegmentSums {
  readonly #context: LogContext
  readonly #path: string
  readonly #baseOffset: number
  /** What the file covers, when there is one. */
  #sizeBytes: number
  /** null: not in memory; they may be in `#text` or in the file. */
  #sums: BlockSums | null = null
  /** As a checkpoint has them, for so many bytes. */
  #text: { readonly sizeBytes: number; readonly sums: string } | null = null
  #hasFile: boolean
  #isRetired = false

  /** `of` is the segment as the checkpoint knows it. */
  constructor(context: LogContext, path: string, of: SumsOf & SumsFacts) {
    this.#context = context
    this.#path = path
    this.#baseOffset = of.baseOffset
    this.#sizeBytes = of.sizeBytes
    this.#hasFile = of.hasSumFile === true
    if (of.sums !== undefined) this.#text = { sizeBytes: of.sizeBytes, sums: of.sums }
    if (of.sizeBytes === 0) this.#sums = new BlockSums()
  }

  get hasFile(): boolean {
    return this.#hasFile
  }

  /** Whether what is in the segment can be checked without looking for a file. */
  get areKnown(): boolean {
    return this.#sums !== null || this.#text !== null || this.#hasFile
  }

  /** null: there are none. Reads them if they are not at hand. */
  get(): BlockSums | null {
    if (this.#sums === null && this.#text !== null) {
      this.#sums = BlockSums.decode(Buffer.from(this.#text.sums, 'base64'), this.#text.sizeBytes)
    }
    if (this.#sums === null && this.#hasFile && !this.#isRetired) this.#sums = this.#load()
    return this.#sums
  }

  /** Its segment is on its way out, and the file with it: that it is gone is no damage. */
  retire(): void {
    this.#isRetired = true
  }

  /** As a checkpoint keeps them; null if there are none, or of other bytes than these. Never tells of damage. */
  textOf(sizeBytes: number): string | null {
    if (this.#text?.sizeBytes === sizeBytes) return this.#text.sums
    const sums = this.#sums ?? (this.#hasFile ? this.#tryLoad() : null)
    return sums instanceof BlockSums && sums.markedBytes === sizeBytes ? textOf(sums) : null
  }

  add(bytes: Uint8Array): void {
    this.get()?.add(bytes)
  }

  /** Of what was added so far, for `mark`. */
  get end(): SumsEnd | null {
    return this.#sums?.end ?? null
  }

  mark(end: SumsEnd | null): void {
    if (end !== null) this.#sums?.mark(end)
  }

  /** Takes sums that a pass over the whole segment has made. */
  adopt(sums: BlockSums): void {
    this.#sums = sums
  }

  /** Of the bytes up to the mark. */
  get facts(): SumsFacts {
    if (this.#hasFile) return { hasSumFile: true }
    const sums = this.#sums
    if (sums !== null && this.#text?.sizeBytes !== sums.markedBytes) {
      this.#text = { sizeBytes: sums.markedBytes, sums: textOf(sums) }
    }
    return this.#text === null ? {} : { sums: this.#text.sums }
  }

  /** Gives up memory that the file can fill again. */
  release(): void {
    if (!this.#hasFile) return
    this.#sums = null
    this.#text = null
  }

  /**
   * Writes the file of a segment that grows no more, and syncs it; its name is the caller's to sync, before a checkpoint
   * says that it is there.
   */
  async seal(): Promise<void> {
    const sums = this.get()
    if (this.#hasFile || sums === null) return
    const file = this.#context.disk.open(this.#path, 'create')
    try {
      file.truncate(0)
      this.#sizeBytes = sums.markedBytes
      file.write(encodeSumFile(this.#of, sums), 0)
      await file.syncBehind()
      this.#hasFile = true
    } finally {
      file.close()
    }
  }

  get #of(): SumsOf {
    return { baseOffset: this.#baseOffset, sizeBytes: this.#sizeBytes }
  }

  #load(): BlockSums | null {
    const why = this.#tryLoad()
    if (typeof why !== 'string') return why
    this.#hasFile = false
    this.#context.damages.note({
      path: this.#path,
      position: 0,
      why: `${why}; its segment is checked batch by batch until sums are made anew`,
    })
    return null
  }

  #tryLoad(): BlockSums | string {
    const { disk } = this.#context
    if (!disk.exists(this.#path)) return 'the sums of a segment are missing'
    try {
      const file = disk.open(this.#path, 'read')
      try {
        return decodeSumFile(readWholeFile(file), this.#of) ?? 'the sums of a segment are damaged'
      } finally {
        file.close()
      }
    } catch (thrown) {
      // Anything else passes, such as too few descriptors: the file is as it was.
      if (systemCode(thrown) !== 'EIO') throw thrown
      return `the sums of a segment cannot be read: ${toError(thrown).message}`
    }
  }
}

export function textOf(sums: BlockSums): string {
  return Buffer.from(sums.encode()).toString('base64')
}

export function encodeSumFile({ baseOffset, sizeBytes }: SumsOf, sums: BlockSums): Uint8Array {
  const encoded = sums.encode()
  const bytes = new Uint8Array(headerSizeBytes + encoded.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic, true)
  writeWide(view, 8, baseOffset)
  writeWide(view, 16, sizeBytes)
  view.setUint32(24, sumBlockBytes, true)
  bytes.set(encoded, headerSizeBytes)
  view.setUint32(4, crc32(bytes, 8), true)
  return bytes
}

/** Of a segment as it is, for whoever has no `SegmentSums`; null: there are none. */
export function readSums(disk: Disk, path: string, of: SumsOf & SumsFacts): BlockSums | null {
  if (of.sums !== undefined) return BlockSums.decode(Buffer.from(of.sums, 'base64'), of.sizeBytes)
  if (!of.hasSumFile || !disk.exists(path)) return null
  const file = disk.open(path, 'read')
  try {
    return decodeSumFile(readWholeFile(file), of)
  } finally {
    file.close()
  }
}

/** null: damaged, or of another segment. */
export function decodeSumFile(bytes: Uint8Array, { baseOffset, sizeBytes }: SumsOf): BlockSums | null {
  if (bytes.length < headerSizeBytes) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const isWhole = view.getUint32(0, true) === magic && view.getUint32(4, true) === crc32(bytes, 8)
  const isOurs =
    readWide(view, 8) === baseOffset &&
    readWide(view, 16) === sizeBytes &&
    view.getUint32(24, true) === sumBlockBytes
  return isWhole && isOurs ? BlockSums.decode(bytes.subarray(headerSizeBytes), sizeBytes) : null
}
