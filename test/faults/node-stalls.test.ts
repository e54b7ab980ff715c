// The whole product while it gets no time: it goes on where it was, and takes nobody for gone whom it could not hear itself.
// `STOPPED_MS=35000 STARVED_MS=60000` for longer than an app may be silent.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppStatus, RecordsPage } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from '../e2e/binary.ts'
import { because, ControlGroup } from './injection.ts'
import { Journal } from './journal.ts'

const timeoutMs = 300_000
const stoppedMs = Number(process.env['STOPPED_MS'] ?? 3_000)
const starvedMs = Number(process.env['STARVED_MS'] ?? 3_000)
/** Of one core, for the node and its app together. */
const starvedShare = 0.05
const periodUs = 100_000

const counter = `
import { agg, app, topic } from 'pspf'
const events = topic<{ n: number }>('events')
const counts = events.stream().keyBy(({ n }) => String(n % 8)).aggregate('counts', { n: agg.count() })
counts.to(topic('counts'))
export const counting = app({ id: 'counting' }).use(counts)
`

let sandbox: Sandbox
let journal: Journal
beforeEach(() => {
  sandbox = new Sandbox()
  journal = new Journal('events')
  writeFileSync(join(sandbox.folder, 'counting.ts'), counter)
})
afterEach(() => sandbox.remove())

async function appOf(node: Node): Promise<AppStatus> {
  return (await node.get<AppStatus[]>('/api/v1/apps'))[0]!
}

/** A node with an app that counts, clients that send and a viewer that listens. */
async function busyNode(under: readonly string[] = []) {
  const node = await sandbox.serve(['counting.ts'], { under })
  await eventually(
    () => appOf(node),
    ({ state }) => state === 'running',
  )
  const viewer = new WebSocket(`${node.url.replace('http', 'ws')}/ws`)
  let closed = 0
  viewer.onclose = () => closed++
  let over = false
  const flood = journal.flood(node, 4, () => over)
  await acknowledges(200)
  return {
    node,
    closed: () => closed,
    async settle() {
      over = true
      await flood
      viewer.onclose = null
      viewer.close()
    },
  }
}

async function acknowledges(count: number): Promise<void> {
  const before = journal.acknowledged.size
  await eventually(
    async () => journal.acknowledged.size,
    (size) => size > before + count,
    60_000,
  )
}

/** Every record is counted, once. */
async function checkCounts(node: Node): Promise<void> {
  const present = await journal.check(node)
  const counted = async () => {
    const rows = new Map<string, number>()
    for (let from = 0; ; ) {
      const path = `/api/v1/topics/counts/records?partition=0&from=${from}&limit=1000`
      const page = await node.get<RecordsPage>(path)
      for (const { value } of page.records) {
        const { key, n } = value as { key: string; n: number }
        rows.set(key, n)
      }
      from = page.next
      if (from >= page.endOffset) return [...rows.values()].reduce((sum, n) => sum + n, 0)
    }
  }
  expect(await eventually(counted, (count) => count >= present, 60_000)).toBe(present)
}

test(
  `a node that is stopped for ${stoppedMs} ms under load goes on as before, with its app and its viewer`,
  async () => {
    const { node, closed, settle } = await busyNode()
    process.kill(node.pid, 'SIGSTOP')
    await Bun.sleep(stoppedMs)
    process.kill(node.pid, 'SIGCONT')
    await acknowledges(200)
    await settle()
    expect(closed()).toBe(0)
    await checkCounts(node)
    expect(await appOf(node)).toMatchObject({ state: 'running', restarts: 0, error: null })
    expect((await fetch(`${node.url}/health`)).status).toBe(200)
    await node.kill()
    await checkCounts(await sandbox.serve(['counting.ts']))
  },
  timeoutMs,
)

const noCpuGroup = ControlGroup.missing('cpu')
test.skipIf(noCpuGroup !== null)(
  because(
    `a node with a twentieth of a core for ${starvedMs} ms answers slowly, loses nothing and drops nobody`,
    noCpuGroup,
  ),
  async () => {
    const group = new ControlGroup('cpu')
    try {
      const { node, closed, settle } = await busyNode(group.under)
      group.set('cpu.cfs_period_us', periodUs)
      group.set('cpu.cfs_quota_us', periodUs * starvedShare)
      const before = journal.acknowledged.size
      await Bun.sleep(starvedMs)
      const amid = journal.acknowledged.size
      group.set('cpu.cfs_quota_us', -1)
      expect(amid).toBeGreaterThan(before)
      await acknowledges(200)
      await settle()
      expect(closed()).toBe(0)
      await checkCounts(node)
      expect(await appOf(node)).toMatchObject({ state: 'running', restarts: 0, error: null })
      await node.kill()
      await checkCounts(await sandbox.serve(['counting.ts']))
    } finally {
      await sandbox.remove()
      group.remove()
    }
  },
  timeoutMs,
)
