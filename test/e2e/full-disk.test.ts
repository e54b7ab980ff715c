// A real file system that is full, first down to the log's reserve, then to its last byte: what is refused, what goes on,
// a kill, a start on it, and the return of room. Needs to mount, so root on Linux.
import { afterAll, describe, expect, test } from 'bun:test'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Health, Problem, RecordsPage, TopicDetail } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

const sizeMegabytes = 320
const mounted: string[] = []
const folder = mkdtempSync(join(tmpdir(), 'pspf-full-'))

afterAll(() => {
  for (const path of mounted) run('umount', path)
  rmSync(folder, { recursive: true, force: true })
})

function run(...command: string[]): boolean {
  if (Bun.which(command[0]!) === null) return false
  return Bun.spawnSync(command, { stdout: 'ignore', stderr: 'ignore' }).exitCode === 0
}

/** Where it is mounted, or null where that cannot be. */
function mount(kind: 'tmpfs' | 'ext4'): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null
  const path = join(folder, kind)
  mkdirSync(path)
  const image = join(folder, 'ext4.image')
  const done =
    kind === 'tmpfs'
      ? run('mount', '-t', 'tmpfs', '-o', `size=${sizeMegabytes}m`, 'tmpfs', path)
      : run('truncate', '-s', `${sizeMegabytes}M`, image) &&
        run('mkfs.ext4', '-q', '-F', '-m', '0', image) &&
        run('mount', '-o', 'loop', image, path)
  if (done) mounted.push(path)
  return done ? path : null
}

/** Somebody else writes until nothing is left. */
function fillUp(path: string): void {
  const file = openSync(path, 'w')
  for (let stepBytes = 2 ** 20; stepBytes >= 512; ) {
    try {
      writeSync(file, new Uint8Array(stepBytes))
    } catch {
      stepBytes /= 2 // What a large step leaves, smaller ones take.
    }
  }
  closeSync(file)
}

const recordsPerRequest = 200

/** The answer to one request with records. */
function produce(node: Node, topic: string): Promise<Response> {
  const records = Array.from({ length: recordsPerRequest }, (_, n) => ({
    value: { n, pad: 'x'.repeat(1000) },
  }))
  return fetch(`${node.url}/api/v1/topics/${topic}/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ records }),
  })
}

async function mustBeRefused(response: Response): Promise<void> {
  expect(response.status).toBe(507)
  expect((await response.json()) as Problem).toMatchObject({ code: 'disk_full', retriable: true })
}

async function recordsIn(node: Node, topic: string): Promise<number> {
  return (await node.get<TopicDetail>(`/api/v1/topics/${topic}`)).records
}

/** Reads all of it. */
async function readable(node: Node, topic: string): Promise<number> {
  let count = 0
  for (let from = 0; ; ) {
    const page = await node.get<RecordsPage>(
      `/api/v1/topics/${topic}/records?partition=0&from=${from}&limit=1000`,
    )
    count += page.records.length
    if (page.next >= page.endOffset) return count
    from = page.next
  }
}

async function live(path: string): Promise<void> {
  const sandbox = new Sandbox()
  const serve = () => sandbox.serve(['--data-dir', join(path, 'data'), '--disk-max', 'off'])
  try {
    let node = await serve()
    for (const name of ['orders', 'victim']) await node.post('/api/v1/topics', { name })
    for (let round = 0; round < 20; round++) expect((await produce(node, 'victim')).status).toBe(200)
    let acknowledged = 0
    let answer = await produce(node, 'orders')
    for (; answer.ok; answer = await produce(node, 'orders')) acknowledged += recordsPerRequest
    await mustBeRefused(answer)
    expect(acknowledged).toBeGreaterThan(50_000)

    // Only the reserve is left: what makes room, or changes little, goes on.
    const config = { config: { retentionMs: 3_600_000 } }
    const patched = await fetch(`${node.url}/api/v1/topics/orders`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(config),
    })
    expect(patched.status).toBe(200)
    expect(await recordsIn(node, 'orders')).toBe(acknowledged)

    // Not even that.
    const filler = join(path, 'filler')
    fillUp(filler)
    await mustBeRefused(await produce(node, 'orders'))
    expect(await readable(node, 'orders')).toBe(acknowledged)
    expect(await node.get<Health>('/health')).toMatchObject({ status: 'degraded' })
    await node.kill()

    node = await serve()
    expect(await readable(node, 'orders')).toBe(acknowledged)
    // The start gave old write-ahead files back, which somebody else takes too.
    fillUp(join(path, 'second-filler'))
    answer = await produce(node, 'orders')
    for (; answer.ok; answer = await produce(node, 'orders')) acknowledged += recordsPerRequest
    await mustBeRefused(answer)
    const removed = await fetch(`${node.url}/api/v1/topics/victim`, { method: 'DELETE' })
    expect(removed.status).toBe(204)
    await node.kill()
    node = await serve()
    expect(await readable(node, 'orders')).toBe(acknowledged)
    expect((await fetch(`${node.url}/api/v1/topics/victim`)).status).toBe(404)

    // Room comes back: nobody has to do anything.
    rmSync(filler)
    rmSync(join(path, 'second-filler'))
    await eventually(
      async () => (await produce(node, 'orders')).status,
      (status) => status === 200,
    )
    expect(await recordsIn(node, 'orders')).toBe(acknowledged + recordsPerRequest)
    expect(await node.stop()).toBe(0)
  } finally {
    await sandbox.remove()
  }
}

describe('a full disk', () => {
  for (const kind of ['tmpfs', 'ext4'] as const) {
    const path = mount(kind)
    if (path === null) {
      test.skip(`${kind}: skipped, since it cannot be mounted here (that takes root on Linux, and mkfs.ext4)`, () =>
        undefined)
      continue
    }
    test(`${kind}: records are refused, reads go on, a start works, and service resumes by itself`, async () => {
      await live(path)
    }, 120_000)
  }
})
