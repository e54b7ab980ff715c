// "Did you mean": the known name closest to a mistyped one.

const distanceMax = 3
/** Beyond this many candidates a suggestion is not worth its time. */
const candidatesMax = 2_000

/** `suggest('ordrs', ['orders', 'users']) -> 'orders'`; undefined when nothing is near. */
export function suggest(wrong: string, candidates: Iterable<string>): string | undefined {
  const near = Math.min(distanceMax, Math.max(1, Math.floor(wrong.length / 3)))
  let best: string | undefined
  let bestDistance = near + 1
  let seen = 0
  for (const candidate of candidates) {
    if (++seen > candidatesMax) break
    if (Math.abs(candidate.length - wrong.length) >= bestDistance) continue
    const distance = editDistance(wrong.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `; did you mean "orders"?`, or nothing: for the end of a message. */
export function didYouMean(wrong: string, candidates: Iterable<string>): string {
  const found = suggest(wrong, candidates)
  return found === undefined ? '' : `; did you mean "${found}"?`
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast = new Uint16Array(b.length + 1)
  let last = Uint16Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = new Uint16Array(b.length + 1)
    current[0] = row
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + same)
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1)
      current[column] = cost
    }
    beforeLast = last
    last = current
  }
  return last[b.length]!
}
