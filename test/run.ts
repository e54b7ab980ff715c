// Runs every test, in the order of the layers, and ends with one line of true counts: `N passed, N failed`.
//   bun test/run.ts            everything
//   bun test/run.ts unit e2e   only these groups
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dir, '..')
/** Run by Bun, whatever their first line asks for: there may be no Node. */
const script = (path: string) => [process.execPath, join(root, 'node_modules', path)]

type Group = { name: string; command: string[]; timeoutMs: number; isCheck?: boolean }
type Outcome = { name: string; passed: number; failed: number; tookMs: number; why?: string }

const unitModules = [
  'base',
  'record',
  'log',
  'broker',
  'streams',
  'dashboards',
  'http',
  'node',
  'cli',
  'sdk',
  'bench',
  'sim',
]
const minutes = 60_000
/** A test may wait long on a busy machine; one that hangs ends. Bun's own 5 s are less than two unpacked archives take. */
const testTimeoutMs = 2 * minutes

/** Files are run one process per folder, so that one crash costs one folder's counts and not all of them. */
function folderGroup(folder: string, timeoutMs: number): Group[] {
  const path = join(root, 'test', folder)
  if (!existsSync(path)) return []
  const command = [process.execPath, 'test', '--timeout', `${testTimeoutMs}`, `./test/${folder}/`]
  return [{ name: folder, command, timeoutMs }]
}

const groups: Record<string, () => Group[]> = {
  check: () => [
    {
      name: 'format and lint',
      command: [...script('@biomejs/biome/bin/biome'), 'check', '.'],
      timeoutMs: 2 * minutes,
      isCheck: true,
    },
    {
      name: 'types',
      command: [...script('typescript/bin/tsc'), '--noEmit'],
      timeoutMs: 5 * minutes,
      isCheck: true,
    },
    { name: 'tidy', command: [process.execPath, 'test', './test/tidy.test.ts'], timeoutMs: 2 * minutes },
  ],
  unit: () => unitModules.flatMap((folder) => folderGroup(folder, 10 * minutes)),
  ui: () => folderGroup('ui', 10 * minutes),
  e2e: () => folderGroup('e2e', 25 * minutes),
  faults: () => folderGroup('faults', 10 * minutes),
}

/** Sums what `bun test` prints at its end: ` 12 pass`, ` 1 fail`, ` 1 error`. */
function countsOf(output: string): { passed: number; failed: number } {
  const sum = (pattern: RegExp) =>
    [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0)
  return { passed: sum(/^ *(\d+) pass$/gm), failed: sum(/^ *(\d+) fail$/gm) + sum(/^ *(\d+) errors?$/gm) }
}

async function tee(stream: ReadableStream<Uint8Array>, to: NodeJS.WriteStream): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) {
    to.write(chunk)
    text += decoder.decode(chunk, { stream: true })
  }
  return text
}

async function run(group: Group): Promise<Outcome> {
  console.log(`\n== ${group.name}`)
  const started = performance.now()
  const child = Bun.spawn(group.command, {
    cwd: root,
    stdout: 'pipe',
    stderr: 'pipe',
    stdin: 'ignore',
    timeout: group.timeoutMs,
    killSignal: 'SIGKILL',
  })
  const [out, err, exitCode] = await Promise.all([
    tee(child.stdout, process.stdout),
    tee(child.stderr, process.stderr),
    child.exited,
  ])
  const tookMs = performance.now() - started
  if (group.isCheck) {
    return { name: group.name, passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, tookMs }
  }
  const { passed, failed } = countsOf(`${out}\n${err}`)
  // A crash, a time-out or an empty run is a failure even if no test says so.
  const broken = failed === 0 && (exitCode !== 0 || passed === 0)
  return {
    name: group.name,
    passed,
    failed: broken ? 1 : failed,
    tookMs,
    ...(broken ? { why: `exit ${exitCode ?? child.signalCode}` } : {}),
  }
}

const asked = process.argv.slice(2)
const unknown = asked.find((name) => !(name in groups))
if (unknown) throw new Error(`unknown group "${unknown}"; known: ${Object.keys(groups).join(', ')}`)
const outcomes: Outcome[] = []
for (const name of asked.length > 0 ? asked : Object.keys(groups)) {
  for (const group of groups[name]!()) outcomes.push(await run(group))
}
const untested = readdirSync(join(root, 'test'), { withFileTypes: true })
  .filter(
    (entry) =>
      entry.isDirectory() && ![...unitModules, 'ui', 'e2e', 'faults', 'fixtures'].includes(entry.name),
  )
  .map((entry) => entry.name)
if (untested.length > 0) throw new Error(`test folders that no group runs: ${untested.join(', ')}`)

console.log('')
for (const { name, passed, failed, tookMs, why } of outcomes) {
  console.log(
    `${name.padEnd(16)} ${String(passed).padStart(5)} passed ${String(failed).padStart(3)} failed ${(tookMs / 1000).toFixed(1).padStart(7)} s${why ? `  (${why})` : ''}`,
  )
}
const passed = outcomes.reduce((sum, one) => sum + one.passed, 0)
const failed = outcomes.reduce((sum, one) => sum + one.failed, 0)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
