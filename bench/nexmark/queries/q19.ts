// The ten highest bids of each auction; of equals the earlier comes first.
import { agg, app } from 'pspf'
import { bids } from './input.ts'

const ranked = bids
  .keyBy('auction')
  .aggregate('top', { top: agg.topN(10, ({ price }) => price) })
  .map(({ key, top }) => ({ auction: key, top }))
export const q19 = app({ id: 'q19' }).use(ranked.to('q19-out'))
