import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  readCheckpoint,
  writeCheckpoint,
} from '../../src/log/checkpoint.ts'
import { logContext } from '../../src/log/options.ts'

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

test.each([99, 100, 101, 250])(
  'a checkpoint of %d partitions is the same in parts and as a whole',
  async (count) => {
    const directory = mkdtempSync(join(tmpdir(), 'pspf-checkpoint-'))
    const disk = realDisk()
    const context = logContext({
      disk,
      clock: realClock(),
      random: realRandom(),
      logger: silentLogger,
      metrics: new Metrics(),
      directory,
    })
    const many: Checkpoint = {
      wal: { generation: 1, position: 2, sequence: 3, previousChecksum: 4 },
      appendTime: 5,
      clean: false,
      partitions: Array.from({ length: count }, (_, number) => ({
        id: { topicId: 'a'.repeat(32), partition: number },
        topic: 'Größe',
        startOffset: 0,
        endOffset: number,
        segments: [],
      })),
    }
    try {
      await writeCheckpoint(context, many)
      expect(readFileSync(join(directory, 'checkpoint'), 'utf8')).toBe(encodeCheckpoint(many))
      expect(readCheckpoint(context)).toEqual(many)
    } finally {
      disk.close()
      rmSync(directory, { recursive: true })
    }
  },
)
