// What was bid per auction and day.
import { agg, app } from 'pspf'
import { bids, dayOf } from './input.ts'

const inBand = (from: number, to: number) =>
  agg.sum((bid: { price: number }) => (bid.price >= from && bid.price < to ? 1 : 0))
const perDay = bids
  .map(({ auction, price, dateTime }) => ({ auction, price, dateTime }))
  .keyBy(({ auction, dateTime }) => `${auction} ${dayOf(dateTime)}`)
  .aggregate('per-day', {
    bids: agg.count(),
    low: inBand(0, 1e4),
    middle: inBand(1e4, 1e6),
    high: inBand(1e6, Infinity),
    least: agg.min('price'),
    most: agg.max('price'),
    sum: agg.sum('price'),
  })
export const q17 = app({ id: 'q17' }).use(perDay.to('q17-out'))
