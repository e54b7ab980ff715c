// Compaction and retention as the broker drives them, on the real log and with compaction on a thread of its own.
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asMillis, asOffset, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { type Broker, openBroker } from '#broker'
import { type LogGroup, openLog, threadedCompaction } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { decideCompaction } from '../../src/broker/compaction.ts'
import { decideConsumed, mustSeal } from '../../src/broker/retention.ts'
import { brokerPort } from '../../src/streams/process/broker-port.ts'
import { defaultLimits } from '../../src/streams/runtime/limits.ts'
import { restore } from '../../src/streams/runtime/restore.ts'
import { diskSliceReader } from '../../src/streams/runtime/slice-reader.ts'
import { encodeTaskState } from '../../src/streams/runtime/task-state.ts'
import { MemoryStore } from '../../src/streams/state/memory-store.ts'
import { taskKey } from '../../src/streams/state/state-key.ts'
import { failure, readAll, record } from './fixture.ts'

const disk = realDisk()
const folders: string[] = []

afterAll(() => {
  disk.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

type World = { log: LogGroup; broker: Broker; directory: string; close(): Promise<void> }

const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }

async function open(directory = mkdtempSync(join(tmpdir(), 'pspf-compaction-'))): Promise<World> {
  folders.push(directory)
  const log = await openLog({
    ...world,
    disk,
    directory,
    segmentSizeBytesMax: 16_384,
    diskReserveBytes: 0,
    compactionBytesPerSecondMax: 1e9,
    compaction: threadedCompaction(disk),
  })
  const limits = { compactionEveryMs: 20, compactionBytesMin: 8_000, retentionEveryMs: 20 }
  const broker = await openBroker({ ...world, log, limits })
  const close = async () => {
    await broker.close()
    await log.close()
  }
  return { log, broker, directory, close }
}

/** Until it is so; the test's own limit of time ends it otherwise. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const changelog = 'demo.rows.changelog'
const encoder = new TextEncoder()

/** What a task of an app does for ever: commits of a few keys, each behind the one before. */
class AppLoad {
  readonly state = new Map<string, string>()
  readonly #broker: Broker
  readonly #epoch: number
  #number = 0
  #previous = ''

  constructor(broker: Broker, epoch: number) {
    this.#broker = broker
    this.#epoch = epoch
  }

  async commit(): Promise<void> {
    const number = ++this.#number
    const builder = new BatchBuilder()
    const put = (key: Uint8Array, value: Uint8Array | null) =>
      builder.append({ key, value, timestamp: number })
    for (let index = 0; index < 5; index++) {
      const key = `k${(number * 7 + index * 3) % 23}`
      const value = (number + index) % 11 === 0 ? null : `${number}:${'x'.repeat(40)}`
      if (value === null) this.state.delete(key)
      else this.state.set(key, value)
      put(encoder.encode(key), value === null ? null : encoder.encode(value))
    }
    const id = `commit-${number}`
    const task = { commit: number, id, previous: this.#previous, epoch: 1, inputs: [], times: {} }
    put(taskKey, encodeTaskState(task))
    this.#previous = id
    const batches = [{ topic: changelog, partition: 0, batch: builder.build() }]
    await this.#broker.commit({ group: 'demo', owner: 'rows-0', epoch: this.#epoch, batches, offsets: [] })
  }
}

async function restored(broker: Broker, store = new MemoryStore()): Promise<Map<string, string>> {
  const limits = { ...defaultLimits, restoreMutationsMax: 10 }
  const shared = {
    port: brokerPort(broker),
    readSlice: diskSliceReader(disk, 4),
    logger: silentLogger,
    limits,
  }
  await restore({ ...shared, store, changelog: broker.topic(changelog), partition: 0 })
  const found = new Map<string, string>()
  for (const { key, value } of store.scan(Uint8Array.of(2), Uint8Array.of(255)))
    found.set(new TextDecoder().decode(key), new TextDecoder().decode(value))
  return found
}

const byKey = (state: Map<string, string>) => [...state].sort(([a], [b]) => (a < b ? -1 : 1))

describe('the changelog of an app', () => {
  test('stays small under a load that never ends, and brings back the same state', async () => {
    const { log, broker, directory, close } = await open()
    const [{ id, config }] = (await brokerPort(broker).ensureTopics([
      { name: changelog, config: { retentionMs: null, cleanupPolicy: 'compact' } },
    ])) as [ReturnType<Broker['topic']>]
    expect(config.cleanupPolicy).toBe('compact')
    const load = new AppLoad(broker, await broker.fence('demo', 'rows-0'))
    const behind = new MemoryStore()
    let most = 0
    let written = 0
    for (let round = 0; round < 1500; round++) {
      await load.commit()
      written += 450
      most = Math.max(most, broker.topic(changelog).partitions[0]!.sizeBytes)
      if (round === 700) await restored(broker, behind)
    }
    const partition = log.partition({ topicId: id, partition: 0 })!
    await until(() => partition.sizeBytes < 25_000)
    expect(written).toBeGreaterThan(30 * 16_384)
    // A machine may be slow to compact, but never so slow that it does not at all.
    expect(most).toBeLessThan(written)
    expect(byKey(await restored(broker))).toEqual(byKey(load.state))
    // A store from the middle of it all cannot be brought forward, and is filled anew.
    expect(byKey(await restored(broker, behind))).toEqual(byKey(load.state))
    // One that is nearly there can.
    const before = new MemoryStore()
    await restored(broker, before)
    await load.commit()
    expect(byKey(await restored(broker, before))).toEqual(byKey(load.state))
    await close()
    const again = await open(directory)
    expect(byKey(await restored(again.broker))).toEqual(byKey(load.state))
    const files = readdirSync(join(directory, 'topics', `${changelog}-0`)).filter((name) =>
      name.endsWith('.log'),
    )
    expect(files.length).toBeLessThan(5)
    await again.close()
  }, 60_000)

  test('of a version that did not compact is compacted from now on', async () => {
    const { broker, close } = await open()
    const port = brokerPort(broker)
    await port.ensureTopics([{ name: changelog, config: { retentionMs: null } }])
    expect(broker.topic(changelog).config.cleanupPolicy).toBe('delete')
    await port.ensureTopics([{ name: changelog, config: { retentionMs: null, cleanupPolicy: 'compact' } }])
    expect(broker.topic(changelog).config.cleanupPolicy).toBe('compact')
    await close()
  })
})

describe('a compacted topic', () => {
  test('answers every reader the latest of each key, at the offsets that were acknowledged', async () => {
    const { broker, close } = await open()
    await broker.createTopic({ name: 'prices', config: { cleanupPolicy: 'compact' } })
    for (let round = 0; round < 400; round++)
      await broker.produce('prices', [record(`${round}:${'p'.repeat(100)}`, `k${round % 5}`)])
    await until(() => broker.topic('prices').partitions[0]!.sizeBytes < 12_000)
    const latest = new Map((await readAll(broker, 'prices')).map(({ key, value }) => [key, value]))
    expect([...latest.values()].map((value) => value!.split(':')[0]).sort()).toEqual(
      ['395', '396', '397', '398', '399'].sort(),
    )
    // A fetch from an offset that is gone answers what comes after it.
    const { batches } = await broker.fetch({
      topic: 'prices',
      partition: 0,
      from: asOffset(3),
      bytesMax: 1,
      waitMs: 0,
    })
    const [next] = [...readRecords(batches, 3)]
    expect(next === undefined || next.offset > 3).toBe(true)
    expect(await broker.offsetAt('prices', 0, asMillis(0))).toBeGreaterThanOrEqual(0)
    await close()
  }, 30_000)

  test('takes no record without a key', async () => {
    const { broker, close } = await open()
    await broker.createTopic({ name: 'prices', config: { cleanupPolicy: 'compact,delete' } })
    const refused = await failure(broker.produce('prices', [record('no key')]))
    expect(refused).toMatchObject({ code: 'invalid_request' })
    expect(refused.message).toContain('has no key')
    await close()
  })
})

describe('a repartition topic', () => {
  test('loses what its reader has committed', async () => {
    const { broker, close } = await open()
    const name = 'demo.by-key.repartition'
    await brokerPort(broker).ensureTopics([{ name, config: { retentionMs: null } }])
    const epoch = await broker.fence('demo', 't')
    const builder = new BatchBuilder()
    for (let index = 0; index < 100; index++)
      builder.append({ key: encoder.encode('a'), value: encoder.encode('x'.repeat(100)), timestamp: 1 })
    const batches = Array.from({ length: 6 }, () => ({ topic: name, partition: 0, batch: builder.build() }))
    await broker.commit({ group: 'demo', owner: 't', epoch, batches, offsets: [] })
    const commitAt = (offset: number) =>
      broker.commit({
        group: 'demo',
        owner: 't',
        epoch,
        batches: [],
        offsets: [{ topic: name, partition: 0, offset: asOffset(offset) }],
      })
    const start = () => broker.topic(name).partitions[0]!.startOffset
    expect(start()).toBe(asOffset(0))
    await commitAt(350)
    await until(() => start() > 0)
    // Whole segments only, and nothing that is still to be read.
    expect(start()).toBeLessThanOrEqual(350)
    await commitAt(600)
    await until(() => broker.topic(name).partitions[0]!.sizeBytes === 0)
    expect(start()).toBe(asOffset(600))
    await close()
  }, 30_000)
})

describe('decisions', () => {
  const compaction = (cleanBytes: number, dirtyBytes: number, activeBytes: number) =>
    decideCompaction({
      config: { minCleanableDirtyRatio: 0.5 },
      partition: { cleanBytes, dirtyBytes, activeBytes },
      dirtyBytesMin: 100,
    })

  test('a round waits until enough is new next to what is clean', () => {
    expect(compaction(0, 0, 99)).toBeNull()
    expect(compaction(0, 0, 100)).toEqual({ rolls: true })
    expect(compaction(0, 100, 0)).toEqual({ rolls: false })
    expect(compaction(500, 300, 199)).toBeNull()
    expect(compaction(500, 300, 200)).toEqual({ rolls: true })
  })

  const hour = 3_600_000
  const seals = (retentionMs: number | null, ageMs: number, cleanupPolicy: 'delete' | 'compact' = 'delete') =>
    mustSeal({
      config: { cleanupPolicy, retentionMs },
      now: asMillis(1000 * hour),
      partition: { activeSince: asMillis(1000 * hour - ageMs) },
    })

  test('a segment takes records for a quarter of the retention, and for a day at most', () => {
    expect(seals(4 * hour, hour)).toBe(false)
    expect(seals(4 * hour, hour + 1)).toBe(true)
    expect(seals(1000 * hour, 24 * hour)).toBe(false)
    expect(seals(1000 * hour, 24 * hour + 1)).toBe(true)
    expect(seals(null, 1000 * hour)).toBe(false)
    expect(seals(4 * hour, 1000 * hour, 'compact')).toBe(false)
    expect(seals(4 * hour, -hour)).toBe(false)
  })

  test('what is read goes up to the segment that is being read', () => {
    const decide = (committed: number, activeBytes = 0) =>
      decideConsumed({
        committed: asOffset(committed),
        partition: {
          startOffset: asOffset(10),
          endOffset: asOffset(50),
          segmentStart: (offset) => asOffset(Math.max(10, offset - (offset % 20))),
          compaction: { cleanBytes: 0, dirtyBytes: 0, activeBytes },
        },
        segmentBytesMax: 100,
      })
    expect(decide(10)).toBeNull()
    expect(decide(19, 99)).toBeNull()
    expect(decide(19, 100)).toBe('seal')
    expect(decide(45)).toEqual({ before: asOffset(40) })
    expect(decide(50)).toEqual({ before: asOffset(50) })
  })
})
