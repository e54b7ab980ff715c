// The parts of compaction one by one: which keys it knows, what it merges, and what a round leaves of any log, against a
// model that knows nothing of files.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { crc32c, seededRandom } from '#base'
import {
  BatchBuilder,
  type Compression,
  checkBatch,
  readBatchHeader,
  readRecords,
  writeBaseOffset,
} from '#record'
import { type CompactionJob, compact } from '../../src/log/compaction/compaction.ts'
import { planGroups } from '../../src/log/compaction/compaction-plan.ts'
import { KeyMap } from '../../src/log/compaction/key-map.ts'
import { decodeSwap, encodeSwap } from '../../src/log/compaction/segment-swap.ts'
import { type SegmentFacts, segmentName } from '../../src/log/segment/segment-facts.ts'
import { SimulatedClock } from '../sim/simulated-clock.ts'
import { SimulatedDisk } from '../sim/simulated-disk.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

test('a key map tells the latest offset of every key, however many there are', () => {
  const keys = fc.array(fc.uint8Array({ maxLength: 6 }), { maxLength: 3000 })
  fc.assert(
    fc.property(keys, fc.nat(), (each, seed) => {
      const map = new KeyMap(1e9, seed)
      const model = new Map<string, number>()
      each.forEach((key, offset) => {
        map.put(key, offset)
        model.set(key.toHex(), offset)
      })
      expect(map.count).toBe(model.size)
      for (const [key, offset] of model) expect(map.latest(Uint8Array.fromHex(key))).toBe(offset)
      expect(map.latest(encoder.encode('none of them'))).toBe(-1)
    }),
    { numRuns: 50 },
  )
})

test('a key map says when its memory is used up', () => {
  const map = new KeyMap(10_000, 1)
  let count = 0
  while (!map.isFull) map.put(encoder.encode(`key-${count}`), count++)
  expect(count).toBeGreaterThan(100)
  expect(count).toBeLessThan(300)
})

const facts = (baseOffset: number, sizeBytes: number, times = [0, 0]): SegmentFacts => ({
  baseOffset,
  generation: 0,
  sizeBytes,
  maxTimestamp: 0,
  firstAppendTime: times[0]!,
  lastAppendTime: times[1]!,
})

test('neighbours are merged up to a size, a number of offsets and an age', () => {
  const plan = (segments: SegmentFacts[], limits = {}) =>
    planGroups(segments, {
      segmentSizeBytesMax: 64,
      offsetSpanMax: 1000,
      appendSpanMsMax: null,
      endOffset: 100,
      ...limits,
    }).map((group) => group.map(({ sizeBytes }) => sizeBytes))
  const some = [facts(0, 40), facts(10, 3), facts(20, 5), facts(30, 60)]
  expect(plan(some)).toEqual([[40, 3, 5], [60]])
  expect(plan(some, { offsetSpanMax: 25 })).toEqual([[40, 3], [5], [60]])
  const aging = [facts(0, 1, [0, 10]), facts(10, 2, [10, 20]), facts(20, 3, [20, 30])]
  expect(plan(aging, { appendSpanMsMax: 20 })).toEqual([[1, 2], [3]])
})

test('a swap is read back as it was written', () => {
  const swap = {
    replaced: [
      { baseOffset: 0, generation: 0 },
      { baseOffset: 9, generation: 4 },
    ],
    by: [{ ...facts(0, 7), generation: 5, indexSum: 3, hasSumFile: true as const }],
    compactedTo: 12,
  }
  expect(decodeSwap(encodeSwap(swap))).toEqual(swap)
})

type Given = { key: number | null; value: number | null; header: boolean }
const given = fc.record({
  key: fc.option(fc.nat(5), { freq: 12 }),
  value: fc.option(fc.nat(200), { freq: 4 }),
  header: fc.boolean(),
})
const batchOf = fc.record({
  records: fc.array(given, { minLength: 1, maxLength: 6 }),
  compression: fc.constantFrom<Compression>('none', 'gzip', 'zstd'),
  /** Of Kafka's attributes: what the log must not take apart. */
  mark: fc.constantFrom('none', 'none', 'none', 'none', 'control', 'transactional', 'snappy'),
})

type Stored = Given & { offset: number; timestamp: number }

/** A log as the model has it: what is where, by batch. */
function lay(batches: readonly { records: readonly Given[]; compression: Compression; mark: string }[]) {
  let offset = 0
  return batches.map(({ records, compression, mark }) => {
    const builder = new BatchBuilder({ compression: mark === 'snappy' ? 'none' : compression })
    const stored = records.map(
      (record): Stored => ({ ...record, offset: offset++, timestamp: 5000 - offset * 3 }),
    )
    for (const { key, value, header, timestamp } of stored) {
      builder.append({
        key: key === null ? null : encoder.encode(`key-${key}`),
        value: value === null ? null : encoder.encode('v'.repeat(value)),
        headers: header ? [{ key: 'h', value: encoder.encode(String(timestamp)) }] : [],
        timestamp,
      })
    }
    const bytes = builder.build()
    writeBaseOffset(bytes, 0, stored[0]!.offset, 3)
    const bits = { control: 1 << 5, transactional: 1 << 4, snappy: 2 }[mark] ?? 0
    if (bits !== 0) {
      bytes[22]! |= bits
      new DataView(bytes.buffer).setUint32(17, crc32c(bytes, 21))
    }
    return { bytes, stored, opaque: bits !== 0, hides: mark === 'transactional' || mark === 'snappy' }
  })
}

test('a round leaves the latest record of each key and nothing else, whatever the log is', () => {
  const logs = fc.array(batchOf, { minLength: 1, maxLength: 25 })
  fc.assert(
    fc.property(logs, fc.nat(4), fc.nat(1000), (batches, perSegment, seed) => {
      const laid = lay(batches)
      const disk = new SimulatedDisk({ clock: new SimulatedClock(0), random: seededRandom(seed) })
      disk.makeDirectory('/p')
      const segments: SegmentFacts[] = []
      for (let first = 0; first < laid.length; first += perSegment + 1) {
        const part = laid.slice(first, first + perSegment + 1)
        const bytes = Buffer.concat(part.map((each) => each.bytes))
        const baseOffset = part[0]!.stored[0]!.offset
        const file = disk.open(`/p/${segmentName(baseOffset)}.log`, 'create')
        file.write(bytes, 0)
        segments.push(facts(baseOffset, bytes.length))
      }
      const endOffset = laid.at(-1)!.stored.at(-1)!.offset + 1
      const left = runRounds(disk, { segments, endOffset, now: 1000 })
      expect(readAll(disk, left)).toEqual(expected(laid, false))
      // A day later tombstones go, unless something that cannot be read lies before them.
      const later = runRounds(disk, { segments: left, endOffset, now: 1000 + 86_400_000 })
      expect(readAll(disk, later)).toEqual(expected(laid, true))
      // The end of the log can be read, even where no record is left.
      const last = later.at(-1)!
      expect(lastOffsetOf(disk, last)).toBe(endOffset - 1)
    }),
    { numRuns: 150 },
  )
})

test.each([
  ['the number of records', 'none', 60],
  ['a batch that nobody looks into', 'transactional', 70],
  ['a codec, so that nobody looks into it any more', 'none', 22],
])('a round over a segment without sums stops at a flipped bit: %s', (_, mark, at) => {
  const record = { key: 1, value: 9, header: false }
  const laid = lay([
    { records: [record], compression: 'none', mark },
    { records: [{ ...record, key: 2 }], compression: 'none', mark: 'none' },
  ])
  const disk = new SimulatedDisk({ clock: new SimulatedClock(0), random: seededRandom(1) })
  disk.makeDirectory('/p')
  const path = `/p/${segmentName(0)}.log`
  const bytes = Buffer.concat(laid.map((each) => each.bytes))
  disk.open(path, 'create').write(bytes, 0)
  disk.flip(path, at, at === 22 ? 1 : 0)
  const round = () => runRounds(disk, { segments: [facts(0, bytes.length)], endOffset: 2, now: 1000 })
  expect(round).toThrow('a batch is damaged')
  expect(disk.files()).toEqual([path])
})

function runRounds(
  disk: SimulatedDisk,
  { segments, endOffset, now }: { segments: SegmentFacts[]; endOffset: number; now: number },
): SegmentFacts[] {
  let left = segments
  let compactedTo = 0
  for (let generation = now; compactedTo < endOffset; generation++) {
    const job: CompactionJob = {
      directory: '/p',
      segments: left,
      endOffset,
      compactedTo,
      generation,
      now,
      deleteRetentionMs: 86_400_000,
      appendSpanMsMax: null,
      offsetSpanMax: 2 ** 30,
      segmentSizeBytesMax: 700,
      keysSizeBytesMax: 100,
      seed: 7,
      stepBytes: 300,
    }
    const round = compact(disk, job)
    for (;;) {
      const { done, value } = round.next()
      if (done) {
        expect(value.compactedTo).toBeGreaterThan(compactedTo)
        compactedTo = value.compactedTo
        break
      }
      if (value.kind !== 'swap') continue
      const { replaced, by } = value.swap
      const at = left.findIndex(({ baseOffset }) => baseOffset === replaced[0]!.baseOffset)
      left = left.toSpliced(at, replaced.length, ...by)
    }
  }
  return left
}

function* batchesIn(disk: SimulatedDisk, { baseOffset, generation, sizeBytes }: SegmentFacts) {
  const bytes = disk.contents(`/p/${segmentName(baseOffset, generation)}.log`)
  expect(bytes.length).toBe(sizeBytes)
  for (let at = 0; at < bytes.length; ) {
    const header = readBatchHeader(bytes, at)
    yield bytes.subarray(at, at + header.sizeBytes)
    at += header.sizeBytes
  }
}

function lastOffsetOf(disk: SimulatedDisk, segment: SegmentFacts): number {
  return readBatchHeader([...batchesIn(disk, segment)].at(-1)!).lastOffset
}

const textOf = (bytes: Uint8Array | null) => (bytes === null ? null : decoder.decode(bytes))
const opaqueText = (bytes: Uint8Array) => `opaque ${bytes.toHex()}`

function readAll(disk: SimulatedDisk, segments: readonly SegmentFacts[]): string[] {
  return segments.flatMap((segment) =>
    [...batchesIn(disk, segment)].flatMap((batch) => {
      const { control, transactional, compression } = readBatchHeader(batch)
      if (control || transactional || compression === 'snappy') return [opaqueText(batch)]
      const { maxTimestamp, count } = checkBatch(batch)
      const records = [...readRecords(batch)]
      expect(records.length).toBe(count)
      if (count > 0) expect(maxTimestamp).toBe(Math.max(...records.map(({ timestamp }) => timestamp)))
      return records.map(({ offset, timestamp, key, value, headers }) =>
        JSON.stringify([offset, timestamp, textOf(key), textOf(value)?.length ?? null, headers.length]),
      )
    }),
  )
}

function expected(laid: ReturnType<typeof lay>, tombstonesGo: boolean): string[] {
  const latest = new Map<number, number>()
  for (const { stored, opaque } of laid)
    for (const { key, offset } of opaque ? [] : stored) if (key !== null) latest.set(key, offset)
  let hidden = false
  return laid.flatMap(({ bytes, stored, opaque, hides }) => {
    hidden ||= hides
    if (opaque) return [opaqueText(bytes)]
    return stored
      .filter(({ key, offset }) => key === null || latest.get(key) === offset)
      .filter(({ key, value }) => !(tombstonesGo && key !== null && value === null && !hidden))
      .map(({ offset, timestamp, key, value, header }) =>
        JSON.stringify([offset, timestamp, key === null ? null : `key-${key}`, value, header ? 1 : 0]),
      )
  })
}
