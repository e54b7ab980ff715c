// The winning bid of each auction: the highest, of equals the earliest; a row for each change.
import { agg, app } from 'pspf'
import { auctions } from './input.ts'
import { bidsInTime } from './winning.ts'

const winners = bidsInTime(auctions)
  .keyBy(({ auction }) => auction.id)
  .aggregate('winners', { best: agg.topN(1, ({ bid }) => bid.price) })
  .flatMap(({ best }) => best)
export const q9 = app({ id: 'q9' }).use(winners.to('q9-out'))
