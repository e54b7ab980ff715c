// One life of a log group, told by a seed: work, fall, get up, be checked, several times over.
import { BrokerError, type Random, seededRandom } from '#base'
import type { LogGroup } from '#log'
import { LogScenario, type ScenarioOptions } from './log-scenario.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import { Crash, type Fault } from './simulated-disk.ts'

/** How much of what was not synced a power cut leaves. */
const keeps = [0, 0, 0.2, 0.5, 0.9, 1]
const faults: Fault[] = ['crash-before', 'crash-within', 'crash-after', 'EIO', 'EAGAIN', 'ENOSPC', 'stall']
const hourMs = 3_600_000
const decadeMs = 10 * 365 * 24 * hourMs

/** Fast, so that it meets everything else that goes on. */
const scrubbing = { scrubBytesPerSecond: 20_000, scrubFirstMs: 20, scrubEveryMs: 30 }

/** Throws at the first broken invariant. Falls happen in recovery too. */
export async function live(seed: number, options: ScenarioOptions = {}): Promise<LogScenario> {
  const scenario = new LogScenario(seed, { ...options, limits: { ...options.limits, ...scrubbing } })
  const random = seededRandom(seed + 1_000_000_007)
  for (let life = 0; life < 4; life++) {
    await getUp(scenario, random)
    await scenario.check()
    scenario.checkFiles()
    const planned = random.below(3) > 0
    if (planned) {
      const call = scenario.disk.calls + 1 + random.below(150)
      scenario.disk.plan = {
        call,
        fault: faults[random.below(faults.length)]!,
        lasting: random.below(4) === 0,
      }
    }
    if (random.below(6) === 0) scenario.disk.limitTo(random.below(30_000))
    for (let part = random.below(3); part >= 0; part--) {
      if (random.below(3) === 0) setClock(scenario.clock, random)
      await scenario.work(random.below(60))
    }
    if (random.below(3) === 0) await scenario.settle()
    if (random.below(4) === 0) await closeOrFall(scenario)
    scenario.checkUndamaged()
    if (random.below(4) === 0) scenario.kill()
    else scenario.powerCut(keeps[random.below(keeps.length)]!)
  }
  await openWithRoom(scenario)
  await scenario.check()
  scenario.checkFiles()
  await proveProgress(scenario)
  scenario.checkUndamaged()
  return scenario
}

/** An hour or ten years off, either way, or a machine that knows no better than 1970. */
export function setClock(clock: SimulatedClock, random: Random): void {
  const now = clock.now()
  const times = [0, now - 500, now - hourMs, now + hourMs, now - decadeMs, now + decadeMs]
  clock.setWall(times[random.below(times.length)]!)
}

/** With no fault any more, everything sent is acknowledged, and two restarts change nothing. */
export async function proveProgress(scenario: LogScenario): Promise<void> {
  scenario.disk.plan = null
  scenario.disk.capacityBytes = Number.POSITIVE_INFINITY
  if (scenario.log?.state !== 'open') throw new Error(`wrongly refused: ${scenario.log?.failure?.message}`)
  const before = scenario.model.attempts.length
  scenario.createTopic()
  await scenario.work(15)
  await scenario.settle()
  const fresh = scenario.model.attempts.slice(before)
  const stuck = fresh.filter(({ outcome }) => outcome === 'pending' || outcome === 'unknown')
  if (stuck.length > 0)
    throw new Error(`no progress: ${stuck.length} of ${fresh.length} appends are not answered`)
  if (!fresh.some(({ outcome }) => outcome === 'acknowledged')) throw new Error('no progress: all is refused')
  scenario.kill()
  await scenario.open()
  await scenario.check()
  scenario.powerCut(0)
  await scenario.open()
  await scenario.check()
}

async function closeOrFall(scenario: LogScenario): Promise<void> {
  scenario.disk.plan = null
  try {
    await scenario.close()
  } catch (thrown) {
    if (!(thrown instanceof Crash)) throw thrown
  }
}

/** Opens; now and then the power goes while it does. */
async function getUp(scenario: LogScenario, random: Random): Promise<void> {
  for (let fall = 0; fall < 2 && random.below(3) === 0; fall++) {
    scenario.disk.plan = { call: scenario.disk.calls + 1 + random.below(40), fault: 'crash-within' }
    try {
      await openWithRoom(scenario)
      scenario.disk.plan = null
      // What a start leaves to do may have met the plan already.
      if (!scenario.disk.crashed) return
    } catch (thrown) {
      if (!(thrown instanceof Crash)) throw thrown
    }
    scenario.powerCut(keeps[random.below(keeps.length)]!)
  }
  scenario.disk.plan = null
  const log = await openWithRoom(scenario)
  if (log.state !== 'open') throw new Error(`wrongly refused: ${log.failure?.message}`)
  const reasons = log.report.quarantined.map(({ reason }) => reason)
  if (reasons.length > 0) throw new Error(`wrongly quarantined: ${reasons}`)
}

/** A disk that is full to its last byte may refuse a start, and then only says so. */
async function openWithRoom(scenario: LogScenario): Promise<LogGroup> {
  try {
    return await scenario.open()
  } catch (thrown) {
    if (!(thrown instanceof BrokerError && thrown.code === 'disk_full')) throw thrown
    scenario.kill(scenario.disk.plan)
    scenario.disk.capacityBytes = Number.POSITIVE_INFINITY
    return scenario.open()
  }
}
