// The auctions with the most bids of the last ten seconds, every two seconds.
import { agg, app, window } from 'pspf'
import { bids } from './input.ts'

type Hot = { readonly bids: number; readonly auctions: readonly number[] }

const counts = bids
  .keyBy('auction')
  .window('counts', window.hopping('10s', { every: '2s', grace: '0s' }))
  .aggregate({ bids: agg.count() })
  .emit('on-close')
const none: Hot = { bids: 0, auctions: [] }
const join = (a: Hot, b: Hot): Hot =>
  a.bids === b.bids ? { bids: a.bids, auctions: [...a.auctions, ...b.auctions] } : a.bids > b.bids ? a : b
const hottest = counts.out
  // What a window counted carries its last millisecond: the rows of one window are alone in two seconds.
  .keyBy((row) => row.window.end)
  .window('hottest', window.tumbling('2s', { grace: '0s' }))
  .aggregate({
    top: agg.custom('top', {
      init: () => none,
      add: (top: Hot, row: { key: number; bids: number }) =>
        join(top, { bids: row.bids, auctions: [row.key] }),
      merge: join,
      result: (top) => top,
    }),
  })
  .emit('on-close')
const rows = hottest.out.flatMap(({ key, top }) =>
  top.auctions.map((auction) => ({ auction, bids: top.bids, end: key })),
)
export const q5 = app({ id: 'q5' }).use(rows.to('q5-out'))
