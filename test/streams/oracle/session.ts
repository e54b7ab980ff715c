// What sessions must come to: all accepted rows at hand, sorted, cut where the gap is. Which rows are accepted is judged
// with the same batch computation over the rows before. Nothing shared with src.

export type Timed = { readonly key: string; readonly at: number; readonly amount: number }
export type SessionOf = { readonly gap: number; readonly grace: number }
export type SessionResult = { key: string; window: { start: number; end: number }; n: number; total: number }

/** Sessions of one key's rows. */
function cut(rows: readonly Timed[], gap: number): Timed[][] {
  const sessions: Timed[][] = []
  for (const row of rows.toSorted((a, b) => a.at - b.at)) {
    const session = sessions.at(-1)
    if (session !== undefined && row.at - session.at(-1)!.at <= gap) session.push(row)
    else sessions.push([row])
  }
  return sessions
}

/** Rows of one partition in the order of their offsets, judged by the watermark that the rows before them made. */
export function judgeSessions(rows: readonly Timed[], { gap, grace }: SessionOf, outOfOrder: number) {
  let watermark = -Infinity
  const accepted: Timed[] = []
  const late: Timed[] = []
  for (const row of rows) {
    const own = accepted.filter(({ key }) => key === row.key)
    const open = cut(own, gap).filter((session) => watermark <= session.at(-1)!.at + gap + grace)
    const fits = open.some((session) => session[0]!.at <= row.at && row.at <= session.at(-1)!.at + gap)
    if (row.at + grace < watermark && !fits) late.push(row)
    else accepted.push(row)
    watermark = Math.max(watermark, row.at - outOfOrder)
  }
  return { accepted, late, watermark }
}

/** By close time, then key. */
export function sessions(accepted: readonly Timed[], { gap }: SessionOf): SessionResult[] {
  const keys = [...new Set(accepted.map(({ key }) => key))]
  return keys
    .flatMap((key) =>
      cut(
        accepted.filter((row) => row.key === key),
        gap,
      ).map((rows) => ({
        key,
        window: { start: rows[0]!.at, end: rows.at(-1)!.at },
        n: rows.length,
        total: rows.reduce((sum, { amount }) => sum + amount, 0),
      })),
    )
    .sort((a, b) => a.window.end - b.window.end || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
}
