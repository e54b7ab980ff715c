// The supervisor against children that follow a script: each app file here is itself the child, so that every way of
// living and dying can be played.
import { afterAll, afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerError, createLogger, Metrics, realClock, seededRandom } from '#base'
import type { AppState } from '../../../src/streams/api.ts'
import { AppSupervisor, type AppSupervisorOptions } from '../../../src/streams/process/app-supervisor.ts'
import { appsTopic } from '../../../src/streams/process/paused-apps.ts'
import { type Fixture, failure, memoryBroker, readAll } from '../../broker/fixture.ts'

const directory = mkdtempSync(join(tmpdir(), 'pspf-supervisor-'))
const limits = { firstDelayMs: 5, delayMsMax: 20, quickFailuresMax: 3, unresponsiveAfterMs: 60_000 }
let fixture: Fixture
let supervisor: AppSupervisor
let log: string[]

beforeEach(async () => {
  fixture = await memoryBroker()
  supervisor = open()
})
afterEach(() => supervisor.close())
afterAll(() => rmSync(directory, { recursive: true }))

function open(options: Partial<AppSupervisorOptions> = {}) {
  log = []
  return new AppSupervisor({
    broker: fixture.broker,
    clock: realClock(),
    random: seededRandom(1),
    logger: createLogger({ level: 'debug', format: 'json', write: (line) => log.push(line) }),
    metrics: new Metrics(),
    dataDirectory: directory,
    environment: process.env,
    command: [process.execPath],
    limits,
    ...options,
  })
}

/** A child: `declares` itself, runs when told to, stops when told to; then the given lines. */
function script(name: string, lines = '', id = name): string {
  const file = join(directory, `${name}.ts`)
  writeFileSync(
    file,
    `const graph = { app: '${id}', nodes: [], edges: [], topics: [] }
let state = 'starting'
const report = () => process.send!({ t: 'status', memoryBytes: 1000,
  status: { id: '${id}', state, graph, nodes: [], tasks: [], recordsPerSecond: 7, lag: 3 } })
const become = (next: string) => { state = next; report() }
process.on('message', (message: any) => {
  if (message.t === 'begin' || message.t === 'resume') become('running')
  if (message.t === 'pause') become('paused')
  if (message.t === 'stop') process.exit(0)
})
process.on('disconnect', () => process.exit(0))
const declare = () => process.send!({ t: 'declare', app: '${id}', graph, extras: { from: '${name}' } })
const fail = (message: string) => process.send!({ t: 'failed', failure: { message, frame: '> 1 | x' } }, undefined, undefined, () => process.exit(1))
export {}
${lines === '' ? 'declare()' : lines}
`,
  )
  return file
}

/** Waits for the supervisor to say that something changed until `isTrue`. */
async function until(isTrue: () => boolean): Promise<void> {
  const reached = Promise.withResolvers<void>()
  const stop = supervisor.onChange(() => isTrue() && reached.resolve())
  if (isTrue()) reached.resolve()
  await reached.promise
  stop()
}
const untilState = (id: string, state: AppState) => until(() => supervisor.get(id).state === state)

test('an app runs after it has declared itself, and says what it does', async () => {
  const declared: unknown[] = []
  supervisor.onDeclared((app, extras) => declared.push([app, extras]))
  await supervisor.start(script('shop'))
  expect(declared).toEqual([['shop', { from: 'shop' }]])
  expect(supervisor.get('shop')).toMatchObject({
    state: 'running',
    file: join(directory, 'shop.ts'),
    recordsPerSecond: 7,
    lag: 3,
    memoryBytes: 1000,
    restarts: 0,
    error: null,
  })
})

test('what it prints becomes lines of the log, with its name', async () => {
  await supervisor.start(script('chatty', `console.log('hello'); console.error('careful'); declare()`))
  await supervisor.stop('chatty')
  const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines).toContainEqual(expect.objectContaining({ level: 'info', msg: 'hello', app: 'chatty' }))
  expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', msg: 'careful', app: 'chatty' }))
})

test('a broken app is refused with message and frame, tried again, failed at last, and resumable', async () => {
  const file = script('broken', `fail('broken.ts:1:1: syntax error')`)
  const refused = await failure(supervisor.start(file))
  expect(refused).toMatchObject({ code: 'app_failed', message: 'broken.ts:1:1: syntax error\n> 1 | x' })
  await untilState('broken', 'failed')
  expect(supervisor.get('broken')).toMatchObject({
    restarts: 2,
    error: { message: 'broken.ts:1:1: syntax error', frame: '> 1 | x' },
  })
  script('broken')
  await supervisor.resume('broken')
  await untilState('broken', 'running')
  expect(supervisor.get('broken').error).toBeNull()
})

test('a running app that dies is started again and keeps its name', async () => {
  const marker = join(directory, 'died')
  const lines = `import { existsSync, writeFileSync } from 'node:fs'
declare()
if (!existsSync('${marker}')) process.on('message', () => { writeFileSync('${marker}', ''); process.kill(process.pid, 'SIGKILL') })`
  const started = supervisor.start(script('fragile', lines))
  await started
  await until(() => supervisor.get('fragile').restarts === 1 && supervisor.get('fragile').state === 'running')
  expect(log.join('')).toContain('was ended by SIGKILL')
})

test('a process that ends without a word shows its last words', async () => {
  const lines = `console.error('panic: out of luck'); process.exit(7)`
  const refused = await failure(supervisor.start(script('silent', lines)))
  expect(refused.message).toBe('the process of the app ended by itself with exit code 7\npanic: out of luck')
})

test('warnings are no last words, and a process killed from outside has none', async () => {
  const warned = `console.error('(node:7) TimeoutNegativeWarning: -1 is a negative number'); console.error('warn: odd')`
  const refused = await failure(supervisor.start(script('warned', `${warned}; process.exit(7)`)))
  expect(refused.message).toBe('the process of the app ended by itself with exit code 7')
  const shot = `console.error('long ago'); process.kill(process.pid, 'SIGKILL')`
  const killed = await failure(supervisor.start(script('shot', shot)))
  expect(killed.message).toBe('the process of the app was ended by SIGKILL')
})

test('an app sees the environment, but nothing that is for the node', async () => {
  await supervisor.close()
  const secrets = { PSPF_TOKEN: 'secret', PSPF_TOKEN_FILE: 'secret', pspf_probe: 'secret' }
  supervisor = open({ environment: { ...process.env, ...secrets, SHOP_KEY: 'open' } })
  const lines = `console.log(Object.entries(process.env).filter(([name]) => /^(PSPF|SHOP)_/i.test(name)).join()); declare()`
  await supervisor.start(script('curious', lines))
  await supervisor.stop('curious')
  const printed = log.filter((line) => line.includes('SHOP_KEY')).map((line) => JSON.parse(line).msg)
  expect(printed).toEqual(['SHOP_KEY,open'])
})

test('a command that cannot be run is a failure of the app, not of the node', async () => {
  await supervisor.close()
  supervisor = open({ command: ['/no/such/executable'] })
  const refused = await failure(supervisor.start(script('unlucky')))
  expect(refused.message).toContain('cannot be started')
  await untilState('unlucky', 'failed')
})

test('a second app with the same id fails without a retry; the first runs on', async () => {
  await supervisor.start(script('one', '', 'same'))
  const refused = await failure(supervisor.start(script('two', '', 'same')))
  expect(refused.message).toContain('the id "same" is taken')
  await untilState('two', 'failed')
  expect(supervisor.get('same').state).toBe('running')
})

test('pause and resume reach the app', async () => {
  await supervisor.start(script('shop'))
  await supervisor.pause('shop')
  await untilState('shop', 'paused')
  await supervisor.resume('shop')
  await untilState('shop', 'running')
  expect((await readAll(fixture.broker, appsTopic)).map(({ value }) => value)).toEqual([
    '{"paused":true}',
    '{"paused":false}',
  ])
})

test('a paused app is loaded but does not run after a restart of the node, until it is resumed', async () => {
  await supervisor.start(script('shop'))
  await supervisor.pause('shop')
  await supervisor.close()
  await fixture.restart()
  supervisor = open()
  const declared: string[] = []
  supervisor.onDeclared((app) => declared.push(app))
  await supervisor.start(script('shop'))
  expect(supervisor.get('shop').state).toBe('paused')
  expect(declared).toEqual(['shop'])
  const asked = await supervisor.ask('shop', { t: 'tables' }, 1_000).catch((thrown: unknown) => thrown)
  expect(asked).toMatchObject({
    code: 'unreachable',
    message: 'app "shop" is paused and has not run since it was deployed or started: its state is not open',
    fix: 'resume it, then ask again: pspf app resume shop',
  })
  await supervisor.resume('shop')
  await untilState('shop', 'running')
})

test('an app that waits for a restart can be paused, and then does not start', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, firstDelayMs: 1e7, delayMsMax: 1e7 } })
  await failure(supervisor.start(script('broken', `fail('no')`)))
  await untilState('broken', 'backing-off')
  await supervisor.pause('broken')
  expect(supervisor.get('broken').state).toBe('paused')
  script('broken')
  await supervisor.resume('broken')
  await untilState('broken', 'running')
})

test('a stopped app stays in the list, and resume starts it', async () => {
  await supervisor.start(script('shop'))
  await supervisor.stop('shop')
  expect(supervisor.get('shop')).toMatchObject({ state: 'stopped', startedAt: null, memoryBytes: 0 })
  await supervisor.resume('shop')
  await untilState('shop', 'running')
})

test('a start that is still waited for ends when the app is stopped', async () => {
  const starting = failure(supervisor.start(script('slow', 'setInterval(() => {}, 1e6)')))
  await supervisor.stop('slow')
  expect((await starting).code).toBe('closed')
})

test('a process that the app left behind does not hold the stop up', async () => {
  const lines = `Bun.spawn(['sleep', '20'], { stdio: ['ignore', 'inherit', 'inherit'] }); declare()`
  await supervisor.start(script('parent', lines))
  await supervisor.stop('parent')
  expect(supervisor.get('parent').state).toBe('stopped')
})

test('an app that does not stop in time is killed', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, stopWithinMs: 50 } })
  await supervisor.start(
    script(
      'stubborn',
      `declare(); process.removeAllListeners('message')
process.on('message', (message: any) => { if (message.t === 'begin') become('running') })`,
    ),
  )
  await supervisor.stop('stubborn')
  expect(log.join('')).toContain('did not stop in time')
})

test('an app stuck in an endless loop is killed and started again', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, unresponsiveAfterMs: 300 } })
  const lines = `process.on('message', (message: any) => { if (message.t === 'begin') for (;;); }); declare()`
  await supervisor.start(script('stuck', lines))
  await until(() => supervisor.get('stuck').error !== null)
  expect(supervisor.get('stuck').error?.message).toContain('did not answer')
})

test('an app that has said nothing for long says so, keeps its state, and is well again when it speaks', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, quietAfterMs: 200 } })
  const lines = `process.on('message', (message: any) => {
  if (message.t !== 'pause') return
  state = 'running'
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
  report()
}); declare()`
  await supervisor.start(script('lazy', lines))
  await supervisor.pause('lazy')
  await until(() => supervisor.get('lazy').error !== null)
  expect(supervisor.get('lazy').error?.message).toMatch(/^the app has not answered for \d+ms$/)
  expect(['running', 'paused']).toContain(supervisor.get('lazy').state)
  await until(() => supervisor.get('lazy').error === null)
})

test('an app that spoke while this process stood still is not taken for a silent one', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, unresponsiveAfterMs: 600 } })
  await supervisor.start(script('patient', 'declare(); setInterval(report, 20)'))
  for (let stall = 0; stall < 3; stall++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900)
    const deadline = performance.now() + 400
    await until(() => performance.now() > deadline)
    expect(supervisor.get('patient')).toMatchObject({ state: 'running', restarts: 0, error: null })
  }
})

const endless = `process.prependListener('message', (message: any) => { if (message.t === 'pause') for (;;); }); declare()`

test('an app that does not pause in time is killed, which pauses it; resume starts it', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, pauseWithinMs: 50 } })
  await supervisor.start(script('deaf', endless))
  await supervisor.pause('deaf')
  await until(() => supervisor.get('deaf').startedAt === null)
  expect(supervisor.get('deaf')).toMatchObject({
    state: 'paused',
    restarts: 0,
    error: { message: 'the app did not pause within 50ms' },
  })
  script('deaf')
  await supervisor.resume('deaf')
  await untilState('deaf', 'running')
  expect(supervisor.get('deaf').error).toBeNull()
})

test('a paused app whose process ends stays paused', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, unresponsiveAfterMs: 100 } })
  await supervisor.start(script('deaf', endless))
  await supervisor.pause('deaf')
  await until(() => supervisor.get('deaf').startedAt === null)
  expect(supervisor.get('deaf')).toMatchObject({ state: 'paused', restarts: 0 })
})

test('the same failure is logged in full once, then in one line', async () => {
  await failure(supervisor.start(script('broken', `fail('broken.ts:1:1: syntax error')`)))
  await untilState('broken', 'failed')
  const lines = log.filter((line) => line.includes('app failed'))
  expect(lines.length).toBe(3)
  expect(lines.filter((line) => line.includes('syntax error') && line.includes('> 1 | x')).length).toBe(1)
  expect(lines.filter((line) => line.includes('the same failure as before')).length).toBe(2)
})

test('a full disk does not use up the restarts', async () => {
  const lines = `process.send!({ t: 'failed', failure: { message: 'full', retriable: true } }, undefined, undefined, () => process.exit(1))`
  await failure(supervisor.start(script('patient', lines)))
  await until(() => supervisor.get('patient').restarts > limits.quickFailuresMax)
  script('patient')
  await untilState('patient', 'running')
})

test('no line of the log has a key twice, and what the app logs cannot pass for another', async () => {
  await supervisor.close()
  const written: string[] = []
  const logger = createLogger({ level: 'debug', format: 'json', write: (line) => written.push(line) })
  supervisor = open({ logger: logger.child({ component: 'apps' }) })
  const lines = `process.send!({ t: 'log', level: 'info', fields: { app: 'x', component: 'y', task: 't' }, message: 'own' })
console.log('hello'); declare()`
  await supervisor.start(script('noisy', lines, 'named'))
  await supervisor.stop('named')
  expect(written.find((line) => line.includes('"own"'))).toContain('"task":"t"')
  for (const line of written) {
    const keys = [...line.matchAll(/"(component|app)":/g)].map(([, key]) => key)
    expect(keys.toSorted()).toEqual(['app', 'component'])
  }
})

test('an app above its memory limit is killed', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, memoryBytesMax: 999 } })
  await failure(supervisor.start(script('greedy')))
  expect(supervisor.get('greedy').error?.message).toMatch(/^the app used .* of memory, its limit is 999 B$/)
})

const takesAll = `process.on('message', (message: any) => {
  if (message.t !== 'begin') return
  const kept: Uint8Array[] = []
  for (;;) kept.push(new Uint8Array(2 ** 20).fill(1))
})`

test('an app that takes memory and never answers is killed by what the kernel says, alone', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, memoryBytesMax: 250 * 2 ** 20, memoryEveryMs: 10 } })
  await supervisor.start(script('modest'))
  await supervisor.start(script('hungry', `${takesAll}\ndeclare()`))
  await untilState('hungry', 'failed')
  expect(supervisor.get('hungry')).toMatchObject({
    restarts: 2,
    error: { message: expect.stringMatching(/^the app used \d+ MB of memory, its limit is 250 MB$/) },
  })
  expect(supervisor.get('modest')).toMatchObject({ state: 'running', restarts: 0 })
})

test('what an app says that it may have counts before the limit of the node', async () => {
  await supervisor.close()
  supervisor = open({ limits: { ...limits, memoryBytesMax: 999, memoryEveryMs: 1_000_000 } })
  const declares = (bytes: number) =>
    `process.send!({ t: 'declare', app: 'frank', graph, memoryBytesMax: ${bytes}, extras: {} })`
  await supervisor.start(script('frank', declares(2 ** 40)))
  expect(supervisor.get('frank')).toMatchObject({ state: 'running', error: null })
})

test('messages that are not ours change nothing', async () => {
  const lines = `for (const odd of [1, null, 'x', {}, { t: 'nonsense' }, { t: 'call' }, { t: 'call', id: 1, method: 'close', args: [] }])
  process.send!(odd as any)
declare()`
  await supervisor.start(script('odd', lines))
  expect(supervisor.get('odd').state).toBe('running')
})

test('an app whose declaration is refused fails with the reason, and is not tried again', async () => {
  supervisor.onDeclared(() => {
    throw new BrokerError('already_exists', 'dashboard "x" is there already', { fix: 'rename one' })
  })
  const refused = await failure(supervisor.start(script('shop')))
  expect(refused.message).toBe('dashboard "x" is there already; rename one')
  await untilState('shop', 'failed')
  expect(supervisor.get('shop').restarts).toBe(0)
})

test('an unknown app is not found, with the names of those there are', async () => {
  await supervisor.start(script('shop'))
  expect(await failure(() => supervisor.get('shpo'))).toMatchObject({
    code: 'not_found',
    fix: 'apps are shop',
  })
})

test('nothing starts after close', async () => {
  await supervisor.start(script('shop'))
  await supervisor.close()
  expect(supervisor.get('shop').state).toBe('stopped')
  expect((await failure(supervisor.start(script('late')))).code).toBe('closed')
})
