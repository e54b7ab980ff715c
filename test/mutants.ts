#!/usr/bin/env bun
// Takes one protection away at a time and runs the tests that must notice. A mutant that no test catches is a test that
// is missing, and fails the run; so does a mutation that no longer fits the source.
//   bun run mutants                 all of them
//   bun run mutants checkpoint      those whose name holds the word
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Mutant, mutants } from './mutant-list.ts'

const root = join(import.meta.dir, '..')
const scratch = mkdtempSync(join(tmpdir(), 'pspf-mutants-'))
/** A mutant that makes a test hang is caught as well: the test does not pass. */
const timeoutMs = 240_000

type Verdict = 'caught' | 'SURVIVED' | 'BROKEN'

function copyTree(): void {
  for (const name of ['src', 'test', 'package.json', 'tsconfig.json', 'bunfig.toml'])
    cpSync(join(root, name), join(scratch, name), { recursive: true })
  for (const name of ['node_modules', 'dist']) symlinkSync(join(root, name), join(scratch, name))
}

async function testsPass(tests: readonly string[], environment: Record<string, string>): Promise<boolean> {
  const child = Bun.spawn(
    [process.execPath, 'test', '--bail', '--timeout', String(timeoutMs), ...tests.map((path) => `./${path}`)],
    {
      cwd: scratch,
      env: { ...process.env, ...environment },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    },
  )
  return (await child.exited) === 0
}

function mutated(source: string, { find, replace }: Mutant): string | null {
  const at = source.indexOf(find)
  if (at < 0 || source.indexOf(find, at + 1) >= 0) return null
  return source.slice(0, at) + replace + source.slice(at + find.length)
}

async function judge(mutant: Mutant): Promise<Verdict> {
  const path = join(scratch, mutant.file)
  const source = readFileSync(path, 'utf8')
  const changed = mutated(source, mutant)
  if (changed === null) return 'BROKEN'
  // A source that nobody can load would be caught by every test.
  new Bun.Transpiler({ loader: 'ts' }).transformSync(changed)
  writeFileSync(path, changed)
  try {
    return (await testsPass(mutant.tests, mutant.environment ?? {})) ? 'SURVIVED' : 'caught'
  } finally {
    writeFileSync(path, source)
  }
}

/** Tests that fail without any mutation would catch everything. */
async function baseline(chosen: readonly Mutant[]): Promise<string[]> {
  const runs = new Map<string, Mutant>()
  for (const mutant of chosen)
    runs.set(JSON.stringify([[...mutant.tests].sort(), mutant.environment ?? {}]), mutant)
  const failing: string[] = []
  for (const { tests, environment } of runs.values())
    if (!(await testsPass(tests, environment ?? {}))) failing.push(tests.join(' '))
  return failing
}

const words = process.argv.slice(2)
const chosen = mutants.filter(({ name }) => words.every((word) => name.includes(word)))
copyTree()
try {
  const failing = await baseline(chosen)
  if (failing.length > 0) throw new Error(`these fail without a mutation: ${failing.join('; ')}`)
  const counts: Record<Verdict, number> = { caught: 0, SURVIVED: 0, BROKEN: 0 }
  for (const mutant of chosen) {
    const started = performance.now()
    const verdict = await judge(mutant)
    counts[verdict]++
    const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6)
    const why = verdict === 'BROKEN' ? `  (does not fit ${mutant.file} exactly once)` : ''
    console.log(`${verdict.padEnd(8)} ${seconds} s  ${mutant.name}${why}`)
  }
  console.log(`${counts.caught} of ${chosen.length} mutants caught`)
  process.exitCode = counts.caught === chosen.length && chosen.length > 0 ? 0 : 1
} finally {
  rmSync(scratch, { recursive: true })
}
