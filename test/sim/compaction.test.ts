// Compaction under faults: of each key the latest record stays, whatever happens, and nothing that went comes back.
// `SEEDS=100-200` runs other lives, `STRIDE=1` faults at every call.
import { describe, expect, test } from 'bun:test'
import { seededRandom } from '#base'
import { CompactionScenario, deleteRetentionMs } from './compaction-scenario.ts'
import { Crash, type Fault, type FaultPlan } from './simulated-disk.ts'

const [first, last] = (process.env['SEEDS'] ?? '0-40').split('-').map(Number) as [number, number]
const stride = Number(process.env['STRIDE'] ?? 16)
const timeoutMs = 600_000
const keeps = [0, 0, 0.3, 0.7, 1]
const faults: Fault[] = ['crash-before', 'crash-within', 'crash-after', 'EIO', 'ENOSPC']

/** Throws at the first broken promise; answers how many swaps it has seen. */
async function live(seed: number): Promise<number> {
  const scenario = new CompactionScenario(seed)
  const random = seededRandom(seed + 77_777)
  for (let life = 0; life < 4; life++) {
    await getUp(scenario)
    await scenario.check()
    if (random.below(3) > 0) {
      const call = scenario.disk.calls + 1 + random.below(300)
      scenario.disk.plan = {
        call,
        fault: faults[random.below(faults.length)]!,
        lasting: random.below(5) === 0,
      }
    }
    await survive(() => scenario.work(random.below(80)))
    if (random.below(3) === 0) await survive(() => scenario.settle())
    if (random.below(4) === 0) await survive(() => scenario.close())
    if (random.below(3) === 0) scenario.kill()
    else scenario.powerCut(keeps[random.below(keeps.length)]!)
  }
  await proveCompact(scenario)
  return scenario.swaps
}

/** Without faults any more, rounds leave exactly what they should, twice over and after restarts. */
async function proveCompact(scenario: CompactionScenario): Promise<void> {
  await getUp(scenario)
  await scenario.check()
  await scenario.work(10)
  await scenario.settle()
  await scenario.compactAll()
  await scenario.check()
  await scenario.run(scenario.model.checkCompact(scenario.log!, 'stay'))
  scenario.kill()
  await getUp(scenario)
  await scenario.check()
  // Tombstones have been seen; when their time has come they go, and leave no older value.
  await scenario.clock.advance(deleteRetentionMs + 100)
  await scenario.compactAll()
  await scenario.check()
  await scenario.run(scenario.model.checkCompact(scenario.log!, 'are gone'))
  scenario.powerCut(0)
  await getUp(scenario)
  await scenario.check()
}

async function getUp(scenario: CompactionScenario): Promise<void> {
  scenario.disk.plan = null
  await scenario.open()
}

async function survive(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    if (!(thrown instanceof Crash)) throw thrown
  }
}

async function mustHold(what: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run()
  } catch (thrown) {
    throw new Error(`${what}: ${(thrown as Error).stack}`)
  }
}

async function shortLife(plan: FaultPlan | null): Promise<CompactionScenario> {
  const scenario = new CompactionScenario(11)
  scenario.disk.plan = plan
  try {
    await scenario.open()
    await scenario.work(45)
    await scenario.settle()
    await scenario.close()
  } catch (thrown) {
    // A fault while it opens is told to whoever opens it.
    if (!(thrown instanceof Crash) && plan === null) throw thrown
  }
  return scenario
}

describe('compaction under faults', () => {
  test(
    'the latest record of every key outlives every life',
    async () => {
      let swaps = 0
      for (let seed = first; seed < last; seed++)
        await mustHold(`seed ${seed}`, async () => {
          swaps += await live(seed)
        })
      expect(swaps).toBeGreaterThan(last - first)
    },
    timeoutMs,
  )

  test(
    'a crash before, within or after any call loses nothing and brings nothing back',
    async () => {
      const whole = await shortLife(null)
      expect(whole.swaps).toBeGreaterThan(3)
      for (let call = 1; call <= whole.disk.calls; call += stride) {
        for (const [fault, keep] of [
          ['crash-before', 0],
          ['crash-within', 0.5],
          ['crash-after', 1],
        ] as const) {
          await mustHold(`${fault} call ${call}, keeping ${keep}`, async () => {
            const scenario = await shortLife({ call, fault })
            scenario.powerCut(keep)
            await proveCompact(scenario)
          })
        }
      }
    },
    timeoutMs,
  )

  test(
    'a call that fails, once or from then on, loses nothing and brings nothing back',
    async () => {
      const { calls } = (await shortLife(null)).disk
      for (let call = 2; call <= calls; call += stride) {
        for (const fault of ['EIO', 'ENOSPC'] as const) {
          for (const lasting of [false, true]) {
            await mustHold(`${fault} at call ${call}${lasting ? ' and after' : ''}`, async () => {
              const scenario = await shortLife({ call, fault, lasting })
              scenario.kill()
              await proveCompact(scenario)
            })
          }
        }
      }
    },
    timeoutMs,
  )
})
