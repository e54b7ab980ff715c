// What ends a writer, what does not, and that what it made durable before is found by everyone after it.
import { describe, expect, test } from 'bun:test'
import { BrokerError } from '#base'
import { LogScenario } from './log-scenario.ts'
import { Crash } from './simulated-disk.ts'

describe('after a fault', () => {
  test.each(['EIO', 'EAGAIN'] as const)(
    'a write that fails with %s ends the writer, and nothing is written after it',
    async (fault) => {
      const scenario = new LogScenario(31)
      const log = await scenario.open()
      await scenario.work(10)
      await scenario.settle()
      scenario.disk.plan = { call: scenario.disk.calls + 1, fault, lasting: true }
      scenario.createTopic()
      await scenario.settle()
      expect(scenario.model.attempts.at(-1)!.outcome).toBe('unknown')
      expect(log.failure).toMatchObject({ code: 'disk_failed' })
      scenario.disk.plan = null
      // What was under way behind ends first.
      await scenario.clock.advance(10)
      const calls = scenario.disk.calls
      scenario.createTopic()
      await scenario.settle()
      expect(scenario.disk.calls).toBe(calls)
      scenario.kill()
      await scenario.open()
      await scenario.check()
    },
  )

  test('a sync behind the appends that fails ends the writer: what it forgot may never come', async () => {
    for (let later = 1; later < 40; later++) {
      const scenario = new LogScenario(32)
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
