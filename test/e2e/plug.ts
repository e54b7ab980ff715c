// Pull the plug: kill -9 the compiled binary under load, again and again, and count every record by its id.
//   bun test/e2e/plug.ts --rounds 50
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../../src/base/random.ts'
import type { AppStatus, RecordsPage } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

const producers = 8
const recordsPerRequest = 10

/** Counts exactly once what goes through: the total per producer, updated with every commit. */
const counter = `
import { app, topic, agg } from 'pspf'
const events = topic<{ producer: number; n: number }>('events')
const counts = events.stream().keyBy((event) => String(event.producer)).aggregate('counts', { n: agg.count() })
counts.to(topic('counts'))
export const counting = app({ id: 'counting' }).use(counts)
`

export type PlugReport = {
  seed: number
  rounds: number
  acknowledged: number
  present: number
  lost: number
  doubled: number
  outOfOrder: number
  tornRequests: number
  counted: number
  restartMs: number[]
}

type Journal = { acknowledged: Set<string>; requests: string[][] }

/** One producer: numbers its records, writes down what was acknowledged, never sends a number twice. */
async function produce(
  url: string,
  producer: number,
  next: { n: number },
  journal: Journal,
  over: () => boolean,
): Promise<void> {
  while (!over()) {
    const values = Array.from({ length: recordsPerRequest }, () => ({ producer, n: next.n++ }))
    const ids = values.map(({ n }) => `${producer}/${n}`)
    journal.requests.push(ids)
    const body = JSON.stringify({ records: values.map((value) => ({ key: String(producer), value })) })
    try {
      const response = await fetch(`${url}/api/v1/topics/events/records`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      if (response.ok) for (const id of ids) journal.acknowledged.add(id)
    } catch {
      return // the plug was pulled: what was in flight is unknown, and stays so
    }
  }
}

async function allRecords<T>(node: Node, topic: string): Promise<T[]> {
  const all: T[] = []
  for (let from = 0; ; ) {
    const page = await node.get<RecordsPage>(
      `/api/v1/topics/${topic}/records?partition=0&from=${from}&limit=1000`,
    )
    all.push(...page.records.map(({ value }) => value as T))
    if (page.next >= page.endOffset) return all
    from = page.next
  }
}

function judge(journal: Journal, events: { producer: number; n: number }[]) {
  const times = new Map<string, number>()
  const last = new Map<number, number>()
  let outOfOrder = 0
  for (const { producer, n } of events) {
    times.set(`${producer}/${n}`, (times.get(`${producer}/${n}`) ?? 0) + 1)
    if (n <= (last.get(producer) ?? -1)) outOfOrder++
    last.set(producer, n)
  }
  return {
    lost: [...journal.acknowledged].filter((id) => !times.has(id)).length,
    doubled: [...times.values()].filter((count) => count > 1).length,
    outOfOrder,
    tornRequests: journal.requests.filter((ids) => new Set(ids.map((id) => times.has(id))).size > 1).length,
  }
}

export async function pullThePlug(
  rounds: number,
  seed: number,
  say: (line: string) => void,
): Promise<PlugReport> {
  const random = seededRandom(seed)
  const sandbox = new Sandbox()
  writeFileSync(join(sandbox.folder, 'counting.ts'), counter)
  const journal: Journal = { acknowledged: new Set(), requests: [] }
  const next = Array.from({ length: producers }, () => ({ n: 0 }))
  const restartMs: number[] = []
  try {
    for (let round = 1; round <= rounds; round++) {
      const started = performance.now()
      const node = await sandbox.serve(['counting.ts'])
      restartMs.push(performance.now() - started)
      await eventually(
        () => node.get<AppStatus[]>('/api/v1/apps'),
        (apps) => apps[0]?.state === 'running',
      )
      let over = false
      const producing = next.map((counting, producer) =>
        produce(node.url, producer, counting, journal, () => over),
      )
      await Bun.sleep(100 + random.below(900))
      await node.kill()
      over = true
      await Promise.all(producing)
      say(`round ${round}/${rounds}: ${journal.acknowledged.size} acknowledged`)
    }
    const node = await sandbox.serve(['counting.ts'])
    const events = await allRecords<{ producer: number; n: number }>(node, 'events')
    const countOf = async () => {
      const rows = await allRecords<{ key: string; n: number }>(node, 'counts')
      return [...new Map(rows.map(({ key, n }) => [key, n])).values()].reduce((sum, n) => sum + n, 0)
    }
    const counted = await eventually(countOf, (total) => total >= events.length, 60_000)
    await node.stop()
    return {
      seed,
      rounds,
      acknowledged: journal.acknowledged.size,
      present: events.length,
      counted,
      restartMs,
      ...judge(journal, events),
    }
  } finally {
    await sandbox.remove()
  }
}

if (import.meta.main) {
  const option = (name: string, fallback: number) =>
    Number(process.argv[process.argv.indexOf(`--${name}`) + 1] ?? fallback) || fallback
  const report = await pullThePlug(option('rounds', 50), option('seed', Date.now() % 2 ** 31), console.log)
  const sorted = report.restartMs.sort((a, b) => a - b)
  console.log({
    ...report,
    restartMs: { median: Math.round(sorted[sorted.length >> 1]!), max: Math.round(sorted.at(-1)!) },
  })
  const sound =
    report.lost + report.doubled + report.outOfOrder + report.tornRequests === 0 &&
    report.counted === report.present
  console.log(sound ? 'nothing lost, nothing doubled' : 'FAILED')
  process.exit(sound ? 0 : 1)
}
