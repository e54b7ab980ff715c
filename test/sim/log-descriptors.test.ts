// A process that may open few files: partitions take turns, nothing is lost, and nobody waits for ever.
import { describe, expect, test } from 'bun:test'
import type { BrokerError } from '#base'
import type { OpenLog, PartitionId } from '#log'
import { BatchBuilder } from '#record'
import { LogScenario } from './log-scenario.ts'

/** Nothing is let go before the system refuses: what this is about. */
const limits = { openFilesMax: 1e6, openSegmentsMax: 1e6 }

function batch(): Uint8Array {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new TextEncoder().encode('x'), timestamp: 1 })
  return builder.build()
}

const entries = (ids: readonly PartitionId[]) =>
  ids.map((id) => ({ kind: 'batch', id, batch: batch() }) as const)

/** So many partitions, in frames that fit the limits of the scenario. */
async function partitionsOf(scenario: LogScenario, log: OpenLog, count: number): Promise<PartitionId[]> {
  const ids = Array.from({ length: count }, (_, partition) => ({ topicId: 'a'.repeat(32), partition }))
  for (const id of ids) await scenario.drive(log.append([{ kind: 'create', id, topic: 't' }]))
  return ids
}

async function opened(options = {}): Promise<{ scenario: LogScenario; log: OpenLog; ids: PartitionId[] }> {
  const scenario = new LogScenario(41, { limits: { ...limits, ...options } })
  const log = await scenario.open()
  return { scenario, log, ids: await partitionsOf(scenario, log, 60) }
}

const ends = (log: OpenLog, ids: readonly PartitionId[]) =>
  ids.map((id) => Number(log.partition(id)!.endOffset))

describe('a log that may open few files', () => {
  test('appends to more partitions than that, one after the other', async () => {
    const { scenario, log, ids } = await opened({ checkpointMs: 1e9 })
    scenario.disk.filesMax = scenario.disk.openFiles + 6
    for (const id of [...ids, ...ids]) await scenario.drive(log.append(entries([id])))
    expect(ends(log, ids)).toEqual(ids.map(() => 2))
    const read = (id: PartitionId) => scenario.drive(log.partition(id)!.read(0 as never, 1))
    for (const id of ids) {
      const first = await read(id).catch((error: BrokerError) => error.code)
      // Refused when all that is open waits for its sync; which begins then.
      if (first === 'busy') await scenario.clock.advance(20)
      else expect(first.length).toBeGreaterThan(0)
      expect((await read(id)).length).toBeGreaterThan(0)
    }
  })

  test('appends to more partitions than that in one frame, and starts again with them', async () => {
    const { scenario, log, ids } = await opened({
      appendBytesMax: 40_000,
      walFileSizeBytes: 100_000,
      pendingBytesMax: 1e6,
    })
    scenario.disk.filesMax = scenario.disk.openFiles + 6
    await scenario.drive(log.append(entries(ids)))
    expect(ends(log, ids)).toEqual(ids.map(() => 1))
    const { filesMax } = scenario.disk
    scenario.powerCut(0)
    scenario.disk.filesMax = filesMax
    const again = await scenario.open()
    expect(ends(again, ids)).toEqual(ids.map(() => 1))
    await scenario.drive(again.append(entries(ids)))
    await scenario.drive(again.close())
  })

  test('loses nothing through power cuts and kills, whatever is open', async () => {
    for (let seed = 0; seed < 30; seed++) {
      const files = 5 + (seed % 4)
      const scenario = new LogScenario(seed, { limits, mixedLevels: seed % 2 === 0 })
      for (let life = 0; life < 4; life++) {
        scenario.disk.filesMax = files
        const log = await scenario.open()
        await scenario.check()
        await scenario.work(40)
        await scenario.settle()
        expect(log.failure).toBeUndefined()
        if (life % 2 === 0) scenario.powerCut(0.5)
        // The process goes, and the page cache stays.
        else scenario.kill()
      }
      await scenario.open()
      await scenario.check()
    }
  })

  test('closes no segment that is not synced: another descriptor would not hear of a failed write', async () => {
    for (const openFilesMax of [3, 1e6]) {
      const { scenario, log, ids } = await opened({ openFilesMax, openSegmentsMax: 2, checkpointMs: 50 })
      scenario.disk.filesMax = scenario.disk.openFiles + 6
      for (const id of [...ids, ...ids]) {
        await scenario.drive(log.append(entries([id])))
        const other = log.partition(ids[(id.partition * 7) % ids.length]!)!
        if (other.endOffset === 0) continue
        // A read does not wait for the syncs that make room for it, and another one soon finds it.
        const first = await scenario.drive(other.read(0 as never, 1)).catch((thrown) => thrown)
        if (first instanceof Uint8Array) continue
        expect(first).toMatchObject({ code: 'busy', retriable: true })
        await scenario.clock.advance(20)
        await scenario.drive(other.read(0 as never, 1))
      }
      expect(scenario.disk.closedUnsynced.filter((path) => path.endsWith('.log'))).toEqual([])
    }
  })

  test('with every one of them taken by others refuses by name, and goes on when they are given back', async () => {
    const { scenario, log, ids } = await opened()
    await scenario.drive(log.append(entries(ids.slice(0, 1))))
    // Everything is synced, and the write-ahead log is about to need its next file.
    await scenario.clock.advance(200)
    scenario.disk.filesMax = 0
    const refusals: unknown[] = []
    for (let count = 0; count < 400; count++) {
      const id = ids[count % 5]!
      let answered = false
      const append = log.append(entries([id])).catch((thrown) => void refusals.push(thrown))
      void append.then(() => {
        answered = true
      })
      for (let step = 0; step < 200 && !answered; step++) await scenario.clock.step()
      if (refusals.length > 0) break
    }
    expect(refusals.length).toBeGreaterThan(0)
    const [refusal] = refusals as BrokerError[]
    expect(refusal).toMatchObject({ code: 'busy', retriable: true })
    expect(refusal!.message).toContain('open files')
    expect(refusal!.fix).toContain('ulimit -n')
    expect(refusal!.fix).toContain('LimitNOFILE')
    scenario.disk.filesMax = Number.POSITIVE_INFINITY
    await scenario.clock.advance(1000)
    for (const id of ids) await scenario.drive(log.append(entries([id])))
    expect(log.failure).toBeUndefined()
  })
})
