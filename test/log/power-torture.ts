#!/usr/bin/env bun
// Shuts a file system down under a writing process, again and again: the nearest to a power cut that a machine can do to
// itself. What was not synced is gone, journal and all. Needs Linux, root, mkfs.ext4 and loop devices.
//   bun test/log/power-torture.ts --rounds 20 [--rounds-per-log 20] [--no-syncs]     # with --no-syncs it must report a loss
import { dlopen, FFIType } from 'bun:ffi'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '#base'
import { type Acknowledged, verify, writeUntil } from './kill-torture.ts'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    'rounds-per-log': { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    'no-syncs': { type: 'boolean', default: false },
  },
})

/** FS_IOC_SHUTDOWN: 1 writes the journal first, 2 writes nothing. */
const shutdownRequest = 0x8004587d
const { ioctl } = dlopen('libc.so.6', {
  ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
}).symbols

function shutDown(mountPoint: string, flag: 1 | 2): void {
  const descriptor = openSync(mountPoint, 'r')
  const answer = ioctl(descriptor, shutdownRequest, new Uint32Array([flag]))
  closeSync(descriptor)
  if (answer !== 0) throw new Error('this file system cannot be shut down')
}

async function run(...command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdout: 'ignore', stderr: 'inherit' })
  if ((await child.exited) !== 0) throw new Error(`failed: ${command.join(' ')}`)
}

type Result = { rounds: number; acknowledged: number; replayed: number; flag1: number; flag2: number }

/** Shuts one file system down so often; throws at the first loss. */
async function tortureOne(rounds: number, seed: number, result: Result): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'pspf-power-'))
  const image = join(scratch, 'image')
  const mountPoint = join(scratch, 'mount')
  const directory = join(mountPoint, 'data')
  const random = seededRandom(seed)
  const acknowledged: Acknowledged = new Map()
  mkdirSync(mountPoint)
  // Far larger than the data: on a nearly full image the kernel writes early and hides a loss.
  await run('truncate', '-s', '2G', image)
  await run('mkfs.ext4', '-q', image)
  for (let round = 0; round < rounds; round++) {
    await run('mount', '-o', 'loop', image, mountPoint)
    try {
      const flag = random.below(3) === 0 ? 1 : 2
      await writeUntil({
        directory,
        round,
        after: 1 + random.below(6000),
        acknowledged,
        syncs: !flags['no-syncs'],
        stop(child) {
          shutDown(mountPoint, flag)
          child.kill('SIGKILL')
        },
      })
      result[`flag${flag}`]++
    } finally {
      await run('umount', mountPoint)
    }
    await run('mount', '-o', 'loop', image, mountPoint)
    try {
      result.replayed += (await verify(directory, acknowledged)).replayed
    } finally {
      await run('umount', mountPoint)
    }
    result.rounds++
  }
  result.acknowledged += acknowledged.size
  rmSync(scratch, { recursive: true })
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
