import { expect, test } from 'bun:test'
import { createHistories, createMeter, samplesMax } from '../../ui/live/rates.ts'

test('a history keeps its newest samples and forgets names that are gone', () => {
  const histories = createHistories(1_000)
  for (let second = 0; second < samplesMax + 5; second += 1) {
    histories.add(second * 1_000, new Map([['a', second]]))
  }
  expect(histories.of('a')).toHaveLength(samplesMax)
  expect(histories.of('a').at(-1)).toBe(samplesMax + 4)
  histories.add(1e6, new Map([['b', 1]]))
  expect(histories.of('a')).toEqual([])
})

test('samples that come too fast replace each other', () => {
  const histories = createHistories(1_000)
  histories.add(0, new Map([['a', 1]]))
  histories.add(999, new Map([['a', 2]]))
  histories.add(1_000, new Map([['a', 3]]))
  expect(histories.of('a')).toEqual([2, 3])
})

test('a rate is the growth of a total per second', () => {
  const meter = createMeter(1)
  meter.add(0, new Map([['a', 100]]))
  expect(meter.rate('a')).toBeNull()
  meter.add(2_000, new Map([['a', 300]]))
  expect(meter.rate('a')).toBe(100)
})

test('a restarted total starts over instead of showing a negative rate', () => {
  const meter = createMeter(1)
  meter.add(0, new Map([['a', 100]]))
  meter.add(1_000, new Map([['a', 5]]))
  expect(meter.rate('a')).toBeNull()
  meter.add(2_000, new Map([['a', 25]]))
  expect(meter.rate('a')).toBe(20)
})
