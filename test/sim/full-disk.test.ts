// A disk that others have filled to its last byte: the ballast is what makes room to make room.
import { describe, expect, test } from 'bun:test'
import type { OpenLog } from '#log'
import { codeOf } from './backup-scenario.ts'
import { LogScenario } from './log-scenario.ts'

const ballast = '/data/ballast'
/** The reserve, and with it the ballast, as large as a few frames with a checkpoint. */
const limits = { diskReserveBytes: 64_000 }

async function worked(seed: number): Promise<LogScenario> {
  const scenario = new LogScenario(seed, { limits })
  await scenario.open()
  await scenario.work(40)
  await scenario.settle()
  await scenario.clock.advance(200)
  return scenario
}

/** Others write until nothing is left. */
function fill(scenario: LogScenario): void {
  scenario.disk.limitTo(0)
}

const somePartition = (log: OpenLog) => [...log.partitions()][0]!

describe('a disk that is full to its last byte', () => {
  test('has a ballast, made behind a checkpoint', async () => {
    const scenario = await worked(1)
    expect(scenario.disk.fileSize(ballast)).toBe(8000)
  })

  test('gives it up for a deletion, and it is made again when there is room', async () => {
    const scenario = await worked(1)
    fill(scenario)
    const log = scenario.log!
    const { id } = somePartition(log)
    await scenario.drive(log.append([{ kind: 'delete', id }]))
    expect(log.partition(id)).toBeUndefined()
    scenario.disk.limitTo(1e6)
    for (let topic = 0; topic < 5; topic++) scenario.createTopic()
    await scenario.settle()
    await scenario.clock.advance(200)
    expect(scenario.disk.fileSize(ballast)).toBe(8000)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('is started on after a kill, and deletes (seed %p)', async (seed) => {
    const scenario = await worked(seed)
    scenario.kill()
    fill(scenario)
    const log = await scenario.open()
    expect(log.state).toBe('open')
    await scenario.check()
    const { id } = somePartition(log)
    await scenario.drive(log.append([{ kind: 'delete', id }]))
    scenario.powerCut(0)
    const again = await scenario.open()
    expect(again.partition(id)).toBeUndefined()
  })

  test('refuses records as soon as it is looked at again, and loses none that it took', async () => {
    const scenario = await worked(2)
    fill(scenario)
    await scenario.work(600)
    await scenario.settle()
    const sent = scenario.model.attempts.slice(-50)
    const records = sent.filter(({ entries }) => entries.every(({ kind }) => kind === 'batch'))
    expect(records.length).toBeGreaterThan(20)
    expect(records.filter(({ outcome }) => outcome !== 'refused').length).toBe(0)
    await scenario.check()
    scenario.powerCut(0)
    await scenario.open()
    await scenario.check()
  })

  test('with no ballast left refuses by name, and goes on by itself', async () => {
    const scenario = await worked(3)
    scenario.disk.remove(ballast)
    scenario.kill()
    fill(scenario)
    const log = await scenario.open()
    const { id } = somePartition(log)
    const code = await codeOf(scenario.drive(log.append([{ kind: 'delete', id }])))
    expect(['disk_full', 'done']).toContain(code)
    scenario.disk.limitTo(1e6)
    await scenario.clock.advance(1000)
    if (code !== 'done') await scenario.drive(log.append([{ kind: 'delete', id }]))
    expect(log.partition(id)).toBeUndefined()
  })
})
