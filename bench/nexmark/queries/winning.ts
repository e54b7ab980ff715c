// Bids beside the auction that they are for, while it runs. How long an auction may run follows from the input's rate.
import type { Stream } from 'pspf'
import type { Auction } from '../event.ts'
import { bids } from './input.ts'

/** Longer than any auction of an input at 10,000 events a second or more. */
export const runsAtMost = '400ms'

export const bidsInTime = <A extends Pick<Auction, 'id' | 'expires'>>(auctions: Stream<A>) =>
  auctions
    .keyBy(({ id }) => id)
    .joinWithin('bids-in-time', bids.keyBy('auction'), {
      before: '0s',
      after: runsAtMost,
      grace: '0s',
      select: (auction, bid) => ({ auction, bid }),
    })
    .out.filter(({ auction, bid }) => bid.dateTime <= auction.expires)
