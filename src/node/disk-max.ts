// `--disk-max`: the most that the log may have of the disk, and the sizes of its files that go with it.
import { formatSize } from '#base'
import type { LogLimits } from '#log'
import { parseShare, type Share } from './share.ts'

/** A share of the volume, a size, or no limit. */
export type DiskMax = Share

const mebibyte = 2 ** 20
/** Less leaves no room for records beside the write-ahead log. */
const bytesMin = 256 * mebibyte
export const diskMaxForm = `a size of ${formatSize(bytesMin)} or more like 50GB, a share of the volume like 80%, or off`

/** `parseDiskMax('80%') -> { share: 0.8 }`, `'50GB'`, `'off'`; undefined for anything else. */
export const parseDiskMax = (text: string): DiskMax | undefined => parseShare(text, bytesMin)

/** Only whole sealed segments can be trimmed, so a small log has small ones; and a small write-ahead log. */
export function limitsWithin(maxBytes: number | null): Partial<LogLimits> {
  if (maxBytes === null) return {}
  const clamp = (value: number, least: number, most: number) =>
    Math.min(most, Math.max(least, Math.floor(value)))
  return {
    segmentSizeBytesMax: clamp(maxBytes / 32, mebibyte, 64 * mebibyte),
    walFilesMax: clamp(maxBytes / 4 / (32 * mebibyte), 2, 8),
  }
}
