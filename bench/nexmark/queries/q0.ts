// Every bid as it is: what reading, decoding, encoding and committing cost.
import { app } from 'pspf'
import { bids } from './input.ts'

const copies = bids.map(({ auction, bidder, price, dateTime, extra }) => ({
  auction,
  bidder,
  price,
  dateTime,
  extra,
}))
export const q0 = app({ id: 'q0' }).use(copies.to('q0-out'))
