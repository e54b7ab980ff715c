// The last bid of each bidder on each auction.
import { agg, app } from 'pspf'
import { bids } from './input.ts'

const last = bids
  .keyBy(({ bidder, auction }) => `${bidder} ${auction}`)
  .aggregate('last', { bid: agg.last((bid) => bid) })
  .map(({ bid }) => bid)
export const q18 = app({ id: 'q18' }).use(last.to('q18-out'))
