// Records for tests.
import fc from 'fast-check'
import type { RecordInput } from '#record'

const bytesOf = (text: string | null) => (text === null ? null : new TextEncoder().encode(text))

export function recordOf(key: string | null, value: string | null, timestamp = 0): RecordInput {
  return { key: bytesOf(key), value: bytesOf(value), timestamp }
}

const bytes = fc.uint8Array({ maxLength: 300 })
const header = fc.record({ key: fc.string({ unit: 'binary' }), value: fc.option(bytes) })

export const anyRecord: fc.Arbitrary<RecordInput> = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(header, { maxLength: 3 }),
  timestamp: fc.oneof(fc.nat(), fc.integer({ min: -1, max: 2 ** 51 })),
})
