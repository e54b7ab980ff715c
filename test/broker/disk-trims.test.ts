import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { asByteSize, asMillis, asOffset } from '#base'
import { decideDiskTrims, decideRolls, type TrimCandidate } from '../../src/broker/disk-trims.ts'

const candidate = (partition: number, times: readonly number[], sizeBytes = 10): TrimCandidate => ({
  id: { topicId: 'a'.repeat(32), partition },
  topic: 'orders',
  sealed: times.map((time, index) => ({
    endOffset: asOffset(index + 1),
    sizeBytes: asByteSize(sizeBytes),
    lastAppendTime: asMillis(time),
  })),
})

describe('trims before the time', () => {
  test('do not happen below 95 percent', () => {
    const candidates = [candidate(0, [1, 2, 3])]
    expect(decideDiskTrims({ usedBytes: 95, maxBytes: 100, candidates })).toEqual({
      trims: [],
      usedBytes: 95,
    })
    expect(decideDiskTrims({ usedBytes: 96, maxBytes: 100, candidates }).trims).toHaveLength(1)
  })

  test('take the oldest segments of all partitions first, and no more than needed', () => {
    const candidates = [candidate(0, [10, 40]), candidate(1, [20, 30, 50])]
    const { trims, usedBytes } = decideDiskTrims({ usedBytes: 120, maxBytes: 100, candidates })
    expect(trims.map(({ id, before, lastAppendTime }) => [id.partition, before, lastAppendTime])).toEqual([
      [0, asOffset(1), asMillis(10)],
      [1, asOffset(2), asMillis(30)],
    ])
    expect(usedBytes).toBe(90)
  })

  test('leave what they cannot have', () => {
    const { trims, usedBytes } = decideDiskTrims({
      usedBytes: 300,
      maxBytes: 100,
      candidates: [candidate(0, [1, 2])],
    })
    expect(trims).toMatchObject([{ before: 2, sizeBytes: 20 }])
    expect(usedBytes).toBe(280)
  })

  test('always trim a prefix of each partition, and are enough if anything is', () => {
    const times = fc.array(fc.nat(50), { maxLength: 8 }).map((list) => list.sort((a, b) => a - b))
    fc.assert(
      fc.property(fc.array(times, { maxLength: 5 }), fc.nat(400), (partitions, extra) => {
        const candidates = partitions.map((list, partition) => candidate(partition, list))
        const sealedBytes = partitions.flat().length * 10
        const usedBytes = sealedBytes + extra
        const decided = decideDiskTrims({ usedBytes, maxBytes: 100, candidates })
        const freed = decided.trims.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
        expect(decided.usedBytes).toBe(usedBytes - freed)
        for (const { before, sizeBytes } of decided.trims) expect(sizeBytes).toBe(before * 10)
        expect(decided.usedBytes <= 95 || freed === sealedBytes).toBe(true)
        // What stays is nowhere older than what goes.
        const newest = Math.max(0, ...decided.trims.map(({ lastAppendTime }) => lastAppendTime))
        const kept = partitions.flatMap((list, partition) =>
          list.slice(decided.trims.find(({ id }) => id.partition === partition)?.before ?? 0),
        )
        if (freed > 0) expect(Math.min(Number.POSITIVE_INFINITY, ...kept)).toBeGreaterThanOrEqual(newest)
      }),
    )
  })
})

describe('segments that still grow', () => {
  const growing = (partition: number, since: number) => ({
    id: { topicId: 'a'.repeat(32), partition },
    activeSince: asMillis(since),
    activeBytes: 10,
  })

  test('are sealed, the oldest first and no more than needed, when nothing else is left to trim', () => {
    const candidates = [growing(0, 30), growing(1, 10), growing(2, 20)]
    const partitions = (usedBytes: number) =>
      decideRolls({ usedBytes, maxBytes: 100, candidates }).map(({ partition }) => partition)
    expect(partitions(100)).toEqual([])
    expect(partitions(101)).toEqual([1])
    expect(partitions(110)).toEqual([1, 2])
    expect(partitions(500)).toEqual([1, 2, 0])
  })
})
