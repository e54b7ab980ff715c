// The events of NEXMark: 1 person, 3 auctions and 46 bids in every 50, after the Java generator of nexmark/nexmark, with
// seeded draws in its place of a random source: event `n` is the same in every run and on every machine.
import { Draws } from './draws.ts'
import type { Auction, Bid, Event, Person } from './event.ts'

export type GeneratorOptions = {
  readonly seed: number
  /** Events per second of event time. */
  readonly rate: number
  /** Time of event 0, in milliseconds since 1970 UTC. */
  readonly base?: number
}

/** Midnight UTC, 15 July 2015, as upstream. */
const defaultBase = 1_436_918_400_000
const firstId = 1_000
const eventsPerEpoch = 50
const auctionsPerEpoch = 3
const firstBid = 4
const activePersons = 1_000
const personsAhead = 10
const auctionsBehind = 100
const auctionsAhead = 10
const hotEvery = 100
const firstCategory = 10
const categories = 5
const auctionSpan = 1_666
const channels = 10_000
const channelEvents = 2 ** 40
const hotChannelEvents = 2 ** 41

const states = ['AZ', 'CA', 'ID', 'OR', 'WA', 'WY']
const cities = 'Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne'.split(
  ',',
)
const firstNames = 'Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter'.split(',')
const lastNames = 'Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris'.split(',')
const hotChannels = ['Google', 'Facebook', 'Baidu', 'Apple']

export class EventGenerator {
  readonly #draws: Draws
  readonly #urlDraws: Draws
  readonly #rate: number
  readonly #base: number
  readonly #urls = new Map<number, string>()

  constructor({ seed, rate, base = defaultBase }: GeneratorOptions) {
    this.#draws = new Draws(seed)
    this.#urlDraws = new Draws(seed)
    this.#rate = rate
    this.#base = base
  }

  timeOf(n: number): number {
    return this.#base + Math.floor(Math.floor((n * 1e6) / this.#rate) / 1000)
  }

  event(n: number): Event {
    this.#draws.begin(n)
    const place = n % eventsPerEpoch
    if (place === 0) return this.#person(n)
    return place < firstBid ? this.#auction(n) : this.#bid(n)
  }

  #person(n: number): Person {
    const draws = this.#draws
    const id = firstId + lastPerson(n)
    const name = `${pick(draws, firstNames)} ${pick(draws, lastNames)}`
    const email = `${text(draws, 7)}@${text(draws, 5)}.com`
    const group = () => String(draws.below(10_000)).padStart(4, '0')
    const card = `${group()} ${group()} ${group()} ${group()}`
    const city = pick(draws, cities)
    const state = pick(draws, states)
    const size = 8 + name.length + email.length + card.length + city.length + state.length
    return {
      kind: 'person',
      id,
      name,
      email,
      card,
      city,
      state,
      dateTime: this.timeOf(n),
      extra: extra(draws, size, 200),
    }
  }

  #auction(n: number): Auction {
    const draws = this.#draws
    const id = firstId + lastAuction(n)
    const seller =
      firstId + (draws.below(4) > 0 ? floorTo(lastPerson(n), hotEvery) : anyPerson(draws, lastPerson(n)))
    const category = firstCategory + draws.below(categories)
    const initialBid = price(draws)
    const dateTime = this.timeOf(n)
    const span = this.timeOf(n + auctionSpan) - dateTime
    const expires = dateTime + 1 + draws.below(Math.max(2 * span, 1))
    const itemName = text(draws, 20)
    const description = text(draws, 100)
    const reserve = initialBid + price(draws)
    const size = 48 + itemName.length + description.length
    return {
      kind: 'auction',
      id,
      itemName,
      description,
      initialBid,
      reserve,
      dateTime,
      expires,
      seller,
      category,
      extra: extra(draws, size, 500),
    }
  }

  #bid(n: number): Bid {
    const draws = this.#draws
    const newest = lastAuction(n)
    const auction = firstId + (draws.below(2) > 0 ? floorTo(newest, hotEvery) : anyAuction(draws, newest))
    const people = lastPerson(n)
    const bidder = firstId + (draws.below(4) > 0 ? floorTo(people, hotEvery) + 1 : anyPerson(draws, people))
    const amount = price(draws)
    const [channel, url] =
      draws.below(2) > 0
        ? this.#hotChannel(draws.below(hotChannels.length))
        : this.#channel(draws.below(channels))
    return {
      kind: 'bid',
      auction,
      bidder,
      price: amount,
      channel,
      url,
      dateTime: this.timeOf(n),
      extra: extra(draws, 32, 100),
    }
  }

  #hotChannel(index: number): [string, string] {
    return [hotChannels[index]!, this.#url(hotChannelEvents + index, () => '')]
  }

  #channel(index: number): [string, string] {
    const tail = (draws: Draws) => (draws.below(10) > 0 ? `&channel_id=${Math.abs(reversed(index))}` : '')
    return [`channel-${index}`, this.#url(channelEvents + index, tail)]
  }

  /** Fixed for each channel. */
  #url(event: number, tail: (draws: Draws) => string): string {
    const known = this.#urls.get(event)
    if (known !== undefined) return known
    const draws = this.#urlDraws
    draws.begin(event)
    const part = () => text(draws, 5, '_')
    const url = `https://www.nexmark.com/${part()}/${part()}/${part()}/item.htm?query=1${tail(draws)}`
    this.#urls.set(event, url)
    return url
  }
}

const lastPerson = (n: number): number => Math.floor(n / eventsPerEpoch)

function lastAuction(n: number): number {
  const epoch = Math.floor(n / eventsPerEpoch)
  const place = n % eventsPerEpoch
  if (place === 0) return auctionsPerEpoch * epoch - 1
  return auctionsPerEpoch * epoch + (place < firstBid ? place - 1 : auctionsPerEpoch - 1)
}

/** Of the newest thousand, or one that does not exist yet. */
function anyPerson(draws: Draws, last: number): number {
  const people = last + 1
  const active = Math.min(people, activePersons)
  return people - active + draws.below(active + personsAhead)
}

function anyAuction(draws: Draws, last: number): number {
  const oldest = Math.max(last - auctionsBehind, 0)
  return oldest + draws.below(last - oldest + 1 + auctionsAhead)
}

const floorTo = (value: number, step: number): number => Math.floor(value / step) * step

const price = (draws: Draws): number => Math.round(10 ** (draws.fraction() * 6) * 100)

const pick = (draws: Draws, from: readonly string[]): string => from[draws.below(from.length)]!

const letterA = 97

function text(draws: Draws, max: number, special = ' '): string {
  const length = 3 + draws.below(max - 3)
  let made = ''
  for (let index = 0; index < length; index++) {
    made += draws.below(13) === 0 ? special : String.fromCharCode(letterA + draws.below(26))
  }
  return made.trim()
}

/** Fills an event up to the average size of its kind. */
function extra(draws: Draws, size: number, average: number): string {
  if (size > average) return ''
  const wanted = average - size
  const delta = Math.round(wanted * 0.2)
  const length = wanted - delta + (delta === 0 ? 0 : draws.below(2 * delta))
  let made = ''
  for (let index = 0; index < length; index++) made += String.fromCharCode(letterA + draws.below(26))
  return made
}

/** The 32 bits in the other order, as a signed number. */
function reversed(value: number): number {
  let from = value
  let into = 0
  for (let bit = 0; bit < 32; bit++) {
    into = (into << 1) | (from & 1)
    from >>>= 1
  }
  return into
}
