import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { producerTimeAt } from '../../src/log/partition/producer-time.ts'

const expiryMs = 24 * 3_600_000
const dayMs = 24 * 3_600_000

test('while frames follow each other, producers age with the clock', () => {
  let moment = { appendTime: 5, producerTime: 5 }
  for (const appendTime of [5, 9, 1000, 1_000_000, 4_000_000]) {
    moment = { appendTime, producerTime: producerTimeAt(moment, appendTime, expiryMs) }
    expect(moment.producerTime).toBe(appendTime)
  }
})

test('no leap nor any few of them make a day, and it never goes back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -100 * 365, max: 100 * 365 }), { maxLength: 23 }), (days) => {
      let moment = { appendTime: 0, producerTime: 0 }
      for (const leap of days) {
        const appendTime = moment.appendTime + leap * dayMs
        const producerTime = producerTimeAt(moment, appendTime, expiryMs)
        expect(producerTime).toBeGreaterThanOrEqual(moment.producerTime)
        moment = { appendTime, producerTime }
      }
      expect(moment.producerTime).toBeLessThan(expiryMs)
    }),
  )
})
