// Files that are there but do not belong: old copies put back, files of another log, duplicates, strangers. The log goes
// on as if they were not there, or refuses by name; it never takes them for its own.
import { describe, expect, test } from 'bun:test'
import { BrokerError } from '#base'
import { LogScenario } from './log-scenario.ts'

type Copy = Map<string, Uint8Array>

function copyOf({ disk }: LogScenario): Copy {
  return new Map(disk.files().map((path) => [path, disk.contents(path)]))
}

function put({ disk }: LogScenario, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, 'create')
  file.truncate(0)
  file.write(bytes, 0)
  file.close()
}

/** A log with an earlier copy of all its files; both were killed. */
async function withPast(seed: number): Promise<{ scenario: LogScenario; past: Copy }> {
  const scenario = new LogScenario(seed)
  await scenario.open()
  await scenario.work(60)
  await scenario.settle()
  await scenario.clock.advance(100)
  scenario.kill()
  const past = copyOf(scenario)
  await scenario.open()
  await scenario.work(60)
  await scenario.settle()
  await scenario.clock.advance(100)
  scenario.kill()
  return { scenario, past }
}

async function judge(scenario: LogScenario): Promise<'open' | 'refused'> {
  try {
    const log = await scenario.open()
    await scenario.checkDamaged()
    return log.state === 'open' ? 'open' : 'refused'
  } catch (thrown) {
    if (thrown instanceof BrokerError && thrown.code === 'corrupt' && thrown.fix) return 'refused'
    throw thrown
  }
}

const seeds = [21, 22, 23, 24, 25, 26]

describe('files that do not belong', () => {
  test('an old checkpoint put back: refused in whole or by partition, and nothing wrong is answered', async () => {
    for (const seed of seeds) {
      const { scenario, past } = await withPast(seed)
      const present = scenario.disk.contents('/data/checkpoint')
      put(scenario, '/data/checkpoint', past.get('/data/checkpoint')!)
      const became = await judge(scenario)
      scenario.kill()
      if (became === 'refused') {
        put(scenario, '/data/checkpoint', present)
        await scenario.open()
        await scenario.check()
      } else expect(await judge(scenario)).toBe('open')
    }
  })

  test('checkpoint or format mark of another log: refused', async () => {
    for (const path of ['/data/checkpoint', '/data/format.json']) {
      for (const seed of seeds) {
        const { scenario } = await withPast(seed)
        const { scenario: other } = await withPast(seed + 100)
        const own = scenario.disk.contents(path)
        put(scenario, path, other.disk.contents(path))
        expect(`${path}, seed ${seed}: ${await judge(scenario)}`).toBe(`${path}, seed ${seed}: refused`)
        scenario.kill()
        put(scenario, path, own)
        await scenario.open()
        await scenario.check()
      }
    }
  })

  test('a write-ahead file of another log, or under a second name, is not read', async () => {
    for (const seed of seeds) {
      const { scenario } = await withPast(seed)
      const { scenario: other } = await withPast(seed + 100)
      const own = scenario.disk.list('/data/wal').at(-1)!
      const foreign = other.disk.list('/data/wal').at(-1)!
      put(scenario, '/data/wal/0000000500.wal', scenario.disk.contents(`/data/wal/${own}`))
      put(scenario, '/data/wal/0000000501.wal', other.disk.contents(`/data/wal/${foreign}`))
      expect(await judge(scenario)).toBe('open')
      await scenario.check()
    }
  })

  test('segments under another offset, and files of strangers, are not read', async () => {
    for (const seed of seeds) {
      const { scenario } = await withPast(seed)
      for (const topic of scenario.disk.list('/data/topics')) {
        const directory = `/data/topics/${topic}`
        const names = scenario.disk.list(directory).filter((name) => name.endsWith('.log'))
        const bytes = scenario.disk.contents(`${directory}/${names[0]!}`)
        const shifted = `${String(Number(names[0]!.slice(0, 20)) + 1).padStart(20, '0')}.log`
        if (!names.includes(shifted)) put(scenario, `${directory}/${shifted}`, bytes)
        put(scenario, `${directory}/00000000000000900000.log`, bytes)
        put(scenario, `${directory}/notes.txt`, bytes)
      }
      put(scenario, '/data/topics/stranger', new Uint8Array(10))
      expect(await judge(scenario)).toBe('open')
      await scenario.check()
      scenario.kill()
      expect(await judge(scenario)).toBe('open')
      await scenario.check()
    }
  })

  test('an old copy of one partition is refused in what it lacks, the others go on', async () => {
    let refused = 0
    for (const seed of [22, 23, 24, 25, 26, 28]) {
      const { scenario, past } = await withPast(seed)
      await scenario.open()
      await scenario.close()
      scenario.kill()
      for (const topic of scenario.disk.list('/data/topics').slice(0, 1)) {
        for (const name of scenario.disk.list(`/data/topics/${topic}`)) {
          const path = `/data/topics/${topic}/${name}`
          const old = past.get(path)
          if (old === undefined) scenario.disk.remove(path)
          else put(scenario, path, old)
        }
      }
      const log = await scenario.open()
      expect(log.state).toBe('open')
      refused += await scenario.checkDamaged()
      scenario.createTopic()
      await scenario.settle()
      expect(scenario.model.attempts.at(-1)!.outcome).toBe('acknowledged')
    }
    expect(refused).toBeGreaterThan(0)
  })

  test('a topic that is created where files of a stranger lie begins empty, and they are gone', async () => {
    const scenario = new LogScenario(27)
    await scenario.open()
    await scenario.work(10)
    await scenario.settle()
    const { topic } = scenario.nextTopic
    for (const partition of [0, 1]) {
      scenario.disk.makeDirectory(`/data/topics/${topic}-${partition}`)
      put(
        scenario,
        `/data/topics/${topic}-${partition}/00000000000000000000.log`,
        new Uint8Array(9000).fill(7),
      )
    }
    scenario.createTopic()
    await scenario.work(100)
    await scenario.settle()
    await scenario.check()
    scenario.kill()
    await scenario.open()
    await scenario.check()
    scenario.checkFiles()
  })
})
