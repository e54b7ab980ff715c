// Apps at work in processes of their own, over the real log: what they read, compute, survive and say.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Disk, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { type Broker, openBroker } from '#broker'
import { type LogGroup, openLog } from '#log'
import { type AppState, type TopicClient, topic, topicClient } from '#streams'
import { AppSupervisor } from '../../../src/streams/process/app-supervisor.ts'

const parts = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
const numbers = topic<{ n: number }>('numbers')
const sums = topic<{ key: string; sum: number; revision: number }>('sums')

let directory: string
let disk: Disk
let log: LogGroup
let broker: Broker
let client: TopicClient
let supervisor: AppSupervisor

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pspf-running-app-'))
  disk = realDisk()
  log = await openLog({ ...parts, disk, directory })
  broker = await openBroker({ ...parts, log })
  client = topicClient(broker)
  supervisor = new AppSupervisor({
    ...parts,
    broker,
    dataDirectory: directory,
    environment: process.env,
    command: [process.execPath, '--no-install', join(import.meta.dir, 'child-main.ts')],
    limits: { firstDelayMs: 10, delayMsMax: 10 },
  })
  await client.produce(numbers, [])
})
afterEach(async () => {
  await supervisor.close()
  await broker.close()
  await log.close()
  disk.close()
  rmSync(directory, { recursive: true })
})

/** Sums the numbers under one key; `extra` runs for each. */
function sumApp(extra = ''): string {
  const path = join(directory, 'sums.ts')
  writeFileSync(
    path,
    `import { existsSync, writeFileSync } from 'node:fs'
import { agg, app, topic } from 'pspf'
const numbers = topic<{ n: number }>('numbers')
const checked = numbers.stream().map((row) => {
  ${extra}
  return row
})
const sums = checked.keyBy(() => 'all').aggregate('sums', { sum: agg.sum('n') })
export const summing = app({ id: 'summing' }).use(sums.to('sums'))
console.log('pid ' + process.pid)
`,
  )
  return path
}

async function untilState(state: AppState): Promise<void> {
  const reached = Promise.withResolvers<void>()
  const check = () => supervisor.get('summing').state === state && reached.resolve()
  const stop = supervisor.onChange(check)
  check()
  await reached.promise
  stop()
}

/** Reads results until the sum is reached; answers every sum that was visible on the way. */
async function sumsUntil(wanted: number): Promise<number[]> {
  const end = new AbortController()
  const seen: number[] = []
  for await (const { value } of client.consume(sums, { follow: true, signal: end.signal })) {
    seen.push(value.sum)
    if (value.sum >= wanted) end.abort()
  }
  return seen
}
const send = (...values: number[]) =>
  client.produce(
    numbers,
    values.map((n) => ({ n })),
  )

test('records flow through the process and its commits become visible', async () => {
  await supervisor.start(sumApp())
  await send(1, 2, 3)
  expect((await sumsUntil(6)).at(-1)).toBe(6)
})

test('each number counts once, however often the process is killed', async () => {
  // Each 7 kills the process twice: in the middle of a step, before its commit.
  const kill = `if (row.n > 6) {
    const marker = '${directory}/killed-' + row.n
    for (const file of [marker + 'a', marker + 'b']) {
      if (existsSync(file)) continue
      writeFileSync(file, '')
      process.kill(process.pid, 'SIGKILL')
    }
  }`
  await supervisor.start(sumApp(kill))
  let total = 0
  for (let round = 0; round < 3; round++) {
    await send(1, 7 + round, 2)
    total += 10 + round
  }
  const seen = await sumsUntil(total)
  expect(seen.at(-1)).toBe(total)
  expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
  expect(supervisor.get('summing').restarts).toBeGreaterThanOrEqual(6)
})

test('user code that throws stops its app with the place; repaired and resumed, it goes on without a gap', async () => {
  await supervisor.start(sumApp(`if (row.n === 13) throw new Error('unlucky number')`))
  await send(1, 13, 2)
  await untilState('failed')
  const { error } = supervisor.get('summing')
  expect(error?.message).toContain('unlucky number')
  expect(error?.message).toContain('sums.ts:5:')
  expect(error?.frame).toContain(`> 5 |   if (row.n === 13) throw new Error('unlucky number')`)
  sumApp()
  await supervisor.resume('summing')
  expect((await sumsUntil(16)).at(-1)).toBe(16)
})

test('a paused app reads nothing; resumed, it reads everything', async () => {
  await supervisor.start(sumApp())
  await send(1)
  await sumsUntil(1)
  await supervisor.pause('summing')
  await untilState('paused')
  await send(2)
  expect(broker.topic('sums').partitions[0]!.endOffset).toBe(1 as never)
  await supervisor.resume('summing')
  expect((await sumsUntil(3)).at(-1)).toBe(3)
})

test('a Ctrl-C that reaches the whole group leaves the stop to the node', async () => {
  await supervisor.start(
    sumApp(`if (row.n === 5) { process.kill(process.pid, 'SIGINT'); process.kill(process.pid, 'SIGTERM') }`),
  )
  await send(5, 1)
  expect((await sumsUntil(6)).at(-1)).toBe(6)
  expect(supervisor.get('summing').restarts).toBe(0)
})
