// Asynchronous work on rows: nothing lost, nothing twice, event time waits, and no more at once than said.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import type { AsyncCall, AsyncOptions } from '../../src/streams/async-map.ts'
import { describe as describeApp } from '../../src/streams/describe.ts'
import { planApp } from '../../src/streams/graph/plan.ts'
import { MemoryStore } from '../../src/streams/state/memory-store.ts'
import { type Harness, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'
import { canonical, play, smallLimits, stepOf } from './life.ts'

type Row = { key: string; n: number; at: number }
const timed = { time: { at: (row: Row) => row.at, outOfOrder: '5ms' as const } }
const send = (t: Harness, n: number, at = n, rows = topic<Row>('rows', timed)) =>
  t.send(rows, { key: 'a', n, at })
const rowsTopic = topic<Row>('rows', timed)

/** Calls that end when the test says so. */
function desk() {
  const open: { row: Row; call: AsyncCall; answer: (text: string) => void; refuse: (why: string) => void }[] =
    []
  const asked: string[] = []
  const call = (row: Row, about: AsyncCall) => {
    asked.push(about.key)
    return new Promise<string>((resolve, reject) => {
      open.push({ row, call: about, answer: resolve, refuse: (why) => reject(new Error(why)) })
    })
  }
  return {
    open,
    asked,
    call,
    take: (n: number) =>
      open.splice(
        open.findIndex(({ row }) => row.n === n),
        1,
      )[0]!,
  }
}

const row = fc.record({
  key: fc.constantFrom('a', 'b'),
  n: fc.integer({ min: 0, max: 9 }),
  at: fc.integer({ min: 0, max: 60 }),
})

test('every row comes out once, in order where asked, and windows behind it miss none, kills anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepOf(row), { maxLength: 10 }),
      fc.constantFrom('preserve' as const, 'any' as const),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.constantFrom(0, 0, 1, 3), { minLength: 1, maxLength: 7 }),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, order, concurrency, turns, options) => {
        let running = 0
        let most = 0
        let turn = 0
        const keys = new Map<string, string>()
        const rows = topic<Row>('rows', { time: { at: (one) => one.at, outOfOrder: '1h' } })
        const answered = rows
          .stream()
          .flatMap((one) => (one.n % 3 === 0 ? [one, one] : [one]))
          .async(
            'answered',
            async (one, { key }) => {
              expect(keys.get(key) ?? JSON.stringify(one)).toBe(JSON.stringify(one))
              keys.set(key, JSON.stringify(one))
              most = Math.max(most, ++running)
              for (let left = turns[turn++ % turns.length]!; left > 0; left--) await undefined
              running--
              return { ...one, doubled: one.n * 2 }
            },
            { concurrency, order },
          )
        const windows = answered
          .keyBy('key')
          .window('windows', window.tumbling('10ms', { grace: '0s' }))
          .aggregate({ n: agg.count(), total: agg.sum('doubled') })
          .emit('on-close')
        const beside = rows.stream().keyBy('key').count('beside')
        const t = await harness(app({ id: 'async' }).use(answered, windows, beside), options)
        const sent = await play(t, steps, (one) => t.send(rows, one))
        const doubled = sent.flatMap((one) => {
          const answer = { ...one, doubled: one.n * 2 }
          return one.n % 3 === 0 ? [answer, answer] : [answer]
        })
        const out = await t.take(answered)
        if (order === 'preserve') expect(out).toEqual(doubled)
        expect(canonical(out)).toEqual(canonical(doubled))
        expect(most).toBeLessThanOrEqual(concurrency)
        t.finish(rows)
        const closed = await t.take(windows.out)
        expect(closed.reduce((sum, { n }) => sum + n, 0)).toBe(doubled.length)
        expect(closed.reduce((sum, { total }) => sum + total, 0)).toBe(
          doubled.reduce((sum, one) => sum + one.doubled, 0),
        )
        expect(await t.take(windows.late)).toEqual([])
        const counts = new Map((await t.take(beside)).map(({ key, count }) => [key, count]))
        expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(sent.length)
      },
    ),
    { numRuns: 60 },
  )
}, 60_000)

test('event time behind it waits for the earliest row at work, and goes on when that is answered', async () => {
  const { call, take } = desk()
  const closed = rowsTopic
    .stream()
    .async('ask', call, { order: 'any' })
    .keyBy(() => 'all')
    .window('w', window.tumbling('10ms', { grace: '0s' }))
    .aggregate({ n: agg.count() })
    .emit('on-close')
  const t = await harness(app({ id: 'a' }).use(closed))
  for (const n of [1, 2, 30, 60]) send(t, n)
  await t.settle()
  for (const n of [60, 30, 2]) take(n).answer('')
  expect(await t.take(closed.out)).toEqual([])
  take(1).answer('')
  expect((await t.take(closed.out)).map(({ window: { start }, n }) => [start, n])).toEqual([
    [0, 2],
    [30, 1],
  ])
  t.finish(rowsTopic)
  expect(await t.take(closed.out)).toMatchObject([{ window: { start: 60 }, n: 1 }])
})

test('an input that is finished ends what is behind only when the last row is answered', async () => {
  const { call, take } = desk()
  const closed = rowsTopic
    .stream()
    .async('ask', call)
    .keyBy(() => 'all')
    .window('w', window.tumbling('10ms', { grace: '0s' }))
    .aggregate({ n: agg.count() })
    .emit('on-close')
  const t = await harness(app({ id: 'a' }).use(closed))
  send(t, 1)
  t.finish(rowsTopic)
  expect(await t.take(closed.out)).toEqual([])
  take(1).answer('')
  expect(await t.take(closed.out)).toMatchObject([{ n: 1 }])
})

test('no more calls at once than said; the task reads no further, and goes on when there is room', async () => {
  const { call, open } = desk()
  const answers = rowsTopic.stream().async('ask', call, { concurrency: 3 })
  const t = await harness(app({ id: 'a' }).use(answers))
  for (let n = 0; n < 50; n++) send(t, n)
  await t.settle()
  expect(open.length).toBe(3)
  expect(Number(t.status().tasks[0]!.position)).toBe(6)
  let out = 0
  while (open.length > 0) {
    for (const one of open.splice(0)) one.answer(`${one.row.n}`)
    const rows = await t.take(answers)
    expect(rows).toEqual(rows.map((_, n) => `${out + n}`))
    out += rows.length
    expect(open.length).toBeLessThanOrEqual(3)
  }
  expect(out).toBe(50)
})

test('after a crash, what had no answer is asked again, under the same key; what had one is not', async () => {
  const first = desk()
  let now = first
  const answers = rowsTopic.stream().async('ask', (one, about) => now.call(one, about), { order: 'any' })
  const store = new MemoryStore()
  const t = await harness(app({ id: 'a' }).use(answers), { openStore: () => store })
  for (const n of [1, 2, 3]) send(t, n)
  await t.settle()
  first.take(2).answer('two')
  expect(await t.take(answers)).toEqual(['two'])
  expect(await t.crashAt('store-applied')).toBe(false)
  now = desk()
  await t.restart()
  await t.settle()
  expect(now.asked).toEqual([first.asked[0]!, first.asked[2]!])
  expect(first.asked[0]).toBe('ask/rows/0/0')
  for (const n of [3, 1]) now.take(n).answer(`again ${n}`)
  expect(await t.take(answers)).toEqual(['again 3', 'again 1'])
  // The task, and what kind of node it is.
  expect([...store.scan(new Uint8Array(), Uint8Array.of(255))].length).toBe(2)
})

describe('a call that fails', () => {
  const asking = (options: AsyncOptions) => {
    const one = desk()
    return { ...one, answers: rowsTopic.stream().async('ask', one.call, options) }
  }
  const errors = (t: Harness) => t.status().nodes.find(({ id }) => id === 'ask')!.errors

  test('follows the policy of its step: fail says where, skip leaves the row out, dead-letter keeps it', async () => {
    const failing = asking({})
    const t = await harness(app({ id: 'a' }).use(failing.answers))
    send(t, 1)
    await t.settle()
    failing.take(1).refuse('no such customer')
    await expect(t.settle()).rejects.toThrow('"ask" failed at rows/0 offset 0: no such customer')
    const skipping = asking({})
    skipping.answers.onError('skip')
    const s = await harness(app({ id: 'a' }).use(skipping.answers))
    for (const n of [1, 2]) send(s, n)
    await s.settle()
    skipping.take(1).refuse('no')
    skipping.take(2).answer('yes')
    expect(await s.take(skipping.answers)).toEqual(['yes'])
    expect(errors(s)).toBe(1)
    const dead = asking({})
    dead.answers.onError('dead-letter')
    const d = await harness(app({ id: 'a' }).use(dead.answers))
    send(d, 7)
    await d.settle()
    dead.take(7).refuse('no')
    expect(await d.take(topic<Row>('rows.dead'))).toEqual([{ key: 'a', n: 7, at: 7 }])
  })

  test('is one without an answer in time, too; its signal is aborted', async () => {
    const late = asking({ timeout: '2s' })
    late.answers.onError('skip')
    const t = await harness(app({ id: 'a' }).use(late.answers))
    for (const n of [1, 2]) send(t, n)
    await t.advanceWallClock('1s')
    const [first, second] = late.open
    second!.answer('two')
    expect(await t.take(late.answers)).toEqual([])
    await t.advanceWallClock('1s')
    expect(await t.take(late.answers)).toEqual(['two'])
    expect([first!.call.signal.aborted, second!.call.signal.aborted]).toEqual([true, false])
    first!.answer('too late')
    expect(await t.take(late.answers)).toEqual([])
    expect(errors(t)).toBe(1)
  })

  test('is made again after a pause that doubles, with the same key; others go on meanwhile', async () => {
    for (const retries of ['option', 'policy'] as const) {
      const again = asking({ order: 'any', ...(retries === 'option' ? { retry: 2 } : {}) })
      again.answers.onError(retries === 'option' ? 'skip' : { retry: 2, otherwise: 'skip' })
      const t = await harness(app({ id: 'a' }).use(again.answers))
      for (const n of [1, 2]) send(t, n)
      await t.settle()
      const keys: string[] = []
      for (const wait of ['99ms', '199ms'] as const) {
        const one = again.take(1)
        keys.push(`${one.call.key} ${one.call.attempt}`)
        one.refuse('busy')
        await t.advanceWallClock(wait)
        expect(again.open.length).toBe(1)
        await t.advanceWallClock('1ms')
        expect(again.open.length).toBe(2)
      }
      again.take(2).answer('two')
      expect(await t.take(again.answers)).toEqual(['two'])
      const last = again.take(1)
      keys.push(`${last.call.key} ${last.call.attempt}`)
      last.refuse('busy')
      expect(await t.take(again.answers)).toEqual([])
      expect(errors(t)).toBe(1)
      expect(keys).toEqual(['ask/rows/0/0 1', 'ask/rows/0/0 2', 'ask/rows/0/0 3'])
    }
  })

  test('at once, before its first await, is one that fails later', async () => {
    const thrown = rowsTopic
      .stream()
      .async('ask', (one): Promise<number> => {
        if (one.n === 1) throw new RangeError('one')
        return Promise.resolve(one.n)
      })
      .onError('skip')
    const t = await harness(app({ id: 'a' }).use(thrown))
    for (const n of [1, 2]) send(t, n)
    expect(await t.take(thrown)).toEqual([2])
  })
})

test('a row that fails beside it is undone with its call, and asked for once when it is tried again', async () => {
  const asked: string[] = []
  let failures = 2
  const answers = rowsTopic.stream().async('ask', async (one, { key }) => {
    asked.push(key)
    return one.n
  })
  const beside = rowsTopic
    .stream()
    .map((one) => {
      if (failures-- > 0) throw new Error('not now')
      return one.n
    })
    .onError({ retry: 5, backoff: '1s' })
  const t = await harness(app({ id: 'a' }).use(answers, beside))
  send(t, 4)
  await t.advanceWallClock('10s')
  expect(await t.take(answers)).toEqual([4])
  expect(asked).toEqual(['ask/rows/0/0'])
})

test('rows keep their keys: of the stream, and of the record where there is no other', async () => {
  const keyed = rowsTopic
    .stream()
    .keyBy('key')
    .async('one', async (one) => one.n)
    .count('n')
  const records = rowsTopic.stream().async('two', async (one) => one.n)
  records.to('copies')
  const t = await harness(app({ id: 'a' }).use(keyed, records))
  t.send(rowsTopic, { key: 'b', n: 1, at: 1 }, { key: 'own' })
  expect(await t.take(keyed)).toEqual([{ key: 'b', revision: 1, count: 1 }])
  const [copy] = t.log.records('copies', 0, 0)
  expect(new TextDecoder().decode(copy!.key!)).toBe('own')
})

test('refused: numbers that make no sense, and updates out of order; the graph says how it asks', () => {
  const rows = rowsTopic.stream()
  const call = async () => 1
  expect(() => rows.async('a', call, { concurrency: 0 })).toThrow('cannot make 0 calls at once')
  expect(() => rows.async('a', call, { retry: -1 })).toThrow('cannot try again -1 times')
  const updates = rows.keyBy('key').count('n')
  expect(() => planApp(app({ id: 'a' }).use(updates.async('a', call, { order: 'any' })))).toThrow(
    'out of order',
  )
  const { nodes } = describeApp(app({ id: 'a' }).use(updates.async('a', call, { timeout: '5s' })))
  expect(nodes.at(-1)).toMatchObject({
    id: 'a',
    kind: 'async',
    label: '16 at once, in order, 5s each',
    stateful: true,
  })
})
