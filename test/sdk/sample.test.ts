import { expect, test } from 'bun:test'
import { sample } from '../../src/sdk/sample.ts'

const twoWeeks = 14 * 24 * 60 * 60 * 1000
const first = Date.UTC(2001, 5, 11, 5)

test('the flights are two whole weeks, by time, each of them plausible', async () => {
  const flights = await sample('flights')
  expect(flights.length).toBe(234_050)
  let last = first
  for (const { at, origin, destination, distance, delay } of flights) {
    if (at < last || !/^[A-Z]{3}$/.test(origin + '') || !/^[A-Z]{3}$/.test(destination))
      throw new Error('odd row')
    if (!(distance > 0 && distance < 6_000) || !Number.isInteger(delay)) throw new Error('odd row')
    last = at
  }
  expect(flights[0]!.at - first).toBeLessThan(3_600_000)
  expect(last).toBeLessThan(first + twoWeeks)
  // Replayed with a lap of two weeks, the same weekday follows.
  expect(new Date(first).getUTCDay()).toBe(1)
})

test('a sample that does not exist names those that do', async () => {
  // @ts-expect-error: only known names compile
  expect(sample('flihgts')).rejects.toThrow('there are flights')
})
