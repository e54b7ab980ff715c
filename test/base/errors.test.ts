import { describe, expect, test } from 'bun:test'
import { AssertionError, assert } from '../../src/base/assert.ts'
import { BrokerError, systemCode, toError } from '../../src/base/errors.ts'

describe('errors', () => {
  test('whether a failure can be retried follows from its code, unless stated', () => {
    expect(new BrokerError('disk_full', 'x').retriable).toBe(true)
    expect(new BrokerError('disk_failed', 'x').retriable).toBe(false)
    expect(new BrokerError('not_found', 'x', { retriable: true }).retriable).toBe(true)
  })

  test('the cause is kept', () => {
    const cause = new Error('why')
    expect(new BrokerError('corrupt', 'what', { cause, fix: 'how' })).toMatchObject({
      cause,
      fix: 'how',
      code: 'corrupt',
    })
  })

  test('whatever was thrown becomes an Error', () => {
    const error = new Error('e')
    expect(toError(error)).toBe(error)
    expect(toError('text').message).toBe('text')
    expect(toError(null).message).toBe('null')
  })

  test('system codes are read where there are any', () => {
    expect(systemCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT')
    expect([new Error('x'), null, undefined, 'text', { code: 5 }].map(systemCode)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  test('a broken invariant says the fact in words', () => {
    expect(() => assert(1 > 2, 'numbers are ordered')).toThrow(AssertionError)
    expect(() => assert(0, 'numbers are ordered')).toThrow('numbers are ordered')
    assert(true, 'fine')
  })
})
