// The proof: whatever the order of rows, the batches, the interleaving, and wherever the app is killed, windows come to
// what a plain batch computation over the accepted rows says, once.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { crashPoints, harness } from '../../src/streams/testing/index.ts'
import { canonical, play, type Step as StepOf, smallLimits, stepOf } from './life.ts'
import { aggregate, fold, judge, type OracleRow, type OracleWindow } from './oracle/fixed-window.ts'
import { storePaths } from './state/store-paths.ts'
import { type TestedStore, testedStores } from './state/stores.ts'
import { windowApp } from './window-app.ts'

const newPath = storePaths()
/** A store of its own for each task; they stay open to the end of the process, as those of killed apps would. */
const stores =
  ({ kind, open }: TestedStore) =>
  () =>
    open(newPath(kind))

const row = fc.record({
  key: fc.constantFrom('a', 'b', 'ä', '😀', '\uffff', ''),
  at: fc.integer({ min: -60, max: 120 }),
  amount: fc.integer({ min: -5, max: 5 }),
})
const tumbling = fc.record({ size: fc.integer({ min: 1, max: 40 }), offset: fc.nat(50), grace: fc.nat(20) })
const oracleWindow: fc.Arbitrary<OracleWindow> = fc.oneof(
  tumbling.map((one) => ({ ...one, hop: one.size })),
  fc.tuple(tumbling, fc.integer({ min: 3, max: 60 })).map(([one, hop]) => ({ ...one, hop })),
)
const step = stepOf(row)
type Step = StepOf<OracleRow>

const plain = <R extends { revision: number; final: boolean }>(rows: R[]) =>
  rows.map(({ revision, final, ...result }) => result)

describe('one partition', () => {
  for (const tested of testedStores) {
    const { kind, missing } = tested
    test.skipIf(missing !== null)(
      `any order, duplicates, negative times, kills anywhere, ${kind} store: equal to the oracle`,
      async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.array(step, { maxLength: 14 }),
            oracleWindow,
            fc.nat(30),
            fc.record({ seed: fc.nat(), limits: smallLimits }),
            async (steps, window, outOfOrder, chance) => {
              const { app, rows, closed, updated } = windowApp({ window, outOfOrder })
              const t = await harness(app, { ...chance, openStore: stores(tested) })
              const sent = await play(t, steps, (one) => t.send(rows, one))
              const before = { closed: await t.take(closed.out), late: await t.take(closed.late) }
              const verdict = judge(sent, window, outOfOrder)
              const results = aggregate(verdict.accepted, window)
              const due = results.filter(({ window: { end } }) => verdict.watermark >= end + window.grace)
              // As they close, in order; nothing that is still open.
              expect(plain(before.closed)).toEqual(due)
              expect(before.late.map(({ value }) => value)).toEqual(verdict.late)
              t.finish(rows)
              expect(plain([...before.closed, ...(await t.take(closed.out))])).toEqual(results)
              const updates = fold(await t.take(updated.out))
              expect(canonical(plain(updates))).toEqual(canonical(results))
              const inOne = new Set(verdict.accepted.map(({ row: accepted }) => accepted))
              expect(inOne.size + verdict.late.length + verdict.unassigned.length).toBe(sent.length)
            },
          ),
          { numRuns: kind === 'memory' ? 150 : 30 },
        )
      },
      60_000,
    )
  }
})

describe('many partitions', () => {
  /** Each partition's times rise but for `outOfOrder`, so that no row is late in its own partition. */
  const disorder = (steps: readonly Step[], partitions: number, outOfOrder: number) => {
    const clocks = new Array<number>(partitions).fill(-100)
    let next = 0
    const placed = new Map<OracleRow, number>()
    const changed = steps.map((one): Step => {
      if (!('rows' in one)) return one
      const rows = one.rows.map((value) => {
        const partition = next++ % partitions
        clocks[partition]! += Math.abs(value.at) % 13
        const at = clocks[partition]! - (Math.abs(value.at * 7) % (outOfOrder + 1))
        const made = { ...value, at }
        placed.set(made, partition)
        return made
      })
      return { rows }
    })
    return { steps: changed, placed }
  }

  for (const keyed of [false, true]) {
    const how = keyed ? 'partitioned by the key' : 'repartitioned by key'
    test(`1 to 8, ${how}, any interleaving, kills anywhere: equal to the oracle`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 10 }),
          oracleWindow,
          fc.integer({ min: 1, max: 8 }),
          fc.nat(15),
          fc.record({ seed: fc.nat(), limits: smallLimits }),
          async (anySteps, window, partitions, outOfOrder, chance) => {
            const { steps, placed } = disorder(anySteps, partitions, outOfOrder)
            // Rows of a partition that keys decide are in another order of time: let none of them be late.
            const lateness = keyed ? 100_000 : outOfOrder
            const { app, rows, closed, updated } = windowApp({
              window,
              outOfOrder: lateness,
              partitions,
              keyed,
            })
            const t = await harness(app, chance)
            const sent = await play(t, steps, (one) =>
              t.send(rows, one, keyed ? {} : { partition: placed.get(one)! }),
            )
            t.finish(rows)
            const accepted = sent.flatMap((one) => judge([one], window, 0).accepted)
            const results = aggregate(accepted, window).map(({ last, ...result }) => result)
            const withoutLast = (all: ReturnType<typeof plain>) =>
              all.map((result) => ({ ...result, last: undefined }))
            // Of equal times, which row is the last depends on how partitions interleave; all else does not.
            expect(canonical(withoutLast(plain(await t.take(closed.out))))).toEqual(canonical(results))
            expect(canonical(withoutLast(plain(fold(await t.take(updated.out)))))).toEqual(canonical(results))
            expect(await t.take(closed.late)).toEqual([])
          },
        ),
        { numRuns: 60 },
      )
    }, 60_000)
  }
})

describe('killed at', () => {
  const window = { size: 10, hop: 10, offset: 0, grace: 0 }
  for (const tested of testedStores) {
    const { kind, missing } = tested
    for (const point of crashPoints) {
      test.skipIf(missing !== null)(`${point}, ${kind} store: every row counts once`, async () => {
        for (let seed = 1; seed <= 5; seed++) {
          const { app, rows, closed } = windowApp({ window, outOfOrder: 0 })
          const t = await harness(app, { seed, openStore: stores(tested) })
          for (let n = 0; n < 40; n++) t.send(rows, { key: 'k', at: n, amount: 1 })
          await t.settle()
          for (let n = 40; n < 80; n++) t.send(rows, { key: 'k', at: n, amount: 1 })
          const reached = await t.crashAt(point)
          // The coin of this point may fall so that the commit is found whole; it is a crash either way.
          expect(reached).toBe(true)
          await t.restart()
          t.send(rows, { key: 'k', at: 80, amount: 1 })
          const counts = (await t.take(closed.out)).map(({ window: { start }, n }) => [start, n])
          expect(counts).toEqual([0, 10, 20, 30, 40, 50, 60, 70].map((start) => [start, 10]))
        }
      })
    }
  }
})
