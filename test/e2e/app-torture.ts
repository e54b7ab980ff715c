// Exactly once, by force: an app for each state store on one node, records coming in all the time, and kill -9 of the
// node or of one app's process, again and again. At the end every output is what a plain computation over the input says,
// in the order of the input: nothing twice, nothing missing, nothing else.
//   bun test/e2e/app-torture.ts --rounds 200 [--seed 7] [--stores sqlite,lmdb]
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { seededRandom } from '../../src/base/random.ts'
import type { AppStatus, RecordsPage } from '../../src/http/contract.ts'
import type { StoreKind } from '../../src/streams/state/store-kind.ts'
import { aggregate, judge, type OracleRow } from '../streams/oracle/fixed-window.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

const keys = 7
const producers = 2
const recordsPerRequest = 10
const outOfOrder = 40
const shape = { size: 500, hop: 500, offset: 0, grace: 10 }

type Event = OracleRow & { readonly id: string }

/** Rows as they come, a running total and a window of each key, and what was late. */
const appOf = (store: StoreKind) => `
import { agg, app, topic, window } from 'pspf'
type Event = { id: string; key: string; at: number; amount: number }
const events = topic<Event>('events', { time: { at: (event) => event.at, outOfOrder: '${outOfOrder}ms' } })
const all = events.stream()
all.map((event) => event.id).to(topic('echo-${store}'))
const byKey = all.keyBy('key')
const totals = byKey.aggregate('totals', { n: agg.count(), total: agg.sum('amount') })
totals.to(topic('totals-${store}'))
const windows = byKey
  .window('windows', window.tumbling('${shape.size}ms', { grace: '${shape.grace}ms' }))
  .aggregate({ n: agg.count(), total: agg.sum('amount'), last: agg.last('amount') })
  .emit('on-close')
windows.out.to(topic('windows-${store}'))
windows.late.to(topic('late-${store}'))
export const tortured = app({ id: 'tortured-${store}', store: '${store}' }).use(all, totals, windows)
`

export type TortureReport = {
  seed: number
  nodeKills: number
  appKills: number
  events: number
  /** Per store, what is not as it must be; empty: nothing. */
  wrong: Record<string, string[]>
}

export type TortureOptions = {
  readonly rounds: number
  readonly seed: number
  readonly stores: readonly StoreKind[]
  say(line: string): void
}

class Feeder {
  url: string | null = null
  sent = 0
  #over = false
  readonly #running: Promise<void>[]

  constructor(random: ReturnType<typeof seededRandom>) {
    this.#running = Array.from({ length: producers }, (_, producer) => this.#produce(producer, random))
  }

  async end(): Promise<void> {
    this.#over = true
    await Promise.all(this.#running)
  }

  async #produce(producer: number, random: ReturnType<typeof seededRandom>): Promise<void> {
    while (!this.#over) {
      await Bun.sleep(4)
      if (this.url === null) continue
      const records = Array.from({ length: recordsPerRequest }, () => {
        const n = this.sent++
        // Mostly within what is expected, seldom late for its window.
        const behind = random.below(50) === 0 ? random.below(2 * shape.size) : random.below(outOfOrder)
        const value: Event = { id: `${producer}/${n}`, key: `k${n % keys}`, at: n - behind, amount: n % 11 }
        return { value }
      })
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify({ records })
      const request = { method: 'POST', headers, body, signal: AbortSignal.timeout(5_000) }
      await fetch(`${this.url}/api/v1/topics/events/records`, request).catch(() => undefined)
    }
  }
}

async function read<T>(node: Node, topic: string): Promise<T[]> {
  const all: T[] = []
  for (let from = 0; ; ) {
    const path = `/api/v1/topics/${topic}/records?partition=0&from=${from}&limit=1000`
    const page = await node.get<RecordsPage>(path)
    all.push(...page.records.map(({ value }) => value as T))
    if (page.next >= page.endOffset) return all
    from = page.next
  }
}

/** What differs between a store's outputs and the plain computation over the events. */
async function verdictOf(node: Node, store: StoreKind, events: readonly Event[]): Promise<string[]> {
  const wrong: string[] = []
  const check = (what: string, found: unknown, wanted: unknown) => {
    if (!isDeepStrictEqual(found, wanted)) wrong.push(what)
  }
  const echoed = await eventually(
    () => read<string>(node, `echo-${store}`),
    (ids) => ids.length >= events.length,
    120_000,
  )
  const ids = events.map(({ id }) => id)
  check(`echo: ${echoed.length} of ${ids.length}, ${new Set(echoed).size} different`, echoed, ids)

  const { accepted, late, watermark } = judge(events, shape, outOfOrder)
  const closed = aggregate(accepted, shape).filter(({ window }) => watermark >= window.end + shape.grace)
  type Row = { key: string; window: object; revision: number; n: number; total: number; last: number }
  const windows = await read<Row>(node, `windows-${store}`)
  const plain = ({ key, window, n, total, last }: Omit<Row, 'revision'>) => ({ key, window, n, total, last })
  check(`windows: ${windows.length} of ${closed.length}`, windows.map(plain), closed.map(plain))
  const missed = await read<{ value: Event }>(node, `late-${store}`)
  check(
    `late: ${missed.length} of ${late.length}`,
    missed.map(({ value }) => value),
    late,
  )

  const totals = await read<{ key: string; revision: number; n: number; total: number }>(
    node,
    `totals-${store}`,
  )
  const last = new Map<string, (typeof totals)[number]>()
  for (const row of totals) {
    const before = last.get(row.key)
    const follows = row.revision === (before?.revision ?? 0) + 1 && row.n > (before?.n ?? 0)
    if (!follows) wrong.push(`totals: ${JSON.stringify(row)} after ${JSON.stringify(before)}`)
    last.set(row.key, row)
  }
  for (const [key, rows] of Map.groupBy(events, (event) => event.key)) {
    const total = rows.reduce((sum, { amount }) => sum + amount, 0)
    const { n, total: found } = last.get(key) ?? { n: 0, total: 0 }
    check(
      `totals of ${key}: ${n} rows, ${found}; wanted ${rows.length}, ${total}`,
      [n, found],
      [rows.length, total],
    )
  }
  return wrong
}

function processesOf(node: Node): number[] {
  const { stdout } = Bun.spawnSync(['pgrep', '-P', String(node.pid)])
  return stdout.toString().split('\n').filter(Boolean).map(Number)
}

export async function torture({ rounds, seed, stores, say }: TortureOptions): Promise<TortureReport> {
  const random = seededRandom(seed)
  const sandbox = new Sandbox()
  const files = stores.map((store) => `${store}.ts`)
  for (const [index, store] of stores.entries())
    writeFileSync(join(sandbox.folder, files[index]!), appOf(store))
  const feeder = new Feeder(random)
  const start = async () => {
    const node = await sandbox.serve(files)
    feeder.url = node.url
    await eventually(
      () => node.get<AppStatus[]>('/api/v1/apps'),
      (apps) => apps.length === stores.length && apps.every(({ state }) => state === 'running'),
      60_000,
    )
    return node
  }
  let [nodeKills, appKills] = [0, 0]
  try {
    let node = await start()
    for (let round = 1; round <= rounds; round++) {
      await Bun.sleep(random.below(700))
      const apps = processesOf(node)
      if (random.below(2) === 0 || apps.length === 0) {
        await node.kill()
        nodeKills++
        node = await start()
      } else {
        process.kill(apps[random.below(apps.length)]!, 'SIGKILL')
        appKills++
      }
      if (round % 10 === 0) say(`round ${round}/${rounds}: ${feeder.sent} records sent`)
    }
    await feeder.end()
    // Apps that fail too often in a row wait to be started again: a new life does it.
    await node.kill()
    node = await start()
    const events = await read<Event>(node, 'events')
    const wrong: Record<string, string[]> = {}
    for (const store of stores) wrong[store] = await verdictOf(node, store, events)
    await node.stop()
    return { seed, nodeKills, appKills, events: events.length, wrong }
  } finally {
    await feeder.end()
    await sandbox.remove()
  }
}

if (import.meta.main) {
  const option = (name: string) => {
    const at = process.argv.indexOf(`--${name}`)
    return at < 0 ? undefined : process.argv[at + 1]
  }
  const report = await torture({
    rounds: Number(option('rounds') ?? 200),
    seed: Number(option('seed') ?? Date.now() % 2 ** 31),
    stores: (option('stores') ?? 'sqlite,memory,lmdb,rocksdb').split(',') as StoreKind[],
    say: console.log,
  })
  console.log(report)
  const isSound = Object.values(report.wrong).every((found) => found.length === 0)
  console.log(isSound ? 'every record counted once, in every store' : 'FAILED')
  process.exit(isSound ? 0 : 1)
}
