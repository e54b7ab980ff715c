import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../src/log/checkpoint.ts'

const segment = fc.record({
  baseOffset: fc.maxSafeNat(),
  generation: fc.nat(),
  sizeBytes: fc.nat(),
  maxTimestamp: fc.integer({ min: -1 }),
  firstAppendTime: fc.maxSafeNat(),
  lastAppendTime: fc.maxSafeNat(),
})
const partition = fc.record(
  {
    id: fc.record({ topicId: fc.stringMatching(/^[0-9a-f]{32}$/), partition: fc.nat(1000) }),
    topic: fc.string({ minLength: 1 }),
    startOffset: fc.maxSafeNat(),
    endOffset: fc.maxSafeNat(),
    segments: fc.array(segment, { maxLength: 5 }),
    sealed: fc.constant(true),
    compactedTo: fc.maxSafeNat(),
    damage: fc.string(),
  },
  { requiredKeys: ['id', 'topic', 'startOffset', 'endOffset', 'segments'] },
)
const checkpoint: fc.Arbitrary<Checkpoint> = fc.record({
  wal: fc.record({
    generation: fc.nat(),
    position: fc.nat(),
    sequence: fc.maxSafeNat(),
    previousChecksum: fc.nat(),
  }),
  appendTime: fc.maxSafeNat(),
  clean: fc.boolean(),
  partitions: fc.array(partition, { maxLength: 5 }),
})

test('a checkpoint is read back as it was written', () => {
  fc.assert(fc.property(checkpoint, (each) => expect(decodeCheckpoint(encodeCheckpoint(each))).toEqual(each)))
})

test('a checkpoint with any changed, missing or added character is none', () => {
  fc.assert(
    fc.property(checkpoint, fc.nat(), fc.constantFrom('change', 'cut', 'add'), (each, at, how) => {
      const text = encodeCheckpoint(each)
      const place = at % text.length
      const other = text[place] === 'x' ? 'y' : 'x'
      const spoilt = {
        change: text.slice(0, place) + other + text.slice(place + 1),
        cut: text.slice(0, place),
        add: `${text}x`,
      }
      expect(decodeCheckpoint(spoilt[how])).toBeNull()
    }),
  )
})
