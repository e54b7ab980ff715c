// A frame: everything that one write into the write-ahead log holds, as bytes. All of it counts, or nothing.
//
//   byte  field              type
//      0  magic              u32   "pspF"
//      4  checksum           u32   CRC-32 of byte 8 to the end, seeded with the log's salt
//      8  size               u32   of the whole frame
//     12  generation         u32   of the file: stale frames of a recycled file carry an older one
//     16  position           u32   of the frame in the file
//     20  previous checksum  u32   of the frame before, so that a hole breaks the chain
//     24  sequence           u64   rises by one per frame
//     32  durable up to      u64   sequence that was known to be synced when this frame was written
//     40  append time        u64   milliseconds; never falls
//     48  epoch              i32   of the leader
//     52  entry count        u32
//     56  table checksum     u32   see below
//     60  version            u32   2; 1 in frames in which no entry says where segments begin: the limits did; 0 in frames
//                                  without a table checksum, too
//     64  entries
//
//   Entry: kind u32, partition i32, topic id 16 bytes, offset u64, payload size u32, then the payload.
//   Kinds: 1 create (payload: topic in UTF-8), 2 delete, 3 trim (offset: first kept), 4 batch (offset: base; payload: it),
//   5 roll (offset: where the partition ends): the next batch begins a new segment; 6 replace (payload: segment-swap.ts).
//
// The table is everything but batches: the header from byte 8 to 56, then of each entry its header and, unless it is a
// batch, its payload. Its CRC-32, seeded with the salt, lets a frame with a damaged batch say which one it is.
//
// Little-endian. A frame without entries is a mark: it says that the frames before it are durable.
//
// Invariants (a frame that breaks one of them is not a frame):
//   1. Magic, generation and position are those of the place where it lies.
//   2. 64 <= size, and it ends inside its file.
//   3. The checksum matches. The salt is random per data directory, so that no record can contain a frame that passes.
//   4. sequence = the last one + 1, and previous checksum is that of the last one.
//   5. Entries fill the frame exactly.

export const frameHeaderSizeBytes = 64
export const entryHeaderSizeBytes = 36
export const topicIdSizeBytes = 16

export const frameMagic = 0x46707370

/** Places in a frame, in bytes from its start. */
export const frameField = {
  magic: 0,
  checksum: 4,
  size: 8,
  generation: 12,
  position: 16,
  previousChecksum: 20,
  sequence: 24,
  durableUpTo: 32,
  appendTime: 40,
  epoch: 48,
  entryCount: 52,
  tableChecksum: 56,
  version: 60,
} as const

/** Places in an entry. */
export const entryField = { kind: 0, partition: 4, topicId: 8, offset: 24, payloadSize: 32 } as const

export const entryKind = { create: 1, delete: 2, trim: 3, batch: 4, roll: 5, replace: 6 } as const

export const frameVersion = 2
/** From which on frames have what. */
export const frameVersionWith = { tableChecksum: 1, explicitRolls: 2 } as const

/** `entries`: headers, and payloads that are no batches, one after the other. */
export function tableChecksum(frame: Uint8Array, entries: Uint8Array, salt: number): number {
  return Bun.hash.crc32(
    entries,
    Bun.hash.crc32(frame.subarray(frameField.size, frameField.tableChecksum), salt),
  )
}

/** What is checksummed begins after the checksum. */
export function frameChecksum(frame: Uint8Array, salt: number): number {
  return Bun.hash.crc32(frame.subarray(frameField.size), salt)
}

/** Whole numbers up to 2^53, as u64. */
export function writeWide(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true)
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
}

export function readWide(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
}
