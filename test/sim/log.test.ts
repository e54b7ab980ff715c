// Whole lives of a log group on a simulated disk. Every failure names its seed; `SEEDS=100-200` runs others.
import { describe, expect, test } from 'bun:test'
import { live } from './log-life.ts'
import { rememberedSeeds } from './remembered.ts'

const [first, last] = (process.env['SEEDS'] ?? '0-30').split('-').map(Number) as [number, number]

describe('log under faults', () => {
  test.each([
    ['synced appends', {}],
    ['mixed levels of durability', { mixedLevels: true }],
  ])(
    'invariants hold in every life with %s',
    async (_, options) => {
      for (let seed = first; seed < last; seed++) {
        try {
          await live(seed, options)
        } catch (thrown) {
          throw new Error(`seed ${seed}: ${(thrown as Error).stack}`)
        }
      }
    },
    600_000,
  )

  test('lives that once broke an invariant hold', async () => {
    for (const { seed, why } of rememberedSeeds) {
      try {
        await live(seed)
      } catch (thrown) {
        throw new Error(`seed ${seed} (${why}): ${(thrown as Error).stack}`)
      }
    }
  }, 60_000)

  // A harness that cannot see a loss proves nothing, so it must see those of a log whose syncs do nothing.
  test.each([
    ['syncs', { ignoreSyncs: true }, 20, 10],
    ['directory syncs', { ignoreDirectorySyncs: true }, 20, 10],
    ['a difference between written and synced', { mixedLevels: true, trustsWritten: true }, 50, 2],
  ] as const)('without %s the same lives lose data', async (_, mutant, lives, atLeast) => {
    let broken = 0
    for (let seed = 0; seed < lives; seed++) {
      try {
        await live(seed, mutant)
      } catch (thrown) {
        if (/is broken|damaged|does not continue|is missing|no progress/.test((thrown as Error).message))
          broken++
        else throw thrown
      }
    }
    expect(broken).toBeGreaterThan(atLeast)
  })
})
