// Bids that say when they were due, as lines. Bidders are many: hardly two bids of one commit have the same.

const bidders = 1_000_003
const filler = 'x'.repeat(80)

export class Bids {
  #next = 0

  /** `dueAt`: milliseconds since 1970 UTC, with a fraction. */
  line(dueAt: number): string {
    const n = this.#next++
    const price = 100 + (n % 9_973)
    return `{"n":${n},"auction":${1000 + (n % 997)},"bidder":${(n * 7_919) % bidders},"price":${price},"dueAt":${dueAt},"extra":"${filler}"}\n`
  }
}
