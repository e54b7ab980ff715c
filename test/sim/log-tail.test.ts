// The ends of files: zeroes, garbage and lies about lengths behind what counts, and what a start makes of them.
import { describe, expect, test } from 'bun:test'
import { frameField } from '../../src/log/wal/frame.ts'
import { LogScenario } from './log-scenario.ts'

const wal = '/data/wal/0000000001.wal'
const oneFile = { walFileSizeBytes: 200_000, checkpointBytes: 1e9, checkpointMs: 1e9, idleMarkMs: 1e9 }

/** Killed with everything in one write-ahead file, and no mark behind the last frame. */
async function killed(seed: number): Promise<LogScenario> {
  const scenario = new LogScenario(seed, { limits: oneFile })
  await scenario.open()
  await scenario.work(12)
  await scenario.settle()
  scenario.kill()
  return scenario
}

/** Where each frame of the file begins, and where the last one ends. */
function frameStarts({ disk }: LogScenario): number[] {
  const bytes = disk.contents(wal)
  const view = new DataView(bytes.buffer)
  const starts = [0]
  for (let at = 0; at + 64 <= bytes.length && view.getUint32(at + frameField.size, true) >= 64; ) {
    at += view.getUint32(at + frameField.size, true)
    starts.push(at)
  }
  return starts
}

function patchLength({ disk }: LogScenario, frameAt: number, sizeBytes: number): void {
  disk.overwrite(wal, frameAt + frameField.size, new Uint8Array(new Uint32Array([sizeBytes]).buffer))
}

function append({ disk }: LogScenario, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, 'write')
  file.write(bytes, file.size())
  file.close()
}

/** The next append is acknowledged and found, also after two more starts. */
async function goesOn(scenario: LogScenario): Promise<void> {
  scenario.createTopic()
  await scenario.settle()
  expect(scenario.model.attempts.at(-1)!.outcome).toBe('acknowledged')
  for (let start = 0; start < 2; start++) {
    scenario.kill()
    await scenario.open()
    await scenario.check()
  }
}

const tails: [string, Uint8Array][] = [
  ['zeroes', new Uint8Array(5000)],
  ['ones', new Uint8Array(700).fill(255)],
  ['garbage', Uint8Array.from({ length: 3000 }, (_, index) => (index * 7919) % 251)],
]

const lies = [0, 1, 63, 64, 65, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]

describe('the end of a file', () => {
  test.each(tails)(
    '%s behind the last frame are the end, and the next append takes its place',
    async (_, tail) => {
      const scenario = await killed(11)
      append(scenario, wal, tail)
      const log = await scenario.open()
      expect(log.state).toBe('open')
      expect(log.report.framesReplayed).toBeGreaterThan(3)
      await scenario.check()
      await goesOn(scenario)
    },
  )

  test.each(tails)('%s behind a segment were never acknowledged, and are cut', async (_, tail) => {
    const scenario = await killed(12)
    await scenario.open()
    await scenario.close()
    scenario.kill()
    const segments = scenario.disk.files().filter((path) => path.endsWith('.log'))
    expect(segments.length).toBeGreaterThan(0)
    const newest = new Map(segments.map((path) => [path.slice(0, path.lastIndexOf('/')), path]))
    for (const path of newest.values()) append(scenario, path, tail)
    await scenario.open()
    scenario.checkFiles()
    await scenario.check()
    await goesOn(scenario)
  })

  test('a last frame with any length but its own is cut, and nothing else is', async () => {
    const whole = (await (await killed(13)).open()).report.framesReplayed
    for (const lie of lies) {
      const scenario = await killed(13)
      patchLength(scenario, frameStarts(scenario).at(-2)!, lie)
      const log = await scenario.open()
      expect(`${lie}: ${log.state}`).toBe(`${lie}: open`)
      expect(log.report.framesReplayed).toBe(whole - 1)
    }
  })

  test('a frame below the durable mark with any length but its own is refused', async () => {
    for (const lie of lies) {
      const scenario = await killed(13)
      const starts = frameStarts(scenario)
      patchLength(scenario, starts[2]!, lie)
      const log = await scenario.open()
      expect(`${lie}: ${log.state}`).toBe(`${lie}: failed`)
      expect(log.failure).toMatchObject({ code: 'corrupt' })
      await scenario.checkDamaged()
    }
  })

  test('a log that was killed right after a checkpoint was not stopped in order', async () => {
    const scenario = new LogScenario(17)
    await scenario.open()
    await scenario.work(20)
    await scenario.settle()
    await scenario.clock.advance(5_000)
    scenario.kill()
    expect((await scenario.open()).report).toMatchObject({ clean: false, framesReplayed: 0 })
    await scenario.close()
    scenario.kill()
    expect((await scenario.open()).report).toMatchObject({ clean: true, framesReplayed: 0 })
  })

  test('what is written to a file that somebody deleted is not acknowledged', async () => {
    const scenario = new LogScenario(16)
    const log = await scenario.open()
    await scenario.work(5)
    await scenario.settle()
    scenario.disk.remove('/data')
    const before = scenario.model.attempts.length
    scenario.createTopic()
    await scenario.settle()
    expect(scenario.model.attempts.slice(before).map(({ outcome }) => outcome)).toEqual(['unknown'])
    expect(log.failure).toMatchObject({ code: 'disk_failed' })
    expect(log.failure!.message).toContain('deleted')
  })

  test('ten starts that crash leave no more files and bytes than one', async () => {
    const scenario = new LogScenario(15)
    await scenario.open()
    await scenario.work(80)
    await scenario.settle()
    const sizes: string[] = []
    for (let start = 0; start < 10; start++) {
      scenario.kill()
      await scenario.open()
      await scenario.clock.advance(200)
      await scenario.check()
      const files = scenario.disk.files()
      const bytes = files.reduce((sum, path) => sum + scenario.disk.fileSize(path), 0)
      sizes.push(`${files.length} files, ${bytes} bytes`)
    }
    // The first one may still bring segments forward.
    expect(new Set(sizes.slice(1)).size).toBe(1)
  })
})
