// Mistakes that other engines have made with timers and state, each as a test under its number.
import { describe, expect, test } from 'bun:test'
import { app } from '../../src/streams/app.ts'
import { state } from '../../src/streams/keyed-state.ts'
import { output } from '../../src/streams/process-handler.ts'
import { MemoryStore } from '../../src/streams/state/memory-store.ts'
import { type Harness, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'

type Row = { key: string; tags: string[]; at: number }
const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
const keyed = rows.stream().keyBy('key')
const send = (t: Harness, key: string, at: number) => t.send(rows, { key, tags: ['new'], at })

describe('trap 12: timers are restored', () => {
  const timed = keyed.process('timed', {
    out: output<string>(),
    on(row, ctx) {
      ctx.timers.event('event', row.at + 100)
      ctx.timers.wall('wall', row.at + 1_000)
    },
    timers: {
      event: (ctx) => ctx.emit(`event ${ctx.key} ${ctx.eventTime}`),
      wall: (ctx) => ctx.emit(`wall ${ctx.key}`),
    },
  })

  test.each(['store-applied', 'frame-durable', 'store-corrupt', 'store-foreign'] as const)(
    'overdue ones fire in the order of time, not of keys, after %s, each once',
    async (point) => {
      const t = await harness(app({ id: 'timed' }).use(timed))
      for (const [key, at] of [
        ['a', 30],
        ['b', 10],
        ['c', 20],
      ] as const) {
        t.send(rows, { key, tags: [], at })
        await t.settle()
      }
      send(t, 'd', 31)
      await t.crashAt(point)
      t.clock.moveTo(60_000)
      await t.restart()
      expect(await t.take(timed.out)).toEqual(['wall b', 'wall c', 'wall a', 'wall d'])
      t.watermark(rows, 131)
      expect(await t.take(timed.out)).toEqual(['event b 110', 'event c 120', 'event a 130'])
      await t.crashAt('store-applied')
      await t.restart()
      t.finish(rows)
      await t.advanceWallClock('1h')
      expect(await t.take(timed.out)).toEqual(['event d 131'])
    },
  )
})

describe('trap 19: state', () => {
  test('cannot be changed in place, neither what was read nor what was set', async () => {
    const attempts: [name: string, attempt: (row: Row, read: unknown) => void][] = [
      ['read', (_, read) => void (read as { tags: string[] }).tags.push('changed')],
      ['set', (row) => void row.tags.push('changed')],
      ['deep', (_, read) => Object.assign((read as { in: object }).in, { n: 1 })],
    ]
    for (const [name, attempt] of attempts) {
      const p = keyed.process('p', {
        state: { last: state.value<unknown>({ tags: [], in: { n: 0 } }) },
        on(row, ctx) {
          if (name === 'set') ctx.state.last.set(row)
          attempt(row, ctx.state.last.get())
        },
      })
      const t = await harness(app({ id: 'p' }).use(p))
      send(t, 'a', 0)
      await expect(t.settle()).rejects.toThrow(/readonly|not extensible|read only|frozen/i)
    }
  })

  test('that comes back from the store is as frozen as before', async () => {
    const p = keyed.process('p', {
      state: { tags: state.list<string[]>({ max: 3 }) },
      on(row, ctx) {
        for (const tags of ctx.state.tags.get()) (tags as string[]).push('changed')
        ctx.state.tags.append(row.tags)
      },
    })
    const t = await harness(app({ id: 'p' }).use(p))
    send(t, 'a', 0)
    await t.stop()
    await t.restart()
    send(t, 'a', 1)
    const failure = await t.settle().then(() => '', String)
    expect(failure).toMatch(/readonly|not extensible|read only|frozen/i)
  })

  test('knows after a restart what expires, also if nobody touches it any more', async () => {
    const p = keyed.process('p', {
      state: { seen: state.map<string, number>({ ttl: '10ms' }) },
      on: (row, ctx) => ctx.state.seen.set('x', row.at),
    })
    const store = new MemoryStore()
    const t = await harness(app({ id: 'p' }).use(p), { openStore: () => store })
    const size = () => [...store.scan(new Uint8Array(), Uint8Array.of(255))].length
    for (let n = 0; n < 20; n++) send(t, `k${n}`, 0)
    await t.settle()
    expect(size()).toBeGreaterThan(20)
    await t.crashAt('store-applied')
    await t.restart()
    t.watermark(rows, 10)
    await t.settle()
    expect(size()).toBeGreaterThan(20)
    t.watermark(rows, 11)
    await t.settle()
    expect(size()).toBe(2)
  })
})

test('trap 20: a key that is refreshed in the step that sweeps it survives', async () => {
  const p = keyed.process('p', {
    state: { count: state.value(0, { ttl: '10ms' }) },
    out: output<number>(),
    on: (_, ctx) => ctx.emit(ctx.state.count.update((n) => n + 1)),
  })
  // One commit or one for each row: the sweep is due with the row that moves time, and the key is written around it.
  for (const commitRecordsMax of [1, 20_000]) {
    const t = await harness(app({ id: 'p' }).use(p), { limits: { commitRecordsMax } })
    for (const [key, at] of [
      ['a', 0],
      ['a', 10],
      ['b', 11],
      ['a', 11],
      ['b', 21],
      ['a', 21],
      ['b', 40],
      ['a', 40],
    ] as const) {
      send(t, key, at)
    }
    expect(await t.take(p.out)).toEqual([1, 2, 1, 3, 2, 4, 3, 1])
    await t.crashAt('store-applied')
    await t.restart()
    send(t, 'a', 41)
    expect(await t.take(p.out)).toEqual([2])
  }
})
