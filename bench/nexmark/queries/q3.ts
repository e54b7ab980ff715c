// Who sells in category 10 in three states: a join of two streams that never forgets.
import { app } from 'pspf'
import { always, auctions, people } from './input.ts'

const wanted = new Set(['OR', 'ID', 'CA'])
const sellers = people
  .filter(({ state }) => wanted.has(state))
  .map(({ id, name, city, state }) => ({ id, name, city, state }))
const offers = auctions.filter(({ category }) => category === 10).map(({ id, seller }) => ({ id, seller }))
const local = sellers.keyBy('id').joinWithin('sellers', offers.keyBy('seller'), {
  before: always,
  after: always,
  grace: '0s',
  select: ({ name, city, state }, { id }) => ({ name, city, state, id }),
})
local.out.to('q3-out')
export const q3 = app({ id: 'q3' }).use(local)
