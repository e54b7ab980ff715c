// System calls of a real process that fail, are interrupted or wait, one after the other: whatever was acknowledged is
// there at the next start, and the process knows what it may go on after. `CALLS=1-200` tries every one of these calls.
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Acknowledged, verify } from '../log/kill-torture.ts'
import { because, injected, missing } from './injection.ts'

const root = mkdtempSync(join(tmpdir(), 'pspf-calls-'))
afterAll(() => rmSync(root, { recursive: true }))

/** Long enough for the last call that is asked for. */
const wanted = process.env['CALLS'] ? 1600 : 400
const refusalsMax = 60

type Ending = {
  readonly state: string
  readonly acknowledged: Acknowledged
  readonly refusals: Set<string>
  readonly visible: number
}

let rounds = 0
async function writeUnder(
  fault: string,
  refusals = Number.MAX_SAFE_INTEGER,
): Promise<{ ending: Ending; directory: string }> {
  const directory = join(root, String(rounds++))
  const writer = [
    process.execPath,
    join(import.meta.dir, 'fault-writer.ts'),
    directory,
    '0',
    String(wanted),
    String(refusals),
  ]
  const child = Bun.spawn([...injected(fault), ...writer], {
    stdout: 'pipe',
    stderr: 'inherit',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  const lines = (await new Response(child.stdout).text()).trim().split('\n')
  await child.exited
  const words = lines.map((line) => line.split(' '))
  const told = (word: string) => words.filter(([first]) => first === word).map(([, second]) => second!)
  const acknowledged: Acknowledged = new Map()
  for (const [value, first, second] of words)
    if (second !== undefined) acknowledged.set(value!, [Number(first), Number(second)])
  const ending = { state: told('end')[0] ?? 'none', refusals: new Set(told('refused')), acknowledged }
  return { ending: { ...ending, visible: Number(told('visible')[0] ?? 0) }, directory }
}

/** Nothing acknowledged is missing: neither for the readers of the process that met the fault, nor after the next start. */
async function nothingLost({ ending, directory }: { ending: Ending; directory: string }): Promise<void> {
  if (ending.state !== 'unopened') expect(ending.visible).toBeGreaterThanOrEqual(ending.acknowledged.size)
  await verify(directory, ending.acknowledged)
  await verify(directory, ending.acknowledged)
}

const [firstCall, lastCall] = (process.env['CALLS'] ?? '').split('-').map(Number)
const callsOf = (few: number[]) =>
  lastCall === undefined
    ? few
    : Array.from({ length: lastCall - firstCall! + 1 }, (_, index) => firstCall! + index)

const traced = test.skipIf(missing.strace !== null)
const titled = (title: string) => because(title, missing.strace)

describe('a system call', () => {
  for (const call of callsOf([1, 3, 12])) {
    traced(
      titled(`fdatasync ${call} fails: nothing is acknowledged any more`),
      async () => {
        const result = await writeUnder(`fdatasync:error=EIO:when=${call}`)
        expect(['failed', 'unopened']).toContain(result.ending.state)
        expect(result.ending.refusals).toEqual(new Set(['disk_failed']))
        await nothingLost(result)
      },
      90_000,
    )
  }

  for (const call of callsOf([1, 2, 4])) {
    traced(
      titled(`fsync ${call} of a directory fails: the log stops, or had no need of it`),
      async () => {
        const result = await writeUnder(`fsync:error=EIO:when=${call}`)
        if (call <= 2) expect(['failed', 'unopened']).toContain(result.ending.state)
        await nothingLost(result)
      },
      90_000,
    )
  }

  for (const call of callsOf([1, 5, 40])) {
    traced(
      titled(`write ${call} fails: the log stops`),
      async () => {
        const result = await writeUnder(`pwrite64:error=EIO:when=${call}`)
        if (result.ending.state === 'open')
          expect(result.ending.acknowledged.size).toBeGreaterThanOrEqual(wanted)
        else expect(result.ending.refusals).toEqual(new Set(['disk_failed']))
        await nothingLost(result)
      },
      90_000,
    )
  }

  traced(
    titled('the disk is full from write 20 on: refused, alive, nothing lost'),
    async () => {
      const result = await writeUnder('pwrite64:error=ENOSPC:when=20+', refusalsMax)
      expect(result.ending.state).toBe('open')
      expect(result.ending.refusals).toEqual(new Set(['disk_full']))
      await nothingLost(result)
    },
    90_000,
  )

  traced(
    titled('the disk is full from write 20 to 60: it goes on by itself'),
    async () => {
      const result = await writeUnder('pwrite64:error=ENOSPC:when=20..60')
      expect(result.ending.state).toBe('open')
      expect(result.ending.acknowledged.size).toBeGreaterThanOrEqual(wanted)
      await nothingLost(result)
    },
    90_000,
  )

  traced(
    titled('every third write is interrupted: nobody notices'),
    async () => {
      const result = await writeUnder('pwrite64:error=EINTR:when=1+3')
      expect(result.ending.state).toBe('open')
      expect(result.ending.refusals.size).toBe(0)
      expect(result.ending.acknowledged.size).toBeGreaterThanOrEqual(wanted)
      await nothingLost(result)
    },
    90_000,
  )

  for (const [what, fault] of [
    ['a write that should be tried again', 'pwrite64:error=EAGAIN:when=25'],
    ['a rename', 'rename:error=EIO:when=2'],
    ['a truncation', 'ftruncate:error=EIO:when=3'],
    ['a removal', 'unlink:error=EIO:when=1+1'],
  ] as const) {
    traced(
      titled(`${what} fails: it goes on or stops, and nothing is lost`),
      async () => {
        const result = await writeUnder(fault)
        expect(['open', 'failed', 'unopened']).toContain(result.ending.state)
        await nothingLost(result)
      },
      90_000,
    )
  }

  traced(
    titled('fdatasync 6 takes two seconds: everything is acknowledged after it'),
    async () => {
      const result = await writeUnder('fdatasync:delay_enter=2000000:when=6')
      expect(result.ending.state).toBe('open')
      expect(result.ending.acknowledged.size).toBeGreaterThanOrEqual(wanted)
      await nothingLost(result)
    },
    90_000,
  )
})
