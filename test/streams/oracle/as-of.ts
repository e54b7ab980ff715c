// What a join as of event time must come to: for each accepted row every version that had come by the time it was
// released is looked at. Nothing is ever forgotten here. Nothing shared with src.

export type AsOfRow = {
  readonly side: 'row' | 'version'
  readonly key: string
  readonly at: number
  readonly id: number
}
export type AsOfSettings = { readonly wait: number; readonly tolerance: number | null }
export type Met = { readonly row: number; readonly version: number | null }

/** Rows of one partition in the order of their offsets, both sides together. */
export function judgeAsOf(rows: readonly AsOfRow[], settings: AsOfSettings, outOfOrder: number) {
  const watermarks: number[] = []
  let watermark = -Infinity
  for (const { at } of rows) {
    watermark = Math.max(watermark, at - outOfOrder)
    watermarks.push(watermark)
  }
  const late: AsOfRow[] = []
  const met: Met[] = []
  rows.forEach((row, index) => {
    if (row.side !== 'row') return
    if (row.at + settings.wait < (watermarks[index - 1] ?? -Infinity)) {
      late.push(row)
      return
    }
    const passed = watermarks.findIndex((w, later) => later >= index && w > row.at + settings.wait)
    const known = rows.slice(0, passed < 0 ? rows.length : passed + 1)
    met.push({ row: row.id, version: versionAt(known, row, settings) })
  })
  return { met, late }
}

/** The newest that was valid then; of the same moment, the one that came last. */
export function versionAt(
  known: readonly AsOfRow[],
  row: AsOfRow,
  { tolerance }: AsOfSettings,
): number | null {
  let best: AsOfRow | null = null
  for (const one of known) {
    if (one.side !== 'version' || one.key !== row.key || one.at > row.at) continue
    if (best === null || one.at >= best.at) best = one
  }
  return best === null || (tolerance !== null && row.at - best.at > tolerance) ? null : best.id
}
