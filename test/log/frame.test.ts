import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { entryField, frameChecksum, frameField, frameHeaderSizeBytes } from '../../src/log/wal/frame.ts'
import { readEntries, readFrame, walBytes } from '../../src/log/wal/frame-reader.ts'
import { type FrameEntry, type FrameFacts, FrameWriter } from '../../src/log/wal/frame-writer.ts'

const facts: FrameFacts = {
  salt: 0xdeadbeef,
  generation: 7,
  position: 0,
  previousChecksum: 99,
  sequence: 2 ** 40 + 5,
  durableUpTo: 2 ** 40 + 4,
  appendTime: 1_700_000_000_123,
  epoch: 3,
}

const entry: fc.Arbitrary<FrameEntry> = fc.record({
  kind: fc.constantFrom('create', 'delete', 'trim', 'batch'),
  topicId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  partition: fc.nat(2 ** 31 - 1),
  offset: fc.maxSafeNat(),
  payload: fc.uint8Array({ maxLength: 300 }),
})

/** Bytes of a file with one frame at `position`. */
function fileOf(entries: readonly FrameEntry[], position = 0): Uint8Array {
  const writer = new FrameWriter()
  writer.begin(64 + entries.reduce((sum, { payload }) => sum + 36 + payload.length, 0))
  for (const each of entries) writer.add(each)
  const frame = writer.finish({ ...facts, position })
  const file = new Uint8Array(position + frame.length + 100)
  file.set(frame, position)
  return file
}

describe('frame', () => {
  test('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), fc.nat(1000), (entries, position) => {
        const wal = walBytes(fileOf(entries, position), facts.generation, facts.salt)
        const header = readFrame(wal, position)!
        expect(header).toMatchObject({
          previousChecksum: facts.previousChecksum,
          sequence: facts.sequence,
          durableUpTo: facts.durableUpTo,
          appendTime: facts.appendTime,
          epoch: facts.epoch,
          entryCount: entries.length,
        })
        const read = readEntries(wal, position, header)!.map((each) => ({
          kind: each.kind,
          topicId: Uint8Array.fromHex(each.topicId),
          partition: each.partition,
          offset: each.offset,
          payload: wal.bytes.slice(each.payloadAt, each.payloadAt + each.payloadSizeBytes),
        }))
        expect(read as unknown[]).toEqual([...entries])
      }),
    )
  })

  test('any flipped bit is noticed', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat(7),
        (entries, at, bit) => {
          const file = fileOf(entries)
          file[at % (file.length - 100)]! ^= 1 << bit
          expect(readFrame(walBytes(file, facts.generation, facts.salt), 0)).toBeNull()
        },
      ),
    )
  })

  test('belongs to one generation, one position and one salt', () => {
    const file = fileOf([])
    const moved = new Uint8Array(file.length + 8)
    moved.set(file, 8)
    expect(readFrame(walBytes(file, facts.generation, facts.salt), 0)).not.toBeNull()
    expect(readFrame(walBytes(file, facts.generation + 1, facts.salt), 0)).toBeNull()
    expect(readFrame(walBytes(file, facts.generation, facts.salt + 1), 0)).toBeNull()
    expect(readFrame(walBytes(moved, facts.generation, facts.salt), 8)).toBeNull()
  })

  test('zeroes, garbage and cut bytes are no frame, and no length is believed', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(250),
        fc.nat(2 ** 32 - 1),
        (garbage, cut, size) => {
          expect(readFrame(walBytes(garbage, facts.generation, facts.salt), 0)).toBeNull()
          const whole = fileOf([]).subarray(0, 64)
          expect(readFrame(walBytes(whole.subarray(0, cut % 64), facts.generation, facts.salt), 0)).toBeNull()
          const lying = whole.slice()
          new DataView(lying.buffer).setUint32(8, size === 64 ? 65 : size, true)
          expect(readFrame(walBytes(lying, facts.generation, facts.salt), 0)).toBeNull()
        },
      ),
    )
    expect(readFrame(walBytes(new Uint8Array(1000), facts.generation, facts.salt), 0)).toBeNull()
  })

  test('a frame that is shorter than its header or longer than its file is none, even if its checksum fits', () => {
    const file = fileOf([]).subarray(0, 64)
    for (const [size, fileSizeBytes] of [
      [40, 64],
      [8, 64],
      [63, 64],
      [65, 64],
      [2 ** 31, 64],
      [2 ** 32 - 1, 64],
    ] as const) {
      const lying = file.slice(0, fileSizeBytes)
      const view = new DataView(lying.buffer)
      view.setUint32(frameField.size, size, true)
      view.setUint32(frameField.checksum, frameChecksum(lying.subarray(0, size), facts.salt), true)
      expect(readFrame(walBytes(lying, facts.generation, facts.salt), 0)).toBeNull()
    }
  })

  test('an entry that reaches out of its frame spoils the frame', () => {
    const payload = new Uint8Array(20)
    const topicId = new Uint8Array(16)
    const file = fileOf([{ kind: 'batch', topicId, partition: 0, offset: 0, payload }])
    const wal = walBytes(file, facts.generation, facts.salt)
    const header = readFrame(wal, 0)!
    for (const size of [0, 19, 21, 2 ** 31, 2 ** 32 - 1]) {
      wal.view.setUint32(frameHeaderSizeBytes + entryField.payloadSize, size, true)
      expect(readEntries(wal, 0, header)).toBeNull()
    }
  })

  test('a large buffer is given back', () => {
    const writer = new FrameWriter()
    writer.begin(20 * 2 ** 20)
    expect(writer.bytes.length).toBeGreaterThanOrEqual(20 * 2 ** 20)
    writer.begin(1000)
    expect(writer.bytes.length).toBeLessThan(2 ** 20)
  })
})
