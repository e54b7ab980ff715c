// A fault at every single disk call of a short life, and of the recovery after it. The fast run takes every sixteenth call,
// another one for each fault; `STRIDE=1` takes all.
import { describe, expect, test } from 'bun:test'
import { proveProgress } from './log-life.ts'
import { LogScenario } from './log-scenario.ts'
import { Crash, type Fault, type FaultPlan } from './simulated-disk.ts'

const seed = 4
const stride = Number(process.env['STRIDE'] ?? 16)
const timeoutMs = 300_000

/** Open, work with rolls and checkpoints, close. `Crash` ends it early. */
async function shortLife(plan: FaultPlan | null): Promise<LogScenario> {
  const scenario = new LogScenario(seed)
  scenario.disk.plan = plan
  try {
    await scenario.open()
    await scenario.work(30)
    await scenario.settle()
    await scenario.close()
  } catch (thrown) {
    // A fault while it opens is told to whoever opens it.
    if (!(thrown instanceof Crash) && plan === null) throw thrown
  }
  return scenario
}

async function callsOf(life: () => Promise<LogScenario>): Promise<number> {
  return (await life()).disk.calls
}

async function mustHold(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (thrown) {
    throw new Error(`${what}: ${(thrown as Error).stack}`)
  }
}

describe('a fault at every disk call', () => {
  test(
    'a crash before, within or after any call loses nothing',
    async () => {
      const calls = await callsOf(() => shortLife(null))
      expect(calls).toBeGreaterThan(100)
      for (let call = 1; call <= calls; call += stride) {
        for (const [fault, keep] of [
          ['crash-before', 0],
          ['crash-within', 0.5],
          ['crash-after', 1],
        ] as const) {
          await mustHold(`${fault} call ${call}, keeping ${keep}`, async () => {
            const scenario = await shortLife({ call, fault })
            scenario.powerCut(keep)
            await scenario.open()
            await scenario.check()
            await proveProgress(scenario)
          })
        }
      }
    },
    timeoutMs,
  )

  test(
    'a crash at any call of recovery loses nothing',
    async () => {
      const fallen = async (call: number | null, keep: number) => {
        const scenario = await shortLife({ call: 95, fault: 'crash-within' })
        scenario.powerCut(keep, call === null ? null : { call, fault: 'crash-within' })
        return scenario
      }
      for (const keep of [0, 0.5, 1]) {
        const calls = await callsOf(async () => {
          const scenario = await fallen(null, keep)
          await scenario.open()
          return scenario
        })
        expect(calls).toBeGreaterThan(10)
        for (let call = 1 + Math.floor(keep * 2); call <= calls; call += stride) {
          await mustHold(`recovery call ${call}, keeping ${keep}`, async () => {
            const scenario = await fallen(call, keep)
            await expectCrash(scenario)
            scenario.powerCut(keep)
            await scenario.open()
            await scenario.check()
            await proveProgress(scenario)
          })
        }
      }
    },
    timeoutMs,
  )

  test(
    'a call that fails, once or from then on, loses nothing',
    async () => {
      const calls = await callsOf(() => shortLife(null))
      const faults: Fault[] = ['EIO', 'ENOSPC']
      for (let call = 2; call <= calls; call += stride) {
        for (const fault of faults) {
          for (const lasting of [false, true]) {
            await mustHold(`${fault} at call ${call}${lasting ? ' and after' : ''}`, async () => {
              const scenario = await shortLife({ call, fault, lasting })
              scenario.disk.plan = null
              scenario.kill()
              await scenario.open()
              await scenario.check()
              await proveProgress(scenario)
            })
          }
        }
      }
    },
    timeoutMs,
  )

  test(
    'after a full disk appends go on by themselves',
    async () => {
      const calls = await callsOf(() => shortLife(null))
      for (let call = 20; call <= calls; call += stride) {
        await mustHold(`ENOSPC from call ${call}`, async () => {
          const scenario = new LogScenario(seed)
          await scenario.open()
          scenario.disk.plan = { call, fault: 'ENOSPC', lasting: true }
          await scenario.work(15)
          scenario.disk.plan = null
          await scenario.settle()
          await scenario.check()
          await proveProgress(scenario)
        })
      }
    },
    timeoutMs,
  )
})

async function expectCrash(scenario: LogScenario): Promise<void> {
  try {
    await scenario.open()
  } catch (thrown) {
    if (thrown instanceof Crash) return
    throw thrown
  }
  // What a start leaves to do goes on behind it.
  for (let step = 0; step < 20 && !scenario.disk.crashed; step++) await scenario.clock.step()
  if (!scenario.disk.crashed) throw new Error('recovery did not reach the call')
}
