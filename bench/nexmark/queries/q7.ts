// The highest price of each ten seconds, with the bids that had it; one made in the millisecond in which the window ends
// is shown, too, though it does not count for the highest. So windows are a millisecond longer than their step.
import { agg, app, window } from 'pspf'
import type { Bid } from '../event.ts'
import { bids } from './input.ts'

type Shown = Pick<Bid, 'auction' | 'bidder' | 'price' | 'dateTime'>
/** The highest of all rows, and those of the milliseconds that may be the last of one window or the first of the next. */
type Best = { readonly inside: readonly Shown[]; readonly edges: readonly Shown[] }

const sizeMs = 10_000
const highest = (all: readonly Shown[]): Shown[] => {
  const price = all.reduce((most, bid) => Math.max(most, bid.price), 0)
  return all.filter((bid) => bid.price === price)
}
const add = (best: Best, bid: Shown): Best => {
  if (bid.dateTime % sizeMs === 0) return { ...best, edges: [...best.edges, bid] }
  const price = best.inside[0]?.price ?? 0
  if (bid.price < price) return best
  return { ...best, inside: bid.price > price ? [bid] : [...best.inside, bid] }
}
const best = bids
  .map(({ auction, bidder, price, dateTime }) => ({ auction, bidder, price, dateTime }))
  .keyBy(() => 'all')
  .window('best', window.hopping('10001ms', { every: '10s', grace: '0s' }))
  .aggregate({
    best: agg.custom('best', {
      init: (): Best => ({ inside: [], edges: [] }),
      add,
      merge: (a, b) => ({ inside: highest([...a.inside, ...b.inside]), edges: [...a.edges, ...b.edges] }),
      result: (all) => all,
    }),
  })
  .emit('on-close')
const rows = best.out.flatMap(({ window: { start }, best: { inside, edges } }) => {
  const tops = highest([...inside, ...edges.filter((bid) => bid.dateTime === start)])
  const after = edges.filter((bid) => bid.dateTime > start && bid.price === tops[0]?.price)
  return [...tops, ...after].map((bid) => ({ ...bid, end: start + sizeMs }))
})
export const q7 = app({ id: 'q7' }).use(rows.to('q7-out'))
