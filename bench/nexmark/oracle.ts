// The right answers: each query over all events at once, in plain loops and maps. It shares no code with the product.
import type { Auction, Bid, Event, Person } from './event.ts'

export type Row = readonly unknown[]

/** Everything that there is, in the order in which it came. */
export type Input = {
  readonly bids: readonly Bid[]
  readonly auctions: readonly Auction[]
  readonly people: readonly Person[]
}

export function inputOf(events: Iterable<Event>): Input {
  const bids: Bid[] = []
  const auctions: Auction[] = []
  const people: Person[] = []
  for (const event of events) {
    if (event.kind === 'bid') bids.push(event)
    else if (event.kind === 'auction') auctions.push(event)
    else if (event.kind === 'person') people.push(event)
  }
  return { bids, auctions, people }
}

function grouped<T, K>(rows: Iterable<T>, keyOf: (row: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return groups
}

const tenSeconds = 10_000
const fieldsOf = (row: object): unknown[] => Object.values(row)

function* q3({ auctions, people }: Input): Generator<Row> {
  const offers = grouped(
    auctions.filter(({ category }) => category === 10),
    ({ seller }) => seller,
  )
  for (const { id, name, city, state } of people) {
    if (!['OR', 'ID', 'CA'].includes(state)) continue
    for (const offer of offers.get(id) ?? []) yield [name, city, state, offer.id]
  }
}

/** The highest bid of each auction that had one in its time; of equals the first. */
function winners({ bids, auctions }: Input): { auction: Auction; bid: Bid }[] {
  const perAuction = grouped(bids, ({ auction }) => auction)
  return auctions.flatMap((auction) => {
    const inTime = (perAuction.get(auction.id) ?? []).filter(
      ({ dateTime }) => dateTime >= auction.dateTime && dateTime <= auction.expires,
    )
    if (inTime.length === 0) return []
    const price = inTime.reduce((most, bid) => Math.max(most, bid.price), 0)
    return [{ auction, bid: inTime.find((bid) => bid.price === price)! }]
  })
}

function* q4(input: Input): Generator<Row> {
  for (const [category, won] of grouped(winners(input), ({ auction }) => auction.category)) {
    const sum = won.reduce((total, { bid }) => total + bid.price, 0)
    yield [category, Math.trunc(sum / won.length)]
  }
}

function* q5({ bids }: Input): Generator<Row> {
  const counts = new Map<number, Map<number, number>>()
  for (const { auction, dateTime } of bids) {
    const newest = Math.floor(dateTime / 2_000) * 2_000
    for (let start = newest - 8_000; start <= newest; start += 2_000) {
      const window = counts.get(start) ?? new Map<number, number>()
      counts.set(start, window)
      window.set(auction, (window.get(auction) ?? 0) + 1)
    }
  }
  for (const [start, window] of counts) {
    const most = Math.max(...window.values())
    for (const [auction, count] of window) if (count === most) yield [auction, count, start + tenSeconds]
  }
}

function* q7({ bids }: Input): Generator<Row> {
  const startOf = (time: number) => Math.floor(time / tenSeconds) * tenSeconds
  const windows = grouped(bids, ({ dateTime }) => startOf(dateTime))
  for (const [start, inside] of windows) {
    const end = start + tenSeconds
    const price = inside.reduce((most, bid) => Math.max(most, bid.price), 0)
    const next = windows.get(end) ?? []
    for (const bid of [...inside, ...next.filter(({ dateTime }) => dateTime === end)]) {
      if (bid.price === price) yield [bid.auction, bid.bidder, bid.price, bid.dateTime, end]
    }
  }
}

function* q8({ auctions, people }: Input): Generator<Row> {
  const startOf = (time: number) => Math.floor(time / tenSeconds) * tenSeconds
  const sellers = new Set(auctions.map(({ seller, dateTime }) => `${seller} ${startOf(dateTime)}`))
  for (const { id, name, dateTime } of people) {
    const start = startOf(dateTime)
    if (sellers.has(`${id} ${start}`)) yield [id, name, start]
  }
}

function* q11({ bids }: Input): Generator<Row> {
  for (const [bidder, all] of grouped(bids, (bid) => bid.bidder)) {
    const times = all.map(({ dateTime }) => dateTime).sort((a, b) => a - b)
    let first = 0
    for (let index = 1; index <= times.length; index++) {
      if (index < times.length && times[index]! - times[index - 1]! <= tenSeconds) continue
      yield [bidder, index - first, times[first], times[index - 1]! + tenSeconds]
      first = index
    }
  }
}

function* q12({ bids }: Input): Generator<Row> {
  for (const [bidder, all] of grouped(bids, (bid) => bid.bidder)) yield [bidder, all.length]
}

function* q17({ bids }: Input): Generator<Row> {
  const perDay = grouped(bids, ({ auction, dateTime }) => `${auction} ${Math.floor(dateTime / 86_400_000)}`)
  for (const all of perDay.values()) {
    const prices = all.map(({ price }) => price).sort((a, b) => a - b)
    const sum = prices.reduce((total, price) => total + price, 0)
    yield [
      all[0]!.auction,
      Math.floor(all[0]!.dateTime / 86_400_000) * 86_400_000,
      prices.length,
      prices.filter((price) => price < 1e4).length,
      prices.filter((price) => price >= 1e4 && price < 1e6).length,
      prices.filter((price) => price >= 1e6).length,
      prices[0],
      prices.at(-1),
      Math.trunc(sum / prices.length),
      sum,
    ]
  }
}

function* q18({ bids }: Input): Generator<Row> {
  const last = new Map<string, Bid>()
  for (const bid of bids) {
    const key = `${bid.bidder} ${bid.auction}`
    const known = last.get(key)
    if (known === undefined || bid.dateTime >= known.dateTime) last.set(key, bid)
  }
  for (const bid of last.values()) yield fieldsOf(bid)
}

function* q19({ bids }: Input): Generator<Row> {
  for (const all of grouped(bids, ({ auction }) => auction).values()) {
    const ranked = all.toSorted((a, b) => b.price - a.price || a.dateTime - b.dateTime).slice(0, 10)
    for (const [index, bid] of ranked.entries()) yield [...fieldsOf(bid), index + 1]
  }
}

function* q20({ bids, auctions }: Input): Generator<Row> {
  const known = new Map(auctions.map((auction) => [auction.id, auction]))
  for (const bid of bids) {
    const auction = known.get(bid.auction)
    if (auction?.category === 10) yield [...fieldsOf(bid), ...fieldsOf(auction)]
  }
}

/** The rows of a query's final result. Functional updates count once: the last row of each key. */
export const answers: Readonly<Record<string, (input: Input) => Iterable<Row>>> = {
  q0: ({ bids }) => bids.map((bid) => [bid.auction, bid.bidder, bid.price, bid.dateTime, bid.extra]),
  q1: ({ bids }) =>
    bids.map((bid) => [bid.auction, bid.bidder, (bid.price * 908) / 1000, bid.dateTime, bid.extra]),
  q2: ({ bids }) => bids.flatMap(({ auction, price }) => (auction % 123 === 0 ? [[auction, price]] : [])),
  q3,
  q4,
  q5,
  q7,
  q8,
  q9: (input) => winners(input).map(({ auction, bid }) => [...fieldsOf(auction), ...fieldsOf(bid)]),
  q11,
  q12,
  q13: ({ bids }) =>
    bids.map((bid) => [bid.auction, bid.bidder, bid.price, bid.dateTime, `value ${bid.auction % 10_000}`]),
  q17,
  q18,
  q19,
  q20,
}
