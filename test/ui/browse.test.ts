import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { RecordJson, RecordsPage } from '../../src/http/contract.ts'
import {
  addPages,
  firstRequests,
  type Loaded,
  moreRequests,
  nothingLoaded,
  type PageRequest,
  type Position,
  parsePosition,
  writePosition,
} from '../../ui/pages/browse.ts'
import { nameProblem, retentionText } from '../../ui/pages/topic-retention.ts'

const range = (partition: number, startOffset: number, endOffset: number) => ({
  partition,
  startOffset,
  endOffset,
  sizeBytes: 0,
  lastAppendTime: 0,
})

const record = (partition: number, offset: number): RecordJson => ({
  partition,
  offset,
  timestamp: 1_000 + offset * 10 + partition,
  key: null,
  value: offset,
  headers: {},
})

/** A topic that answers as the server does. */
function answer(request: PageRequest, start: number, end: number): { partition: number; page: RecordsPage } {
  const from = request.from === 'earliest' ? start : Number(request.from)
  const next = Math.min(end, from + request.limit)
  const records = Array.from({ length: Math.max(0, next - from) }, (_, index) =>
    record(request.partition, from + index),
  )
  return { partition: request.partition, page: { records, next, startOffset: start, endOffset: end } }
}

describe('positions', () => {
  test('survive the URL', () => {
    const positions: Position[] = [
      { kind: 'newest' },
      { kind: 'oldest' },
      { kind: 'live' },
      { kind: 'offset', offset: 12 },
      { kind: 'time', at: '2026-11-22T10:00' },
    ]
    for (const position of positions) expect(parsePosition(writePosition(position))).toEqual(position)
    expect(parsePosition('<script>')).toEqual({ kind: 'newest' })
  })
})

describe('reading', () => {
  test('newest begins one page before the end, never before the start', () => {
    expect(
      firstRequests({ kind: 'newest' }, [range(0, 0, 100), range(1, 95, 100), range(2, 7, 7)], 50),
    ).toEqual([
      { partition: 0, from: '50', limit: 50 },
      { partition: 1, from: '95', limit: 50 },
    ])
  })

  test('an offset outside the partition is brought inside', () => {
    const from = (offset: number) => firstRequests({ kind: 'offset', offset }, [range(0, 10, 20)], 5)[0]?.from
    expect([from(3), from(15), from(99)]).toEqual(['10', '15', '20'])
  })

  test('page after page in either direction shows every record once, in order', () => {
    const partition = fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 120 }))
    const kind = fc.constantFrom<Position>({ kind: 'newest' }, { kind: 'oldest' })
    fc.assert(
      fc.property(
        kind,
        fc.array(partition, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 60 }),
        (position, sizes, limit) => {
          const ranges = sizes.map(([start, count], index) => range(index, start, start + count))
          const ask = (loaded: Loaded, requests: readonly PageRequest[]) =>
            addPages(
              position,
              loaded,
              requests.map((request) => {
                const { startOffset, endOffset } = ranges[request.partition]!
                return answer(request, startOffset, endOffset)
              }),
            )
          let loaded = ask(nothingLoaded, firstRequests(position, ranges, limit))
          for (let round = 0; round < 200; round += 1) {
            const requests = moreRequests(position, ranges, loaded.spans, limit)
            if (requests.length === 0) break
            loaded = ask(loaded, requests)
          }
          for (const { partition: number, startOffset, endOffset } of ranges) {
            const offsets = loaded.records.filter((one) => one.partition === number).map((one) => one.offset)
            const expected = Array.from(
              { length: endOffset - startOffset },
              (_, index) => startOffset + index,
            )
            expect(offsets).toEqual(position.kind === 'newest' ? expected.reverse() : expected)
          }
        },
      ),
    )
  })
})

describe('topics', () => {
  test('names follow the rule that every client knows', () => {
    expect(nameProblem('orders.v1_x-y', [])).toBeNull()
    expect(nameProblem('', [])).toBeNull()
    expect(nameProblem('a b', [])).toContain('Letters')
    expect(nameProblem('..', [])).not.toBeNull()
    expect(nameProblem('orders', ['orders'])).toContain('already')
    expect(nameProblem('x'.repeat(250), [])).toContain('249')
  })
  test('retention is said in words', () => {
    const week = { retentionMs: 604_800_000, retentionBytes: null, cleanupPolicy: 'delete' }
    expect(retentionText(week)).toBe('7 d')
    expect(retentionText({ ...week, retentionMs: null, retentionBytes: 1e9 })).toBe('for ever, 1 GB')
    expect(retentionText({ ...week, cleanupPolicy: 'compact' })).toBe('latest by key')
    expect(retentionText({ ...week, cleanupPolicy: 'compact,delete' })).toBe('latest by key, 7 d')
  })
})
