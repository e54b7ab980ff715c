// The lives of an app in random tests: rows come in, it is killed at any point, stopped, started, and time passes.
import fc from 'fast-check'
import { crashPoints, type Harness } from '../../src/streams/testing/index.ts'

/** Rows between which the app is killed at some point, or stopped, or only pauses. */
export const stepOf = <R>(row: fc.Arbitrary<R>): fc.Arbitrary<Step<R>> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.array(row, { maxLength: 12 }).map((rows) => ({ rows })) },
    { weight: 2, arbitrary: fc.constantFrom(...crashPoints).map((crash) => ({ crash })) },
    { weight: 1, arbitrary: fc.constant({ stop: true as const }) },
    { weight: 1, arbitrary: fc.constant({ wait: true as const }) },
  )
/** Small bounds: commits end in the middle of everything, state leaves memory, restoring takes many steps. */
export const smallLimits = fc.record({
  commitSizeBytesMax: fc.constantFrom(1, 100, 300, 4_000_000),
  commitRecordsMax: fc.constantFrom(1, 3, 20_000),
  stepRecordsMax: fc.constantFrom(1, 2, 2_000),
  workingKeysMax: fc.constantFrom(0, 2, 200_000),
  restoreMutationsMax: fc.constantFrom(1, 4, 10_000),
  applyMutationsMax: fc.constantFrom(1, 5, 20_000),
})
export type Step<R> =
  | { rows: R[] }
  | { crash: (typeof crashPoints)[number] }
  | { stop: true }
  | { wait: true }

/** Plays the steps; answers the rows in the order in which they were sent. */
export async function play<R>(t: Harness, steps: readonly Step<R>[], send: (row: R) => void): Promise<R[]> {
  const sent: R[] = []
  for (const one of steps) {
    if ('rows' in one) {
      one.rows.forEach(send)
      sent.push(...one.rows)
    } else if ('crash' in one) {
      await t.crashAt(one.crash)
      await t.restart()
    } else if ('wait' in one) {
      await t.advanceWallClock('2s')
    } else {
      await t.stop()
      await t.restart()
    }
  }
  return sent
}

/** As a multiset, fields in any order. */
export const canonical = (rows: readonly object[]) => rows.map((one) => JSON.stringify(sorted(one))).sort()
const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, inner]) => [name, sorted(inner)]),
      )
    : value
