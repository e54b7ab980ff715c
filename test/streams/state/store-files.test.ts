// What a store with files must stand between two lives: kills, deletion, damage, other formats. Each life is a process.
import { describe, expect, test } from 'bun:test'
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { seededRandom } from '../../../src/base/random.ts'
import type { StateStore } from '../../../src/streams/state/state-store.ts'
import type { Found } from './store-life.ts'
import { storePaths } from './store-paths.ts'
import { type TestedStore, testedStores } from './stores.ts'

const newPath = storePaths()
const rows = 2_000
const damagesPerStore = Number(process.env['DAMAGES'] ?? 10)
const whole: Found = { position: 5, wrong: 0, missing: 0, damaged: false }
const empty: Found = { position: null, wrong: 0, missing: 0, damaged: false }

function live(...args: string[]): { found: Found | null; signal: unknown; exitCode: number | null } {
  const child = Bun.spawnSync([process.execPath, join(import.meta.dir, 'store-life.ts'), ...args])
  if (child.exitCode !== 0 && child.signalCode === undefined) throw new Error(child.stderr.toString())
  const out = child.stdout.toString()
  return { found: out === '' ? null : JSON.parse(out), signal: child.signalCode, exitCode: child.exitCode }
}

const filled = (kind: string, end: 'close' | 'kill'): string => {
  const path = newPath(kind)
  expect(live(kind, path, 'fill', String(rows), end).signal).toBe(end === 'kill' ? 'SIGKILL' : undefined)
  return path
}
const read = (kind: string, path: string) => live(kind, path, 'read', String(rows))

const filesBelow = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesBelow(path) : [path]
  })

/** One bit of a file, or everything behind a place, or the whole file. */
function damage(folder: string, random: ReturnType<typeof seededRandom>): void {
  const files = filesBelow(folder).filter((file) => statSync(file).size > 0 && !file.endsWith('-lock'))
  const file = files[random.below(files.length)]!
  const bytes = readFileSync(file)
  const at = random.below(bytes.length)
  const how = random.below(8)
  bytes[at]! ^= 1 << random.below(8)
  if (how === 0) rmSync(file)
  else writeFileSync(file, how === 1 ? bytes.subarray(0, at) : bytes)
}

function kept(store: StateStore, path: string, another: TestedStore): void {
  store.apply([{ key: Buffer.from('key-000001'), value: Buffer.from('v') }], {
    log: 'l',
    next: 1,
    chain: 'c',
  })
  store.close()
  const again = another.open(path)
  expect(again.position).toEqual({ log: 'l', next: 1, chain: 'c' })
  again.close()
}

for (const tested of testedStores.filter(({ kind }) => kind !== 'memory')) {
  const { kind, missing, open } = tested
  describe.skipIf(missing !== null)(
    `files of the ${kind} store${missing === null ? '' : ` (${missing})`}`,
    () => {
      test('a store is found again, closed or killed', () => {
        for (const end of ['close', 'kill'] as const) {
          const path = filled(kind, end)
          expect(read(kind, path)).toEqual({ found: whole, signal: undefined, exitCode: 0 })
          // And once more, after a life that only read.
          expect(read(kind, path).found).toEqual(whole)
        }
      }, 60_000)

      test('trap 6: deleted files, and files that are something else, become an empty store that works', () => {
        const deleted = filled(kind, 'close')
        rmSync(dirname(deleted), { recursive: true })
        expect(read(kind, deleted).found).toEqual(empty)
        const foreign = filled(kind, 'close')
        for (const file of filesBelow(dirname(foreign)))
          writeFileSync(file, 'not a database at all'.repeat(1000))
        expect(read(kind, foreign).found).toEqual(empty)
        kept(open(foreign), foreign, tested)
      }, 60_000)

      test('trap 6: damage anywhere never makes a wrong row or hides one', () => {
        const seed = Math.floor(Math.random() * 2 ** 31)
        const random = seededRandom(seed)
        const bases = (['close', 'kill'] as const).map((end) => filled(kind, end))
        for (let round = 0; round < damagesPerStore; round++) {
          const path = newPath(kind)
          cpSync(dirname(bases[round % 2]!), dirname(path), { recursive: true })
          damage(dirname(path), random)
          // A mapped page may end the process that reads it: then it starts again, as an app does.
          let life = read(kind, path)
          for (let tries = 0; tries < 3 && life.signal !== undefined; tries++) life = read(kind, path)
          const { signal, found } = life
          expect({ seed, round, signal, wrong: found?.wrong, missing: found?.missing }).toEqual({
            seed,
            round,
            signal: undefined,
            wrong: 0,
            missing: 0,
          })
        }
      }, 120_000)
    },
  )
}
