// Idempotent producers that send again after crashes. Every failure names its seed; `SEEDS=100-200` runs others.
import { describe, expect, test } from 'bun:test'
import { liveAsProducers, ProducerScenario, proveExactlyOnce } from './producer-life.ts'
import { Crash, type FaultPlan } from './simulated-disk.ts'

const [first, last] = (process.env['SEEDS'] ?? '0-30').split('-').map(Number) as [number, number]
/** 480: the first batch of a producer was refused for want of room, and the next one taken. */
const remembered = [480]
const stride = Number(process.env['STRIDE'] ?? 16)

describe('producers that send again', () => {
  test('every record is there exactly once, whatever falls', async () => {
    const seeds = Array.from({ length: last - first }, (_, index) => first + index)
    for (const seed of [...remembered, ...seeds]) {
      try {
        await liveAsProducers(seed)
      } catch (thrown) {
        throw new Error(`seed ${seed}: ${(thrown as Error).stack}`)
      }
    }
  }, 600_000)

  test('a crash before, within or after any call doubles and loses nothing', async () => {
    const calls = (await shortLife(null)).machine.disk.calls
    expect(calls).toBeGreaterThan(60)
    for (let call = 1; call <= calls; call += stride) {
      for (const [fault, keep] of [
        ['crash-before', 0],
        ['crash-within', 0.5],
        ['crash-after', 1],
      ] as const) {
        const scenario = await shortLife({ call, fault })
        scenario.machine.powerCut(keep)
        try {
          await proveExactlyOnce(scenario)
        } catch (thrown) {
          throw new Error(`${fault} call ${call}, keeping ${keep}: ${(thrown as Error).stack}`)
        }
      }
    }
  }, 300_000)

  // A harness that cannot see a doubled record proves nothing.
  test.each([
    ['forgets at once', { producerExpiryMs: -1 }],
    ['remembers one producer only', { producersPerPartitionMax: 1 }],
  ])('with a log that %s the same lives double records', async (_, limits) => {
    let broken = 0
    for (let seed = 0; seed < 20; seed++) {
      try {
        await liveAsProducers(seed, limits)
      } catch (thrown) {
        if (/is broken/.test((thrown as Error).message)) broken++
        else throw thrown
      }
    }
    expect(broken).toBeGreaterThan(2)
  })
})

async function shortLife(plan: FaultPlan | null): Promise<ProducerScenario> {
  const scenario = new ProducerScenario(7)
  scenario.machine.disk.plan = plan
  try {
    await scenario.open()
    await scenario.work(40)
    if (plan === null) await scenario.settle()
    await scenario.machine.close()
  } catch (thrown) {
    if (!(thrown instanceof Crash)) throw thrown
  }
  return scenario
}
