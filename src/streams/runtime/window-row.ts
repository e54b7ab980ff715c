// Rows that windows emit, and how their columns are computed.
import type { KeyValue } from '../graph/node.ts'
import type { WindowBounds } from '../window.ts'
import type { Folding } from './keyed-rows.ts'

type Place = {
  readonly key: KeyValue
  readonly window: WindowBounds
  readonly revision: number
  readonly final: boolean
}

export function windowRow(
  { columns }: Folding,
  { key, window, revision, final }: Place,
  results: readonly unknown[],
): Record<string, unknown> {
  const row: Record<string, unknown> = { key, window, revision, final }
  for (let index = 0; index < columns.length; index++) row[columns[index]!] = results[index]
  return row
}

export const initOf = ({ aggregators }: Folding): unknown[] => aggregators.map((one) => one.init())

export const addTo = (
  { aggregators }: Folding,
  parts: readonly unknown[],
  row: unknown,
  at: number,
): unknown[] => parts.map((accumulator, index) => aggregators[index]!.add(accumulator, row, at))

export const mergeOf = ({ aggregators }: Folding, a: readonly unknown[], b: readonly unknown[]): unknown[] =>
  a.map((accumulator, index) => aggregators[index]!.merge(accumulator, b[index]))

export const resultOf = ({ aggregators }: Folding, parts: readonly unknown[]): unknown[] =>
  parts.map((accumulator, index) => aggregators[index]!.result(accumulator))
