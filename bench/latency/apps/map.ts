// A row for each bid, without state.
import { app, topic } from 'pspf'

type Bid = { auction: number; bidder: number; price: number; dueAt: number }

const bids = topic<Bid>('latency')
const inEuros = bids.stream().map(({ auction, bidder, price, dueAt }) => ({
  auction,
  bidder,
  price: (price * 908) / 1000,
  dueAt: [dueAt],
}))
export const map = app({ id: 'map' }).use(inEuros.to('map-out'))
