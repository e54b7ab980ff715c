// What sliding windows must come to: for each time at which a key had a row on time, the rows from `size` before it up to
// it that came before that window closed. Nothing shared with src.
import type { SessionResult, Timed } from './session.ts'

export type SlidingOf = { readonly size: number; readonly grace: number }

export function judgeSliding(rows: readonly Timed[], { size, grace }: SlidingOf, outOfOrder: number) {
  let watermark = -Infinity
  const judged: { row: Timed; watermark: number; anchor: boolean }[] = []
  const late: Timed[] = []
  for (const row of rows) {
    const anchor = row.at + grace >= watermark
    const takers = judged.filter(
      (other) =>
        other.anchor &&
        other.row.key === row.key &&
        other.row.at > row.at &&
        other.row.at <= row.at + size &&
        watermark <= other.row.at + grace,
    )
    if (anchor || takers.length > 0) judged.push({ row, watermark, anchor })
    else late.push(row)
    watermark = Math.max(watermark, row.at - outOfOrder)
  }
  return { judged, late, watermark }
}

/** By close time, then key. */
export function slidingWindows(
  judged: ReturnType<typeof judgeSliding>['judged'],
  { size, grace }: SlidingOf,
): SessionResult[] {
  const anchors = new Map<string, { key: string; at: number }>()
  for (const { row, anchor } of judged) {
    if (anchor) anchors.set(`${row.at} ${row.key}`, { key: row.key, at: row.at })
  }
  return [...anchors.values()]
    .map(({ key, at }) => {
      const members = judged.filter(
        ({ row, watermark }) =>
          row.key === key && row.at >= at - size && row.at <= at && watermark <= at + grace,
      )
      return {
        key,
        window: { start: at - size, end: at },
        n: members.length,
        total: members.reduce((sum, { row }) => sum + row.amount, 0),
      }
    })
    .sort((a, b) => a.window.end - b.window.end || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
}
