// Damage at any place of any file of a log at rest. `SEEDS=0-1000` runs more.
import { describe, expect, test } from 'bun:test'
import { misdirectAndJudge, rotAndJudge, rots } from './log-rot.ts'

const [first, last] = (process.env['SEEDS'] ?? '0-25').split('-').map(Number) as [number, number]

describe('damage at rest', () => {
  test.each(Object.keys(rots))(
    '%s: nothing wrong is answered, nothing is lost for good',
    async (kind) => {
      const became = { harmless: 0, refused: 0, partly: 0 }
      for (let seed = first; seed < last; seed++) {
        try {
          became[(await rotAndJudge(seed, kind)).became]++
        } catch (thrown) {
          throw new Error(`seed ${seed}, ${kind}: ${(thrown as Error).stack}`)
        }
      }
      console.log(`${kind}: ${JSON.stringify(became)}`)
      expect(became.refused + became.partly).toBeGreaterThan(0)
    },
    600_000,
  )

  test('a block that the disk puts elsewhere: nothing wrong is answered', async () => {
    const became = { harmless: 0, refused: 0, partly: 0 }
    for (let seed = first; seed < last; seed++) {
      try {
        became[(await misdirectAndJudge(seed)).became]++
      } catch (thrown) {
        throw new Error(`seed ${seed}: ${(thrown as Error).stack}`)
      }
    }
    console.log(`misdirected: ${JSON.stringify(became)}`)
    expect(became.refused + became.partly).toBeGreaterThan(0)
  }, 600_000)
})
