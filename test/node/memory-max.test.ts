import { expect, test } from 'bun:test'
import { totalmem } from 'node:os'
import { machineMemoryBytes, parseMemoryMax } from '../../src/node/memory-max.ts'

test('--memory is a size, a share or off', () => {
  expect(parseMemoryMax('512MB')).toEqual({ bytes: 512 * 2 ** 20 })
  expect(parseMemoryMax('25%')).toEqual({ share: 0.25 })
  expect(parseMemoryMax('off')).toBeNull()
  for (const text of ['1MB', '0%', '101%', 'much', '']) expect(parseMemoryMax(text)).toBeUndefined()
})

test('a machine has memory, and no more than it has', () => {
  expect(machineMemoryBytes()).toBeGreaterThan(2 ** 26)
  expect(machineMemoryBytes()).toBeLessThanOrEqual(totalmem())
})
