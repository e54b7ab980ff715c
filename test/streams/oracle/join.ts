// What joins must come to: every pair of accepted rows, looked at; what has no partner stands alone. Nothing shared with
// src.

export type JoinRow = {
  readonly side: 'l' | 'r'
  readonly key: string
  readonly at: number
  readonly id: number
}
export type IntervalOf = { readonly before: number; readonly after: number; readonly grace: number }
export type Pair = { left: number | null; right: number | null }

/** Rows of one partition in the order of their offsets, judged by the watermark that the rows before them made. */
export function judgeJoin(rows: readonly JoinRow[], { grace }: IntervalOf, outOfOrder: number) {
  let watermark = -Infinity
  const accepted: JoinRow[] = []
  const late: JoinRow[] = []
  for (const row of rows) {
    if (row.at + grace < watermark) late.push(row)
    else accepted.push(row)
    watermark = Math.max(watermark, row.at - outOfOrder)
  }
  return { accepted, late }
}

export function pairs(
  accepted: readonly JoinRow[],
  { before, after }: IntervalOf,
  how: 'inner' | 'left' | 'outer',
): Pair[] {
  const lefts = accepted.filter(({ side }) => side === 'l')
  const rights = accepted.filter(({ side }) => side === 'r')
  const fit = (l: JoinRow, r: JoinRow) => l.key === r.key && r.at >= l.at - before && r.at <= l.at + after
  const found: Pair[] = lefts.flatMap((l) =>
    rights.filter((r) => fit(l, r)).map((r) => ({ left: l.id, right: r.id })),
  )
  if (how !== 'inner') {
    for (const l of lefts) if (!rights.some((r) => fit(l, r))) found.push({ left: l.id, right: null })
  }
  if (how === 'outer') {
    for (const r of rights) if (!lefts.some((l) => fit(l, r))) found.push({ left: null, right: r.id })
  }
  return found
}
