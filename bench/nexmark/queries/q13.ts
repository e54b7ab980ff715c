// Bids beside a table of ten thousand rows that lies in the log as well.
import { app, topic } from 'pspf'
import { bids } from './input.ts'

const side = topic<{ key: number; value: string }>('nexmark-side', { key: 'key' })
const joined = bids
  .keyBy(({ auction }) => auction % 10_000)
  .join('side', side.broadcast(), {
    select: ({ auction, bidder, price, dateTime }, { value }) => ({
      auction,
      bidder,
      price,
      dateTime,
      value,
    }),
  })
export const q13 = app({ id: 'q13' }).use(joined.to('q13-out'))
