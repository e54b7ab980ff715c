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
//   3. With the file a checkpoint keeps its checksum, so that segment and file cannot be exchanged together. A file that is
//      missing, damaged or another one says nothing: sums are made anew from the segment, and if these are not the ones
//      that the checkpoint speaks of, nor is the segment.
//   4. Of a file whose checksum is not known (of an older version) only the segment's offset and size are compared.
import {
  BlockSums,
  type BrokerError,
  crc32,
  type Disk,
  type DiskFile,
  type SumsEnd,
  sumBlockBytes,
  systemCode,
  toError,
} from '#base'
import { damageError } from '../damage/damage-list.ts'
import { readFileIfThere, readWholeFile } from '../disk/data-directory.ts'
import type { LogContext } from '../options.ts'
import { readWide, writeWide } from '../wal/frame.ts'

/** What a checkpoint keeps: the sums themselves (base64), or that the file has them. Neither: there are none. */
export type SumsFacts = {
  readonly sums?: string
  readonly hasSumFile?: true
  /** Of the file, as in its header. Absent: not known yet. */
  readonly sumFileChecksum?: number
}

const magic = 0x53707370
const headerSizeBytes = 32

export type SumsOf = {
  readonly baseOffset: number
  readonly sizeBytes: number
}

/** The segment itself, for making sums anew. */
export type SummedSegment = { readonly source: DiskFile; damaged(position: number, why: string): BrokerError }

export const notTheSegment = 'it is not the segment that the checkpoint speaks of'
const bytesAtOnce = 32 * sumBlockBytes

export class SegmentSums {
  readonly #context: LogContext
  readonly #path: string
  readonly #baseOffset: number
  readonly #segment: SummedSegment
  /** What the file covers, when there is one. */
  #sizeBytes: number
  /** null: not in memory; they may be in `#text` or in the file. */
  #sums: BlockSums | null = null
  /** As a checkpoint has them, for so many bytes. */
  #text: { readonly sizeBytes: number; readonly sums: string } | null = null
  #hasFile: boolean
  /** Of the file; undefined: nobody has vouched for it. */
  #checksum: number | undefined
  /** Why nothing of the segment is believed. */
  #refusal: BrokerError | null = null
  #isRetired = false

  /** `of` is `segment` as the checkpoint knows it. */
  constructor(context: LogContext, path: string, of: SumsOf & SumsFacts & { segment: SummedSegment }) {
    this.#context = context
    this.#path = path
    this.#segment = of.segment
    this.#checksum = of.sumFileChecksum
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

  /** Whether a file says something that no checkpoint vouches for. */
  get isUnconfirmed(): boolean {
    return this.#hasFile && this.#checksum === undefined
  }

  /** null: there are none. Reads them if they are not at hand. Throws `corrupt` if the segment is another one. */
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

  /** Takes sums that a pass over the whole segment has made, and found to be those of the file if there is one. */
  adopt(sums: BlockSums): void {
    if (this.#hasFile) this.#checksum = sumsChecksum(this.#of, sums)
    else this.#sums = sums
  }

  /** Of the bytes up to the mark. */
  get facts(): SumsFacts {
    if (this.#hasFile) {
      return { hasSumFile: true, ...(this.#checksum !== undefined && { sumFileChecksum: this.#checksum }) }
    }
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
      const bytes = encodeSumFile(this.#of, sums)
      file.write(bytes, 0)
      await file.syncBehind()
      this.#checksum = checksumIn(bytes)
      this.#hasFile = true
    } finally {
      file.close()
    }
  }

  get #of(): SumsOf & SumsFacts {
    const of = { baseOffset: this.#baseOffset, sizeBytes: this.#sizeBytes }
    return this.#checksum === undefined ? of : { ...of, sumFileChecksum: this.#checksum }
  }

  #load(): BlockSums | null {
    if (this.#refusal !== null) throw this.#refusal
    const why = this.#tryLoad()
    if (typeof why !== 'string') return why
    const made = this.#checksum === undefined ? null : this.#remake()
    const then = made
      ? 'they are made anew'
      : 'its segment is checked batch by batch until sums are made anew'
    this.#hasFile = false
    this.#context.damages.note({ path: this.#path, position: 0, why: `${why}; ${then}` })
    return made
  }

  /** On this thread, as an index that lied: it is a segment at most, and before it is done nobody can be answered. */
  #remake(): BlockSums {
    const made = sumsOfSegment(this.#segment.source, this.#sizeBytes)
    if (made.markedBytes === this.#sizeBytes && sumsChecksum(this.#of, made) === this.#checksum) return made
    const isShort = made.markedBytes < this.#sizeBytes
    const why = isShort ? 'the file is shorter than it was' : notTheSegment
    this.#refusal = this.#segment.damaged(isShort ? made.markedBytes : 0, why)
    throw this.#refusal
  }

  #tryLoad(): BlockSums | string {
    const { disk } = this.#context
    if (!disk.exists(this.#path)) return 'the sums of a segment are missing'
    try {
      const file = disk.open(this.#path, 'read')
      try {
        return (
          decodeSumFile(readWholeFile(file), this.#of) ?? 'the sums of a segment are not what was written'
        )
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

/** Of a segment as it is, for whoever has no `SegmentSums`; null: there are none. Throws `corrupt` if it is another one. */
export function readSums(disk: Disk, segment: DiskFile, of: SumsOf & SumsFacts): BlockSums | null {
  if (of.sums !== undefined) return BlockSums.decode(Buffer.from(of.sums, 'base64'), of.sizeBytes)
  if (!of.hasSumFile) return null
  const bytes = readFileIfThere(disk, segment.path.replace(/log$/, 'sum'))
  const sums = bytes && decodeSumFile(bytes, of)
  if (sums !== null || of.sumFileChecksum === undefined) return sums
  const made = sumsOfSegment(segment, of.sizeBytes)
  if (made.markedBytes === of.sizeBytes && sumsChecksum(of, made) === of.sumFileChecksum) return made
  throw damageError({ path: segment.path, position: 0, why: notTheSegment })
}

/** Of what lies there, whatever it is: of fewer bytes if there are no more. */
function sumsOfSegment(file: DiskFile, sizeBytes: number): BlockSums {
  const sums = new BlockSums()
  const buffer = new Uint8Array(Math.min(bytesAtOnce, sizeBytes))
  for (let position = 0, count = -1; count !== 0 && position < sizeBytes; position += count) {
    count = file.read(buffer.subarray(0, Math.min(buffer.length, sizeBytes - position)), position)
    sums.add(buffer.subarray(0, count))
  }
  sums.mark()
  return sums
}

/** What the header of a file with these sums says. */
export function sumsChecksum(of: SumsOf, sums: BlockSums): number {
  return checksumIn(encodeSumFile(of, sums))
}

/** Of a whole file. */
export function checksumIn(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(4, true)
}

/** null: damaged, or of another segment. */
export function decodeSumFile(
  bytes: Uint8Array,
  { baseOffset, sizeBytes, sumFileChecksum }: SumsOf & SumsFacts,
): BlockSums | null {
  if (bytes.length < headerSizeBytes) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const isWhole = view.getUint32(0, true) === magic && view.getUint32(4, true) === crc32(bytes, 8)
  const isOurs =
    readWide(view, 8) === baseOffset &&
    readWide(view, 16) === sizeBytes &&
    view.getUint32(24, true) === sumBlockBytes &&
    (sumFileChecksum === undefined || view.getUint32(4, true) === sumFileChecksum)
  return isWhole && isOurs ? BlockSums.decode(bytes.subarray(headerSizeBytes), sizeBytes) : null
}
