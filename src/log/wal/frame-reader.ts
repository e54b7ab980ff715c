// Reads frames back and believes none that breaks an invariant of frame.ts.
import {
  entryField,
  entryHeaderSizeBytes,
  entryKind,
  frameChecksum,
  frameField,
  frameHeaderSizeBytes,
  frameMagic,
  frameVersionWith,
  readWide,
  tableChecksum,
  topicIdSizeBytes,
} from './frame.ts'

export type FrameHeader = {
  readonly sizeBytes: number
  readonly checksum: number
  readonly previousChecksum: number
  readonly sequence: number
  readonly durableUpTo: number
  readonly appendTime: number
  readonly epoch: number
  readonly entryCount: number
  readonly version: number
  /** Only `roll` entries begin segments; else the limits do. */
  readonly explicitRolls: boolean
}

/** The bytes of one write-ahead log file, from its start. */
export type WalBytes = {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly generation: number
  readonly salt: number
}

export function walBytes(bytes: Uint8Array, generation: number, salt: number): WalBytes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { bytes, view, generation, salt }
}

/** Invariants 1 and 2: does it at least claim to be a frame of this place? Its size then, else 0. */
export function claimedFrameSize({ view, generation }: WalBytes, position: number): number {
  if (position + frameHeaderSizeBytes > view.byteLength) return 0
  if (view.getUint32(position + frameField.magic, true) !== frameMagic) return 0
  if (view.getUint32(position + frameField.generation, true) !== generation) return 0
  if (view.getUint32(position + frameField.position, true) !== position) return 0
  return view.getUint32(position + frameField.size, true)
}

/** The frame at `position` if it is one by itself (invariants 1 to 3), else null. Its place in the chain is the caller's. */
export function readFrame(wal: WalBytes, position: number): FrameHeader | null {
  const header = claimedHeader(wal, position)
  return header !== null && checksumAt(wal, position, header) === header.checksum ? header : null
}

/** The checksum that the bytes of a frame have, whatever it says. */
export function checksumAt({ bytes, salt }: WalBytes, position: number, { sizeBytes }: FrameHeader): number {
  return frameChecksum(bytes.subarray(position, position + sizeBytes), salt)
}

/**
 * A frame of which only batches, or the checksum itself, are damaged: its header and entries can be believed, but each
 * batch must be checked by itself. null: it cannot be told.
 */
export function readDamagedFrame(wal: WalBytes, position: number): FrameHeader | null {
  const { bytes, view, salt } = wal
  const header = claimedHeader(wal, position)
  if (header === null || header.version < frameVersionWith.tableChecksum) return null
  const entries = readEntries(wal, position, header)
  if (entries === null) return null
  const table = Buffer.concat(
    entries.map(({ kind, payloadAt, payloadSizeBytes }) =>
      bytes.subarray(payloadAt - entryHeaderSizeBytes, payloadAt + (kind === 'batch' ? 0 : payloadSizeBytes)),
    ),
  )
  const checksum = tableChecksum(bytes.subarray(position, position + header.sizeBytes), table, salt)
  return checksum === view.getUint32(position + frameField.tableChecksum, true) ? header : null
}

/** Invariants 1 and 2. */
function claimedHeader(wal: WalBytes, position: number): FrameHeader | null {
  const { bytes, view } = wal
  const sizeBytes = claimedFrameSize(wal, position)
  if (sizeBytes < frameHeaderSizeBytes || position + sizeBytes > bytes.length) return null
  const version = view.getUint32(position + frameField.version, true)
  return {
    sizeBytes,
    checksum: view.getUint32(position + frameField.checksum, true),
    previousChecksum: view.getUint32(position + frameField.previousChecksum, true),
    sequence: readWide(view, position + frameField.sequence),
    durableUpTo: readWide(view, position + frameField.durableUpTo),
    appendTime: readWide(view, position + frameField.appendTime),
    epoch: view.getInt32(position + frameField.epoch, true),
    entryCount: view.getUint32(position + frameField.entryCount, true),
    version,
    explicitRolls: version >= frameVersionWith.explicitRolls,
  }
}

export type ReadEntry = {
  readonly kind: keyof typeof entryKind
  /** 32 hex digits. */
  readonly topicId: string
  readonly partition: number
  readonly offset: number
  /** Where the payload lies in the file's bytes. */
  readonly payloadAt: number
  readonly payloadSizeBytes: number
}

const kindOf = new Map(
  Object.entries(entryKind).map(([kind, number]) => [number as number, kind as ReadEntry['kind']]),
)

/** The entries of a frame, or null if they do not fill it (invariant 5). */
export function readEntries(wal: WalBytes, position: number, header: FrameHeader): ReadEntry[] | null {
  const { bytes, view } = wal
  const entries: ReadEntry[] = []
  const end = position + header.sizeBytes
  let at = position + frameHeaderSizeBytes
  while (at < end) {
    const payloadAt = at + entryHeaderSizeBytes
    if (payloadAt > end) return null
    const kind = kindOf.get(view.getUint32(at + entryField.kind, true))
    const payloadSizeBytes = view.getUint32(at + entryField.payloadSize, true)
    if (kind === undefined || payloadSizeBytes > end - payloadAt) return null
    const topicIdAt = at + entryField.topicId
    entries.push({
      kind,
      topicId: bytes.subarray(topicIdAt, topicIdAt + topicIdSizeBytes).toHex(),
      partition: view.getInt32(at + entryField.partition, true),
      offset: readWide(view, at + entryField.offset),
      payloadAt,
      payloadSizeBytes,
    })
    at = payloadAt + payloadSizeBytes
  }
  return entries.length === header.entryCount ? entries : null
}
