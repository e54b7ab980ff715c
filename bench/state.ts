// bun run bench state [-- --keys 1000000] [--stores sqlite,lmdb]
// State stores beside each other: changes per second in commits as tasks make them, reads, memory, file; and how long an
// app with that many keys takes to start from its store, closed or killed, and from the changelog alone. Each store has a
// process of its own. A snapshot would be a copy of the store's file: its line is the copy, and then as "closed".
import { copyFileSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type asOffset, realClock, silentLogger } from '../src/base/index.ts'
import { seededRandom } from '../src/base/random.ts'
import { BatchBuilder } from '../src/record/index.ts'
import { defaultLimits } from '../src/streams/runtime/limits.ts'
import { logIdOf, restore } from '../src/streams/runtime/restore.ts'
import { encodeTaskState } from '../src/streams/runtime/task-state.ts'
import { aggregatePrefix, encodeValue, joinKey, taggedKey, taskKey } from '../src/streams/state/state-key.ts'
import { MutationSet, type StateStore } from '../src/streams/state/state-store.ts'
import { type StoreKind, storeKinds, storeOpener } from '../src/streams/state/store-kind.ts'
import { MemoryLog } from '../src/streams/testing/memory-log.ts'

/** What a task hands its store at once (`applyMutationsMax`). */
const batchMutations = 20_000
const changelogCommitMutations = 5_000
const readsMax = 200_000

type Figures = {
  store: StoreKind
  putsPerSecond: number
  updatesPerSecond: number
  getsPerSecond: number
  scannedPerSecond: number
  memoryMb: number
  fileMb: number
  closeMs: number
  openClosedMs: number
  openKilledMs: number
  fromChangelogMs: number
}

const prefix = aggregatePrefix('totals')
const keyOf = (n: number): Uint8Array =>
  joinKey(prefix, taggedKey(`customer-${Math.imul(n, 2654435761) >>> 0}`))
const textOf = (n: number, turn: number): Uint8Array =>
  encodeValue({ revision: turn, commit: n, parts: [{ n, turn }, { sum: n * 1.5 }] })
const position = (next: number) => ({ log: 'log', next, chain: `c${next}` })

function timed<T>(work: () => T): { ms: number; value: T } {
  const began = performance.now()
  const value = work()
  return { ms: performance.now() - began, value }
}

/** Every key once, in random order, in batches as `StoreWriter` makes them; answers changes per second. */
function applyAll(store: StateStore, order: Uint32Array, turn: number): number {
  let ms = 0
  for (let from = 0; from < order.length; from += batchMutations) {
    const set = new MutationSet()
    for (const n of order.subarray(from, from + batchMutations))
      set.add({ key: keyOf(n), value: textOf(n, turn) })
    ms += timed(() => store.apply(set.take(), position(turn * order.length + from + 1))).ms
  }
  return (order.length / ms) * 1000
}

function shuffled(count: number): Uint32Array {
  const random = seededRandom(7)
  const order = Uint32Array.from({ length: count }, (_, n) => n)
  for (let n = count - 1; n > 0; n--) {
    const other = random.below(n + 1)
    ;[order[n], order[other]] = [order[other]!, order[n]!]
  }
  return order
}

async function restoredFromChangelog(store: StateStore, keys: number): Promise<number> {
  const clock = realClock()
  const log = new MemoryLog(clock, seededRandom(1))
  const topic = log.ensure({ name: 'changelog', partitions: 1 })
  const builder = new BatchBuilder()
  let previous = ''
  for (let from = 0; from < keys; from += changelogCommitMutations) {
    for (let n = from; n < Math.min(keys, from + changelogCommitMutations); n++) {
      builder.append({ key: keyOf(n), value: textOf(n, 1), timestamp: 0 })
    }
    const state = { commit: from, id: `c${from}`, previous, epoch: 1, inputs: [], times: {} }
    previous = state.id
    builder.append({ key: taskKey, value: encodeTaskState(state), timestamp: 0 })
    log.append('changelog', 0, builder.build())
    builder.reset()
  }
  const port = {
    ensureTopics: async () => [log.ensure({ name: 'changelog', partitions: 1 })],
    fetchSlice: async (request: { topic: string; partition: number; from: ReturnType<typeof asOffset> }) =>
      log.slice(request, 1),
  }
  const began = performance.now()
  await restore({
    port: port as never,
    readSlice: log.readSlice,
    store,
    changelog: topic,
    partition: 0,
    logger: silentLogger,
    limits: defaultLimits,
  })
  const tookMs = performance.now() - began
  if (store.position?.log !== logIdOf(topic, 0)) throw new Error('not restored')
  return tookMs
}

const sizeBelow = (path: string): number =>
  readdirSync(path, { withFileTypes: true }).reduce(
    (sum, entry) =>
      sum + (entry.isDirectory() ? sizeBelow(join(path, entry.name)) : statSync(join(path, entry.name)).size),
    0,
  )

async function measure(kind: StoreKind, keys: number): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'pspf-bench-state-'))
  try {
    const open = await storeOpener(kind, { directory, rocksdb: process.env['PSPF_ROCKSDB'] ?? null })
    const order = shuffled(keys)
    Bun.gc(true)
    const before = process.memoryUsage.rss()
    const store = open('bench-0')
    const putsPerSecond = applyAll(store, order, 0)
    const updatesPerSecond = applyAll(store, order, 1)
    const reads = order.subarray(0, readsMax)
    const gets = timed(() => {
      for (const n of reads) if (store.get(keyOf(n)) === null) throw new Error(`key ${n} is missing`)
    })
    const scan = timed(() => {
      let rows = 0
      for (const _ of store.scan(prefix, Uint8Array.of(255))) rows++
      return rows
    })
    if (scan.value !== keys) throw new Error(`${scan.value} of ${keys} keys`)
    Bun.gc(true)
    const memoryMb = (process.memoryUsage.rss() - before) / 2 ** 20
    const fileMb = sizeBelow(directory) / 2 ** 20
    // A killed process leaves what is there now.
    const killed = mkdtempSync(join(tmpdir(), 'pspf-bench-killed-'))
    cpSync(directory, killed, { recursive: true })
    const closeMs = timed(() => store.close()).ms
    const closed = timed(() => open('bench-0'))
    closed.value.close()
    const openKilled = await storeOpener(kind, {
      directory: killed,
      rocksdb: process.env['PSPF_ROCKSDB'] ?? null,
    })
    const unclosed = timed(() => openKilled('bench-0'))
    unclosed.value.close()
    rmSync(killed, { recursive: true })
    const fresh = open('fresh-0')
    const fromChangelogMs = await restoredFromChangelog(fresh, keys)
    fresh.close()
    return {
      store: kind,
      putsPerSecond,
      updatesPerSecond,
      getsPerSecond: (reads.length / gets.ms) * 1000,
      scannedPerSecond: (keys / scan.ms) * 1000,
      memoryMb,
      fileMb,
      closeMs,
      openClosedMs: closed.ms,
      openKilledMs: unclosed.ms,
      fromChangelogMs,
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What a snapshot would cost: a copy of 100 MB beside the store. */
function copyMs(): number {
  const directory = mkdtempSync(join(tmpdir(), 'pspf-bench-copy-'))
  try {
    const file = join(directory, 'store')
    Bun.spawnSync(['dd', 'if=/dev/urandom', `of=${file}`, 'bs=1M', 'count=100'], { stderr: 'ignore' })
    return timed(() => copyFileSync(file, `${file}.snapshot`)).ms
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const option = (name: string, fallback: string) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : process.argv[at + 1]!
}

const keys = Number(option('keys', '1000000'))
const one = option('one', '')
if (one !== '') console.log(JSON.stringify(await measure(one as StoreKind, keys)))
else {
  const rows: Record<string, number | string>[] = []
  for (const kind of option('stores', storeKinds.join(',')).split(',')) {
    const child = Bun.spawnSync([process.execPath, import.meta.path, '--one', kind, '--keys', String(keys)])
    if (!child.success)
      rows.push({ store: kind, missing: child.stderr.toString().trim().split('\n').at(-1) ?? '' })
    else {
      const figures = JSON.parse(child.stdout.toString()) as Figures
      const rounded = Object.entries(figures).map(([name, value]) => [
        name,
        typeof value === 'number' ? Math.round(value) : value,
      ])
      rows.push(Object.fromEntries(rounded))
    }
  }
  console.table(rows)
  console.log(`copy of 100 MB: ${Math.round(copyMs())} ms`)
}
