// What NEXMark is about: an auction house. Events of all kinds lie in one topic, as JSON.

export type Person = {
  readonly kind: 'person'
  readonly id: number
  readonly name: string
  readonly email: string
  readonly card: string
  readonly city: string
  readonly state: string
  readonly dateTime: number
  readonly extra: string
}
export type Auction = {
  readonly kind: 'auction'
  readonly id: number
  readonly itemName: string
  readonly description: string
  readonly initialBid: number
  readonly reserve: number
  readonly dateTime: number
  readonly expires: number
  readonly seller: number
  readonly category: number
  readonly extra: string
}
export type Bid = {
  readonly kind: 'bid'
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  readonly dateTime: number
  readonly extra: string
}
/** The last event of an input: nothing but a time, by which every window closes. */
export type End = { readonly kind: 'end'; readonly dateTime: number }
export type Event = Person | Auction | Bid | End
