// Bids per bidder in every ten seconds of the time at which they were written down.
import { agg, app, topic, window } from 'pspf'
import type { Event } from '../event.ts'

const counts = topic<Event>('nexmark', { time: {} })
  .stream()
  .flatMap((event) => (event.kind === 'bid' ? [event] : []))
  .keyBy('bidder')
  .window('counts', window.tumbling('10s', { grace: '0s' }))
  .aggregate({ bids: agg.count() })
  .emit('on-close', { afterSilence: '1s' })
const rows = counts.out.map(({ key, bids }) => ({ bidder: key, bids }))
export const q12 = app({ id: 'q12' }).use(rows.to('q12-out'))
