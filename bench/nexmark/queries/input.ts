// What every query reads.
import { topic } from 'pspf'
import type { Auction, Bid, Event, Person } from '../event.ts'

export const events = topic<Event>('nexmark', { time: { at: (event) => event.dateTime, idleAfter: 'never' } })
export const bids = events.stream().filter((event): event is Bid => event.kind === 'bid')
export const auctions = events.stream().filter((event): event is Auction => event.kind === 'auction')
export const people = events.stream().filter((event): event is Person => event.kind === 'person')

/** As good as for ever, for joins that know no bound. */
export const always = '3650d'

/** Start of the day in UTC. */
export const dayOf = (time: number): number => Math.floor(time / 86_400_000) * 86_400_000
