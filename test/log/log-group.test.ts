import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  asByteSize,
  asMillis,
  asOffset,
  type Clock,
  type Disk,
  Metrics,
  realClock,
  realDisk,
  realRandom,
  silentLogger,
} from '#base'
import { type LogGroup, type LogLimits, openLog, type Partition } from '#log'
import { BatchBuilder, readRecords } from '#record'

const root = mkdtempSync(join(tmpdir(), 'pspf-log-'))
afterAll(() => rmSync(root, { recursive: true }))

let directories = 0
const freshDirectory = () => join(root, String(directories++))
const id = { topicId: 'a'.repeat(32), partition: 0 }
const other = { topicId: 'b'.repeat(32), partition: 3 }

type Opening = { directory: string; clock?: Clock; disk?: Disk } & Partial<LogLimits>

async function withLog<T>(
  { directory, clock, disk = realDisk(), ...limits }: Opening,
  use: (log: LogGroup) => Promise<T>,
): Promise<T> {
  const log = await openLog({
    disk,
    clock: clock ?? realClock(),
    random: realRandom(),
    logger: silentLogger,
    metrics: new Metrics(),
    directory,
    ...limits,
  })
  try {
    return await use(log)
  } finally {
    await log.close()
    disk.close()
  }
}

function batchOf(values: string[], timestamp = 1000): Uint8Array {
  const builder = new BatchBuilder()
  for (const value of values) builder.append({ key: null, value: new TextEncoder().encode(value), timestamp })
  return builder.build()
}

async function valuesFrom(partition: Partition, from = 0): Promise<string[]> {
  const values: string[] = []
  for (let offset = from; offset < partition.endOffset; ) {
    for (const record of readRecords(await partition.read(asOffset(offset), 4096), offset)) {
      expect(record.offset).toBe(offset++)
      values.push(new TextDecoder().decode(record.value!))
    }
  }
  return values
}

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `value-${from + index}`)

async function appendEach(log: LogGroup, values: string[]): Promise<void> {
  await Promise.all(values.map((value) => log.append([{ kind: 'batch', id, batch: batchOf([value]) }])))
}

describe('log group', () => {
  test('records are read back at the offsets that were acknowledged', () =>
    withLog({ directory: freshDirectory() }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      const first = await log.append([{ kind: 'batch', id, batch: batchOf(['a', 'b']) }])
      const second = await log.append([{ kind: 'batch', id, batch: batchOf(['c']) }])
      expect(first.offsets).toEqual([asOffset(0)])
      expect(second.offsets).toEqual([asOffset(2)])
      expect(second.frame).toBe(first.frame + 1)
      const partition = log.partition(id)!
      expect(partition.endOffset).toBe(asOffset(3))
      expect(await valuesFrom(partition)).toEqual(['a', 'b', 'c'])
      expect(await valuesFrom(partition, 1)).toEqual(['b', 'c'])
    }))

  test('everything is there after a clean restart, which replays nothing', async () => {
    const directory = freshDirectory()
    await withLog({ directory }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      await appendEach(log, numbered(500))
    })
    await withLog({ directory }, async (log) => {
      expect(log.report).toMatchObject({ clean: true, framesReplayed: 0, bytesCut: 0, partitions: 1 })
      expect(await valuesFrom(log.partition(id)!)).toEqual(numbered(500))
      const more = await log.append([{ kind: 'batch', id, batch: batchOf(['more']) }])
      expect(more.offsets).toEqual([asOffset(500)])
    })
    await withLog({ directory }, async (log) => {
      expect(await valuesFrom(log.partition(id)!, 499)).toEqual(['value-499', 'more'])
    })
  })

  test('a log that was not closed brings back what was acknowledged', async () => {
    const directory = freshDirectory()
    const disk = realDisk()
    const options = { disk, clock: realClock(), random: realRandom(), logger: silentLogger, directory }
    const left = await openLog({ ...options, metrics: new Metrics() })
    await left.append([{ kind: 'create', id, topic: 'orders' }])
    await appendEach(left, numbered(300))
    await withLog({ directory }, async (log) => {
      expect(log.report.clean).toBe(false)
      expect(log.report.framesReplayed).toBeGreaterThan(1)
      expect(await valuesFrom(log.partition(id)!)).toEqual(numbered(300))
      await appendEach(log, numbered(10, 300))
    })
    await withLog({ directory }, async (log) => {
      expect(await valuesFrom(log.partition(id)!)).toEqual(numbered(310))
    })
    disk.close()
  })

  test('segments roll, write-ahead files are reused, and restarts see all of it', async () => {
    const directory = freshDirectory()
    const limits = {
      segmentSizeBytesMax: 4096,
      walFileSizeBytes: 16_384,
      appendBytesMax: 8192,
      groupBytesMax: 8192,
      checkpointBytes: 20_000,
      walFilesMax: 3,
    }
    for (let round = 0; round < 3; round++) {
      await withLog({ directory, ...limits }, async (log) => {
        if (round === 0) await log.append([{ kind: 'create', id, topic: 'orders' }])
        for (let step = 0; step < 10; step++) await appendEach(log, numbered(100, round * 1000 + step * 100))
        expect(await valuesFrom(log.partition(id)!)).toEqual(numbered((round + 1) * 1000))
      })
      expect(readdirSync(join(directory, 'wal')).length).toBeLessThanOrEqual(6)
      expect(readdirSync(join(directory, 'topics/orders-0')).length).toBeGreaterThan(10)
    }
  })

  test('one append changes several partitions at once and tells listeners once', () =>
    withLog({ directory: freshDirectory() }, async (log) => {
      const grown: string[][] = []
      const stop = log.onVisible((partitions) => grown.push(partitions.map(({ topic }) => topic)))
      const appended = await log.append([
        { kind: 'create', id, topic: 'orders' },
        { kind: 'create', id: other, topic: 'payments' },
        { kind: 'batch', id, batch: batchOf(['a']) },
        { kind: 'batch', id: other, batch: batchOf(['b', 'c']) },
        { kind: 'batch', id, batch: batchOf(['d']) },
      ])
      stop()
      await log.append([{ kind: 'batch', id, batch: batchOf(['e']) }])
      expect(appended.offsets.map(Number)).toEqual([-1, -1, 0, 0, 1])
      expect(grown).toEqual([['orders', 'payments']])
      expect([...log.partitions()].map(({ topic }) => topic)).toEqual(['orders', 'payments'])
    }))

  test('an append with one bad entry changes nothing', () =>
    withLog({ directory: freshDirectory() }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      const attempts = [
        log.append([
          { kind: 'batch', id, batch: batchOf(['a']) },
          { kind: 'batch', id: other, batch: batchOf(['b']) },
        ]),
        log.append([{ kind: 'batch', id, batch: new Uint8Array(100) }]),
        log.append([{ kind: 'batch', id, batch: batchOf(['cut']).subarray(0, 70) }]),
        log.append([
          { kind: 'create', id: other, topic: 'payments' },
          { kind: 'create', id, topic: 'again' },
        ]),
        log.append([{ kind: 'create', id: { ...id, topicId: 'c'.repeat(32) }, topic: 'orders' }]),
        log.append([{ kind: 'create', id: other, topic: '../escape' }]),
        log.append([{ kind: 'trim', id, before: asOffset(1) }]),
      ]
      const codes = (await Promise.allSettled(attempts)).map((result) =>
        result.status === 'rejected' ? (result.reason as { code: string }).code : 'kept',
      )
      expect(codes).toEqual([
        'not_found',
        'invalid_request',
        'invalid_request',
        'already_exists',
        'already_exists',
        'invalid_request',
        'offset_out_of_range',
      ])
      expect(log.partition(id)!.endOffset).toBe(asOffset(0))
      expect(log.partition(other)).toBeUndefined()
      expect(log.pendingBytes).toBe(0)
    }))

  test('a deleted topic is gone, and one of the same name begins at 0', async () => {
    const directory = freshDirectory()
    const again = { topicId: 'd'.repeat(32), partition: 0 }
    await withLog({ directory }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      await appendEach(log, numbered(50))
      await log.append([
        { kind: 'delete', id },
        { kind: 'create', id: again, topic: 'orders' },
        { kind: 'batch', id: again, batch: batchOf(['new']) },
      ])
      expect(log.partition(id)).toBeUndefined()
      expect(await valuesFrom(log.partition(again)!)).toEqual(['new'])
    })
    await withLog({ directory }, async (log) => {
      expect(log.partition(id)).toBeUndefined()
      expect(await valuesFrom(log.partition(again)!)).toEqual(['new'])
    })
    expect(readdirSync(join(directory, 'topics'))).toEqual(['orders-0'])
  })

  test('a full segment gets its index and its sums in the background, and nothing of them amid a frame', async () => {
    const directory = freshDirectory()
    const files = (extension: string) =>
      readdirSync(join(directory, 'topics/orders-0')).filter((name) => name.endsWith(extension)).length
    await withLog({ directory, segmentSizeBytesMax: 1000, checkpointMs: 3_600_000 }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      for (const value of numbered(30)) await log.append([{ kind: 'batch', id, batch: batchOf([value]) }])
      expect([files('.log') > 2, files('.index'), files('.sum')]).toEqual([true, 0, 0])
    })
    // An orderly stop writes every index; the next start goes on with the sums.
    expect(files('.index')).toBe(files('.log'))
    await withLog({ directory }, async (log) => {
      expect(await valuesFrom(log.partition(id)!)).toEqual(numbered(30))
    })
  })

  test('trim moves the start and deletes whole segments', async () => {
    const directory = freshDirectory()
    await withLog({ directory, segmentSizeBytesMax: 1000 }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      for (const value of numbered(100)) await log.append([{ kind: 'batch', id, batch: batchOf([value]) }])
      const partition = log.partition(id)!
      const before = readdirSync(join(directory, 'topics/orders-0')).filter((name) =>
        name.endsWith('.log'),
      ).length
      await log.append([{ kind: 'trim', id, before: asOffset(55) }])
      expect(partition.startOffset).toBe(asOffset(55))
      await expect(partition.read(asOffset(54), 100)).rejects.toMatchObject({ code: 'offset_out_of_range' })
      expect(await valuesFrom(partition, 55)).toEqual(numbered(45, 55))
      await log.append([{ kind: 'trim', id, before: partition.endOffset }])
      expect(partition.sizeBytes).toBe(asByteSize(0))
      const next = await log.append([{ kind: 'batch', id, batch: batchOf(['next']) }])
      expect(next.offsets).toEqual([asOffset(100)])
      expect(before).toBeGreaterThanOrEqual(8)
    })
    await withLog({ directory }, async (log) => {
      const partition = log.partition(id)!
      expect([partition.startOffset, partition.endOffset]).toEqual([asOffset(100), asOffset(101)])
      expect(await valuesFrom(partition, 100)).toEqual(['next'])
    })
    expect(
      readdirSync(join(directory, 'topics/orders-0')).filter((name) => name.endsWith('.log')),
    ).toHaveLength(1)
  })

  test('offsets are found by record time, by append time and by size', () => {
    let now = 1_000
    const clock: Clock = { ...realClock(), now: () => now }
    return withLog({ directory: freshDirectory(), clock, segmentSizeBytesMax: 2000 }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      for (let index = 0; index < 100; index++) {
        now = 1_000 + index
        await log.append([{ kind: 'batch', id, batch: batchOf(['x'.repeat(100)], 5_000 + index * 10) }])
      }
      const partition = log.partition(id)!
      expect(partition.offsetAt(asMillis(0))).toBe(asOffset(0))
      expect(partition.offsetAt(asMillis(5_495))).toBe(asOffset(50))
      expect(partition.offsetAt(asMillis(5_990))).toBe(asOffset(99))
      expect(partition.offsetAt(asMillis(5_991))).toBeNull()
      expect(partition.lastAppendTime).toBe(asMillis(1_099))
      expect(partition.offsetAppendedAt(asMillis(0))).toBe(asOffset(0))
      expect(partition.offsetAppendedAt(asMillis(2_000))).toBe(partition.endOffset)
      const kept = partition.offsetForSize(asByteSize(5_000))
      expect(kept).toBeGreaterThan(50)
      expect(kept).toBeLessThan(75)
      expect(partition.offsetForSize(asByteSize(1_000_000))).toBe(asOffset(0))
    })
  })

  test('a limit of size keeps at least that much, and never less than the newest segment', () =>
    withLog({ directory: freshDirectory(), segmentSizeBytesMax: 2000 }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      const partition = log.partition(id)!
      expect(partition.offsetForSize(asByteSize(1))).toBe(asOffset(0))
      for (let index = 0; index < 5; index++)
        await log.append([{ kind: 'batch', id, batch: batchOf(['x'.repeat(100)]) }])
      for (const sizeBytes of [1, partition.sizeBytes - 1, partition.sizeBytes + 1])
        expect(partition.offsetForSize(asByteSize(sizeBytes))).toBe(asOffset(0))
      for (let index = 5; index < 100; index++)
        await log.append([{ kind: 'batch', id, batch: batchOf(['x'.repeat(100)]) }])
      let trimmedTo = 0
      for (let sizeBytes = partition.sizeBytes + 1; sizeBytes > 0; sizeBytes -= 500) {
        const before = partition.offsetForSize(asByteSize(sizeBytes))
        const allBytes = partition.sizeBytes
        expect(before).toBeLessThan(partition.endOffset)
        await log.append([{ kind: 'trim', id, before }])
        expect(partition.sizeBytes).toBeGreaterThanOrEqual(Math.min(sizeBytes, allBytes))
        expect(partition.sizeBytes).toBeLessThan(sizeBytes + 2000)
        trimmedTo = before
      }
      expect(trimmedTo).toBeGreaterThan(80)
    }))

  test('a slice of a segment file holds what a read answers', () =>
    withLog({ directory: freshDirectory(), segmentSizeBytesMax: 100_000 }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      for (let step = 0; step < 20; step++) await appendEach(log, numbered(50, step * 50))
      const partition = log.partition(id)!
      for (const from of [0, 1, 333, 998, 999]) {
        for (const bytesMax of [1, 500, 9000, 1_000_000]) {
          const slice = partition.slice(asOffset(from), bytesMax)!
          const bytes = new Uint8Array(
            await Bun.file(slice.path)
              .slice(slice.position, slice.position + slice.sizeBytes)
              .arrayBuffer(),
          )
          const offsets = [...readRecords(bytes, from)].map(({ offset }) => offset)
          expect(offsets[0]).toBe(from)
          const read = [...readRecords(await partition.read(asOffset(from), bytesMax), from)]
          expect(read[0]!.offset).toBe(from)
        }
      }
      expect(partition.slice(partition.endOffset, 100)).toBeNull()
    }))

  test('append time never falls when the clock does', () => {
    let now = 5_000
    const clock: Clock = { ...realClock(), now: () => now }
    return withLog({ directory: freshDirectory(), clock }, async (log) => {
      const first = await log.append([{ kind: 'create', id, topic: 'orders' }])
      now = 10
      const second = await log.append([{ kind: 'batch', id, batch: batchOf(['a']) }])
      expect([first.appendTime, second.appendTime]).toEqual([asMillis(5_000), asMillis(5_000)])
    })
  })

  test('below the reserve records are refused, deletes and what asks for the reserve go on', () => {
    let freeBytes = 1e12
    const real = realDisk()
    const disk: Disk = { ...real, space: () => ({ freeBytes, totalBytes: 1e12 }) }
    const fresh = [{ kind: 'batch', id, batch: batchOf(['a']) }] as const
    return withLog({ directory: freshDirectory(), disk, diskReserveBytes: 64 * 2 ** 20 }, async (log) => {
      freeBytes = 10 * 2 ** 20
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      await expect(log.append(fresh)).rejects.toMatchObject({
        code: 'disk_full',
        retriable: true,
        message: expect.stringContaining('the last 64.0 MB are kept in reserve for'),
        details: { reserveBytes: 64 * 2 ** 20 },
      })
      await expect(log.append(fresh, { useReserve: false })).rejects.toMatchObject({ code: 'disk_full' })
      const mixed = await Promise.allSettled([log.append(fresh), log.append(fresh, { useReserve: true })])
      expect(mixed.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
      expect(log.partition(id)!.endOffset).toBe(asOffset(1))
      await log.append([{ kind: 'trim', id, before: asOffset(1) }])
      freeBytes = 1e12
      await log.append(fresh)
      expect(await valuesFrom(log.partition(id)!, 1)).toEqual(['a'])
    })
  })

  test('limits are kept: one append, what is pending, and a closed log', async () => {
    let closedLog: LogGroup | undefined
    const limits = { appendBytesMax: 2000, pendingBytesMax: 4000 }
    await withLog({ directory: freshDirectory(), ...limits }, async (log) => {
      closedLog = log
      await log.append([{ kind: 'create', id, topic: 'orders' }])
      const large = batchOf(['x'.repeat(3000)])
      await expect(log.append([{ kind: 'batch', id, batch: large }])).rejects.toMatchObject({
        code: 'too_large',
      })
      const batch = batchOf(['x'.repeat(900)])
      const sent = Array.from({ length: 10 }, () => log.append([{ kind: 'batch', id, batch }]))
      const results = await Promise.allSettled(sent)
      const refused = results.filter((result) => result.status === 'rejected')
      expect(refused).toHaveLength(7)
      expect(refused[0]!.reason).toMatchObject({ code: 'busy', retriable: true })
      expect(log.partition(id)!.endOffset).toBe(asOffset(3))
    })
    await expect(closedLog!.append([{ kind: 'delete', id }])).rejects.toMatchObject({ code: 'closed' })
  })

  test('a place that cannot hold a log is refused in words', async () => {
    const file = join(root, 'file')
    writeFileSync(file, 'x')
    for (const directory of [join(file, 'data'), '/proc/pspf-data']) {
      const opening = withLog({ directory }, async () => undefined)
      await expect(opening).rejects.toThrow(`data directory ${directory} cannot be opened`)
    }
  })

  test('a newer data format is refused in words', async () => {
    const directory = freshDirectory()
    await withLog({ directory }, async () => undefined)
    writeFileSync(join(directory, 'format.json'), '{"format": 2, "salt": 1}\n')
    const opening = withLog({ directory }, async () => undefined)
    await expect(opening).rejects.toThrow('has data format 2; this version reads up to 1')
  })

  test('data without a format mark is not taken for an empty directory', async () => {
    const directory = freshDirectory()
    await withLog({ directory }, async (log) => {
      await log.append([{ kind: 'create', id, topic: 'orders' }])
    })
    rmSync(join(directory, 'format.json'))
    await expect(withLog({ directory }, async () => undefined)).rejects.toMatchObject({ code: 'corrupt' })
  })
})
