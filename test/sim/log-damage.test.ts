// Damage to what is stored: a flipped bit, a cut file, a missing file. It is refused or harmless, never served and never
// guessed away.
import { describe, expect, test } from 'bun:test'
import { asOffset, BrokerError, sumBlockBytes } from '#base'
import { BatchBuilder, readRecords } from '#record'
import { diskSliceReader } from '../../src/streams/runtime/slice-reader.ts'
import { LogScenario } from './log-scenario.ts'

const wal = '/data/wal/0000000001.wal'
const roomy = {
  walFileSizeBytes: 200_000,
  checkpointBytes: 1e9,
  checkpointMs: 1e9,
  appendBytesMax: 4096,
  segmentSizeBytesMax: 4096,
  idleMarkMs: 5,
}

/** A log that was killed with everything in one write-ahead file, marked to its end if it was `idle` before. */
async function killed(seed: number, idle: boolean): Promise<LogScenario> {
  const scenario = new LogScenario(seed, { limits: roomy })
  await scenario.open()
  await scenario.work(12)
  await scenario.settle()
  if (idle) await scenario.clock.advance(100)
  return scenario
}

/** Where frames end: the bytes behind are zeroes. */
function usedBytes(scenario: LogScenario): number {
  const { disk } = scenario
  const file = disk.open(wal, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  return bytes.findLastIndex((byte) => byte !== 0) + 1
}

/** The size of the last frame, a mark. */
const markSizeBytes = 64

async function openCode(scenario: LogScenario): Promise<string> {
  try {
    const log = await scenario.open()
    return log.state === 'open' ? 'open' : ((log.failure as BrokerError | undefined)?.code ?? 'failed')
  } catch (thrown) {
    if (thrown instanceof BrokerError) return thrown.code
    throw thrown
  }
}

/** A log that was closed in order, and the segment files of one of its partitions. */
async function closedWithSegments(): Promise<{ scenario: LogScenario; paths: string[] }> {
  const scenario = new LogScenario(6, { limits: { ...roomy, segmentSizeBytesMax: 1500 } })
  await scenario.open()
  await scenario.work(60)
  await scenario.settle()
  await scenario.close()
  scenario.kill()
  for (const topic of scenario.disk.list('/data/topics')) {
    const directory = `/data/topics/${topic}`
    const names = scenario.disk.list(directory).filter((name) => name.endsWith('.log'))
    if (names.length > 2 && names[0]!.startsWith('00000000000000000000')) {
      return { scenario, paths: names.map((name) => `${directory}/${name}`) }
    }
  }
  throw new Error('no partition has three segments')
}

function cutLastByte({ disk }: LogScenario, path: string): void {
  const file = disk.open(path, 'write')
  file.truncate(file.size() - 1)
  file.close()
}

/** Damage was found, told and kept as evidence; what is not quarantined is whole and goes on. Answers how many are. */
async function expectQuarantine(scenario: LogScenario): Promise<number> {
  const { quarantined } = scenario.log!.report
  expect(scenario.log!.damages.map(({ path }) => path)).toContain(wal)
  expect(scenario.disk.list('/data/quarantine')).toEqual(['0000000001.wal'])
  await scenario.check()
  for (const partition of scenario.log!.partitions()) {
    const append = scenario.log!.append([{ kind: 'batch', id: partition.id, batch: oneRecord() }])
    // Not `rejects`: it holds the thread until the promise settles, and simulated time with it.
    const code = await scenario.clock.runUntil(append).then(
      () => 'appended',
      (error: BrokerError) => error.code,
    )
    expect(code).toBe(partition.damage === null ? 'appended' : 'corrupt')
  }
  // It is still known after the next checkpoint and start, and nothing else has changed.
  await scenario.close()
  scenario.kill()
  expect((await scenario.open()).report.quarantined).toEqual(quarantined)
  return quarantined.length
}

function oneRecord(): Uint8Array {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new TextEncoder().encode(`extra-${extras++}`), timestamp: 1 })
  return builder.build()
}
let extras = 0

describe('damage', () => {
  test('a flipped bit anywhere below the durable mark stops the group or quarantines one partition', async () => {
    const used = usedBytes(await killed(7, true))
    expect(used).toBeGreaterThan(2000)
    const outcomes = { refused: 0, quarantined: 0, whole: 0 }
    for (let byte = 0; byte < used - markSizeBytes; byte += 23) {
      const scenario = await killed(7, true)
      scenario.kill()
      scenario.disk.flip(wal, byte, byte % 8)
      const code = await openCode(scenario)
      if (code === 'open') {
        const before = await expectQuarantine(scenario)
        outcomes[before === 0 ? 'whole' : 'quarantined']++
        continue
      }
      outcomes.refused++
      expect(`${byte}: ${code}`).toBe(`${byte}: corrupt`)
      const { log } = scenario
      expect(log?.failure?.message).toContain(`${wal} is damaged at byte`)
      await expect(
        log!.append([{ kind: 'delete', id: { topicId: 'a', partition: 0 } }]),
      ).rejects.toMatchObject({
        code: 'corrupt',
      })
      // What lies before the damage is served as it was.
      await scenario.model.observe(log!).catch((error: Error) => expect(error.message).toContain('I1'))
      // A second start says the same: nothing was cut.
      scenario.kill()
      expect(await openCode(scenario)).toBe('corrupt')
      // And when the bit is back, so is everything.
      scenario.kill()
      scenario.disk.flip(wal, byte, byte % 8)
      expect(await openCode(scenario)).toBe('open')
      await scenario.check()
    }
    expect(outcomes.refused).toBeGreaterThan(10)
    expect(outcomes.quarantined).toBeGreaterThan(10)
    // Only the checksum of a frame was hit: the next frame vouches for the rest.
    expect(outcomes.whole).toBeLessThan(10)
  }, 60_000)

  test('zeroes below the durable mark stop the group or quarantine what they hit', async () => {
    const used = usedBytes(await killed(2, true))
    const codes = new Set<string>()
    for (let size = 0; size < used - markSizeBytes; size += 37) {
      const scenario = await killed(2, true)
      scenario.kill()
      // Zeroes instead of what was there, but the mark at the end stays: a hole.
      const file = scenario.disk.open(wal, 'write')
      file.write(new Uint8Array(Math.min(64, used - markSizeBytes - size)), size)
      file.close()
      const code = await openCode(scenario)
      codes.add(code)
      if (code === 'open') await expectQuarantine(scenario)
      else expect(code).toBe('corrupt')
    }
    expect([...codes].sort()).toEqual(['corrupt', 'open'])
  }, 60_000)

  test('a torn last frame is cut and reported, and the next append takes its place', async () => {
    const before = usedBytes(await killed(3, false))
    let cut = 0
    for (let lost = 1; lost < 600; lost += 7) {
      const scenario = await killed(3, false)
      scenario.kill()
      const file = scenario.disk.open(wal, 'write')
      file.truncate(before - lost)
      file.close()
      const log = await scenario.open()
      if (log.state === 'failed') continue // It reached into a frame that a later one had called durable.
      cut += log.report.bytesCut > 0 ? 1 : 0
      const frames = log.report.framesReplayed
      scenario.kill()
      const again = await scenario.open()
      expect(again.report.framesReplayed).toBe(0)
      expect(frames).toBeGreaterThan(0)
    }
    expect(cut).toBeGreaterThan(0)
  }, 60_000)

  test('a missing write-ahead file, checkpoint or format mark is refused by name', async () => {
    for (const [path, words] of [
      ['/data/checkpoint', '/data/checkpoint is missing'],
      ['/data/format.json', '/data/format.json is missing'],
    ] as const) {
      const scenario = await killed(4, true)
      scenario.kill()
      scenario.disk.remove(path)
      await expect(scenario.open()).rejects.toThrow(words)
    }
    const scenario = await killed(4, true)
    await scenario.close()
    scenario.kill()
    scenario.disk.remove(wal)
    expect(await openCode(scenario)).toBe('corrupt')
  })

  test('a flipped bit in the checkpoint or the format mark is refused', async () => {
    for (const path of ['/data/checkpoint', '/data/format.json']) {
      const scenario = await killed(5, true)
      await scenario.close()
      const size = scenario.disk.fileSize(path)
      for (let byte = 0; byte < size; byte += 3) {
        scenario.kill()
        scenario.disk.flip(path, byte, byte % 7)
        const code = await openCode(scenario)
        scenario.kill()
        scenario.disk.flip(path, byte, byte % 7)
        if (code !== 'open') expect(['corrupt', 'conflict']).toContain(code)
        else expect(path).toBe('/data/format.json') // A changed salt finds no frame, and there are none.
      }
    }
  }, 60_000)

  test('a missing or shortened segment is reported, and the other partitions go on', async () => {
    for (const shorten of [true, false]) {
      const { scenario, paths } = await closedWithSegments()
      const path = shorten ? paths.at(-1)! : paths[0]!
      if (shorten) cutLastByte(scenario, path)
      else scenario.disk.remove(path)
      const log = await scenario.open()
      expect(log.report.quarantined).toHaveLength(1)
      expect(log.report.quarantined[0]!.reason).toContain(path)
      expect(log.state).toBe('open')
      const damaged = [...log.partitions()].find(({ topic }) => path.includes(`/${topic}-`))!
      const append = log.append([{ kind: 'batch', id: damaged.id, batch: new Uint8Array(61) }])
      await expect(scenario.clock.runUntil(append)).rejects.toMatchObject({ code: 'corrupt' })
      scenario.createTopic()
      await scenario.settle()
      expect(scenario.model.attempts.at(-1)!.outcome).toBe('acknowledged')
      // It is still known after the next checkpoint and start.
      await scenario.close()
      scenario.kill()
      expect((await scenario.open()).report.quarantined).toHaveLength(1)
    }
  })

  test('a sealed segment that was cut refuses what is gone and serves the other segments', async () => {
    const { scenario, paths } = await closedWithSegments()
    cutLastByte(scenario, paths[0]!)
    const log = await scenario.open()
    const damaged = [...log.partitions()].find(({ topic }) => paths[0]!.includes(`/${topic}-`))!
    const last = asOffset(Number(/(\d+)\.log$/.exec(paths[1]!)![1]) - 1)
    await expect(scenario.clock.runUntil(damaged.read(last, 1))).rejects.toMatchObject({ code: 'corrupt' })
    const after = damaged.read(asOffset(last + 1), 1)
    expect((await scenario.clock.runUntil(after)).length).toBeGreaterThan(61)
    expect(log.damages).toMatchObject([{ path: paths[0]!, why: 'the file is shorter than it was' }])
  })

  test('a damaged block is refused; what lies before and behind it is served, to slices too', async () => {
    const limits = {
      ...roomy,
      segmentSizeBytesMax: 8 * sumBlockBytes,
      walFileSizeBytes: 4e6,
      pendingBytesMax: 4e6,
    }
    const scenario = new LogScenario(9, { limits })
    const id = { topicId: '0'.repeat(32), partition: 0 }
    await scenario.open()
    await scenario.clock.runUntil(scenario.log!.append([{ kind: 'create', id, topic: 'blocks' }]))
    for (let count = 0; count < 150; count++) {
      const builder = new BatchBuilder()
      builder.append({ key: null, value: new Uint8Array(900).fill(count), timestamp: 1 })
      await scenario.clock.runUntil(scenario.log!.append([{ kind: 'batch', id, batch: builder.build() }]))
    }
    await scenario.close()
    scenario.kill()
    const path = '/data/topics/blocks-0/00000000000000000000.log'
    scenario.disk.flip(path, sumBlockBytes + 5000, 3)
    const log = await scenario.open()
    const blocks = log.partition(id)!
    const readSlice = diskSliceReader(scenario.disk, 4)
    const served: number[] = []
    for (const read of [
      (offset: number) => blocks.read(asOffset(offset), 1),
      // A read that reaches into the damage answers what lies before it.
      (offset: number) => blocks.read(asOffset(offset), 1e6),
      async (offset: number) => readSlice(blocks.slice(asOffset(offset), 1e6)!),
    ]) {
      let refused = 0
      for (let offset = 0; offset < 150; offset++) {
        const bytes = await scenario.clock.runUntil(read(offset)).catch((error: BrokerError) => {
          expect(error.code).toBe('corrupt')
          expect(error.message).toContain(`${path} is damaged at byte ${sumBlockBytes}`)
          return null
        })
        if (bytes === null) refused++
        else for (const { value } of readRecords(bytes, offset)) expect(value![0]).toBe(value!.at(-1)!)
      }
      expect(refused).toBeGreaterThan(30)
      expect(refused).toBeLessThan(45)
      served.push(refused)
    }
    expect(new Set(served).size).toBe(1)
    expect(log.damages).toEqual([
      { path, position: sumBlockBytes, why: 'the checksum of a block does not match' },
    ])
  })

  test('indexes that are missing, cut, garbage or foreign change nothing', async () => {
    const spoil: ((bytes: Uint8Array) => Uint8Array)[] = [
      (bytes) => bytes.subarray(0, 5),
      (bytes) => bytes.map((byte) => byte ^ 0x55),
      () => new Uint8Array(64).fill(1),
      () => new Uint8Array(0),
      (bytes) => bytes.toReversed(),
    ]
    for (const change of spoil) {
      const scenario = new LogScenario(11, { limits: { ...roomy, segmentSizeBytesMax: 100_000 } })
      await scenario.open()
      await scenario.work(200)
      await scenario.settle()
      await scenario.close()
      let spoiled = 0
      for (const topic of scenario.disk.list('/data/topics')) {
        for (const name of scenario.disk.list(`/data/topics/${topic}`)) {
          if (!name.endsWith('index')) continue
          const file = scenario.disk.open(`/data/topics/${topic}/${name}`, 'write')
          const bytes = new Uint8Array(file.size())
          file.read(bytes, 0)
          const changed = change(bytes)
          file.truncate(0)
          file.write(changed, 0)
          file.close()
          spoiled += bytes.length > 0 ? 1 : 0
        }
      }
      expect(spoiled).toBeGreaterThan(0)
      scenario.kill()
      await scenario.open()
      await scenario.check()
    }
  })
})
