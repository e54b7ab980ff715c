// Bids on some auctions.
import { app } from 'pspf'
import { bids } from './input.ts'

const some = bids
  .filter(({ auction }) => auction % 123 === 0)
  .map(({ auction, price }) => ({ auction, price }))
export const q2 = app({ id: 'q2' }).use(some.to('q2-out'))
