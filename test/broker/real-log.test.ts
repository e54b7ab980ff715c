// The broker on the real log over a temporary folder: what the log in memory cannot show.
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { asOffset, type Disk, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { type Broker, type BrokerLimits, openBroker } from '#broker'
import { type LogGroup, openLog } from '#log'
import { readRecords } from '#record'
import { failure, readAll, record, text } from './fixture.ts'
import { Model, type Subject, step } from './model.ts'

const disk: Disk = realDisk()
const folders: string[] = []

afterAll(() => {
  disk.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

type RealFixture = Subject & { broker: Broker; log: LogGroup; close(): Promise<void> }

async function realBroker(limits: Partial<BrokerLimits> = {}): Promise<RealFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'pspf-broker-'))
  folders.push(directory)
  const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
  const open = async () => {
    const log = await openLog({ ...world, disk, directory, segmentSizeBytesMax: 4096, diskReserveBytes: 0 })
    return { log, broker: await openBroker({ ...world, log, limits }) }
  }
  const fixture: RealFixture = {
    ...(await open()),
    async restart() {
      await fixture.close()
      Object.assign(fixture, await open())
    },
    async close() {
      await fixture.broker.close()
      await fixture.log.close()
    },
  }
  return fixture
}

describe('the broker on the real log', () => {
  test('agrees with its model, restarts included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 25, size: 'max' }), async (steps) => {
        const fixture = await realBroker({ batchSizeBytesTarget: 200, journalRewriteBytes: 2000 })
        const model = new Model(fixture)
        for (const each of steps) {
          await model.take(each)
          await model.check()
        }
        await fixture.restart()
        await model.check()
        await fixture.close()
      }),
      { numRuns: 15 },
    )
  }, 30_000)

  test('a waiting fetch gets the record as soon as it is durable', async () => {
    const fixture = await realBroker()
    const { broker } = fixture
    await broker.createTopic({ name: 'orders' })
    const request = { topic: 'orders', partition: 0, from: asOffset(0), bytesMax: 1e6, waitMs: 30_000 }
    const waiting = broker.fetch(request)
    await broker.produce('orders', [record('1')])
    const { batches } = await waiting
    expect([...readRecords(batches)].map(({ value }) => text(value))).toEqual(['1'])
    await fixture.close()
  })

  test('a slice names bytes that another process can read', async () => {
    const fixture = await realBroker()
    const { broker } = fixture
    await broker.createTopic({ name: 'orders' })
    await broker.produce('orders', [record('1'), record('2')])
    const request = { topic: 'orders', partition: 0, from: asOffset(1), bytesMax: 1e6, waitMs: 0 }
    const { path, position, sizeBytes } = (await broker.fetchSlice(request)).slice!
    const batches = new Uint8Array(readFileSync(path).subarray(position, position + sizeBytes))
    expect([...readRecords(batches, 1)].map(({ value }) => text(value))).toEqual(['2'])
    await fixture.close()
  })

  test('internal tables shrink on disk', async () => {
    const fixture = await realBroker({ journalRewriteBytes: 10_000 })
    const { broker } = fixture
    await broker.createTopic({ name: 'in' })
    await broker.produce(
      'in',
      Array.from({ length: 2000 }, () => record('x')),
    )
    for (let offset = 0; offset < 2000; offset += 5) {
      const offsets = [{ topic: 'in', partition: 0, offset: asOffset(offset) }]
      await broker.commit({ group: 'app', owner: '', epoch: -1, batches: [], offsets })
    }
    await fixture.restart()
    expect(fixture.broker.committed('app', 'in', 0)).toBe(asOffset(1995))
    expect(fixture.broker.topic('__consumer_offsets').partitions[0]!.sizeBytes).toBeLessThan(25_000)
    await fixture.close()
  })

  test('a topic with the longest name comes and goes', async () => {
    const fixture = await realBroker()
    const name = 'x'.repeat(249)
    await fixture.broker.createTopic({ name })
    await fixture.broker.produce(name, [record('1')])
    await fixture.broker.deleteTopic(name)
    await fixture.broker.createTopic({ name })
    expect(await readAll(fixture.broker, name)).toEqual([])
    await fixture.close()
  })

  test('after the log is closed a call says so', async () => {
    const fixture = await realBroker()
    await fixture.broker.createTopic({ name: 'orders' })
    await fixture.log.close()
    expect((await failure(fixture.broker.produce('orders', [record('1')]))).code).toBe('closed')
    await fixture.broker.close()
  })
})

describe('the most that the log may have', () => {
  test('is kept though every segment still grows: the oldest is sealed, then trimmed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pspf-broker-'))
    folders.push(directory)
    const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
    const log = await openLog({ ...world, disk, directory, diskReserveBytes: 0 })
    const broker = await openBroker({
      ...world,
      log,
      limits: { diskCheckEveryMs: 5 },
      diskMaxBytes: 14 * 2 ** 20,
    })
    const value = new Uint8Array(500_000)
    const names = Array.from({ length: 4 }, (_, index) => `topic-${index}`)
    for (const name of names) await broker.createTopic({ name })
    // Each byte is in a segment and in the write-ahead log: 16 MB.
    for (let sent = 0; sent < 16; sent++) {
      const produced = broker.produce(names[Math.floor(sent / 4)]!, [{ key: null, value }])
      await produced.catch((thrown) => expect(thrown).toMatchObject({ code: 'disk_full' }))
    }
    while (broker.diskUse().trimmed === null || broker.diskUse().isFull) await Bun.sleep(1)
    expect(log.usedBytes).toBeLessThan(14 * 2 ** 20)
    const [first] = broker.topic('topic-0').partitions
    expect(first!.startOffset).toBe(first!.endOffset)
    await broker.produce('topic-0', [{ key: null, value: new Uint8Array(10) }])
    await broker.close()
    await log.close()
  }, 20_000)
})
