// A fault at every disk call of a backup and of a restore: what is left is whole, or refused by name; the log itself is as
// it was. The fast run takes some calls; `STRIDE=1` takes all.
import { describe, expect, test } from 'bun:test'
import type { BackupPlace } from '#log'
import {
  acknowledged,
  checkOpened,
  checkRestored,
  codeOf,
  restoreTo,
  startBackup,
  verifyAt,
} from './backup-scenario.ts'
import { LogScenario } from './log-scenario.ts'
import { Crash, type Fault } from './simulated-disk.ts'

const seed = 4
const stride = Number(process.env['STRIDE'] ?? 7)
const timeoutMs = 300_000
const places: BackupPlace[] = [
  { path: '/backup', kind: 'directory' },
  { path: '/backup.tar', kind: 'tar' },
]
const crashes: [Fault, number][] = [
  ['crash-before', 0],
  ['crash-within', 0.5],
  ['crash-after', 1],
]

/** The end decides: what is durable of it is tried in many ways, at each of its calls. */
const lastCalls = 6
const waysToEnd = 12

function* placesFor(count: number): Generator<{ call: number; draws: number; crashes: [Fault, number][] }> {
  for (let call = 1; call <= count; call += stride) yield { call, draws: 0, crashes }
  for (let call = count - lastCalls; call <= count; call++) {
    for (let draws = 1; draws <= waysToEnd; draws++) yield { call, draws, crashes: [['crash-before', 0.5]] }
  }
}

/** Other choices of the power cut. */
function draw(scenario: LogScenario, draws: number): void {
  for (let drawn = 0; drawn < draws; drawn++) scenario.random.below(2)
}

async function quiet(): Promise<LogScenario> {
  const scenario = new LogScenario(seed)
  await scenario.open()
  await scenario.work(30)
  await scenario.settle()
  return scenario
}

async function mustHold(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (thrown) {
    throw new Error(`${what}: ${(thrown as Error).stack}`)
  }
}

/** How a piece of work ended: its refusal, `done`, `crash`, or the system's own error. */
async function endOf(scenario: LogScenario, work: Promise<unknown>): Promise<string> {
  try {
    return await codeOf(scenario.drive(work))
  } catch (thrown) {
    if (thrown instanceof Crash) return 'crash'
    const code = (thrown as { code?: string }).code
    if (code === undefined) throw thrown
    return code
  }
}

/** What lies there is no backup and says so, or is a whole one. */
async function judge(scenario: LogScenario, place: BackupPlace, mustBeThere: boolean): Promise<void> {
  const surely = acknowledged(scenario)
  const found = await codeOf(verifyAt(scenario, place.path).then(({ faults }) => expect(faults).toEqual([])))
  if (mustBeThere && found !== 'done') throw new Error(`a backup that was made is gone: ${found}`)
  if (found === 'done') await checkRestored(scenario, place.path, surely)
  else expect(['not_found', 'corrupt']).toContain(found)
  const isThere = place.kind === 'directory' && scenario.disk.list(place.path).length > 0
  if (isThere) expect(await codeOf(scenario.openAt(place.path))).toBe('conflict')
}

describe('a fault at every disk call', () => {
  for (const place of places) {
    test(
      `of a backup into a ${place.kind}`,
      async () => {
        const healthy = await quiet()
        const before = healthy.disk.calls
        await healthy.drive(startBackup(healthy, place))
        const count = healthy.disk.calls - before
        expect(count).toBeGreaterThan(30)
        for (const { call, draws, crashes } of placesFor(count)) {
          for (const [fault, keep] of crashes) {
            await mustHold(`${fault} at call ${call} of ${count}, keeping ${keep}`, async () => {
              const scenario = await quiet()
              scenario.disk.plan = { call: scenario.disk.calls + call, fault }
              const end = await endOf(scenario, startBackup(scenario, place))
              draw(scenario, draws)
              scenario.powerCut(keep)
              await scenario.open()
              await scenario.check()
              await judge(scenario, place, end === 'done')
            })
          }
          for (const fault of draws > 0 ? [] : (['EIO', 'ENOSPC'] as const)) {
            for (const lasting of [false, true]) {
              await mustHold(`${fault} at call ${call}${lasting ? ' and after' : ''}`, async () => {
                const scenario = await quiet()
                scenario.disk.plan = { call: scenario.disk.calls + call, fault, lasting }
                const end = await endOf(scenario, startBackup(scenario, place))
                scenario.disk.plan = null
                scenario.kill()
                await scenario.open()
                await scenario.check()
                await judge(scenario, place, end === 'done')
              })
            }
          }
        }
      },
      timeoutMs,
    )
  }

  test(
    'of a restore',
    async () => {
      const backedUp = async () => {
        const scenario = await quiet()
        await scenario.drive(startBackup(scenario, places[0]!))
        return scenario
      }
      const healthy = await backedUp()
      const before = healthy.disk.calls
      await restoreTo(healthy, '/backup', '/restored')
      const count = healthy.disk.calls - before
      expect(count).toBeGreaterThan(30)
      const failures: [Fault, number][] = [
        ['EIO', 1],
        ['ENOSPC', 1],
      ]
      for (const { call, draws, crashes } of placesFor(count)) {
        for (const [fault, keep] of [...crashes, ...failures]) {
          await mustHold(`${fault} at call ${call} of ${count}, keeping ${keep}`, async () => {
            const scenario = await backedUp()
            scenario.disk.plan = { call: scenario.disk.calls + call, fault }
            const end = await endOf(scenario, restoreTo(scenario, '/backup', '/restored'))
            draw(scenario, draws)
            scenario.powerCut(keep)
            await scenario.open()
            const surely = acknowledged(scenario)
            expect((await verifyAt(scenario, '/backup')).faults).toEqual([])
            if (scenario.disk.list('/restored').length === 0) {
              expect(end).not.toBe('done')
              return
            }
            const opened = await codeOf(checkOpened(scenario, '/restored', surely))
            if (end === 'done') expect(opened).toBe('done')
            else expect(['done', 'corrupt']).toContain(opened)
          })
        }
      }
    },
    timeoutMs,
  )
})
