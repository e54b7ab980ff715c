// Process handlers: state of each key, timers of both clocks, outputs. Against a plain computation over all rows, and each
// promise by itself.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { app } from '../../src/streams/app.ts'
import { describe as describeApp } from '../../src/streams/describe.ts'
import { planApp } from '../../src/streams/graph/plan.ts'
import { state } from '../../src/streams/keyed-state.ts'
import { output } from '../../src/streams/process-handler.ts'
import { MemoryStore } from '../../src/streams/state/memory-store.ts'
import { type Harness, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'
import { play, smallLimits, stepOf } from './life.ts'
import { silences } from './oracle/silence.ts'

type Row = { key: string; n: number; at: number }
const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
const keyed = rows.stream().keyBy('key')
const sizeOf = (store: MemoryStore) => [...store.scan(new Uint8Array(), Uint8Array.of(255))].length
const send = (t: Harness, key: string, at: number, n = 0) => t.send(rows, { key, n, at })
const failing = (t: Harness) =>
  t.settle().then(
    () => null,
    (error: Error) => error.message,
  )

/** Everything at once: kinds of state with and without ttl, timers that are replaced, cancelled and set by each other. */
const everything = (ttl: number, quiet: number) =>
  keyed.process('all', {
    state: {
      n: state.value(0),
      recent: state.list<number>({ max: 3, ttl: `${ttl}ms` }),
      seen: state.set<number>({ ttl: `${ttl}ms` }),
      per: state.map<number, number>(),
    },
    out: output<{ key: string; at: number; said: unknown }>(),
    side: { resets: output<string>() },
    on({ n, at }, ctx) {
      const { recent, seen, per } = ctx.state
      ctx.state.n.update((count) => count + 1)
      recent.append(n)
      seen.add(n)
      per.update(n, (count = 0) => count + 1)
      if (n === 0) {
        ctx.timers.cancel('quiet')
        per.clear()
        ctx.emit('resets', ctx.key)
      } else {
        ctx.timers.event('quiet', at + quiet)
      }
      ctx.emit({ key: ctx.key, at, said: [ctx.state.n.get(), recent.get(), seen.values(), per.entries()] })
    },
    timers: {
      quiet(ctx) {
        ctx.emit({
          key: ctx.key,
          at: ctx.eventTime,
          said: ['quiet', ctx.state.recent.get(), ctx.state.seen.size],
        })
        ctx.timers.event('after', '2ms')
      },
      after: (ctx) => ctx.emit({ key: ctx.key, at: ctx.eventTime, said: ['after', ctx.state.n.get()] }),
    },
  })

const row = fc.record({
  key: fc.constantFrom('a', 'b', '\ud83d\ude00'),
  n: fc.integer({ min: 0, max: 3 }),
  at: fc.integer({ min: -30, max: 60 }),
})

test('state and timers come to what a plain computation comes to, kills anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepOf(row), { maxLength: 14 }),
      fc.constantFrom(1, 7, 30),
      fc.constantFrom(1, 5, 20),
      fc.record({ seed: fc.nat(), limits: smallLimits }),
      async (steps, ttl, quiet, options) => {
        const all = everything(ttl, quiet)
        const t = await harness(app({ id: 'all' }).use(all), options)
        const sent = await play(t, steps, (one) => t.send(rows, one))
        t.finish(rows)
        const expected = silences(sent, { ttl, quiet, listMax: 3 })
        expect(await t.take(all.out)).toEqual(expected.out)
        expect(await t.take(all.side.resets)).toEqual(expected.resets)
      },
    ),
    { numRuns: 80 },
  )
}, 60_000)

describe('wall-clock timers', () => {
  const ringing = (after: `${number}s` = '10s') =>
    keyed.process('ring', {
      out: output<string>(),
      on(row, ctx) {
        ctx.emit(`${row.key} at ${ctx.now}`)
        ctx.timers.wall('bell', after)
      },
      timers: { bell: (ctx) => ctx.emit(`${ctx.key} rings at ${ctx.now}`) },
    })

  test('fire when the clock shows their time; set again, they wait from then on', async () => {
    const ring = ringing()
    const t = await harness(app({ id: 'a' }).use(ring))
    send(t, 'a', 0)
    await t.advanceWallClock('9s')
    send(t, 'a', 1)
    await t.advanceWallClock('9s')
    expect(await t.take(ring.out)).toEqual(['a at 0', 'a at 9000'])
    await t.advanceWallClock('1s')
    expect(await t.take(ring.out)).toEqual(['a rings at 19000'])
    await t.advanceWallClock('100s')
    expect(await t.take(ring.out)).toEqual([])
  })

  test('one that the clock passed while the app was down fires before any new row, in order', async () => {
    const ring = ringing()
    const t = await harness(app({ id: 'a' }).use(ring))
    send(t, 'b', 0)
    await t.advanceWallClock('1s')
    send(t, 'a', 0)
    await t.take(ring.out)
    await t.stop()
    t.clock.moveTo(60_000)
    send(t, 'c', 0)
    t.flush()
    await t.restart()
    expect(await t.take(ring.out)).toEqual(['b rings at 60000', 'a rings at 60000', 'c at 60000'])
  })

  test('set while the app reads what was there before, they wait for its end; after it they are like others', async () => {
    const before = await harness(app({ id: 'before' }).use(rows.stream().map(() => 1)))
    for (let n = 0; n < 20; n++) send(before, `k${n % 2}`, n)
    await before.settle()
    const ring = ringing('1s')
    const t = await harness(app({ id: 'a' }).use(ring), { log: before.log, limits: { commitRecordsMax: 1 } })
    expect(await t.crashAt('frame-durable')).toBe(true)
    t.clock.moveTo(9_000)
    await t.restart()
    const said = await t.take(ring.out)
    expect([said.length, said.some((text) => text.includes('rings'))]).toEqual([20, false])
    // It was due long ago, but a later row has set it again.
    await t.advanceWallClock('1s')
    expect(await t.take(ring.out)).toEqual(['k0 rings at 10000', 'k1 rings at 10000'])
    // One that was set in such a wait and is still there once that is over does not wait for the next.
    const again = await harness(app({ id: 'b' }).use(ring), { log: before.log })
    await again.take(ring.out)
    await again.stop()
    again.clock.moveTo(50_000)
    send(again, 'new', 50)
    again.flush()
    await again.restart()
    expect(await again.take(ring.out)).toEqual(['k0 rings at 50000', 'k1 rings at 50000', 'new at 50000'])
  })

  test('what they do is in one commit with their end, whatever is killed', async () => {
    const counted = keyed.process('counted', {
      state: { rung: state.value(0) },
      out: output<{ key: string; rung: number }>(),
      on: (_, ctx) => ctx.timers.wall('bell', '1s'),
      timers: { bell: (ctx) => ctx.emit({ key: ctx.key, rung: ctx.state.rung.update((n) => n + 1) }) },
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(stepOf(row), { maxLength: 10 }),
        fc.record({ seed: fc.nat(), limits: smallLimits }),
        async (steps, options) => {
          const t = await harness(app({ id: 'counted' }).use(counted), options)
          const sent = await play(t, steps, (one) => t.send(rows, one))
          await t.advanceWallClock('1s')
          const last = new Map<string, number>()
          for (const { key, rung } of await t.take(counted.out)) {
            expect(rung).toBe((last.get(key) ?? 0) + 1)
            last.set(key, rung)
          }
          expect([...last.keys()].sort()).toEqual([...new Set(sent.map(({ key }) => key))].sort())
          await t.advanceWallClock('10s')
          expect(await t.take(counted.out)).toEqual([])
        },
      ),
      { numRuns: 40 },
    )
  }, 60_000)
})

describe('event timers', () => {
  test('fire once all rows up to their time have been seen, and not before', async () => {
    const one = keyed.process('one', {
      out: output<number>(),
      on: (row, ctx) => {
        if (row.n === 1) ctx.timers.event('end', 100)
      },
      timers: { end: (ctx) => ctx.emit(ctx.eventTime) },
    })
    const t = await harness(app({ id: 'a' }).use(one))
    send(t, 'a', 0, 1)
    t.watermark(rows, 100)
    expect(await t.take(one.out)).toEqual([])
    t.watermark(rows, 101)
    expect(await t.take(one.out)).toEqual([100])
  })

  test('in the order of time, then key bytes, then name; a commit that is full in between changes nothing', async () => {
    const order = keyed.process('order', {
      out: output<string>(),
      on: (row, ctx) => {
        ctx.timers.event('b', row.n)
        ctx.timers.event('a', row.n)
      },
      timers: {
        a: (ctx) => ctx.emit(`${ctx.eventTime}${ctx.key}a`),
        b: (ctx) => ctx.emit(`${ctx.eventTime}${ctx.key}b`),
      },
    })
    for (const commitSizeBytesMax of [1, 4_000_000]) {
      const t = await harness(app({ id: 'a' }).use(order), { limits: { commitSizeBytesMax } })
      for (const [key, n] of [
        ['b', 7],
        ['\u{1f600}', 5],
        ['\uff5e', 5],
        ['a', 7],
      ] as const)
        send(t, key, 0, n)
      t.watermark(rows, 8)
      expect(await t.take(order.out)).toEqual([
        '5\uff5ea',
        '5\uff5eb',
        '5\u{1f600}a',
        '5\u{1f600}b',
        '7aa',
        '7ab',
        '7ba',
        '7bb',
      ])
    }
  })

  test('one that sets itself again without end is an error that says so', async () => {
    const endless = (policy: 'fail' | 'skip') =>
      keyed
        .process('endless', {
          out: output<number>(),
          on: (_, ctx) => ctx.timers.event('again', ctx.eventTime),
          timers: { again: (ctx) => ctx.timers.event('again', ctx.eventTime) },
        })
        .out.onError(policy)
    const limits = { timerChainMax: 50 }
    const failed = await harness(app({ id: 'a' }).use(endless('fail')), { limits })
    send(failed, 'a', 0)
    failed.watermark(rows, 10)
    expect(await failing(failed)).toContain('sets itself again without end')
    const skipped = await harness(app({ id: 'a' }).use(endless('skip')), { limits })
    send(skipped, 'a', 0)
    skipped.watermark(rows, 10)
    await skipped.settle()
    expect(skipped.status().nodes.find(({ id }) => id === 'endless')!.errors).toBe(1)
  })

  test('a clock of its own: a timer every second over a jump of an hour fires 3600 times', async () => {
    const every = keyed.process('every', {
      out: output<number>(),
      on: (_, ctx) => ctx.timers.event('tick', '1s'),
      timers: {
        tick(ctx) {
          ctx.emit(ctx.eventTime)
          ctx.timers.event('tick', '1s')
        },
      },
    })
    const t = await harness(app({ id: 'a' }).use(every))
    send(t, 'a', 0)
    t.watermark(rows, '1h')
    const times = await t.take(every.out)
    expect(times).toEqual(Array.from({ length: 3_599 }, (_, n) => (n + 1) * 1_000))
  })

  test('what they emit is on time for what follows', async () => {
    const marks = keyed.process('marks', {
      out: output<{ key: string }>(),
      on: (_, ctx) => ctx.timers.event('mark', '5s'),
      timers: { mark: (ctx) => ctx.emit({ key: ctx.key }) },
    })
    const { agg } = await import('../../src/streams/aggregator.ts')
    const { window } = await import('../../src/streams/window.ts')
    const counted = marks.out
      .window('counted', window.tumbling('10s', { grace: '0s' }))
      .aggregate({ n: agg.count() })
      .emit('on-close')
    const t = await harness(app({ id: 'a' }).use(counted))
    send(t, 'a', 1_000)
    t.watermark(rows, '1h')
    expect(await t.take(counted.out)).toMatchObject([{ window: { start: 0, end: 10_000 }, n: 1 }])
    expect(await t.take(counted.late)).toEqual([])
  })

  test('are refused at work without event time, for a name without a handler, and for half a millisecond', async () => {
    const untimed = topic<Row>('untimed')
    const set = (when: () => number, name = 'end') =>
      untimed
        .stream()
        .keyBy('key')
        .process('p', {
          on: (_, ctx) => ctx.timers.event(name as 'end', when()),
          timers: { end: () => undefined },
        }).out
    const t = await harness(app({ id: 'a' }).use(set(() => 1)))
    t.send(untimed, { key: 'a', n: 0, at: 0 })
    expect(await failing(t)).toContain('there is no event time')
    const timed = (when: number, name: string) =>
      keyed.process('p', {
        on: (_, ctx) => ctx.timers.event(name as 'end', when),
        timers: { end: () => undefined },
      }).out
    for (const [when, name, why] of [
      [1, 'other', 'there is no timer "other"'],
      [0.5, 'end', 'whole milliseconds'],
      [1, 'toString', 'there is no timer "toString"'],
    ] as const) {
      const other = await harness(app({ id: 'a' }).use(timed(when, name)))
      send(other, 'a', 0)
      expect(await failing(other)).toContain(why)
    }
  })

  test('one whose handler is gone stops the app with the way back', async () => {
    const set = keyed.process('p', {
      on: (_, ctx) => ctx.timers.event('end', 5),
      timers: { end: () => undefined },
    })
    const t = await harness(app({ id: 'a' }).use(set))
    send(t, 'a', 0)
    await t.stop()
    const gone = await harness(app({ id: 'a' }).use(keyed.process('p', { on: () => undefined })), {
      log: t.log,
    })
    gone.watermark(rows, 6)
    expect(await failing(gone)).toContain('there is no timer "end" any more')
  })
})

describe('state', () => {
  test('is what it was after a row that failed: values, lists, maps, sets, timers, and what was emitted', async () => {
    const p = keyed.process('p', {
      state: {
        v: state.value<{ n: number }>({ n: 0 }),
        l: state.list<number>({ max: 2 }),
        m: state.map<string, number>(),
        s: state.set<number>(),
      },
      out: output<unknown>(),
      on({ n }, ctx) {
        const { v, l, m, s } = ctx.state
        v.set({ n })
        l.append(n)
        m.set(`k${n}`, n)
        m.delete('k1')
        s.add(n)
        s.delete(1)
        if (n === 1) m.set('k1', 1)
        ctx.timers.event('t', n === 3 ? 1 : 100 + n)
        ctx.emit([v.get(), l.get(), m.entries(), s.values()])
        if (n === 3) throw new Error('three')
      },
      timers: { t: (ctx) => ctx.emit(['t', ctx.eventTime, ctx.state.l.get(), ctx.state.m.size]) },
    })
    p.out.onError('skip')
    const t = await harness(app({ id: 'a' }).use(p))
    for (const n of [1, 2, 3, 3, 4]) send(t, 'a', n, n)
    t.watermark(rows, 200)
    expect(await t.take(p.out)).toEqual([
      [{ n: 1 }, [1], [['k1', 1]], []],
      [{ n: 2 }, [1, 2], [['k2', 2]], [2]],
      [
        { n: 4 },
        [2, 4],
        [
          ['k2', 2],
          ['k4', 4],
        ],
        [2, 4],
      ],
      ['t', 104, [2, 4], 2],
    ])
  })

  test('that JSON does not know is refused, wherever it hides', async () => {
    for (const value of [
      undefined,
      Number.NaN,
      new Date(0),
      new Map(),
      { a: [() => 1] },
      1n,
      new (class A {})(),
    ]) {
      const p = keyed.process('p', {
        state: { v: state.value<unknown>(null) },
        on: (_, ctx) => ctx.state.v.set(value),
      })
      const t = await harness(app({ id: 'a' }).use(p))
      send(t, 'a', 0)
      expect(await failing(t)).toContain('cannot be kept as state')
    }
  })

  test('leaves memory and comes back, in order, under any limit', async () => {
    const p = keyed.process('p', {
      state: { l: state.list<number>({ max: 4 }), m: state.map<number, string>() },
      out: output<unknown>(),
      on({ n, key }, ctx) {
        ctx.state.l.append(n)
        ctx.state.m.set(n % 5, key)
        ctx.emit([key, ctx.state.l.get(), ctx.state.m.entries()])
      },
    })
    const said = async (workingKeysMax: number) => {
      const t = await harness(app({ id: 'a' }).use(p), { limits: { workingKeysMax, commitRecordsMax: 1 } })
      for (let n = 0; n < 60; n++) send(t, `k${n % 7}`, n, n % 11)
      return t.take(p.out)
    }
    expect(await said(0)).toEqual(await said(1_000))
  })

  test('with a ttl returns to its floor; so do timers', async () => {
    const store = new MemoryStore()
    const p = keyed.process('p', {
      state: {
        v: state.value(0, { ttl: '10ms' }),
        l: state.list<number>({ max: 5, ttl: '10ms' }),
        m: state.map<string, number>({ ttl: '10ms' }),
        s: state.set<number>({ ttl: '10ms' }),
      },
      on({ n }, ctx) {
        const { v, l, m, s } = ctx.state
        v.set(n)
        l.append(n)
        m.set(`m${n}`, n)
        s.add(n)
        ctx.timers.event('t', '5ms')
        ctx.timers.wall('w', '5s')
      },
      timers: { t: () => undefined, w: () => undefined },
    })
    const t = await harness(app({ id: 'a' }).use(p), { openStore: () => store })
    send(t, 'other', 0)
    await t.settle()
    for (let n = 0; n < 300; n++) send(t, `k${n}`, 50 + (n % 3), n)
    await t.settle()
    expect(sizeOf(store)).toBeGreaterThan(300 * 6)
    await t.crashAt('store-applied')
    await t.restart()
    t.watermark(rows, 63)
    await t.advanceWallClock('5s')
    // The task, the signature of the node, and how often timers waited.
    expect(sizeOf(store)).toBeLessThanOrEqual(3)
  })

  test('declared states may come and go; one that comes back as something else is refused', async () => {
    const make = (states: Parameters<typeof keyed.process>[1]['state']) =>
      app({ id: 'a' }).use(keyed.process('p', { state: states ?? {}, on: () => undefined }))
    const t = await harness(make({ a: state.value(1) }))
    send(t, 'a', 0)
    await t.stop()
    const more = await harness(make({ b: state.set() }), { log: t.log })
    send(more, 'a', 0)
    await more.stop()
    await (await harness(make({ a: state.value(2), b: state.set() }), { log: t.log })).stop()
    await expect(harness(make({ a: state.set() }), { log: t.log })).rejects.toThrow(
      'does not fit: its columns were a (value)',
    )
  })
})

describe('rows behind event time', () => {
  const late = (option: { late?: 'aside' | ((row: Row, ctx: { emit(text: string): void }) => void) }) =>
    keyed.process('p', { out: output<string>(), on: (row, ctx) => ctx.emit(`on ${row.at}`), ...option })
  const feed = async (p: ReturnType<typeof late>) => {
    const t = await harness(app({ id: 'a' }).use(p))
    for (const at of [10, 9, 10]) send(t, 'a', at)
    await t.settle()
    const stats = t.status().nodes.find(({ id }) => id === 'p')!
    return { t, stats }
  }

  test('are rows like others, unless said: to a function of their own, or aside', async () => {
    const plain = late({})
    const usual = await harness(app({ id: 'a' }).use(plain))
    for (const at of [10, 9]) send(usual, 'a', at)
    expect(await usual.take(plain.out)).toEqual(['on 10', 'on 9'])
    const own = late({ late: (row, ctx) => ctx.emit(`late ${row.at}`) })
    const handled = await harness(app({ id: 'a' }).use(own))
    for (const at of [10, 9]) send(handled, 'a', at)
    expect(await handled.take(own.out)).toEqual(['on 10', 'late 9'])
    const aside = late({ late: 'aside' })
    const { t, stats } = await feed(aside)
    expect(stats).toMatchObject({ recordsIn: 3, recordsOut: 2, late: 1 })
    expect(await t.take(aside.late)).toMatchObject([{ value: { at: 9 }, watermark: 10, lateBy: 1 }])
  })
})

describe('refused:', () => {
  test('rows without a key, a ttl without time, promises, outputs and names that are none', async () => {
    const unkeyed = rows.stream() as unknown as typeof keyed
    expect(() => planApp(app({ id: 'a' }).use(unkeyed.process('p', { on: () => undefined })))).toThrow(
      'no key',
    )
    const untimed = topic<Row>('untimed').stream().keyBy('key')
    const dated = untimed.process('p', { state: { v: state.value(0, { ttl: '1s' }) }, on: () => undefined })
    expect(() => planApp(app({ id: 'a' }).use(dated))).toThrow('would never forget "v"')
    expect(() => keyed.process('p', { state: { 'a b': state.value(0) }, on: () => undefined })).toThrow(
      'name',
    )
    expect(() => state.list({ max: 0 })).toThrow('cannot hold 0 items')
    for (const [on, why] of [
      [async () => undefined, 'must be synchronous'],
      [
        (_: Row, ctx: { emit(name: string, row: unknown): void }) => ctx.emit('other', 1),
        'no side output "other"',
      ],
    ] as const) {
      const t = await harness(app({ id: 'a' }).use(keyed.process('p', { on: on as never })))
      send(t, 'a', 0)
      expect(await failing(t)).toContain(why)
    }
  })

  test('the graph says what a handler keeps', () => {
    const all = everything(1, 1)
    const { nodes } = describeApp(app({ id: 'a' }).use(all))
    expect(nodes.find(({ id }) => id === 'all')).toEqual({
      id: 'all',
      kind: 'process',
      label: 'keeps n (value), recent (list), seen (set), per (map); timers quiet, after',
      stateful: true,
    })
  })
})
