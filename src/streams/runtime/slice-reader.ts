// Reads slices of segment files from the disk on which the log lies. A few files stay open, the least recently used one
// goes first.
import { BrokerError, type Disk, type DiskFile } from '#base'
import type { FetchedSlice } from '#broker'

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
  return async ({ path, position, sizeBytes }) => {
    const open = files.get(path) ?? { file: disk.open(path, 'read'), users: 0 }
    files.delete(path)
    files.set(path, open)
    open.users++
    try {
      const bytes = new Uint8Array(sizeBytes)
      for (let at = 0; at < sizeBytes; ) {
        const read = await open.file.readAsync(at === 0 ? bytes : bytes.subarray(at), position + at)
        if (read === 0) throw new BrokerError('corrupt', `${path} ends before byte ${position + sizeBytes}`)
        at += read
      }
      return bytes
    } finally {
      open.users--
      evict()
    }
  }
}

export function isDisk(reader: SliceReader | Disk): reader is Disk {
  return typeof reader !== 'function'
}
