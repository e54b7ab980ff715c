// What windows must come to, computed the plain way: all rows at hand, no state, no clock, nothing shared with src.

export type OracleRow = { readonly key: string; readonly at: number; readonly amount: number }
export type OracleWindow = {
  readonly size: number
  readonly hop: number
  readonly offset: number
  readonly grace: number
}
export type OracleResult = {
  key: string
  window: { start: number; end: number }
  n: number
  total: number
  min: number
  max: number
  avg: number
  last: number
}

/** By definition: every `k * hop + offset` in `(at - size, at]`, found by walking. */
export function startsOf({ size, hop, offset }: OracleWindow, at: number): number[] {
  const starts: number[] = []
  let start = offset + Math.trunc((at - offset - size) / hop - 2) * hop
  while (start <= at - size) start += hop
  for (; start <= at; start += hop) starts.push(start)
  return starts
}

/** Rows of one partition in the order of their offsets, judged by the watermark that the rows before them made. */
export function judge(rows: readonly OracleRow[], window: OracleWindow, outOfOrder: number) {
  let watermark = -Infinity
  const accepted: { row: OracleRow; start: number }[] = []
  const late: OracleRow[] = []
  const unassigned: OracleRow[] = []
  for (const row of rows) {
    const starts = startsOf(window, row.at)
    const open = starts.filter((start) => watermark < start + window.size + window.grace)
    for (const start of open) accepted.push({ row, start })
    if (starts.length === 0) unassigned.push(row)
    else if (open.length === 0) late.push(row)
    watermark = Math.max(watermark, row.at - outOfOrder)
  }
  return { accepted, late, unassigned, watermark }
}

/** One result for each window and key, by close time, then key. */
export function aggregate(
  accepted: readonly { row: OracleRow; start: number }[],
  window: OracleWindow,
): OracleResult[] {
  const groups = new Map<string, { start: number; key: string; rows: OracleRow[] }>()
  for (const { row, start } of accepted) {
    const id = `${start} ${row.key}`
    const group = groups.get(id) ?? { start, key: row.key, rows: [] }
    group.rows.push(row)
    groups.set(id, group)
  }
  return [...groups.values()]
    .sort((a, b) => a.start - b.start || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
    .map(({ start, key, rows }) => {
      const amounts = rows.map(({ amount }) => amount)
      const newest = Math.max(...rows.map(({ at }) => at))
      const total = amounts.reduce((sum, amount) => sum + amount, 0)
      return {
        key,
        window: { start, end: start + window.size },
        n: rows.length,
        total,
        min: Math.min(...amounts),
        max: Math.max(...amounts),
        avg: total / rows.length,
        last: rows.findLast(({ at }) => at === newest)!.amount,
      }
    })
}

/** What is left when each row replaces the one before it of the same key and window. */
export function fold<R extends { key: string; window: { start: number }; revision: number }>(
  rows: readonly R[],
): R[] {
  const newest = new Map<string, R>()
  for (const row of rows) {
    const id = `${row.window.start} ${row.key}`
    const before = newest.get(id)?.revision ?? 0
    if (row.revision !== before + 1) throw new Error(`revision ${row.revision} of ${id} follows ${before}`)
    newest.set(id, row)
  }
  return [...newest.values()]
}
