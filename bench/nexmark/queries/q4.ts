// The average winning price per category: the highest bid of each auction once it is over, then a mean.
import { agg, app, window } from 'pspf'
import { auctions } from './input.ts'
import { bidsInTime, runsAtMost } from './winning.ts'

const offers = auctions.map(({ id, category, expires }) => ({ id, category, expires }))
const highest = bidsInTime(offers)
  .keyBy(({ auction }) => auction.id)
  // All bids of an auction lie within its life: they are one session.
  .window('highest', window.session({ gap: runsAtMost, grace: '0s' }))
  .aggregate({ price: agg.max(({ bid }) => bid.price), category: agg.max(({ auction }) => auction.category) })
  .emit('on-close')
const averages = highest.out
  .keyBy('category')
  .aggregate('averages', { sum: agg.sum('price'), auctions: agg.count() })
  .map(({ key, sum, auctions }) => ({ category: key, average: Math.trunc(sum / auctions) }))
export const q4 = app({ id: 'q4' }).use(averages.to('q4-out'))
