// Rows of a query's output topic in the form in which the oracle gives them.
import type { Row } from './oracle.ts'
import { ResultHash } from './result-hash.ts'

/** A row as the output topic has it. */
type Out = { readonly [field: string]: unknown }

export type ResultReader = {
  /** Rows replace each other by this; without it each counts. */
  readonly keyOf?: (row: Out) => unknown
  readonly rows: (row: Out) => readonly Row[]
}

const fields =
  (...names: readonly string[]) =>
  (row: Out): Row[] => [names.map((name) => row[name])]

const valuesOf = (row: unknown): unknown[] => Object.values(row as object)

const bid = ['auction', 'bidder', 'price', 'dateTime', 'extra']

export const resultReaders: Readonly<Record<string, ResultReader>> = {
  q0: { rows: fields(...bid) },
  q1: { rows: fields(...bid) },
  q2: { rows: fields('auction', 'price') },
  q3: { rows: fields('name', 'city', 'state', 'id') },
  q4: { keyOf: ({ category }) => category, rows: fields('category', 'average') },
  q5: { rows: fields('auction', 'bids', 'end') },
  q7: { rows: fields('auction', 'bidder', 'price', 'dateTime', 'end') },
  q8: { rows: fields('id', 'name', 'start') },
  q9: {
    keyOf: ({ auction }) => (auction as { id: number }).id,
    rows: ({ auction, bid }) => [[...valuesOf(auction), ...valuesOf(bid)]],
  },
  q11: { rows: fields('bidder', 'bids', 'start', 'end') },
  q12: { rows: fields('bidder', 'bids') },
  q13: { rows: fields('auction', 'bidder', 'price', 'dateTime', 'value') },
  q17: {
    keyOf: ({ key }) => key,
    rows: ({ key, bids, low, middle, high, least, most, sum }) => {
      const [auction, day] = String(key).split(' ').map(Number)
      return [
        [auction, day, bids, low, middle, high, least, most, Math.trunc(Number(sum) / Number(bids)), sum],
      ]
    },
  },
  q18: { keyOf: ({ bidder, auction }) => `${bidder} ${auction}`, rows: (row) => [Object.values(row)] },
  q19: {
    keyOf: ({ auction }) => auction,
    rows: ({ top }) => (top as Out[]).map((row, index) => [...Object.values(row), index + 1]),
  },
  q20: {
    rows: ({ bid, auction }) => [[...valuesOf(bid), ...valuesOf(auction)]],
  },
}

/** Folds the rows of an output, in the order in which they were written. */
export function digestOf(query: string, output: Iterable<unknown>): ResultHash {
  const { keyOf, rows } = resultReaders[query]!
  const hash = new ResultHash()
  const last = new Map<unknown, Row[]>()
  for (const row of output as Iterable<Out>) {
    if (keyOf === undefined) for (const one of rows(row)) hash.add(one)
    else last.set(keyOf(row), [...rows(row)])
  }
  for (const rowsOfKey of last.values()) for (const one of rowsOfKey) hash.add(one)
  return query === 'q12' ? summed(output as Iterable<Out>) : hash
}

/** Windows of the clock differ from run to run; what they count together does not. */
function summed(output: Iterable<Out>): ResultHash {
  const counts = new Map<number, number>()
  for (const { bidder, bids } of output)
    counts.set(Number(bidder), (counts.get(Number(bidder)) ?? 0) + Number(bids))
  const hash = new ResultHash()
  for (const one of counts) hash.add(one)
  return hash
}

/** What the oracle gives. */
export function digestOfRows(rows: Iterable<Row>): ResultHash {
  const hash = new ResultHash()
  for (const row of rows) hash.add(row)
  return hash
}
