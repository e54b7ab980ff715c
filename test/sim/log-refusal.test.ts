// What ends a writer, what does not, and that what it made durable before is found by everyone after it.
import { describe, expect, test } from 'bun:test'
import { BrokerError } from '#base'
import type { LogLimits } from '#log'
import { LogScenario } from './log-scenario.ts'
import { Crash } from './simulated-disk.ts'

type Tail = { readonly directory: string; readonly endOffset: number; readonly last: string }

/** A log that crashed, with garbage behind what is known of each partition. */
async function withTails(
  seed: number,
  limits: Partial<LogLimits>,
  pathOf: (tail: Tail) => string,
): Promise<LogScenario> {
  const scenario = new LogScenario(seed, { limits })
  const log = await scenario.open()
  await scenario.work(30)
  await scenario.settle()
  await scenario.clock.advance(1_000)
  scenario.createTopic()
  await scenario.settle()
  const { disk } = scenario
  const tails = [...log.partitions()].map(({ topic, id, endOffset }) => {
    const directory = `/data/topics/${topic}-${id.partition}`
    return { directory, endOffset, last: disk.list(directory).findLast((name) => name.endsWith('.log'))! }
  })
  for (const tail of tails) {
    const file = disk.open(pathOf(tail), 'create')
    file.write(new Uint8Array(300).fill(9), file.size())
    file.syncNow()
    file.close()
    disk.syncDirectoryNow(tail.directory)
  }
  scenario.kill()
  return scenario
}

describe('after a fault', () => {
  test.each([
    ['EIO', false],
    ['EIO', true],
    ['EAGAIN', false],
    ['EAGAIN', true],
  ] as const)(
    'a write that fails with %s (for good: %s) ends the writer, and nothing is written after it',
    async (fault, lasting) => {
      const scenario = new LogScenario(31)
      const log = await scenario.open()
      await scenario.work(10)
      await scenario.settle()
      scenario.disk.plan = { call: scenario.disk.calls + 1, fault, lasting }
      scenario.createTopic()
      await scenario.settle()
      expect(scenario.model.attempts.at(-1)!.outcome).toBe('unknown')
      expect(log.failure).toMatchObject({ code: 'disk_failed' })
      scenario.disk.plan = null
      const frames = () =>
        scenario.disk
          .files()
          .filter((path) => path.endsWith('.wal'))
          .map((path) => scenario.disk.contents(path))
      const before = frames()
      scenario.createTopic()
      await scenario.settle()
      expect(frames()).toEqual(before)
      scenario.kill()
      await scenario.open()
      await scenario.check()
    },
  )

  test('a sync that fails acknowledges nothing: another one would find the pages clean', async () => {
    for (let later = 1; later < 12; later++) {
      const scenario = new LogScenario(35, { limits: { checkpointMs: 1e9, checkpointBytes: 1e9 } })
      await scenario.open()
      await scenario.work(10)
      await scenario.settle()
      scenario.disk.plan = { call: scenario.disk.calls + later, fault: 'EIO' }
      scenario.createTopic()
      await scenario.settle()
      scenario.powerCut(0)
      await scenario.open()
      await scenario.check()
    }
  })

  test('on a full disk, what a start reads back is durable before anybody sees it', async () => {
    let found = 0
    for (let later = 1; later < 120; later++) {
      const scenario = new LogScenario(36)
      await scenario.open()
      await scenario.work(10)
      await scenario.settle()
      scenario.disk.plan = { call: scenario.disk.calls + later, fault: 'crash-before' }
      await scenario.work(10)
      await scenario.settle()
      // The process is gone, what it wrote is in memory; and then the disk is full.
      scenario.kill()
      scenario.disk.limitTo((later * 467) % 2500)
      const log = await scenario.open().catch((thrown) => {
        if (thrown instanceof BrokerError && thrown.code === 'disk_full') return null
        throw thrown
      })
      if (log === null) continue
      found += log.report.framesReplayed
      await scenario.check()
      scenario.disk.capacityBytes = Number.POSITIVE_INFINITY
      scenario.powerCut(0)
      await scenario.open()
      await scenario.check()
    }
    expect(found).toBeGreaterThan(0)
  })

  test('what a start cut from a segment does not come back with a power cut', async () => {
    const scenario = await withTails(37, {}, ({ directory, last }) => `${directory}/${last}`)
    await scenario.open()
    scenario.checkFiles()
    // The segments that were cut take nothing more: they are too old.
    scenario.clock.setWall(scenario.clock.now() + 1_000_000_000)
    await scenario.work(60)
    await scenario.settle()
    scenario.powerCut(0)
    await scenario.open()
    await scenario.check()
    scenario.checkFiles()
  })

  test('a file that a start removed does not come back with a power cut', async () => {
    const limits = { segmentSizeBytesMax: 100_000, segmentAgeMsMax: 1e12 }
    const behind = ({ directory, endOffset }: Tail) =>
      `${directory}/${String(endOffset + 1).padStart(20, '0')}.log`
    const scenario = await withTails(38, limits, behind)
    await scenario.open()
    scenario.checkFiles()
    // By then its name lies in the midst of what is there.
    await scenario.work(60)
    await scenario.settle()
    scenario.powerCut(0)
    await scenario.open()
    await scenario.check()
    scenario.checkFiles()
  })

  test('a sync behind the appends that fails ends the writer: what it forgot may never come', async () => {
    for (let later = 1; later < 160; later++) {
      const scenario = new LogScenario(32 + (later % 4))
      await scenario.open()
      await scenario.work(20)
      await scenario.settle()
      scenario.disk.plan = { call: scenario.disk.calls + later, fault: 'EIO' }
      await scenario.clock.advance(500)
      await scenario.work(20)
      await scenario.settle()
      await scenario.clock.advance(500)
      scenario.powerCut(0)
      await scenario.open()
      await scenario.check()
    }
  })

  test('a process that ended anywhere in its very first start leaves what the next one can rely on', async () => {
    for (let call = 1; ; call++) {
      const scenario = new LogScenario(33)
      scenario.disk.plan = { call, fault: 'crash-after' }
      const opened = await scenario.open().catch((thrown) => {
        if (thrown instanceof Crash || thrown instanceof BrokerError) return null
        throw thrown
      })
      // The names that it made are seen, but nobody has synced them yet.
      scenario.kill()
      await scenario.open()
      scenario.createTopic()
      await scenario.settle()
      expect(scenario.model.attempts.at(-1)!.outcome).toBe('acknowledged')
      scenario.powerCut(0)
      await scenario.open()
      await scenario.check()
      if (opened !== null) break
    }
  })

  test('a start that meets damage in the write-ahead log cuts nothing of the segments, where the good copy may be', async () => {
    const limits = { walFileSizeBytes: 200_000, checkpointBytes: 1e9, checkpointMs: 1e9, idleMarkMs: 5 }
    let kept = 0
    for (let byte = 200; byte < 40_000; byte += 389) {
      const scenario = new LogScenario(34, { limits })
      await scenario.open()
      await scenario.work(60)
      await scenario.settle()
      await scenario.clock.advance(100)
      scenario.kill()
      const { disk } = scenario
      const segments = () => disk.files().filter((path) => path.endsWith('.log'))
      const before = segments().map((path) => [path, disk.contents(path)] as const)
      disk.flip('/data/wal/0000000001.wal', byte, byte % 8)
      const log = await scenario.open()
      if (log.state === 'open' && log.report.quarantined.length === 0) continue
      const quarantined = log.report.quarantined.map(
        ({ topic, partition }) => `/data/topics/${topic}-${partition}/`,
      )
      for (const [path, bytes] of before) {
        if (log.state === 'open' && !quarantined.some((directory) => path.startsWith(directory))) continue
        // A trim that lies before the damage has been carried out.
        const owner = [...log.partitions()].find(({ topic, id }) =>
          path.includes(`/${topic}-${id.partition}/`),
        )
        if (owner === undefined || Number(path.slice(-24, -4)) < owner.startOffset) continue
        expect([byte, path, scenario.disk.contents(path)]).toEqual([byte, path, bytes])
        kept++
      }
    }
    expect(kept).toBeGreaterThan(10)
  })
})
