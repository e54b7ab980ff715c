import { expect, test } from 'bun:test'
import { calmMs, noPace, paceAfter } from '../../ui/parts/pace.ts'

test('the first change is calm, quick ones are hurried, a pause calms', () => {
  const first = paceAfter(noPace, 1, 0)
  const second = paceAfter(first, 2, calmMs - 1)
  const third = paceAfter(second, 3, 2 * calmMs)
  expect([first, second, third].map(({ hurried }) => hurried)).toEqual([false, true, false])
})

test('seeing the same value again is no change', () => {
  const first = paceAfter(noPace, 1, 0)
  expect(paceAfter(first, 1, 10)).toBe(first)
})
