// Every bid in euros, exact to three decimals.
import { app } from 'pspf'
import { bids } from './input.ts'

const inEuros = bids.map(({ auction, bidder, price, dateTime, extra }) => ({
  auction,
  bidder,
  price: (price * 908) / 1000,
  dateTime,
  extra,
}))
export const q1 = app({ id: 'q1' }).use(inEuros.to('q1-out'))
