// A repair that is interrupted anywhere can be done again, and never makes a record out of nothing.
import { describe, expect, test } from 'bun:test'
import { asOffset, Metrics, silentLogger } from '#base'
import { type LogGroup, type Repaired, repairLog } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { LogMachine } from './log-machine.ts'
import { smallLimits } from './log-scenario.ts'
import { Crash, type FaultPlan } from './simulated-disk.ts'

const stride = Number(process.env['STRIDE'] ?? 3)
const limits = { segmentSizeBytesMax: 1500, checkpointBytes: 1e9, checkpointMs: 1e9, idleMarkMs: 5 }
const roomy = { ...limits, walFileSizeBytes: 60_000, groupBytesMax: 4096, appendBytesMax: 4096 }
const ids = [0, 1, 2].map((partition) => ({ topicId: '9'.repeat(32), partition }))
const wal = '/data/wal/0000000001.wal'

/**
 * Killed with everything in the write-ahead log, in which a batch of partition 1 is damaged; or closed, with a damaged
 * segment of partition 0. Partition 2 is whole.
 */
async function damaged(where: 'wal' | 'segment'): Promise<LogMachine> {
  const machine = new LogMachine(3, roomy)
  const log = await machine.open()
  for (const id of ids) await machine.run(log.append([{ kind: 'create', id, topic: 'mended' }]))
  for (let round = 0; round < 20; round++) {
    const entries = ids.map((id) => ({
      kind: 'batch' as const,
      id,
      batch: batchOf(`${id.partition}/${round}`),
    }))
    await machine.run(log.append(entries))
  }
  await machine.clock.advance(500)
  if (where === 'segment') await machine.close()
  machine.kill()
  if (where === 'wal') {
    const bytes = Buffer.from(machine.disk.contents(wal))
    machine.disk.flip(wal, bytes.indexOf('1/9 '), 0)
  } else machine.disk.flip(`/data/topics/mended-0/${segmentsOf(machine, 0)[1]}`, 200, 0)
  return machine
}

function batchOf(value: string): Uint8Array {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new TextEncoder().encode(`${value} ${'.'.repeat(60)}`), timestamp: 1 })
  return builder.build()
}

const segmentsOf = (machine: LogMachine, partition: number) =>
  machine.disk.list(`/data/topics/mended-${partition}`).filter((name) => name.endsWith('.log'))

async function repair(machine: LogMachine): Promise<readonly Repaired[]> {
  const { disk, clock, random } = machine
  const parts = { disk, clock, random, logger: silentLogger, metrics: new Metrics(), directory: '/data' }
  return machine.run(
    repairLog({ ...parts, ...smallLimits, ...roomy, choice: { kind: 'skip-damaged' }, apply: true }),
  )
}

async function keysOf(machine: LogMachine, log: LogGroup, partition: number): Promise<Map<number, string>> {
  const place = log.partition(ids[partition]!)!
  const found = new Map<number, string>()
  for (let next: number = place.startOffset; next < place.endOffset; next++) {
    const bytes = await machine.run(place.read(asOffset(next), 1))
    for (const { offset, value } of readRecords(bytes, next))
      found.set(offset, new TextDecoder().decode(value!).split(' ')[0]!)
  }
  return found
}

/** Everything is there but what was lost, and it goes on behind. */
async function expectMended(machine: LogMachine, hurt: number, lostMax: number): Promise<void> {
  const log = await machine.open()
  expect(log.report.quarantined).toEqual([])
  for (const id of ids) {
    const keys = await keysOf(machine, log, id.partition)
    for (const [offset, key] of keys) if (offset < 20) expect(key).toBe(`${id.partition}/${offset}`)
    const lost = 20 - [...keys.keys()].filter((offset) => offset < 20).length
    if (id.partition === hurt) {
      expect(lost).toBeGreaterThan(0)
      expect(lost).toBeLessThanOrEqual(lostMax)
    } else expect(lost).toBe(0)
    const more = log.append([{ kind: 'batch', id, batch: batchOf('more') }])
    expect(Number((await machine.run(more)).offsets[0])).toBeGreaterThanOrEqual(20)
  }
  await machine.close()
}

describe('a repair', () => {
  test('of what the write-ahead log lost gives its offsets to nobody', async () => {
    const machine = await damaged('wal')
    const [repaired, ...others] = await repair(machine)
    expect(others).toEqual([])
    expect(repaired).toMatchObject({ partition: 'mended-1', endOffset: 20, lost: [{ from: 9, until: 20 }] })
    expect(machine.disk.list('/data/quarantine')).toContain('0000000001.wal')
    machine.kill()
    await expectMended(machine, 1, 11)
  })

  test('of a segment keeps its other batches', async () => {
    const machine = await damaged('segment')
    const [repaired] = await repair(machine)
    expect(repaired).toMatchObject({ partition: 'mended-0', endOffset: 20 })
    machine.kill()
    await expectMended(machine, 0, 1)
  })

  test.each(['wal', 'segment'] as const)(
    'interrupted at any call is done again (%s)',
    async (where) => {
      const whole = await damaged(where)
      const before = whole.disk.calls
      await repair(whole)
      const calls = whole.disk.calls - before
      expect(calls).toBeGreaterThan(50)
      for (let call = 1; call <= calls; call += stride) {
        for (const keep of [0, 0.5, 1]) {
          const plan: FaultPlan = { call: before + call, fault: 'crash-within' }
          try {
            const machine = await damaged(where)
            machine.disk.plan = plan
            await repair(machine).then(
              () => {
                throw new Error('the repair did not reach the call')
              },
              (thrown) => {
                if (!(thrown instanceof Crash)) throw thrown
              },
            )
            machine.powerCut(keep)
            await repair(machine)
            machine.kill()
            await expectMended(machine, where === 'wal' ? 1 : 0, where === 'wal' ? 11 : 1)
            expect(machine.disk.list('/data/quarantine').length).toBeGreaterThan(0)
          } catch (thrown) {
            throw new Error(`crash within call ${call}, keeping ${keep}: ${(thrown as Error).stack}`)
          }
        }
      }
    },
    120_000,
  )
})
