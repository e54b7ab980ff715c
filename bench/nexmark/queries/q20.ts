// Bids beside their auction, in one category; a join that never forgets.
import { app } from 'pspf'
import { always, auctions, bids } from './input.ts'

const both = bids
  .keyBy('auction')
  .joinWithin('auctions', auctions.filter(({ category }) => category === 10).keyBy('id'), {
    before: always,
    after: always,
    grace: '0s',
    select: (bid, auction) => ({ bid, auction }),
  })
both.out.to('q20-out')
export const q20 = app({ id: 'q20' }).use(both)
