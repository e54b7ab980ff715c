import { describe, expect, test } from 'bun:test'
import { realRandom, seededRandom } from '../../src/base/random.ts'

describe('random', () => {
  test('one seed gives one sequence', () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed)
      return [random.id(), ...Array.from({ length: 50 }, () => random.below(1000))]
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  test('numbers stay below the bound and reach all values', () => {
    const random = seededRandom(1)
    const seen = new Set(Array.from({ length: 500 }, () => random.below(10)))
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('ids are version 4 UUIDs without dashes, each another', () => {
    const random = realRandom()
    const ids = Array.from({ length: 100 }, () => random.id())
    expect(ids.every((id) => /^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(100)
  })
})
