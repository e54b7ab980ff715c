// The front door: what a newcomer types first, on the compiled binary alone in an empty folder.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Health, ProduceAnswer, RecordsPage } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

let sandbox: Sandbox
let node: Node
beforeAll(async () => {
  sandbox = new Sandbox()
  node = await sandbox.serve()
})
afterAll(() => sandbox.remove())

const command = (args: string[], stdin?: string) =>
  sandbox.run(args, { url: node.url, ...(stdin === undefined ? {} : { stdin }) })

describe('the front door', () => {
  test('version says name and number', async () => {
    const { code, out } = await sandbox.run(['version'])
    expect(code).toBe(0)
    expect(out).toMatch(/\d+\.\d+\.\d+/)
  })

  test('a topic is created, filled from NDJSON and by curl, and consumed in order', async () => {
    expect((await command(['topic', 'create', 'orders', '--partitions', '3'])).code).toBe(0)
    const lines = Array.from({ length: 250 }, (_, n) =>
      JSON.stringify({ region: ['north', 'south'][n % 2], n }),
    )
    const produced = await command(['produce', 'orders', '--key-field', 'region'], lines.join('\n') + '\n')
    expect(produced.code).toBe(0)
    expect(produced.out).toContain('250')

    const posted = await node.post<ProduceAnswer>('/api/v1/topics/orders/records', {
      records: [{ key: 'north', value: { region: 'north', n: 250 } }],
    })
    expect(posted.count).toBe(1)

    const consumed = await command(['consume', 'orders', '--from', 'earliest', '-n', '251', '-o', 'jsonl'])
    expect(consumed.code).toBe(0)
    const records = consumed.out
      .trim()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as { partition: number; key: string; value: { region: string; n: number } },
      )
    expect(records.map(({ value }) => value.n).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 251 }, (_, n) => n),
    )
    for (const region of ['north', 'south']) {
      const ofRegion = records.filter(({ key }) => key === region)
      expect(new Set(ofRegion.map(({ partition }) => partition)).size).toBe(1)
      const order = ofRegion.map(({ value }) => value.n)
      expect(order).toEqual([...order].sort((a, b) => a - b))
    }
  })

  test('health, metrics and the API document answer', async () => {
    const health = await node.get<Health>('/health')
    expect(health.status).toBe('ok')
    expect(health.topics.records).toBeGreaterThanOrEqual(251)
    const metrics = await (await fetch(`${node.url}/metrics`)).text()
    expect(metrics).toContain('pspf_topic_records_in_total{topic="orders"} 251')
    expect(metrics).toMatch(/pspf_log_append_duration_seconds_count [1-9]/)
    expect(metrics).toMatch(/pspf_log_fsync_duration_seconds_count [1-9]/)
    const document = await node.get<{ openapi: string; paths: Record<string, unknown> }>('/swagger/json')
    expect(document.openapi).toStartWith('3.')
    expect(Object.keys(document.paths).length).toBeGreaterThan(10)
    expect((await fetch(`${node.url}/swagger`)).headers.get('content-type')).toContain('text/html')
  })

  test('acknowledged records survive kill -9', async () => {
    await command(['topic', 'create', 'kept'])
    const { count } = await node.post<ProduceAnswer>('/api/v1/topics/kept/records', {
      records: Array.from({ length: 100 }, (_, n) => ({ value: n })),
    })
    expect(count).toBe(100)
    await node.kill()
    node = await sandbox.serve()
    const page = await node.get<RecordsPage>(
      '/api/v1/topics/kept/records?partition=0&from=earliest&limit=1000',
    )
    expect(page.records.map(({ value }) => value)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })

  test('SIGTERM stops it with 0', async () => {
    expect(await node.stop()).toBe(0)
    node = await sandbox.serve()
  })
})

describe('what cannot work says what, why and how to fix it', () => {
  const broken: [string, string[], RegExp, number][] = [
    ['an unknown command', ['sevre'], /serve/, 2],
    ['an unknown flag', ['topic', 'list', '--colur'], /--colur/, 2],
    ['an unknown topic', ['consume', 'order', '-n', '1'], /orders/, 3],
    ['an unknown example', ['examples', 'show', 'hots'], /host/, 3],
    ['an address that is none', ['serve', '--http', 'here'], /HOST:PORT/, 2],
  ]
  for (const [what, args, expected, exitCode] of broken) {
    test(what, async () => {
      const { code, out, err } = await command(args)
      expect(err).toMatch(expected)
      expect(out).toBe('')
      expect(code).toBe(exitCode)
    })
  }

  test('a node that is not there', async () => {
    const { code, err } = await sandbox.run(['topic', 'list', '--url', 'http://127.0.0.1:9'])
    expect(code).toBe(6)
    expect(err).toContain('pspf serve')
  })

  test('a port in use', async () => {
    const { code, err } = await sandbox.run([
      'serve',
      '--http',
      `127.0.0.1:${node.port}`,
      '--data-dir',
      'other',
    ])
    expect(code).toBe(4)
    expect(err).toContain(String(node.port))
    expect(err).toContain('--http')
  })

  test('a data directory in use', async () => {
    const { code, err } = await sandbox.run(['serve', '--http', '127.0.0.1:0'])
    expect(code).toBe(4)
    expect(err).toContain(String(node.pid))
  })

  test('a data directory that cannot be written', async () => {
    writeFileSync(join(sandbox.folder, 'a-file'), '')
    const { code, err } = await sandbox.run(['serve', '--http', '127.0.0.1:0', '--data-dir', 'a-file/data'])
    expect(code).not.toBe(0)
    expect(err).toContain('a-file')
  })

  test('all interfaces without a token', async () => {
    const { code, err } = await sandbox.run(['serve', '--http', '0.0.0.0:0'])
    expect(code).toBe(2)
    expect(err).toContain('PSPF_TOKEN')
  })

  test('a bad line in the middle of a file names the line, and nothing after it is sent', async () => {
    await command(['topic', 'create', 'lines'])
    const { code, err } = await command(['produce', 'lines'], '{"n":1}\n{"n":2}\n{"n":\n{"n":4}\n')
    expect(code).not.toBe(0)
    expect(err).toMatch(/line 3/)
    const page = await node.get<RecordsPage>('/api/v1/topics/lines/records?partition=0&from=earliest')
    expect(page.records.map(({ value }) => value)).not.toContainEqual({ n: 4 })
  })

  test('an .env or bunfig.toml in the folder changes nothing', async () => {
    const folder = join(sandbox.folder, 'stray')
    mkdirSync(folder)
    writeFileSync(join(folder, '.env'), 'PSPF_HTTP=nonsense\n')
    writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./absent.ts"]\n')
    const child = Bun.spawnSync([sandbox.binary, 'version'], { cwd: folder, env: sandbox.environment })
    expect(child.exitCode).toBe(0)
    const serve = Bun.spawn([sandbox.binary, 'serve', '--http', '127.0.0.1:0'], {
      cwd: folder,
      env: sandbox.environment,
      stderr: 'pipe',
      stdout: 'pipe',
    })
    serve.kill('SIGTERM')
    expect(await new Response(serve.stderr).text()).not.toContain('nonsense')
    await serve.exited
  })
})

test('two signals at once, as supervisors send them to a process and its group, are one: it stops in order', async () => {
  const twice = await sandbox.serve(['--data-dir', 'twice'])
  process.kill(twice.pid, 'SIGTERM')
  await eventually(
    async () => twice.log,
    (log) => log.includes('stopping'),
  )
  expect(await twice.stop()).toBe(0)
  const again = await sandbox.serve(['--data-dir', 'twice'])
  expect(again.log).not.toContain('Recovered')
  expect(await again.stop()).toBe(0)
})

test('truncating beyond the end is refused and deletes nothing', async () => {
  await command(['topic', 'create', 'kept-whole'])
  await command(['produce', 'kept-whole'], '1\n2\n3\n')
  const { code, err } = await command(['topic', 'truncate', 'kept-whole', '--before', '99', '--yes'])
  expect(code).not.toBe(0)
  expect(err).toContain('0 to 3')
  const page = await node.get<RecordsPage>('/api/v1/topics/kept-whole/records?partition=0&from=earliest')
  expect(page.records.map(({ value }) => value)).toEqual([1, 2, 3])
})
