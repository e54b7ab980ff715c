// A backup of the compiled binary under load, with an exactly-once app running, restored elsewhere: everything that was
// acknowledged before it began is there, no request is torn, and the app's count agrees with what it has read.
import { expect, test } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppStatus, RecordsPage } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

const partitions = 4
const producers = 4
const recordsPerRequest = 8

const counter = `
import { app, topic, agg } from 'pspf'
const events = topic<{ producer: number; n: number }>('events', { partitions: ${partitions} })
const counts = events.stream().keyBy((event) => String(event.producer)).aggregate('counts', { n: agg.count() })
counts.to(topic('counts'))
export const counting = app({ id: 'counting' }).use(counts)
`

type Journal = { acknowledged: Set<string>; requests: string[][] }

/** Requests that span all partitions, so that a torn one would show. */
async function produce(url: string, producer: number, journal: Journal, over: () => boolean): Promise<void> {
  for (let n = 0; !over(); ) {
    const records = Array.from({ length: recordsPerRequest }, (_, index) => {
      return { value: { producer, n: n++, padding: 'x'.repeat(500) }, partition: index % partitions }
    })
    const ids = records.map(({ value }) => `${producer}/${value.n}`)
    journal.requests.push(ids)
    const response = await fetch(`${url}/api/v1/topics/events/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records }),
    })
    if (!response.ok) throw new Error(`produce: ${response.status} ${await response.text()}`)
    for (const id of ids) journal.acknowledged.add(id)
  }
}

async function allRecords<T>(node: Node, topic: string, partition: number): Promise<T[]> {
  const all: T[] = []
  for (let from = 0; ; ) {
    const page = await node.get<RecordsPage>(
      `/api/v1/topics/${topic}/records?partition=${partition}&from=${from}&limit=1000`,
    )
    all.push(...page.records.map(({ value }) => value as T))
    if (page.next >= page.endOffset) return all
    from = page.next
  }
}

const running = (node: Node) =>
  eventually(
    () => node.get<AppStatus[]>('/api/v1/apps'),
    (apps) => apps[0]?.state === 'running',
  )

async function judgeRestored(node: Node, before: ReadonlySet<string>, journal: Journal): Promise<void> {
  await running(node)
  const events: { producer: number; n: number }[] = []
  for (let partition = 0; partition < partitions; partition++) {
    events.push(...(await allRecords<{ producer: number; n: number }>(node, 'events', partition)))
  }
  const present = new Set(events.map(({ producer, n }) => `${producer}/${n}`))
  expect(events.length).toBe(present.size)
  expect([...before].filter((id) => !present.has(id))).toEqual([])
  const torn = journal.requests.filter((ids) => new Set(ids.map((id) => present.has(id))).size > 1)
  expect(torn).toEqual([])
  const countOf = async () => {
    const rows: { key: string; n: number }[] = []
    const { partitions: count } = await node.get<{ partitions: number }>('/api/v1/topics/counts')
    for (let at = 0; at < count; at++) rows.push(...(await allRecords<(typeof rows)[0]>(node, 'counts', at)))
    return [...new Map(rows.map(({ key, n }) => [key, n])).values()].reduce((sum, n) => sum + n, 0)
  }
  expect(await eventually(countOf, (total) => total >= present.size, 60_000)).toBe(present.size)
}

test('a backup under load holds everything acknowledged before it, and an app goes on from it exactly once', async () => {
  const sandbox = new Sandbox()
  try {
    writeFileSync(join(sandbox.folder, 'counting.ts'), counter)
    const node = await sandbox.serve(['counting.ts'])
    await running(node)
    const journal: Journal = { acknowledged: new Set(), requests: [] }
    let over = false
    const producing = Array.from({ length: producers }, (_, producer) =>
      produce(node.url, producer, journal, () => over),
    )
    await eventually(
      async () => journal.acknowledged.size,
      (count) => count > 4000,
    )
    const places = [
      { path: join(sandbox.folder, 'one'), words: ['one'] },
      { path: join(sandbox.folder, 'two.tar'), words: ['--tar', 'two.tar'] },
    ]
    const held: ReadonlySet<string>[] = []
    for (const { words } of places) {
      held.push(new Set(journal.acknowledged))
      const made = await sandbox.run(['ctl', 'backup', 'create', ...words], { url: node.url })
      expect(made).toMatchObject({ code: 0 })
    }
    const between = Date.now()
    // The node goes on as if nothing had been.
    const after = journal.acknowledged.size
    await eventually(
      async () => journal.acknowledged.size,
      (count) => count > after + 1000,
    )
    await eventually(
      async () => Date.now() - between,
      (ms) => ms > 3000,
    )
    expect(await sandbox.run(['ctl', 'backup', 'create', 'three'], { url: node.url })).toMatchObject({
      code: 0,
    })
    over = true
    await Promise.all(producing)
    await node.kill()

    for (const [index, { path }] of places.entries()) {
      expect(await sandbox.run(['ctl', 'backup', 'verify', path])).toMatchObject({ code: 0 })
      const restored = join(sandbox.folder, `restored-${index}`)
      const outcome = await sandbox.run(['ctl', 'backup', 'restore', path, '--data-dir', restored])
      expect(outcome).toMatchObject({ code: 0 })
      const again = await sandbox.serve(['counting.ts', '--data-dir', restored])
      await judgeRestored(again, held[index]!, journal)
      expect(await again.stop()).toBe(0)
    }
    // The third one as it was between the second and itself: an app that had gone on goes on from there.
    const cut = join(sandbox.folder, 'restored-cut')
    const words = [
      'ctl',
      'backup',
      'restore',
      'three',
      '--data-dir',
      cut,
      '--until',
      String(between),
      '-o',
      'json',
    ]
    const outcome = await sandbox.run(words)
    expect(outcome).toMatchObject({ code: 0 })
    const { appendTime } = JSON.parse(outcome.out) as { appendTime: number }
    expect(appendTime).toBeLessThanOrEqual(between)
    expect(appendTime).toBeGreaterThan(between - 3000)
    const again = await sandbox.serve(['counting.ts', '--data-dir', cut])
    await judgeRestored(again, held[0]!, journal)
    expect(await again.stop()).toBe(0)
    // A backup is not a data directory, and serving from it must not make it one.
    const refused = await sandbox.run([
      'serve',
      '--data-dir',
      join(sandbox.folder, 'one'),
      '--http',
      '127.0.0.1:0',
    ])
    expect(refused).toMatchObject({ code: 4 })
    expect(refused.err).toContain('is a backup')
    expect(existsSync(join(sandbox.folder, 'one', 'lock.db'))).toBe(false)
    expect(await sandbox.run(['ctl', 'backup', 'verify', 'one'])).toMatchObject({ code: 0 })
  } finally {
    await sandbox.remove()
  }
}, 180_000)

test('a node refuses a backup into its own data, beside another one, or over something', async () => {
  const sandbox = new Sandbox()
  try {
    const node = await sandbox.serve([])
    const create = (...words: string[]) =>
      sandbox.run(['ctl', 'backup', 'create', ...words], { url: node.url })
    expect(await create('pspf-data/inside')).toMatchObject({ code: 7 })
    expect((await create('pspf-data')).err).toContain('lies in the data directory')
    writeFileSync(join(sandbox.folder, 'taken'), '')
    expect(await create('taken')).toMatchObject({ code: 4 })
    expect(await create('--tar', 'taken')).toMatchObject({ code: 4 })
    expect(await create('good')).toMatchObject({ code: 0 })
    expect(await create('good')).toMatchObject({ code: 4 })
    const { out } = await sandbox.run(['ctl', 'backup', 'list', '-o', 'json'], { url: node.url })
    expect(JSON.parse(out)).toMatchObject([{ path: join(sandbox.folder, 'good'), state: 'done' }])
    expect(existsSync(join(sandbox.folder, 'pspf-data', 'inside'))).toBe(false)
  } finally {
    await sandbox.remove()
  }
}, 60_000)
