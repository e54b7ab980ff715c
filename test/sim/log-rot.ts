// What a bad disk does to a log at rest: any file, any place, a bit, a block or two exchanged. And what a log that is well
// made does about it: it answers what is right and refuses the rest, and when the damage is healed nothing is missing.
import { BrokerError, type Random, seededRandom } from '#base'
import { LogScenario } from './log-scenario.ts'
import { blockSizeBytes } from './simulated-inode.ts'

/** Everything durable is said to be so by a later frame; only then can its damage be told from a torn tail. */
const longerThanIdleMarkMs = 100

export type RotOutcome = {
  readonly what: string
  /** `harmless`: all is there. `refused`: it did not open, or takes no appends. `partly`: it goes on without some records. */
  readonly became: 'harmless' | 'refused' | 'partly'
}

export type Rot = (scenario: LogScenario, path: string, random: Random) => { what: string; heal(): void }

export const rots: Record<string, Rot> = {
  bit(scenario, path, random) {
    const byte = random.below(scenario.disk.fileSize(path))
    const bit = random.below(8)
    scenario.disk.flip(path, byte, bit)
    return { what: `bit ${bit} of byte ${byte} of ${path}`, heal: () => scenario.disk.flip(path, byte, bit) }
  },
  zeroes: (scenario, path, random) => replaceBlock(scenario, path, random, (block) => block.fill(0)),
  garbage: (scenario, path, random) =>
    replaceBlock(scenario, path, random, (block) => block.map(() => random.below(256))),
  /** A write that went to the wrong place: both places are wrong then. */
  exchange(scenario, path, random) {
    const { disk } = scenario
    const files = disk.files().filter((file) => disk.fileSize(file) >= blockSizeBytes)
    const other = files[random.below(Math.max(files.length, 1))] ?? path
    const here = random.below(Math.ceil(disk.fileSize(path) / blockSizeBytes)) * blockSizeBytes
    const there = random.below(Math.ceil(disk.fileSize(other) / blockSizeBytes)) * blockSizeBytes
    const count = Math.min(blockSizeBytes, disk.fileSize(path) - here, disk.fileSize(other) - there)
    const mine = disk.contents(path, here, count)
    const its = disk.contents(other, there, count)
    disk.overwrite(path, here, its)
    disk.overwrite(other, there, mine)
    return {
      what: `${count} bytes at ${here} of ${path} and at ${there} of ${other} exchanged`,
      heal() {
        scenario.disk.overwrite(other, there, its)
        scenario.disk.overwrite(path, here, mine)
      },
    }
  },
}

function replaceBlock(
  scenario: LogScenario,
  path: string,
  random: Random,
  change: (block: Uint8Array) => Uint8Array,
): { what: string; heal(): void } {
  const { disk } = scenario
  const position = random.below(Math.ceil(disk.fileSize(path) / blockSizeBytes)) * blockSizeBytes
  const before = disk.contents(path, position, Math.min(blockSizeBytes, disk.fileSize(path) - position))
  disk.overwrite(path, position, change(before.slice()))
  return {
    what: `${before.length} bytes at ${position} of ${path}`,
    heal: () => void scenario.disk.overwrite(path, position, before),
  }
}

/** A log with a past of several lives, at rest, whose last frame a later one calls durable. */
export async function atRest(seed: number): Promise<LogScenario> {
  const scenario = new LogScenario(seed)
  const random = seededRandom(seed + 500)
  for (let life = random.below(2); life >= 0; life--) {
    await scenario.open()
    await scenario.work(30 + random.below(90))
    await scenario.settle()
    await scenario.clock.advance(longerThanIdleMarkMs)
    await scenario.check()
    if (random.below(2) === 0) await scenario.close()
    scenario.kill()
  }
  return scenario
}

/** Damages a log at rest and says what became of it. Throws if anything wrong was answered, or lost for good. */
export async function rotAndJudge(seed: number, kind: string): Promise<RotOutcome> {
  const scenario = await atRest(seed)
  const random = seededRandom(seed + 77)
  const paths = scenario.disk.files().filter((path) => scenario.disk.fileSize(path) > 0)
  const path = paths[random.below(paths.length)]!
  const { what, heal } = rots[kind]!(scenario, path, random)
  try {
    const became = await openDamaged(scenario)
    scenario.kill()
    // What refused has touched nothing: with the damage gone, all is there. What went on may have written since.
    if (became === 'refused') {
      heal()
      await scenario.open()
      await scenario.check()
    } else if ((await openDamaged(scenario)) === 'refused') throw new Error('a second start refuses')
    return { what, became }
  } catch (thrown) {
    throw new Error(`${what}: ${(thrown as Error).stack}`)
  }
}

const keeps = [0, 0.5, 1]

/** A disk that puts one block of a sync somewhere else and says nothing, under a log at work; then power or process ends. */
export async function misdirectAndJudge(seed: number): Promise<RotOutcome> {
  const scenario = await atRest(seed)
  const random = seededRandom(seed + 78)
  await scenario.open()
  await scenario.work(random.below(40))
  await scenario.settle()
  scenario.disk.plan = { call: scenario.disk.calls + 1 + random.below(60), fault: 'misdirect' }
  await scenario.work(20 + random.below(60))
  await scenario.settle()
  scenario.disk.plan = null
  // Of the last frame nobody says yet that it was durable, so it must not be the one.
  scenario.createTopic()
  await scenario.settle()
  await scenario.clock.advance(longerThanIdleMarkMs)
  if (random.below(3) === 0) await scenario.close()
  if (random.below(3) === 0) scenario.kill()
  else scenario.powerCut(keeps[random.below(keeps.length)]!)
  const what = `${scenario.disk.misdirected} blocks misdirected`
  const became = await openDamaged(scenario)
  scenario.kill()
  // What memory still hid from one start the next one may meet.
  return { what, became: became === 'refused' ? became : await openDamaged(scenario) }
}

async function openDamaged(scenario: LogScenario): Promise<RotOutcome['became']> {
  try {
    const log = await scenario.open()
    const refused = await scenario.checkDamaged()
    if (log.state === 'failed') return 'refused'
    return refused > 0 ? 'partly' : 'harmless'
  } catch (thrown) {
    if (thrown instanceof BrokerError && isByName(thrown)) return 'refused'
    throw thrown
  }
}

/** Says which file it is about and what to do. */
function isByName({ code, message, fix }: BrokerError): boolean {
  return ['corrupt', 'conflict'].includes(code) && /\/data|topic/.test(message) && fix !== undefined
}
