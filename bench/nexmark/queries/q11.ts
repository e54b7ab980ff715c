// Bids per bidder and visit: a visit ends after ten seconds without a bid.
import { agg, app, window } from 'pspf'
import { bids } from './input.ts'

const gapMs = 10_000
const visits = bids
  .keyBy('bidder')
  .window('visits', window.session({ gap: '10s', grace: '0s' }))
  .aggregate({ bids: agg.count() })
  .emit('on-close')
const rows = visits.out.map(({ key, bids: count, window: { start, end } }) => ({
  bidder: key,
  bids: count,
  start,
  end: end + gapMs,
}))
export const q11 = app({ id: 'q11' }).use(rows.to('q11-out'))
