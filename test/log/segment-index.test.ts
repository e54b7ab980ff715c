import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type BatchSpan, indexIntervalBytes, SegmentIndex } from '../../src/log/segment/segment-index.ts'

/** Consecutive batches of random sizes, record counts and times. */
const batches: fc.Arbitrary<BatchSpan[]> = fc
  .array(fc.tuple(fc.integer({ min: 61, max: 9000 }), fc.integer({ min: 1, max: 50 }), fc.nat(5000)), {
    minLength: 1,
    maxLength: 120,
  })
  .map((rows) => {
    let position = 0
    let nextOffset = 0
    return rows.map(([sizeBytes, count, maxTimestamp]) => {
      nextOffset += count
      const span = { position, sizeBytes, lastOffset: nextOffset - 1, maxTimestamp }
      position += sizeBytes
      return span
    })
  })

function indexOf(spans: readonly BatchSpan[]): SegmentIndex {
  const index = new SegmentIndex(0)
  for (const span of spans) index.add(span)
  return index
}

const sizeOf = (spans: readonly BatchSpan[]) => spans.at(-1)!.position + spans.at(-1)!.sizeBytes
const maxOf = (spans: readonly BatchSpan[]) => Math.max(...spans.map(({ maxTimestamp }) => maxTimestamp))

/** Every lookup must end at the start of a batch that is not behind what is looked for, nor far before it. */
function expectUseful(index: SegmentIndex, spans: readonly BatchSpan[]): void {
  const starts = new Set([0, ...spans.map(({ position }) => position)])
  for (const [at, span] of spans.entries()) {
    const position = index.positionOf(span.lastOffset)
    expect(starts.has(position)).toBe(true)
    expect(position).toBeLessThanOrEqual(span.position)
    const behind = spans.filter((other) => other.position >= position && other.position < span.position)
    const walked = behind.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    expect(walked).toBeLessThanOrEqual(indexIntervalBytes + 2 * 9000)
    const firstLate = spans.find(({ maxTimestamp }) => maxTimestamp >= span.maxTimestamp)!
    expect(index.positionAt(span.maxTimestamp)).toBeLessThanOrEqual(firstLate.position)
    expect(index.batchStartBefore(span.position)).toBeLessThanOrEqual(span.position)
    expect(at).toBeLessThan(spans.length)
  }
}

describe('segment index', () => {
  test('finds a place at or before any offset and any time', () => {
    fc.assert(fc.property(batches, (spans) => expectUseful(indexOf(spans), spans)))
  })

  test('does the same after it was written and read', () => {
    fc.assert(
      fc.property(batches, (spans) => {
        const facts = { sizeBytes: sizeOf(spans), maxTimestamp: maxOf(spans) }
        const read = SegmentIndex.decode(indexOf(spans).encode(), facts)
        expect(read).not.toBeNull()
        expectUseful(read!, spans)
        expect(read!.encode()).toEqual(indexOf(spans).encode())
      }),
    )
  })

  test('what was built later joins what was known before', () => {
    fc.assert(
      fc.property(batches, fc.nat(), (spans, at) => {
        const split = at % spans.length
        const later = new SegmentIndex(spans[split]!.position)
        for (const span of spans.slice(split)) later.add(span)
        later.fill(indexOf(spans.slice(0, split)))
        const starts = new Set([0, ...spans.map(({ position }) => position)])
        for (const span of spans) {
          expect(later.positionOf(span.lastOffset)).toBeLessThanOrEqual(span.position)
          expect(starts.has(later.positionOf(span.lastOffset))).toBe(true)
          const firstLate = spans.find(({ maxTimestamp }) => maxTimestamp >= span.maxTimestamp)!
          expect(later.positionAt(span.maxTimestamp)).toBeLessThanOrEqual(firstLate.position)
        }
      }),
    )
  })

  test('garbage is refused or harmless', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.uint8Array({ maxLength: 400 }),
        fc.nat(100_000),
        (offsets, times, sizeBytes) => {
          const read = SegmentIndex.decode({ offsets, times }, { sizeBytes, maxTimestamp: 0 })
          if (read === null) return
          expect(read.positionOf(10)).toBeLessThanOrEqual(sizeBytes)
          expect(read.positionOf(10)).toBeGreaterThanOrEqual(0)
        },
      ),
    )
  })

  test('has the layout that Kafka reads', () => {
    const index = new SegmentIndex(0)
    index.add({ position: 0, sizeBytes: 5000, lastOffset: 9, maxTimestamp: 700 })
    index.add({ position: 5000, sizeBytes: 5000, lastOffset: 19, maxTimestamp: 600 })
    index.add({ position: 10_000, sizeBytes: 100, lastOffset: 29, maxTimestamp: 900 })
    const { offsets, times } = index.encode()
    expect(offsets.toHex()).toBe('0000001300001388' + '0000001d00002710')
    expect(times.toHex()).toBe('00000000000002bc00000013' + '00000000000003840000001d')
  })
})
