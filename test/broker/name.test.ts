import { describe, expect, test } from 'bun:test'
import { checkGroupId, checkTopicName, isReserved } from '../../src/broker/name.ts'
import { failure } from './fixture.ts'

describe('names', () => {
  test.each([
    'a',
    'orders.eu',
    'A_b-9',
    'console',
    'com10',
    'a.con',
    '...',
    'x'.repeat(249),
    '-',
    'constructor',
    '__proto__',
  ])('%p names a topic', (name) => {
    expect(() => checkTopicName(name)).not.toThrow()
  })

  test.each([
    ['', 'it is empty'],
    ['.', 'it means a directory'],
    ['..', 'it means a directory'],
    ['x'.repeat(250), 'it has 250 characters, 249 is the limit'],
    ['NUL', 'Windows keeps "NUL" for a device'],
    ['con.orders', 'Windows keeps "con" for a device'],
    ['lpt9', 'Windows keeps "lpt9" for a device'],
    ['a/b', 'the character "/" is not allowed'],
    ['a b', 'the character " " is not allowed'],
    ['caf\u00e9', 'the character "\u00e9" is not allowed'],
    ['smile\u{1f600}', 'the character "\u{1f600}" is not allowed'],
    ['a\n', 'the character "\\n" is not allowed'],
  ])('%p does not, and the reason is told', async (name, why) => {
    const { code, message, fix } = await failure(() => checkTopicName(name))
    expect(code).toBe('invalid_request')
    expect(message).toContain(why)
    expect(fix).toContain('1 to 249')
  })

  test('names of pspf itself are reserved, names of apps are not', () => {
    const reserved = ['__consumer_offsets', '__transaction_state', '_pspf.topics', '_pspf.anything']
    expect(reserved.map(isReserved)).toEqual([true, true, true, true])
    expect(['_pspf', '__mine', 'app.counts.changelog', 'orders.dead'].map(isReserved)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  test('a group id is any short text without control characters', async () => {
    for (const id of ['a', 'my group/1', '\u00fc'.repeat(255)]) expect(() => checkGroupId(id)).not.toThrow()
    for (const id of ['', 'a\u0000b', 'x'.repeat(256), 'tab\t']) {
      expect((await failure(() => checkGroupId(id))).code).toBe('invalid_request')
    }
  })
})
