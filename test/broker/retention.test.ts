import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { asMillis, asOffset } from '#base'
import { decideRetention } from '../../src/broker/retention.ts'
import { advanceRetentionClock, leapBelievedMs } from '../../src/broker/retention-clock.ts'

const day = 86_400_000

/** Segments by the append time of their first record and their size, each of ten records. */
function partitionOf(segments: readonly { time: number; sizeBytes: number }[]) {
  return {
    startOffset: asOffset(0),
    endOffset: asOffset(segments.length * 10),
    offsetAppendedAt(time: number) {
      const index = segments.findIndex((segment) => segment.time >= time)
      return asOffset((index < 0 ? segments.length : index) * 10)
    },
    offsetForSize(sizeBytes: number) {
      let kept = 0
      let index = segments.length
      while (index > 0 && kept < sizeBytes) kept += segments[--index]!.sizeBytes
      return asOffset(index * 10)
    },
  }
}

describe('retention', () => {
  const partition = partitionOf([
    { time: 1 * day, sizeBytes: 100 },
    { time: 5 * day, sizeBytes: 100 },
    { time: 9 * day, sizeBytes: 100 },
  ])
  const decide = (retentionMs: number | null, retentionBytes: number | null, now = 10 * day) =>
    decideRetention({
      config: { cleanupPolicy: 'delete', retentionMs, retentionBytes },
      now: asMillis(now),
      partition,
    })

  test('without limits everything stays', () => {
    expect(decide(null, null)).toBeNull()
  })

  test('records older than the limit go', () => {
    expect(decide(7 * day, null)).toEqual({ before: asOffset(10), reason: 'age' })
    expect(decide(20 * day, null)).toBeNull()
  })

  test('the oldest records above the size go', () => {
    expect(decide(null, 150)).toEqual({ before: asOffset(10), reason: 'size' })
    expect(decide(null, 250)).toBeNull()
    expect(decide(null, 50)).toEqual({ before: asOffset(20), reason: 'size' })
  })

  test('the stricter limit counts', () => {
    expect(decide(7 * day, 100)).toEqual({ before: asOffset(20), reason: 'size' })
    expect(decide(2 * day, 250)).toEqual({ before: asOffset(20), reason: 'age' })
  })

  test('a clock before the limit itself deletes nothing', () => {
    expect(decide(7 * day, null, 3 * day)).toBeNull()
  })
})

describe('the retention clock', () => {
  const start = Date.UTC(2026, 0, 1)
  const advance = (previous: number, uptimeMs: number, wallNow: number) =>
    advanceRetentionClock({ previous: asMillis(previous), uptimeMs, wallNow })

  test('follows a wall clock that runs with the uptime', () => {
    expect(advance(start, 30_000, start + 30_000)).toEqual({ now: asMillis(start + 30_000), doubtedMs: 0 })
  })

  test('believes a night without power', () => {
    expect(advance(start, 0, start + 12 * 3_600_000).now).toBe(asMillis(start + 12 * 3_600_000))
  })

  test('doubts a leap of ten years and gains only twice the uptime', () => {
    const { now, doubtedMs } = advance(start, 30_000, start + 3650 * day)
    expect(now).toBe(asMillis(start + 60_000))
    expect(doubtedMs).toBe(3650 * day - 60_000)
  })

  test('has caught up with a week without power after six days', () => {
    let now = asMillis(start)
    let wallNow = start + 7 * day
    let rounds = 0
    do {
      wallNow += 60_000
      rounds++
      now = advance(now, 60_000, wallNow).now
    } while (now < wallNow)
    expect(Math.floor((rounds * 60_000) / day)).toBe(6)
  })

  test('stands still where the wall clock falls behind, and goes on from there', () => {
    expect(advance(start, 30_000, start - 3650 * day)).toEqual({ now: asMillis(start), doubtedMs: 0 })
    expect(advance(start, 30_000, start + 5_000).now).toBe(asMillis(start + 5_000))
  })

  test('never goes back, is never ahead of the wall clock by its own doing, and leaps a day at most', () => {
    const step = fc.record({
      uptimeMs: fc.nat(3_600_000),
      wallStepMs: fc.integer({ min: -20 * day, max: 20 * day }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        let now = asMillis(start)
        let wallNow = start
        for (const { uptimeMs, wallStepMs } of steps) {
          wallNow += wallStepMs
          const next = advance(now, uptimeMs, wallNow).now
          expect(next).toBeGreaterThanOrEqual(now)
          expect(next).toBeLessThanOrEqual(Math.max(now, wallNow))
          expect(next - now).toBeLessThanOrEqual(Math.max(uptimeMs * 2, uptimeMs + leapBelievedMs))
          now = next
        }
      }),
    )
  })
})
