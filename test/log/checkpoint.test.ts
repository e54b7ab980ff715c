import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { type Disk, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  encodeCheckpointSlowly,
  readCheckpoint,
  writeCheckpoint,
} from '../../src/log/checkpoint/checkpoint.ts'
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

test.each([
  [1, 0],
  [700, 0],
  [2000, 0],
  [1, 3],
  [3, 2000],
])(
  'a checkpoint of %d partitions with %d producers each is the same in parts and as a whole, and no part is long',
  async (count, producers) => {
    const directory = mkdtempSync(join(tmpdir(), 'pspf-checkpoint-'))
    const disk = realDisk()
    const written: number[] = []
    const context = logContext({
      disk: watched(disk, written),
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
        ...(producers > 0 && { producers: producerRows(producers) }),
      })),
    }
    try {
      await writeCheckpoint(context, many)
      expect(readFileSync(join(directory, 'checkpoint'), 'utf8')).toBe(encodeCheckpoint(many))
      expect(readCheckpoint(context)).toEqual(many)
      expect(await encodeCheckpointSlowly(context.clock, many)).toEqual(Buffer.from(encodeCheckpoint(many)))
      expect(Math.max(...written)).toBeLessThan(70_000)
    } finally {
      disk.close()
      rmSync(directory, { recursive: true })
    }
  },
)

function producerRows(count: number): number[][] {
  const batches = Array.from({ length: 5 }, (_, index) => [index * 3, index * 3 + 2, 1_000_000 + index])
  return Array.from({ length: count }, (_, id) => [1_000_000 + id, 0, 1_700_000_000_000, ...batches.flat()])
}

/** Notes how much is written at once. */
function watched(disk: Disk, written: number[]): Disk {
  const { open } = disk
  disk.open = (path, mode, ...rest) => {
    const file = open.call(disk, path, mode, ...rest)
    const { write } = file
    file.write = (bytes, position) => {
      written.push(bytes.length)
      return write.call(file, bytes, position)
    }
    return file
  }
  return disk
}
