// A user's file in a real process of its own, run from source.
import { afterAll, afterEach, beforeEach, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { Metrics, realClock, seededRandom, silentLogger, sleep } from '#base'
import { AppSupervisor } from '../../../src/streams/process/app-supervisor.ts'
import { failure, memoryBroker } from '../../broker/fixture.ts'

const directory = mkdtempSync(join(tmpdir(), 'pspf-app-process-'))
let supervisor: AppSupervisor

beforeEach(async () => {
  const { broker } = await memoryBroker()
  supervisor = new AppSupervisor({
    broker,
    clock: realClock(),
    random: seededRandom(1),
    logger: silentLogger,
    metrics: new Metrics(),
    dataDirectory: directory,
    // Without it, Bun fetches missing packages when it runs from source; the compiled executable never does.
    environment: process.env,
    command: [process.execPath, '--no-install', join(import.meta.dir, 'child-main.ts')],
    limits: { firstDelayMs: 1e7, delayMsMax: 1e7 },
  })
})
afterEach(() => supervisor.close())
afterAll(() => rmSync(directory, { recursive: true }))

/** Writes a file into the test's folder; answers its path. */
function file(name: string, text: string): string {
  const path = join(directory, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}
const shown = (name: string) => {
  const path = relative(process.cwd(), join(directory, name))
  return path.startsWith('..') ? join(directory, name) : path
}

test('a file can use TypeScript, its own files, its own packages, and pspf', async () => {
  file('full/node_modules/left/package.json', '{ "name": "left", "type": "module", "exports": "./index.js" }')
  file('full/node_modules/left/index.js', 'export const left = (id) => id\n')
  file('full/name.ts', `export const name = 'full' as const\n`)
  const declared: unknown[] = []
  supervisor.onDeclared((app, extras) => declared.push([app, extras]))
  const started = supervisor.start(
    file(
      'full/app.ts',
      `import { app, topic } from 'pspf'
import { left } from 'left'
import { name } from './name.ts'
const doubled = topic<number>('numbers').stream().map((n: number): number => n * 2).to('doubled')
export const full = app({ id: left(name) }).use(doubled)
`,
    ),
  )
  await started.catch(() => undefined)
  expect(declared).toEqual([['full', { dashboards: [], of: 'full' }]])
  expect(supervisor.get('full').graph.topics.map(({ name, role }) => [name, role])).toEqual([
    ['numbers', 'source'],
    ['doubled', 'sink'],
  ])
})

const broken: [what: string, text: string, message: string, frame: string | null][] = [
  [
    'a syntax error',
    `const a = = 1\n`,
    ':1:11: syntax error: Unexpected =',
    '> 1 | const a = = 1\n    |           ^',
  ],
  [
    'an error while it loads',
    `const rows: string[] = []\nexport const first = rows[0]!.length\n`,
    `:2:27: TypeError: undefined is not an object (evaluating 'rows[0].length')`,
    '> 2 | export const first',
  ],
  [
    'an import that pspf does not have',
    `import { app, widnow } from 'pspf'\nexport const a = app({ id: widnow })\n`,
    ':1:15: "pspf" has no export "widnow"; did you mean "window"?',
    '> 1 | import { app, widnow }',
  ],
  [
    'a package that is not installed',
    `import dayjs from 'dayjs-nowhere'\nexport const a = dayjs()\n`,
    `:1:19: cannot find the package "dayjs-nowhere"; run "bun add dayjs-nowhere" or "npm install dayjs-nowhere" in the folder of the app file`,
    '> 1 | import dayjs',
  ],
  [
    'a duration that is none',
    `import { window } from 'pspf'\n\nexport const w = window.tumbling('soon' as never, { grace: '0s' })\n`,
    ':3:25: "soon" is not a duration; write it like 250ms, 10s, 5m, 2h or 7d',
    '> 3 | export const w = window.tumbling',
  ],
]
for (const [what, text, message, frame] of broken) {
  test(`a file with ${what} is refused with the place and the lines around it`, async () => {
    const name = `broken-${broken.findIndex((row) => row[0] === what)}.ts`
    const refused = await failure(supervisor.start(file(name, text)))
    expect(refused.message.split('\n')[0]).toBe(shown(name) + message)
    if (frame !== null) expect(refused.message).toContain(frame)
    expect(supervisor.list()).toMatchObject([{ state: 'backing-off' }])
  })
}

test('a file without an app says how to write one', async () => {
  const refused = await failure(supervisor.start(file('none.ts', 'export const nothing = 1\n')))
  expect(refused.message).toBe(
    `${shown('none.ts')}: no app is exported; write: export const shop = app({ id: 'shop' }).use(...)`,
  )
})

test('a file with two apps names both', async () => {
  const text = `import { app } from 'pspf'\nexport const a = app({ id: 'a' })\nexport const b = app({ id: 'b' })\n`
  const refused = await failure(supervisor.start(file('two.ts', text)))
  expect(refused.message).toBe(`${shown('two.ts')}: 2 apps are exported: "a" and "b"; keep one app in a file`)
})

test('a promise that nobody waits for is a failure of the app, with its place', async () => {
  const text = `await new Promise((resolve) => setTimeout(resolve, 1))\nvoid Promise.reject(new Error('floating'))\nawait new Promise(() => {})\n`
  const refused = await failure(supervisor.start(file('floating.ts', text)))
  expect(refused.message.split('\n')[0]).toBe(`${shown('floating.ts')}:2:25: floating`)
})

test('a file that ends the process itself is told so', async () => {
  const refused = await failure(supervisor.start(file('exits.ts', 'process.exit(3)\n')))
  expect(refused.message).toBe('the process of the app ended by itself with exit code 3')
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    // No such process.
    return false
  }
  // Nobody may have waited for it yet.
  const status = `/proc/${pid}/status`
  return !(existsSync(status) && /^State:\s+Z/m.test(readFileSync(status, 'utf8')))
}

const lives: [string, string, boolean][] = [
  ['waits', 'await new Promise(() => {})', true],
  ['is in an endless loop', 'for (;;);', process.platform === 'linux'],
]
for (const [what, text, canRun] of lives) {
  test.if(canRun)(`the process of an app that ${what} ends when its node is killed`, async () => {
    const path = file(`orphan-${text.length}.ts`, `console.log('pid ' + process.pid)\n${text}\nexport {}\n`)
    const node = Bun.spawn([process.execPath, join(import.meta.dir, 'node-main.ts'), path, directory], {
      stdout: 'pipe',
    })
    let output = ''
    for await (const chunk of node.stdout) {
      output += new TextDecoder().decode(chunk)
      if (/pid \d+\n/.test(output)) break
    }
    const pid = Number(/pid (\d+)/.exec(output)![1])
    expect(isAlive(pid)).toBe(true)
    node.kill('SIGKILL')
    await node.exited
    while (isAlive(pid)) await sleep(realClock(), 5)
  })
}
