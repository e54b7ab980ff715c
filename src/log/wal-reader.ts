// The write-ahead log, reading side: follows the chain of frames from a checkpoint to its end, and says what the end is.
//
// Where no frame follows, one of three things is true:
//   - the log goes on in a later file, whose first frame continues the chain;
//   - it is the end: nothing, or the torn remains of a frame that was never acknowledged. They are cut;
//   - it is damage: some later frame says that the missing one was durable. That is never cut.
import type { Disk } from '#base'
import { readWholeFile, walGenerations, walPath } from './data-directory.ts'
import { frameHeaderSizeBytes, frameMagic } from './frame.ts'
import {
  claimedFrameSize,
  type FrameHeader,
  type ReadEntry,
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
  let next = from
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
  let index = 0
  for (;;) {
    const wal = load(source, generations[index]!)
    for (;;) {
      const header = nextFrame(wal, next)
      if (header === null) break
      const entries = readEntries(wal, next.position, header)
      if (entries === null) return damagedAt(next.position, 'a frame is malformed')
      take({ header, entries, bytes: wal.bytes })
      frames++
      sizeBytes += header.sizeBytes
      next = after(next, header)
    }
    const later = generations.slice(index + 1)
    const chain = next
    const continued = later.find(
      (generation) => nextFrame(load(source, generation), { ...chain, generation, position: 0 }) !== null,
    )
    if (continued === undefined) {
      const here = claimsDurable(wal, next.position, next.sequence)
      const there = later.find((generation) => claimsDurable(load(source, generation), 0, next.sequence))
      if (here || there !== undefined) {
        // Where a frame was begun in this file it is that one, else the first of the next file.
        const isHere = here || claimedFrameSize(wal, next.position) > 0
        if (!isHere) next = { ...next, generation: later[0]!, position: 0 }
        return damagedAt(next.position, `frame ${next.sequence} was durable and cannot be read`)
      }
      return end(Math.min(claimedFrameSize(wal, next.position), wal.bytes.length - next.position), null)
    }
    index = generations.indexOf(continued)
    next = { ...next, generation: continued, position: 0 }
  }
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

function after(at: WalPosition, header: FrameHeader): WalPosition {
  return {
    generation: at.generation,
    position: at.position + header.sizeBytes,
    sequence: header.sequence + 1,
    previousChecksum: header.checksum,
  }
}

/** The frame that continues the chain at its place, or null. */
function nextFrame(wal: WalBytes, next: WalPosition): FrameHeader | null {
  const header = readFrame(wal, next.position)
  const continuing = header?.sequence === next.sequence && header.previousChecksum === next.previousChecksum
  return continuing ? header : null
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
