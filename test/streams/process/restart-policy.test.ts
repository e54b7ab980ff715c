import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { seededRandom } from '#base'
import { decideRestart, supervisionLimits } from '../../../src/streams/process/restart-policy.ts'

const limits = { ...supervisionLimits, firstDelayMs: 100, delayMsMax: 1_000, quickFailuresMax: 6 }
const count = (quickFailures: number) => ({ quickFailures, restarts: quickFailures })
const decide = (quickFailures: number, ranMs = 0) =>
  decideRestart({ ranMs, retriable: false, count: count(quickFailures) }, limits, seededRandom(1))

test('delays double from the first to the limit, within a fifth', () => {
  const delays = [0, 1, 2, 3, 4].map((failures) => {
    const decision = decide(failures)
    return decision.kind === 'restart' ? decision.afterMs : null
  })
  for (const [index, middle] of [100, 200, 400, 800, 1_000].entries()) {
    expect(delays[index]!).toBeGreaterThanOrEqual(middle * 0.8)
    expect(delays[index]!).toBeLessThanOrEqual(Math.min(middle * 1.2, 1_000))
  }
})

test('the last quick failure gives up', () => {
  expect(decide(4)).toMatchObject({ kind: 'restart', count: count(5) })
  expect(decide(5)).toEqual({ kind: 'give-up' })
})

test('a run that was long enough starts a new count', () => {
  expect(decide(5, limits.healthyAfterMs)).toMatchObject({ kind: 'restart', count: count(1) })
  expect(decide(5, limits.healthyAfterMs - 1)).toEqual({ kind: 'give-up' })
})

test('what only time can mend is tried again for ever, at the longest delay in the end', () => {
  let counted = count(limits.quickFailuresMax - 1)
  for (let tries = 0; tries < 100; tries++) {
    const failed = { ranMs: 0, retriable: true, count: counted }
    const decision = decideRestart(failed, limits, seededRandom(tries))
    if (decision.kind === 'give-up') throw new Error('it gave up')
    expect(decision.afterMs).toBeGreaterThanOrEqual(limits.delayMsMax * 0.8)
    counted = decision.count
  }
  expect(counted.quickFailures).toBe(limits.quickFailuresMax - 1)
  expect(decide(counted.quickFailures)).toEqual({ kind: 'give-up' })
})

test('no delay is above the limit or below nothing, whatever the history', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 10_000 }), fc.nat({ max: 200_000 }), (seed, quickFailures, ranMs) => {
      const patient = { ...limits, quickFailuresMax: Number.MAX_SAFE_INTEGER }
      const decision = decideRestart(
        { ranMs, retriable: false, count: count(quickFailures) },
        patient,
        seededRandom(seed),
      )
      if (decision.kind === 'give-up') throw new Error('it gave up')
      expect(decision.afterMs).toBeGreaterThan(0)
      expect(decision.afterMs).toBeLessThanOrEqual(limits.delayMsMax)
    }),
  )
})
