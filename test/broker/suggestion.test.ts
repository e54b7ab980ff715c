import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { didYouMean, suggest } from '#broker'
import { editDistance } from '../../src/broker/suggestion.ts'

describe('did you mean', () => {
  test('a slip of the finger finds the name', () => {
    const names = ['orders', 'users', 'payments']
    expect(suggest('ordres', names)).toBe('orders')
    expect(suggest('Orders', names)).toBe('orders')
    expect(suggest('payment', names)).toBe('payments')
  })

  test('something else entirely finds nothing', () => {
    expect(suggest('temperature', ['orders', 'users'])).toBeUndefined()
    expect(suggest('ab', ['xy'])).toBeUndefined()
    expect(didYouMean('abc', [])).toBe('')
  })

  test('the message names it', () => {
    expect(didYouMean('ordrs', ['orders'])).toBe('; did you mean "orders"?')
  })

  test('the distance counts one for each edit and for each swap of neighbours', () => {
    expect(editDistance('', 'abc')).toBe(3)
    expect(editDistance('kitten', 'sitting')).toBe(3)
    expect(editDistance('form', 'from')).toBe(1)
  })

  test('the distance is a metric between texts', () => {
    const word = fc.string({ maxLength: 8 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b)
        return (
          distance === editDistance(b, a) &&
          (distance === 0) === (a === b) &&
          distance <= Math.max(a.length, b.length)
        )
      }),
    )
  })
})
