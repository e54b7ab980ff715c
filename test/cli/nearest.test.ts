import { expect, test } from 'bun:test'
import { editDistance, nearest } from '../../src/cli/nearest.ts'

test.each([
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['topic', 'tpoic', 1],
  ['kitten', 'sitting', 3],
])('from %j to %j are %d changes', (from, to, expected) => {
  expect(editDistance(from, to)).toBe(expected)
  expect(editDistance(to, from)).toBe(expected)
})

test('the nearest word is offered, a distant one is not', () => {
  const words = ['serve', 'produce', 'consume', 'topic']
  expect(nearest('sevre', words)).toBe('serve')
  expect(nearest('prod', words)).toBe('produce')
  expect(nearest('banana', words)).toBeNull()
})
