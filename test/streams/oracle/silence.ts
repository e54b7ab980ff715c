// What the handler of process.test.ts must say: all rows at hand, time moved on one millisecond after the other, state as
// plain lists of what was ever written. Nothing shared with src.

type Row = { readonly key: string; readonly n: number; readonly at: number }
type Written = { readonly n: number; readonly at: number }
type Key = {
  count: number
  recent: Written[]
  seen: Map<number, number>
  per: Map<number, number>
  timers: Map<string, number>
}
export type Said = { key: string; at: number; said: unknown }

export function silences(rows: readonly Row[], wanted: { ttl: number; quiet: number; listMax: number }) {
  const { ttl, quiet, listMax } = wanted
  const keys = new Map<string, Key>()
  const out: Said[] = []
  const resets: string[] = []
  let watermark = -Infinity
  const live = (at: number, now: number) => now <= at + ttl
  const recent = (key: Key, now: number) => key.recent.filter(({ at }) => live(at, now)).map(({ n }) => n)
  const seen = (key: Key, now: number) =>
    [...key.seen]
      .filter(([, at]) => live(at, now))
      .map(([n]) => n)
      .sort()

  /** Fires the first timer before `limit`; false: there is none. `now`: how far time is while it fires. */
  const fireOne = (limit: number, now: number): number | null => {
    const due = [...keys]
      .flatMap(([key, { timers }]) => [...timers].map(([name, at]) => ({ key, name, at })))
      .filter(({ at }) => at < limit)
      .sort(
        (a, b) =>
          a.at - b.at || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || (a.name < b.name ? -1 : 1),
      )[0]
    if (due === undefined) return null
    const key = keys.get(due.key)!
    key.timers.delete(due.name)
    const passed = Math.max(now, due.at + 1)
    if (due.name === 'quiet') {
      out.push({ key: due.key, at: due.at, said: ['quiet', recent(key, passed), seen(key, passed).length] })
      key.timers.set('after', due.at + 2)
    } else {
      out.push({ key: due.key, at: due.at, said: ['after', key.count] })
    }
    return passed
  }

  for (const { key: name, n, at } of rows) {
    const fresh: Key = { count: 0, recent: [], seen: new Map(), per: new Map(), timers: new Map() }
    const key = keys.get(name) ?? fresh
    keys.set(name, key)
    const written = Math.max(at, watermark)
    key.count++
    key.recent.push({ n, at: written })
    while (recent(key, watermark).length > listMax) {
      key.recent.splice(
        key.recent.findIndex((one) => live(one.at, watermark)),
        1,
      )
    }
    key.seen.set(n, written)
    key.per.set(n, (key.per.get(n) ?? 0) + 1)
    if (n === 0) {
      key.timers.delete('quiet')
      key.per.clear()
      resets.push(name)
    } else {
      key.timers.set('quiet', at + quiet)
    }
    const per = [...key.per].sort(([a], [b]) => a - b)
    out.push({ key: name, at, said: [key.count, recent(key, watermark), seen(key, watermark), per] })
    while (fireOne(watermark, watermark) !== null) {
      // Timers set for the past.
    }
    watermark = Math.max(watermark, at)
    for (let now = -Infinity; ; ) {
      const passed = fireOne(watermark, now)
      if (passed === null) break
      now = passed
    }
  }
  for (let now = -Infinity; ; ) {
    const passed = fireOne(Infinity, now)
    if (passed === null) break
    now = passed
  }
  return { out, resets }
}
