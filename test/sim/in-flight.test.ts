// While the sync of a frame is under way its records are in segments and nobody may see them: whoever looks for what is
// sealed, to delete it or to compact it, must not find them.
import { describe, expect, test } from 'bun:test'
import { asMillis, asOffset } from '#base'
import type { LogGroup, Partition } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { decideDiskTrims } from '../../src/broker/disk-trims.ts'
import { LogMachine } from './log-machine.ts'

const id = { topicId: 'a'.repeat(32), partition: 0 }

function batchOf(key: string | null, value: string) {
  const encoder = new TextEncoder()
  const builder = new BatchBuilder()
  builder.append({
    key: key === null ? null : encoder.encode(key),
    value: encoder.encode(value),
    timestamp: 1,
  })
  return { kind: 'batch' as const, id, batch: builder.build() }
}

async function opened(machine: LogMachine): Promise<{ log: LogGroup; partition: Partition }> {
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'orders' }]))
  return { log, partition: log.partition(id)! }
}

/** The next sync takes long; what is appended meanwhile is written by then. */
async function stalled<T>({ disk, clock }: LogMachine, append: () => T): Promise<T> {
  disk.plan = { call: disk.calls + 1, fault: 'stall' }
  const answer = append()
  await clock.advance(100)
  expect(disk.plan).toBeNull()
  return answer
}

async function valueAt(machine: LogMachine, partition: Partition, offset: number): Promise<string> {
  const bytes = await machine.run(partition.read(asOffset(offset), 1))
  const found = [...readRecords(bytes, offset)].find((record) => record.offset === offset)
  return new TextDecoder().decode(found!.value!)
}

describe('while a frame is in flight', () => {
  test('the segment that it begins is not sealed, so no limit of the disk takes it', async () => {
    const machine = new LogMachine(1)
    const { log, partition } = await opened(machine)
    // An object, since a promise would be waited for.
    const { answer } = await stalled(machine, () => ({ answer: log.append([batchOf(null, 'the newest')]) }))
    expect(partition.endOffset).toBe(asOffset(0))
    const sealed = partition.sealedSegments()
    expect(sealed).toEqual([])
    const { trims } = decideDiskTrims({
      usedBytes: 1000,
      maxBytes: 100,
      candidates: [{ id, topic: 'orders', sealed }],
    })
    const trimmed = trims.map(({ before }) => log.append([{ kind: 'trim', id, before }]))
    expect((await machine.run(answer)).offsets).toEqual([asOffset(0)])
    await machine.run(Promise.all(trimmed))
    expect(await valueAt(machine, partition, 0)).toBe('the newest')
    await machine.close()
  })

  test('a segment that it closes is sealed only when all of it is visible', async () => {
    const machine = new LogMachine(1, { segmentSizeBytesMax: 400 })
    const { log, partition } = await opened(machine)
    await machine.run(log.append([batchOf(null, 'a'.repeat(100))]))
    const { answers } = await stalled(machine, () => {
      const values = ['b'.repeat(100), 'c'.repeat(200)]
      return { answers: values.map((value) => log.append([batchOf(null, value)])) }
    })
    expect(partition.sealedSegments()).toEqual([])
    await machine.run(Promise.all(answers))
    expect(partition.sealedSegments()).toMatchObject([{ endOffset: asOffset(2) }])
    await machine.close()
  })

  test('a round of compaction that begins leaves the records alone that it ends a segment with', async () => {
    const machine = new LogMachine(1, { segmentSizeBytesMax: 400, compactionKeysBytesMax: 10_000 })
    const { log, partition } = await opened(machine)
    for (const value of ['old', 'new']) await machine.run(log.append([batchOf('k', value)]))
    const kept = 'x'.repeat(150)
    const { answers } = await stalled(machine, () => {
      // The first one fits into the segment that is there, the second begins another.
      const appends = [batchOf('first', kept), batchOf('second', kept)]
      return { answers: appends.map((entry) => log.append([entry])) }
    })
    const round = log.compact(id, { now: asMillis(machine.clock.now()), deleteRetentionMs: 500 })
    const acknowledged = await machine.run(Promise.all(answers))
    expect(acknowledged.flatMap(({ offsets }) => offsets)).toEqual([asOffset(2), asOffset(3)])
    await machine.run(round)
    expect(await valueAt(machine, partition, 2)).toBe(kept)
    expect(await valueAt(machine, partition, 3)).toBe(kept)
    await machine.close()
  })
})
