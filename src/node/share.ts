// A size of something, or a share of all there is of it: how much of the disk the log may have, of the memory an app.
import { parseSize } from '#base'

/** null: no limit. */
export type Share = { readonly share: number } | { readonly bytes: number } | null

/** `parseShare('80%', 1024) -> { share: 0.8 }`, `'50GB'`, `'off'`; undefined for anything else, and for less than `bytesMin`. */
export function parseShare(text: string, bytesMin: number): Share | undefined {
  if (text === 'off') return null
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent !== undefined) {
    const share = Number(percent) / 100
    return share > 0 && share <= 1 ? { share } : undefined
  }
  try {
    const bytes = parseSize(text)
    return bytes >= bytesMin ? { bytes } : undefined
  } catch {
    // The caller names the setting and says what it may be.
    return undefined
  }
}

export function bytesOfShare(max: Share, totalBytes: number): number | null {
  if (max === null) return null
  return 'share' in max ? Math.floor(totalBytes * max.share) : max.bytes
}
