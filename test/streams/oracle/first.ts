// What dedupe must come to: rows of one partition in the order of their offsets, each judged against all that went on
// before. Nothing is ever forgotten here. Nothing shared with src.

export type FirstOf<R> = {
  readonly ttl: number
  readonly outOfOrder: number
  readonly identity: (row: R) => string
}

export function firsts<R extends { readonly at: number }>(rows: readonly R[], options: FirstOf<R>) {
  const { ttl, outOfOrder, identity } = options
  let watermark = -Infinity
  const first: R[] = []
  const late: R[] = []
  for (const row of rows) {
    const same = first.filter((one) => identity(one) === identity(row))
    if (row.at < watermark - ttl) late.push(row)
    else if (same.every((one) => one.at < row.at - ttl || one.at > row.at + ttl)) first.push(row)
    watermark = Math.max(watermark, row.at - outOfOrder)
  }
  return { first, late }
}
