// The write-ahead log, reading side: follows the chain of frames from a checkpoint to its end, and says what the end is.
//
// Where no frame follows, one of three things is true:
//   - the log goes on in a later file, whose first frame continues the chain;
//   - it is the end: nothing, or the torn remains of a frame that was never acknowledged. They are cut;
//   - it is damage: some later frame says that the missing one was durable. That is never cut. If the table of the damaged
//     frame is whole, the frame is answered as damaged, for its batches to be judged one by one, and the chain goes on.
import type { Disk } from '#base'
import { readWholeFile, walGenerations, walPath } from '../disk/data-directory.ts'
import { frameHeaderSizeBytes, frameMagic } from './frame.ts'
import {
  checksumAt,
  claimedFrameSize,
  type FrameHeader,
  type ReadEntry,
  readDamagedFrame,
  readEntries,
  readFrame,
  type WalBytes,
  walBytes,
} from './frame-reader.ts'
import type { WalPosition } from './wal.ts'

export type WalFrame = {
  readonly header: FrameHeader
  readonly entries: readonly ReadEntry[]
  /** The file's bytes, in which entries have their payloads. */
  readonly bytes: Uint8Array
  /** Where it lies. */
  readonly generation: number
  readonly position: number
  /** Its batches, and nothing else of it, may not be what was written. */
  readonly damaged: boolean
}

export type WalDamage = { readonly path: string; readonly position: number; readonly why: string }

export type WalEnd = {
  /** Where the chain ends; a writer goes on in a new file. */
  readonly next: WalPosition
  readonly frames: number
  readonly sizeBytes: number
  /** Of a torn frame at the end. */
  readonly cutBytes: number
  readonly damage: WalDamage | null
}

export type WalSource = { readonly disk: Disk; readonly directory: string; readonly salt: number }

/** Before the first frame of all, in a file that never exists. */
export const beginning: WalPosition = { generation: 0, position: 0, sequence: 1, previousChecksum: 0 }

const magicBytes = new Uint8Array(new Uint32Array([frameMagic]).buffer)

/** Calls `take` for each frame from `from` on, in order. */
export function readWal(source: WalSource, from: WalPosition, take: (frame: WalFrame) => void): WalEnd {
  const { disk, directory } = source
  const generations = walGenerations(disk, directory).filter((generation) => generation >= from.generation)
  let next: Chain = from
  let frames = 0
  let sizeBytes = 0
  const end = (cutBytes: number, damage: WalDamage | null): WalEnd => ({
    next,
    frames,
    sizeBytes,
    cutBytes,
    damage,
  })
  const damagedAt = (position: number, why: string): WalEnd =>
    end(0, { path: walPath(directory, next.generation), position, why })

  if (from.generation === beginning.generation) generations.unshift(beginning.generation)
  if (generations[0] !== from.generation) return damagedAt(from.position, 'the file is missing')
  let wal = load(source, generations[0]!)
  for (;;) {
    const later = generations.filter((generation) => generation > next.generation)
    const found = findNext({ source, wal, later }, next)
    if (found === null) return judgeEnd({ source, wal, later }, next, end)
    wal = found.wal
    const { header, damaged } = found
    const { generation, position } = found.at
    next = { ...next, generation, position }
    const entries = readEntries(wal, position, header)
    if (entries === null) return damagedAt(position, 'a frame is malformed')
    take({ header, entries, bytes: wal.bytes, generation, position, damaged })
    frames++
    sizeBytes += header.sizeBytes
    next = after(found)
  }
}

/** The file in which the chain is, and the files behind it. */
type Files = { readonly source: WalSource; readonly wal: WalBytes; readonly later: readonly number[] }

type FoundFrame = {
  readonly at: Chain
  readonly wal: WalBytes
  readonly header: FrameHeader
  readonly damaged: boolean
}

/**
 * The frame that continues the chain: at its place, or first in a later file. A whole one anywhere comes before a damaged
 * one, since the remains of a torn frame may lie where another one has taken its place.
 */
function findNext({ source, wal, later }: Files, next: Chain): FoundFrame | null {
  const here = nextFrame(wal, next)
  if (here !== null) return { at: next, wal, header: here, damaged: false }
  const places = later.map((generation) => ({ ...next, generation, position: 0 }))
  for (const at of places) {
    const file = load(source, at.generation)
    const header = nextFrame(file, at)
    if (header !== null) return { at, wal: file, header, damaged: false }
  }
  for (const at of [next, ...places]) {
    const file = at === next ? wal : load(source, at.generation)
    const behind = later.filter((generation) => generation > at.generation)
    const header = nextDamagedFrame({ source, wal: file, later: behind }, at)
    if (header !== null) return { at, wal: file, header, damaged: true }
  }
  return null
}

function judgeEnd(
  { source, wal, later }: Files,
  next: Chain,
  end: (cutBytes: number, damage: WalDamage | null) => WalEnd,
): WalEnd {
  const here = claimsDurable(wal, next.position, next.sequence)
  const there = later.some((generation) => claimsDurable(load(source, generation), 0, next.sequence))
  if (!here && !there) {
    // A checkpoint may have gone further than this file, whose last frames were then never needed.
    const restBytes = Math.max(wal.bytes.length - next.position, 0)
    return end(Math.min(claimedFrameSize(wal, next.position), restBytes), null)
  }
  // Where a frame was begun in this file it is that one, else the first of the next file.
  const isHere = here || claimedFrameSize(wal, next.position) > 0
  const { generation, position } = isHere ? next : { generation: later[0]!, position: 0 }
  const why = `frame ${next.sequence} was durable and cannot be read`
  return end(0, { path: walPath(source.directory, generation), position, why })
}

function load({ disk, directory, salt }: WalSource, generation: number): WalBytes {
  if (generation === beginning.generation) return walBytes(new Uint8Array(0), generation, salt)
  const file = disk.open(walPath(directory, generation), 'read')
  try {
    return walBytes(readWholeFile(file), generation, salt)
  } finally {
    file.close()
  }
}

/** Behind a damaged frame: that of its bytes as they are, which is the right one if its checksum field is what is wrong. */
type Chain = WalPosition & { readonly otherChecksum?: number }

function after({ at, wal, header, damaged }: FoundFrame): Chain {
  return {
    generation: at.generation,
    position: at.position + header.sizeBytes,
    sequence: header.sequence + 1,
    previousChecksum: header.checksum,
    ...(damaged && { otherChecksum: checksumAt(wal, at.position, header) }),
  }
}

/** The frame that continues the chain at its place, or null. */
function nextFrame(wal: WalBytes, next: Chain): FrameHeader | null {
  const header = readFrame(wal, next.position)
  return header !== null && continues(header, next) ? header : null
}

function continues({ sequence, previousChecksum }: FrameHeader, next: Chain): boolean {
  const isLinked = previousChecksum === next.previousChecksum || previousChecksum === next.otherChecksum
  return sequence === next.sequence && isLinked
}

/**
 * As `nextFrame`, for one of which at most batches are damaged. The frame behind it proves that it is this one and not the
 * remains of another; that frame or a later one, that it was durable and not torn.
 */
function nextDamagedFrame({ source, wal, later }: Files, next: Chain): FrameHeader | null {
  const header = readDamagedFrame(wal, next.position)
  if (header === null || !continues(header, next)) return null
  const behind = after({ at: next, wal, header, damaged: true })
  const places = [
    { file: () => wal, position: behind.position },
    ...later.map((generation) => ({ file: () => load(source, generation), position: 0 })),
  ]
  const wasDurable = ({ durableUpTo }: FrameHeader) =>
    durableUpTo >= header.sequence ||
    places.some(({ file, position }) => claimsDurable(file(), position, header.sequence))
  const isProven = places.some(({ file, position }) => {
    const bytes = file()
    const successor = readFrame(bytes, position) ?? readDamagedFrame(bytes, position)
    return successor !== null && continues(successor, behind) && wasDurable(successor)
  })
  return isProven ? header : null
}

/** Is there, at or after `position`, a frame which says that frame `sequence` was durable? */
function claimsDurable(wal: WalBytes, position: number, sequence: number): boolean {
  const bytes = Buffer.from(wal.bytes.buffer, wal.bytes.byteOffset, wal.bytes.byteLength)
  const last = bytes.length - frameHeaderSizeBytes
  for (
    let at = bytes.indexOf(magicBytes, position);
    at >= 0 && at <= last;
    at = bytes.indexOf(magicBytes, at + 1)
  ) {
    const header = readFrame(wal, at)
    if (header !== null && header.durableUpTo >= sequence) return true
  }
  return false
}
