// Reads slices of segment files from the disk on which the log lies, and checks them as the log itself would. A few files
// stay open, the least recently used one goes first.
import { BrokerError, type Disk, type DiskFile, damagedBlockAt } from '#base'
import type { FetchedSlice } from '#broker'
import { batchHeaderSizeBytes, readBatchHeader } from '#record'

export type SegmentSlice = NonNullable<FetchedSlice['slice']>
export type SliceReader = (slice: SegmentSlice) => Promise<Uint8Array>

export function diskSliceReader(disk: Disk, openFilesMax: number): SliceReader {
  const files = new Map<string, { file: DiskFile; users: number }>()
  const evict = () => {
    for (const [path, { file, users }] of files) {
      if (files.size <= openFilesMax) return
      if (users > 0) continue
      files.delete(path)
      file.close()
    }
  }
  return async (slice) => {
    const { path } = slice
    const open = files.get(path) ?? { file: disk.open(path, 'read'), users: 0 }
    files.delete(path)
    files.set(path, open)
    open.users++
    try {
      return await readSlice(open.file, slice)
    } finally {
      open.users--
      evict()
    }
  }
}

async function readSlice(
  file: DiskFile,
  { path, position, sizeBytes, summed }: SegmentSlice,
): Promise<Uint8Array> {
  const { from, until } = summed ?? { from: position, until: position + sizeBytes }
  const bytes = new Uint8Array(until - from)
  let length = 0
  for (let count = -1; count !== 0 && length < bytes.length; length += count) {
    count = await file.readAsync(length === 0 ? bytes : bytes.subarray(length), from + length)
  }
  const read = bytes.subarray(0, length)
  const damagedAt = summed === undefined ? -1 : damagedBlockAt(read, summed)
  const end = damagedAt < 0 ? from + length : damagedAt
  if (end >= position + sizeBytes) return read.subarray(position - from, position - from + sizeBytes)
  // What lies before damage is served; the next slice begins at it.
  const whole = wholeBatches(read.subarray(position - from, Math.max(end, position) - from))
  if (whole.length > 0) return whole
  const why = damagedAt < 0 ? 'the file is shorter than it was' : 'the checksum of a block does not match'
  throw new BrokerError('corrupt', `${path} is damaged at byte ${end}: ${why}`, {
    fix: 'restore a backup, or accept the loss: pspfctl log repair',
    details: { path, position: end },
  })
}

function wholeBatches(bytes: Uint8Array): Uint8Array {
  let end = 0
  while (end + batchHeaderSizeBytes <= bytes.length) {
    const { sizeBytes } = readBatchHeader(bytes, end)
    if (sizeBytes < batchHeaderSizeBytes || end + sizeBytes > bytes.length) break
    end += sizeBytes
  }
  return bytes.subarray(0, end)
}

export function isDisk(reader: SliceReader | Disk): reader is Disk {
  return typeof reader !== 'function'
}
