// The runtime's bounds and its patience: what it reads ahead, how long it waits for a log that is full, how often it
// rebuilds a store, and that offsets without records do not stop it.
import { describe, expect, test } from 'bun:test'
import { crc32c } from '../../../src/base/checksums.ts'
import { realClock, sleep } from '../../../src/base/clock.ts'
import { BrokerError } from '../../../src/base/errors.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { asOffset } from '../../../src/base/units.ts'
import { BatchBuilder } from '../../../src/record/batch-builder.ts'
import type { LogPort } from '../../../src/streams/api.ts'
import { app } from '../../../src/streams/app.ts'
import { type AppRun, openApp } from '../../../src/streams/running-app.ts'
import { defaultLimits } from '../../../src/streams/runtime/limits.ts'
import { MemoryStore } from '../../../src/streams/state/memory-store.ts'
import { type StateStore, storeDamaged } from '../../../src/streams/state/state-store.ts'
import { MemoryLog } from '../../../src/streams/testing/memory-log.ts'
import { VirtualClock } from '../../../src/streams/testing/virtual-clock.ts'
import { topic } from '../../../src/streams/topic.ts'

const rows = topic<{ key: string }>('rows')
const counts = rows.stream().keyBy('key').count('counts').to('counted')

type Hooks = {
  commit?: () => void
  fetch?: () => void
  store?: StateStore
  limits?: Partial<typeof defaultLimits>
}

/** An app on a log in memory, without a scheduler: requests are answered at once, waits end when the clock says so. */
async function started(hooks: Hooks = {}) {
  const clock = new VirtualClock(0)
  const random = seededRandom(1)
  const log = new MemoryLog(clock, random)
  const asked = { fetches: 0, commits: 0, bytesMax: 0 }
  const port: LogPort = {
    ensureTopics: async (specs) => specs.map((spec) => log.ensure(spec)),
    findTopics: async (names) => names.flatMap((name) => log.find(name) ?? []),
    committed: async (...args) => log.committed(...args),
    fence: async (...args) => log.fence(...args),
    fetchSlice: async (request) => {
      if (request.waitMs > 0) {
        asked.fetches++
        asked.bytesMax = Math.max(asked.bytesMax, request.bytesMax)
        hooks.fetch?.()
      }
      if (request.from === log.endOf(request.topic, request.partition)) await sleep(clock, request.waitMs)
      return log.slice(request, 1)
    },
    commit: async (commit) => {
      if (commit.owner === 'layout') return log.commit(commit)
      asked.commits++
      hooks.commit?.()
      return log.commit(commit)
    },
  }
  const run = await openApp(app({ id: 'limited' }).use(counts), {
    port,
    clock,
    random,
    logger: silentLogger,
    readSlice: log.readSlice,
    openStore: () => hooks.store ?? new MemoryStore(),
    limits: hooks.limits ?? {},
  })
  const send = (count: number) => {
    const builder = new BatchBuilder()
    for (let n = 0; n < count; n++) {
      builder.append({ key: null, value: Buffer.from('{"key":"a"}'), timestamp: 0 })
    }
    log.append('rows', 0, builder.build())
  }
  return { clock, log, run, asked, send }
}

const turn = () => sleep(realClock(), 0)
async function until(run: AppRun, position: number, clock: VirtualClock): Promise<void> {
  for (let rounds = 0; rounds < 200 && run.status().tasks[0]!.position < position; rounds++) {
    clock.moveTo(clock.now() + 100)
    await turn()
  }
  expect(run.status().tasks[0]!.position).toBe(asOffset(position))
}
const lastCount = (log: MemoryLog) => {
  const values = [...log.records('counted', 0)].map(
    ({ value }) => JSON.parse(String(Buffer.from(value!))).count,
  )
  return values.at(-1)
}

describe('a log that takes no commit for now', () => {
  test('is asked again, and every row counts once', async () => {
    let refusals = 5
    const commit = () => {
      if (refusals-- > 0) throw new BrokerError('disk_full', 'no space left')
    }
    const { run, log, send, clock, asked } = await started({ commit })
    send(10)
    await until(run, 10, clock)
    for (let n = 0; n < 40 && lastCount(log) !== 10; n++) {
      clock.moveTo(clock.now() + 100)
      await turn()
    }
    expect(lastCount(log)).toBe(10)
    expect(asked.commits).toBe(6)
    await run.stop()
  })

  test('for too long, ends the app with its reason', async () => {
    const commit = () => {
      throw new BrokerError('busy', 'too much at once')
    }
    const { run, send, clock, asked } = await started({ commit, limits: { commitTriesMax: 3 } })
    send(1)
    const failed = run.done.then(
      () => null,
      (error: unknown) => error,
    )
    for (let n = 0; n < 40 && run.status().state !== 'failed'; n++) {
      clock.moveTo(clock.now() + 100)
      await turn()
    }
    expect(await failed).toMatchObject({ code: 'busy' })
    expect(asked.commits).toBe(3)
  })

  test('for another reason is not asked again: whether it took it is unknown', async () => {
    const commit = () => {
      throw new BrokerError('timeout', 'no answer')
    }
    const { run, send, clock, asked } = await started({ commit })
    send(1)
    const failed = run.done.then(
      () => null,
      (error: unknown) => error,
    )
    clock.moveTo(1000)
    expect(await failed).toMatchObject({ code: 'timeout' })
    expect(asked.commits).toBe(1)
  })
})

test('reads are tried again while the log is busy', async () => {
  let refusals = 3
  const fetch = () => {
    if (refusals-- > 0) throw new BrokerError('unreachable', 'not yet')
  }
  const { run, send, clock, asked } = await started({ fetch })
  send(4)
  await until(run, 4, clock)
  expect(asked.bytesMax).toBe(defaultLimits.sliceSizeBytesMax)
  await run.stop()
})

test('one slice is worked on, one waits, and no more is read ahead', async () => {
  const { run, send, clock, asked, log } = await started({
    limits: { commitRecordsMax: 1, stepRecordsMax: 1 },
  })
  for (let n = 0; n < 10; n++) send(3)
  const before = asked.fetches
  // No round of the event loop yet: whatever does not wait for a commit has happened.
  clock.moveTo(500)
  for (let n = 0; n < 5; n++) await undefined
  expect(asked.commits).toBeLessThanOrEqual(1)
  expect(asked.fetches - before).toBeLessThanOrEqual(2)
  await until(run, 30, clock)
  expect(asked.commits).toBeGreaterThanOrEqual(30)
  await run.stop()
  expect(lastCount(log)).toBe(30)
})

test('a store that is damaged again and again is rebuilt a bounded number of times', async () => {
  let cleared = 0
  const store = new MemoryStore()
  const failing: StateStore = {
    get position() {
      return store.position
    },
    get: (key) => store.get(key),
    scan: (from, to) => store.scan(from, to),
    apply: () => {
      throw storeDamaged('here', 'always')
    },
    clear: () => {
      cleared++
      store.clear()
    },
    close: () => undefined,
  }
  const { run, send, clock } = await started({ store: failing, limits: { applyMutationsMax: 1 } })
  const failed = run.done.then(
    () => null,
    (error: unknown) => error,
  )
  send(1)
  clock.moveTo(1000)
  expect(await failed).toMatchObject({ code: 'corrupt', details: { store: 'here' } })
  expect(cleared).toBe(defaultLimits.rebuildsMax)
})

test('trap 18: offsets without records are passed, at the end of a batch too', async () => {
  const { run, log, clock, send } = await started()
  const builder = new BatchBuilder()
  for (const _ of [1, 2]) builder.append({ key: null, value: Buffer.from('{"key":"a"}'), timestamp: 0 })
  const batch = builder.build()
  // As compaction leaves it: two records, but offsets up to nine.
  new DataView(batch.buffer, batch.byteOffset).setInt32(23, 9)
  new DataView(batch.buffer, batch.byteOffset).setUint32(17, crc32c(batch, 21))
  send(1)
  log.append('rows', 0, batch)
  await until(run, 11, clock)
  await run.stop()
  expect(run.status().nodes.find(({ id }) => id === 'rows')).toMatchObject({ recordsIn: 3 })
})

describe('a task that is far behind', () => {
  const limits = { commitRecordsMax: 20, stepRecordsMax: 7 }

  test('fills its commits, and goes back to small ones at the end', async () => {
    const { run, log, send, clock, asked } = await started({ limits })
    for (let batch = 0; batch < 10; batch++) send(10)
    await until(run, 100, clock)
    await run.stop()
    expect(lastCount(log)).toBe(100)
    // Four of 20, then one a step of 7.
    expect(asked.commits).toBeLessThanOrEqual(4 + 4)
  })

  test('does not wait for more than gatherMs', async () => {
    let refuses = false
    const fetch = () => {
      if (refuses) throw new BrokerError('busy', 'too much at once', { retriable: true })
    }
    const { run, log, send, clock } = await started({ limits: { ...limits, gatherMs: 50 }, fetch })
    // The read that waits gets the first slice, and nothing follows it for a while.
    for (let batch = 0; batch < 10; batch++) send(10)
    refuses = true
    clock.moveTo(clock.now() + 500)
    for (let n = 0; n < 20; n++) await turn()
    const before = lastCount(log)
    clock.moveTo(clock.now() + 60)
    for (let n = 0; n < 20; n++) await turn()
    expect(before).toBeUndefined()
    expect(lastCount(log)).toBeGreaterThan(0)
    await run.stop()
  })
})
