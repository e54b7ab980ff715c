#!/usr/bin/env bun
// Shuts a file system down under a writing process, again and again (`loop-disk.ts`), and checks after each time that what
// it had acknowledged is there.
//   bun test/log/power-torture.ts --rounds 20 [--rounds-per-log 20] [--no-syncs]     # with --no-syncs it must report a loss
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '#base'
import { type Acknowledged, verify, writeUntil } from './kill-torture.ts'
import { LoopDisk } from './loop-disk.ts'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    'rounds-per-log': { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    'no-syncs': { type: 'boolean', default: false },
  },
})

type Result = { rounds: number; acknowledged: number; replayed: number; flag1: number; flag2: number }

/** Shuts one file system down so often; throws at the first loss. */
async function tortureOne(rounds: number, seed: number, result: Result): Promise<void> {
  const disk = await LoopDisk.make()
  const directory = join(disk.mountPoint, 'data')
  const random = seededRandom(seed)
  const acknowledged: Acknowledged = new Map()
  for (let round = 0; round < rounds; round++) {
    const flag = random.below(3) === 0 ? 1 : 2
    const after = 1 + random.below(6000)
    const stop = (child: Bun.Subprocess) => {
      disk.shutDown(flag)
      child.kill('SIGKILL')
    }
    const writing = { directory, round, after, acknowledged, syncs: !flags['no-syncs'], stop }
    await disk.mounted(() => writeUntil(writing))
    result[`flag${flag}`]++
    result.replayed += (await disk.mounted(() => verify(directory, acknowledged))).replayed
    result.rounds++
  }
  result.acknowledged += acknowledged.size
  disk.remove()
}

const result: Result = { rounds: 0, acknowledged: 0, replayed: 0, flag1: 0, flag2: 0 }
let loss = ''
for (let seed = Number(flags.seed); result.rounds < Number(flags.rounds) && loss === ''; seed++) {
  try {
    const rounds = Math.min(Number(flags['rounds-per-log']), Number(flags.rounds) - result.rounds)
    await tortureOne(rounds, seed, result)
    console.log(`seed ${seed}: so far ${JSON.stringify(result)}`)
  } catch (thrown) {
    loss = `seed ${seed}, round ${result.rounds}: ${(thrown as Error).message}`
  }
}
console.log(loss === '' ? `nothing acknowledged was lost: ${JSON.stringify(result)}` : `LOST: ${loss}`)
process.exit(loss === '' ? 0 : 1)
