import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { s } from '../../../src/streams/schema/schema.ts'
import {
  type Infer,
  SchemaMismatch,
  type StandardSchema,
  validatorOf,
} from '../../../src/streams/schema/standard-schema.ts'

const Ride = s.object({
  driver: s.string(),
  fare: s.number(),
  seats: s.int(),
  at: s.timestamp(),
  tier: s.enum(['gold', 'plain']),
  tip: s.optional(s.number()),
  note: s.nullable(s.string()),
  stops: s.array(s.object({ zone: s.union(s.string(), s.int()) })),
  tags: s.record(s.boolean()),
  kind: s.literal('ride'),
})
const ride: Infer<typeof Ride> = {
  driver: 'd',
  fare: 1.5,
  seats: 2,
  at: -1,
  tier: 'gold',
  note: null,
  stops: [{ zone: 'a' }, { zone: 3 }],
  tags: { night: true },
  kind: 'ride',
}

describe('s', () => {
  test('a value that matches passes as the very same object, with fields the schema does not name', () => {
    const value = { ...ride, extra: 1 }
    expect(validatorOf(Ride)(value)).toBe(value)
    expect(Ride['~standard'].validate(value)).toEqual({ value })
  })

  const wrong: [string, object, string][] = [
    ['a text for a number', { fare: '1.5' }, 'fare: expected a number, got "1.5"'],
    ['NaN', { fare: Number.NaN }, 'fare: expected a number, got NaN'],
    ['a fraction for a whole number', { seats: 1.5 }, 'seats: expected a whole number, got 1.5'],
    ['a fraction for a time', { at: 0.5 }, 'at: expected a time in whole milliseconds, got 0.5'],
    ['a text that is not listed', { tier: 'tin' }, 'tier: expected "gold" or "plain", got "tin"'],
    ['a missing field', { driver: undefined }, 'driver: expected a string, got nothing'],
    ['null for an optional field', { tip: null }, 'tip: expected a number, got null'],
    ['a field deep inside', { stops: [{ zone: 'a' }, { zone: true }] }, 'stops.1.zone: expected a string'],
    ['an array for an object', { tags: [] }, 'tags: expected an object, got an array'],
    ['one field of a record', { tags: { x: 1 } }, 'tags.x: expected a boolean, got 1'],
  ]
  for (const [what, change, message] of wrong) {
    test(`${what} is refused with the path of the field`, () => {
      expect(() => validatorOf(Ride)({ ...ride, ...change })).toThrow(message)
    })
  }

  test('the fast test and Standard Schema agree on anything', () => {
    fc.assert(
      fc.property(fc.anything(), fc.dictionary(fc.string(), fc.anything()), (value, fields) => {
        for (const candidate of [value, { ...ride, ...fields }]) {
          const result = Ride['~standard'].validate(candidate)
          if (result instanceof Promise) throw new Error('not synchronous')
          expect(result.issues === undefined).toBe(Ride.test(candidate))
        }
      }),
    )
  })

  test('types follow the schema', () => {
    // @ts-expect-error: a field of another type
    const bad: Infer<typeof Ride> = { ...ride, fare: '1' }
    // @ts-expect-error: a text outside the list
    const tier: Infer<typeof Ride>['tier'] = 'tin'
    expect([bad.fare, tier]).toEqual(['1', 'tin'] as unknown as [number, 'gold'])
  })
})

describe('any other Standard Schema', () => {
  const foreign = (validate: StandardSchema<number>['~standard']['validate']): StandardSchema<number> => ({
    '~standard': { version: 1, vendor: 'other', validate },
  })

  test('its output is the value, since the user asked for its conversions', () => {
    expect(validatorOf(foreign((value) => ({ value: Number(value) })))('5')).toBe(5)
  })

  test('its first issue is the message', () => {
    const schema = foreign(() => ({ issues: [{ message: 'no', path: [{ key: 'a' }, 0] }] }))
    expect(() => validatorOf(schema)(1)).toThrow(new SchemaMismatch('a.0: no'))
  })

  test('an asynchronous one is refused', () => {
    expect(() => validatorOf(foreign(async () => ({ value: 1 })))(1)).toThrow('synchronously')
  })
})
