// bun rxjs.ts RXJS QUERY INPUT OUTPUT: a query as RxJS expresses it, in memory, from a file into a file. Prints "position
// output" now and then, and at the end.
import { join } from 'node:path'
import type { Bid, Event } from '../event.ts'
import { linesInChunks } from '../input-file.ts'

const [rxjs, query, input, output] = process.argv.slice(2) as [string, string, string, string]
/** As much of it as is used here: it is no dependency of this repository. */
type Operator<A, B> = { readonly of?: (value: A) => B }
type Observable<T> = {
  pipe<A>(first: Operator<T, A>): Observable<A>
  pipe<A, B>(first: Operator<T, A>, second: Operator<A, B>): Observable<B>
  subscribe(see: (value: T) => void): unknown
}
type Rxjs = {
  readonly Subject: new <T>() => Observable<T> & { next(value: T): void }
  readonly filter: {
    <A, B extends A>(test: (value: A) => value is B): Operator<A, B>
    <A>(test: (value: A) => boolean): Operator<A, A>
  }
  readonly map: <A, B>(change: (value: A) => B) => Operator<A, B>
}
const { Subject, filter, map } = (await import(join(rxjs, 'node_modules', 'rxjs'))) as Rxjs

const lines = new Subject<string>()
const events = lines.pipe(map((line) => JSON.parse(line) as Event))
const bids = events.pipe(filter((event): event is Bid => event.kind === 'bid'))
const queries: Readonly<Record<string, Observable<unknown>>> = {
  q0: bids.pipe(
    map(({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price, dateTime, extra })),
  ),
  q1: bids.pipe(
    map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price: (price * 908) / 1000,
      dateTime,
      extra,
    })),
  ),
  q2: bids.pipe(
    filter(({ auction }) => auction % 123 === 0),
    map(({ auction, price }) => ({ auction, price })),
  ),
}
const writer = Bun.file(output).writer({ highWaterMark: 2 ** 20 })
let written = 0
let position = 0
queries[query]!.pipe(map((row) => JSON.stringify(row))).subscribe((row) => {
  writer.write(`${row}\n`)
  written++
})
const decoder = new TextDecoder()
for await (const chunk of linesInChunks(input)) {
  for (const line of decoder.decode(chunk).split('\n')) {
    if (line === '') continue
    lines.next(line)
    position++
  }
  await writer.flush()
  console.log(`${position} ${written}`)
}
await writer.end()
await Bun.sleep(60_000)
