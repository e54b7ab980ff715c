import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { BrokerError } from '#base'
import { type AppPart, agg, app, output, state, topic, window } from '#streams'
import { planApp } from '../../../src/streams/graph/plan.ts'
import { MemoryStore } from '../../../src/streams/state/memory-store.ts'
import { MutationSet } from '../../../src/streams/state/state-store.ts'
import { AppTables } from '../../../src/streams/tables/app-tables.ts'
import { CommittedState } from '../../../src/streams/tables/committed-state.ts'
import { harness } from '../../../src/streams/testing/index.ts'

type Row = { key: string; amount: number; at: number }
const runs = Number(process.env['SEEDS'] ?? 25)
const keys = ['a', 'ab', 'b', 'é', 'a b', '1', 'true', '']

const rowsOf = fc.array(
  fc.record({ key: fc.constantFrom(...keys), amount: fc.integer({ min: -5, max: 5 }), at: fc.nat(3_000) }),
  { maxLength: 60 },
)
const setting = fc.record({
  rows: rowsOf,
  partitions: fc.constantFrom(1, 3),
  applyMutationsMax: fc.constantFrom(1, 3, 100_000),
  seed: fc.nat(1_000),
  restart: fc.boolean(),
})

const rows = (partitions: number) =>
  topic<Row>('rows', { partitions, time: { at: (row) => row.at, outOfOrder: '1h' } })

type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never

/** What a table shows after these rows, through whatever commits, unapplied changes and restarts. */
async function shown({ rows: sent, partitions, applyMutationsMax, seed, restart }: Setting, build: Build) {
  const source = rows(partitions)
  const t = await harness(app({ id: 'shop' }).use(build(source)), { seed, limits: { applyMutationsMax } })
  for (const row of sent.slice(0, sent.length / 2)) t.send(source, row)
  await t.settle()
  if (restart) {
    await t.crashAt('frame-durable')
    await t.restart()
  }
  for (const row of sent.slice(sent.length / 2)) t.send(source, row)
  return t
}
type Build = (source: ReturnType<typeof rows>) => AppPart

const byText = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const check = (property: (one: Setting) => Promise<void>) =>
  fc.assert(fc.asyncProperty(setting, property), { numRuns: runs })

describe('a table shows what its rows come to', () => {
  test('of an aggregate: each key once, in the order of the bytes of the keys', () =>
    check(async (one) => {
      const t = await shown(one, (source) =>
        source
          .stream()
          .keyBy('key')
          .aggregate('totals', { n: agg.count(), total: agg.sum('amount') }),
      )
      const wanted = [...new Set(one.rows.map(({ key }) => key))].sort(byText).map((key) => {
        const own = one.rows.filter((row) => row.key === key)
        return {
          key,
          at: Math.max(...own.map(({ at }) => at)),
          value: { n: own.length, total: own.reduce((sum, { amount }) => sum + amount, 0) },
        }
      })
      expect(await t.rows('totals')).toEqual(wanted)
      for (const key of keys) {
        expect(await t.rows('totals', { key })).toEqual(wanted.filter((row) => row.key === key))
      }
      expect(await t.rows('totals', { prefix: 'a' })).toEqual(wanted.filter(({ key }) => key.startsWith('a')))
      expect(await t.rows('totals', { from: 'a', to: 'b' })).toEqual(
        wanted.filter(({ key }) => byText(key, 'a') >= 0 && byText(key, 'b') < 0),
      )
    }))

  for (const [name, size, every] of [
    ['tumbling', 1_000, 1_000],
    ['hopping, in panes', 1_000, 500],
    ['hopping, in whole windows', 1_000, 300],
  ] as const) {
    test(`of windows: ${name}`, () =>
      check(async (one) => {
        const shape =
          size === every
            ? window.tumbling(`${size}ms`, { grace: '2h' })
            : window.hopping(`${size}ms`, { every: `${every}ms`, grace: '2h' })
        const t = await shown(one, (source) =>
          source.stream().keyBy('key').window('counts', shape).aggregate({ n: agg.count() }).emit('on-close'),
        )
        const counts = new Map<string, { key: string; start: number; n: number; at: number }>()
        for (const { key, at } of one.rows) {
          for (let start = Math.floor(at / every) * every; start > at - size; start -= every) {
            const before = counts.get(`${start} ${key}`)
            counts.set(`${start} ${key}`, {
              key,
              start,
              n: (before?.n ?? 0) + 1,
              at: Math.max(at, before?.at ?? at),
            })
          }
        }
        const wanted = [...counts.values()]
          .sort((a, b) => a.start - b.start || byText(a.key, b.key))
          .map(({ key, start, n, at }) => ({ key, window: { start, end: start + size }, at, value: { n } }))
        expect(await t.rows('counts')).toEqual(wanted)
        expect(await t.rows('counts', { key: 'a' })).toEqual(wanted.filter(({ key }) => key === 'a'))
        const choice = { windowFrom: 900, windowTo: 2_000, prefix: 'a' }
        expect(await t.rows('counts', choice)).toEqual(
          wanted.filter(
            ({ key, window: { start } }) => key.startsWith('a') && start >= 900 && start <= 2_000,
          ),
        )
      }))
  }

  test('of sessions', () =>
    check(async (one) => {
      const shape = window.session({ gap: '100ms', grace: '2h' })
      const t = await shown(one, (source) =>
        source.stream().keyBy('key').window('visits', shape).aggregate({ n: agg.count() }).emit('on-close'),
      )
      const wanted = [...new Set(one.rows.map(({ key }) => key))].sort(byText).flatMap((key) => {
        const times = one.rows.filter((row) => row.key === key).map(({ at }) => at)
        const sessions: { start: number; end: number; n: number }[] = []
        for (const at of times.sort((a, b) => a - b)) {
          const last = sessions.at(-1)
          if (last !== undefined && at - last.end <= 100) Object.assign(last, { end: at, n: last.n + 1 })
          else sessions.push({ start: at, end: at, n: 1 })
        }
        return sessions.map(({ start, end, n }) => ({ key, window: { start, end }, at: end, value: { n } }))
      })
      expect((await t.rows('visits')).sort(byPlace)).toEqual(wanted.sort(byPlace))
      expect(await t.rows('visits', { key: 'a' })).toEqual(wanted.filter(({ key }) => key === 'a'))
      const some = wanted.filter(({ window: { start } }) => start >= 1_000)
      expect((await t.rows('visits', { windowFrom: 1_000 })).sort(byPlace)).toEqual(some)
    }))

  test('of sliding windows', () =>
    check(async (one) => {
      const shape = window.sliding('100ms', { grace: '2h' })
      const t = await shown(one, (source) =>
        source.stream().keyBy('key').window('recent', shape).aggregate({ n: agg.count() }).emit('on-close'),
      )
      const anchors = new Set(one.rows.map(({ key, at }) => JSON.stringify([key, at])))
      const wanted = [...anchors].map((text) => {
        const [key, at] = JSON.parse(text) as [string, number]
        const n = one.rows.filter((row) => row.key === key && row.at <= at && row.at >= at - 100).length
        return { key, window: { start: at - 100, end: at }, at, value: { n } }
      })
      expect((await t.rows('recent')).sort(byPlace)).toEqual(wanted.sort(byPlace))
      expect(await t.rows('recent', { key: 'ab' })).toEqual(wanted.filter(({ key }) => key === 'ab'))
    }))
})

const byPlace = (
  a: { key: unknown; window?: { start: number } },
  b: { key: unknown; window?: { start: number } },
) => byText(String(a.key), String(b.key)) || (a.window?.start ?? 0) - (b.window?.start ?? 0)

test('closed windows are gone, open ones stay', async () => {
  const source = topic<Row>('rows', { time: { at: (row) => row.at } })
  const counts = source
    .stream()
    .keyBy('key')
    .window('counts', window.hopping('2s', { every: '1s', grace: '0s' }))
    .aggregate({ n: agg.count() })
    .emit('on-close')
  const t = await harness(app({ id: 'shop' }).use(counts))
  for (const at of [0, 1_500, 2_000]) t.send(source, { key: 'a', amount: 1, at })
  expect((await t.rows('counts')).map(({ window: bounds, value }) => [bounds!.start, value])).toEqual([
    [1_000, { n: 2 }],
    [2_000, { n: 1 }],
  ])
})

test('a table that is looked up, a table of two, a join that waits and identities are shown as they are kept', async () => {
  const orders = topic<{ id: string; region: string; at: number }>('orders', {
    time: { at: (one) => one.at },
  })
  const regions = topic<{ region: string; manager: string }>('regions', { key: 'region' })
  const prices = topic<{ region: string; price: number }>('prices', { key: 'region' })
  const stream = orders.stream().keyBy('region')
  const select = (a: unknown, b: unknown) => [a, b]
  const looked = stream.join('managers', regions.table(), { select })
  const both = regions.table().join('offers', prices.table(), { select })
  const joined = stream.joinWithin('near', orders.stream().keyBy('id'), {
    before: '1s',
    after: '1s',
    grace: '0s',
    select,
  })
  const once = stream.dedupe('once', { ttl: '10s', by: 'id' })
  const t = await harness(app({ id: 'shop' }).use(looked, both, joined.out, once.out))
  t.send(regions, { region: 'north', manager: 'Ada' })
  t.send(prices, { region: 'north', price: 2 })
  await t.settle()
  t.send(orders, { id: '1', region: 'north', at: 0 })
  const ada = { region: 'north', manager: 'Ada' }
  expect(await t.rows('managers')).toEqual([{ key: 'north', value: ada }])
  expect(await t.rows('offers')).toEqual([
    { key: 'north', side: 'left', value: ada },
    { key: 'north', side: 'right', value: { region: 'north', price: 2 } },
  ])
  const order = { id: '1', region: 'north', at: 0 }
  expect(await t.rows('near')).toEqual([
    { key: 'north', at: 0, side: 'left', value: order },
    { key: '1', at: 0, side: 'right', value: order },
  ])
  expect(await t.rows('once')).toEqual([{ key: '["north","1"]', at: 0, value: null }])
  t.sendRaw(regions, null, { key: 'north' })
  expect(await t.rows('managers')).toEqual([])
})

test('keys that are numbers and booleans are found by their text', async () => {
  const source = topic<{ n: number | boolean | string }>('rows')
  const t = await harness(app({ id: 'shop' }).use(source.stream().keyBy('n').count('counts')))
  for (const n of [1, '1', true, -0.5]) t.send(source, { n })
  expect((await t.rows('counts')).map(({ key }) => key)).toEqual([true, -0.5, 1, '1'])
  expect((await t.rows('counts', { key: '1' })).map(({ key }) => key)).toEqual([1, '1'])
  expect((await t.rows('counts', { key: '-0.5' })).map(({ key }) => key)).toEqual([-0.5])
})

test('what is committed and not applied to the store is shown; what is not committed is not', async () => {
  const source = topic<Row>('rows')
  const counts = source.stream().keyBy('key').count('counts')
  const t = await harness(app({ id: 'shop' }).use(counts), {
    limits: { applyMutationsMax: 1e9, applyAfterMs: 1e9 },
  })
  t.send(source, { key: 'a', amount: 1, at: 0 })
  expect(await t.rows('counts')).toMatchObject([{ key: 'a', value: { count: 1 } }])
  t.send(source, { key: 'a', amount: 1, at: 0 })
  await t.crashAt('overlay-written')
  await t.restart()
  expect(await t.rows('counts')).toMatchObject([{ key: 'a', value: { count: 2 } }])
})

test('wrong questions are refused by name', async () => {
  const source = topic<Row>('rows')
  const t = await harness(app({ id: 'shop' }).use(source.stream().keyBy('key').count('counts')))
  const refused = async (question: Promise<unknown>) => {
    const thrown = await question.catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(BrokerError)
    return (thrown as BrokerError).message
  }
  expect(await refused(t.rows('count'))).toContain('did you mean "counts"?')
  expect(await refused(t.rows('counts', { cursor: '!' } as object))).toContain('is not where an answer ended')
})

test('a table knows the field that is its key, also behind a repartition', async () => {
  const source = rows(3)
  const t = await harness(app({ id: 'shop' }).use(source.stream().keyBy('key').count('counts')))
  t.send(source, { key: 'a', amount: 1, at: 5 })
  await t.settle()
  expect(t.tables()).toMatchObject([
    { node: 'counts', kind: 'aggregate', key: 'key', columns: ['count'], rows: 1 },
  ])
})

test('a process handler shows each state of each key, and nothing that has expired', async () => {
  const source = topic<Row>('rows', { partitions: 2, time: { at: (row) => row.at, outOfOrder: '1h' } })
  const handled = source
    .stream()
    .keyBy('key')
    .process('handled', {
      state: {
        last: state.value(0),
        seen: state.list<number>({ max: 2 }),
        by: state.map<string, number>(),
        brief: state.value(0, { ttl: '100ms' }),
      },
      out: output<number>(),
      on(row, ctx) {
        ctx.state.last.set(row.amount)
        ctx.state.seen.append(row.amount)
        ctx.state.by.set(`m${row.amount}`, row.at)
        ctx.state.brief.set(row.amount)
      },
    })
  const t = await harness(app({ id: 'shop' }).use(handled.out), { limits: { applyMutationsMax: 3 } })
  for (const [key, amount, at] of [
    ['a', 1, 10],
    ['a', 2, 20],
    ['a', 3, 30],
    ['bb', 9, 40],
  ] as const) {
    t.send(source, { key, amount, at })
  }
  const of = async (key: string) =>
    (await t.rows('handled', { key })).map(({ value, at }) => [...Object.values(value as object), at])
  expect(await of('a')).toEqual([
    ['brief', null, 3, 30],
    ['by', 'm1', 10, 10],
    ['by', 'm2', 20, 20],
    ['by', 'm3', 30, 30],
    ['last', null, 3, 30],
    ['seen', null, 2, 20],
    ['seen', null, 3, 30],
  ])
  expect(await t.rows('handled')).toHaveLength(7 + 4)
  expect(await t.rows('handled', { prefix: 'b' })).toHaveLength(4)
  t.watermark(source, 135)
  expect((await of('a')).filter(([name]) => name === 'brief')).toEqual([])
  expect((await of('bb')).filter(([name]) => name === 'brief')).toHaveLength(1)
})

test('positions are those of the inputs of the table, and a question waits for them', async () => {
  const source = topic<Row>('rows', { time: { at: (row) => row.at } })
  const others = topic<Row>('others', { key: 'key' })
  const keyed = source.stream().keyBy('key')
  const counts = keyed.count('counts')
  const joined = keyed.join('joined', others.table(), { select: (row, other) => [row.at, other.at] })
  const t = await harness(app({ id: 'shop' }).use(counts, joined))
  t.send(source, { key: 'a', amount: 1, at: 5 })
  await t.settle()
  const inputsOf = (node: string) =>
    t
      .tables()
      .find((one) => one.node === node)!
      .positions.flatMap(({ inputs }) => inputs)
  expect(inputsOf('counts')).toEqual([{ topic: 'rows', partition: 0, next: 1 }])
  expect(inputsOf('joined').map((input) => input.topic)).toEqual(['others', 'rows'])
  const wait = (node: string, place: object) => t.rows(node, { waitFor: [place] } as object)
  expect(await wait('counts', { partition: 0, offset: 0 })).toHaveLength(1)
  expect(await wait('joined', { topic: 'rows', partition: 0, offset: 0 })).toEqual([])
  await expect(wait('counts', { partition: 0, offset: 1 })).rejects.toMatchObject({ code: 'timeout' })
  await expect(wait('joined', { partition: 0, offset: 0 })).rejects.toMatchObject({ code: 'timeout' })
  const refused = { code: 'invalid_request', details: { parameter: 'waitFor' } }
  await expect(wait('counts', { partition: 1, offset: 0 })).rejects.toMatchObject({
    ...refused,
    message: 'there is no partition 1 in the input "rows" of table "counts"',
  })
  await expect(wait('counts', { topic: 'others', partition: 0, offset: 0 })).rejects.toMatchObject({
    ...refused,
    message: 'topic "others" is no input of table "counts"',
    fix: 'name an input and a position in it, as in rows:0:15; the inputs are rows (partition 0)',
  })
})

test('behind a repartition a position must name its topic: offsets of the source mean nothing there', async () => {
  const source = rows(3)
  const t = await harness(app({ id: 'shop' }).use(source.stream().keyBy('key').count('counts')))
  t.send(source, { key: 'a', amount: 1, at: 5 })
  await t.settle()
  const all = t.tables()[0]!.positions.flatMap(({ inputs }) => inputs)
  const { topic: internal, partition } = all.find(({ next }) => next > 0)!
  expect(internal).not.toBe('rows')
  const wait = (place: object) => t.rows('counts', { waitFor: [place] } as object)
  for (const place of [
    { partition: 0, offset: 0 },
    { topic: 'rows', partition: 0, offset: 0 },
    { topic: internal, partition: 3, offset: 0 },
  ]) {
    await expect(wait(place)).rejects.toMatchObject({
      code: 'invalid_request',
      fix: `name an input and a position in it, as in ${internal}:0:15; the inputs are ${internal} (partitions 0 to 2)`,
    })
  }
  expect(await wait({ topic: internal, partition, offset: 0 })).toHaveLength(1)
})

test('a cursor is of the table that gave it, and of nothing else', async () => {
  const source = topic<Row>('rows', { time: { at: (row) => row.at } })
  const keyed = source.stream().keyBy('key')
  const windowed = (name: string, shape: Parameters<typeof keyed.window>[1]) =>
    keyed.window(name, shape).aggregate({ n: agg.count() }).emit('on-close')
  const near = { before: '0s', after: '1h', grace: '0s', select: (a: Row, b: Row) => [a, b] } as const
  const built = app({ id: 'shop' }).use(
    keyed.count('counts'),
    keyed.count('others'),
    windowed('fixed', window.tumbling('1ms', { grace: '1h' })),
    windowed('panes', window.hopping('4ms', { every: '1ms', grace: '1h' })),
    windowed('recent', window.sliding('4ms', { grace: '1h' })),
    windowed('visits', window.session({ gap: '1ms', grace: '1h' })),
    keyed.joinWithin('near', keyed, near),
  )
  const store = new MemoryStore()
  const t = await harness(built, { openStore: () => store })
  for (let at = 0; at < 6; at++) t.send(source, { key: `k${at}`, amount: 1, at })
  await t.settle()
  const committed = new CommittedState(store, new MutationSet(), () => null)
  const plan = planApp(built)
  const tables = new AppTables({ plan, tasks: [{ name: 'rows-0', committed }], clock: t.clock })
  const ask = (node: string, cursor?: string) =>
    tables.rows({ t: 'rows', node, limit: 2, waitMs: 0, ...(cursor === undefined ? {} : { cursor }) })
  const nodes = ['counts', 'others', 'fixed', 'panes', 'recent', 'visits', 'near']
  const cursors = await Promise.all(nodes.map(async (node) => (await ask(node)).next!))
  for (const [index, node] of nodes.entries()) {
    const own = cursors[index]!
    expect((await ask(node, own)).rows).not.toEqual((await ask(node)).rows)
    const foreign = cursors.filter((_, other) => other !== index)
    for (const cursor of ['AA', 'cg', 'AAAAAAAAAAA', own.slice(0, -4), `${own}AAAA`, ...foreign]) {
      await expect(ask(node, cursor)).rejects.toMatchObject({
        code: 'invalid_request',
        message: `"${cursor}" is not where an answer ended`,
      })
    }
  }
})

describe('what an answer may cost is bounded', () => {
  const committed = async (sent: readonly Row[]) => {
    const store = new MemoryStore()
    const source = topic<Row>('rows', { time: { at: (row) => row.at } })
    const visits = source
      .stream()
      .keyBy('key')
      .window('visits', window.session({ gap: '1ms', grace: '1h' }))
      .aggregate({ n: agg.count() })
      .emit('on-close')
    const built = app({ id: 'shop' }).use(visits)
    const t = await harness(built, { openStore: () => store })
    for (const row of sent) t.send(source, row)
    await t.settle()
    const state = new CommittedState(store, new MutationSet(), () => null)
    return { plan: planApp(built), tasks: [{ name: 'rows-0', committed: state }], clock: t.clock }
  }
  const rows = Array.from({ length: 20 }, (_, n) => ({ key: `k${n}`, amount: 1, at: n }))
  const question = { t: 'rows', node: 'visits', limit: 5, waitMs: 0 } as const

  test('by what is looked at and not wanted', async () => {
    const tables = new AppTables({ ...(await committed(rows)), limits: { scannedMax: 10 } })
    expect((await tables.rows(question)).rows).toHaveLength(5)
    await expect(tables.rows({ ...question, windowFrom: 1_000 })).rejects.toMatchObject({ code: 'too_large' })
  })

  test('by its size, and by the rows it may have', async () => {
    const parts = await committed(rows)
    const small = new AppTables({ ...parts, limits: { answerSizeBytesMax: 100 } })
    const { rows: few, next } = await small.rows(question)
    expect(few.length).toBeLessThan(4)
    expect(next).not.toBeNull()
    const short = new AppTables({ ...parts, limits: { rowsMax: 3 } })
    expect((await short.rows({ ...question, limit: 1_000 })).rows).toHaveLength(3)
  })

  test('by how many rows of a table are counted', async () => {
    const parts = await committed(rows)
    expect(new AppTables({ ...parts, limits: { countedMax: 7 } }).list()).toMatchObject([
      { rows: 7, more: true },
    ])
    expect(new AppTables(parts).list()).toMatchObject([{ rows: 20, more: false }])
  })

  test('a task that is being rebuilt says so', async () => {
    const { plan, clock } = await committed([])
    const tables = new AppTables({ plan, clock, tasks: [{ name: 'rows-0', committed: null }] })
    await expect(tables.rows(question)).rejects.toMatchObject({ code: 'busy' })
    expect(tables.list()).toMatchObject([{ rows: 0 }])
  })
})

test('an answer leaves no scan of a store open, however it ends', async () => {
  let open = 0
  const counted = (below: MemoryStore) => ({
    get: (key: Uint8Array) => below.get(key),
    *scan(from: Uint8Array, to: Uint8Array) {
      open++
      try {
        yield* below.scan(from, to)
      } finally {
        open--
      }
    },
  })
  const store = new MemoryStore()
  const source = topic<Row>('rows', { time: { at: (row) => row.at } })
  const keyed = source.stream().keyBy('key')
  const hopping = window.hopping('4ms', { every: '1ms', grace: '1h' })
  const built = app({ id: 'shop' }).use(
    keyed.count('counts'),
    keyed.window('panes', hopping).aggregate({ n: agg.count() }).emit('on-close'),
    keyed.joinWithin('near', keyed, { before: '0s', after: '1h', grace: '0s', select: (a, b) => [a, b] }),
  )
  const t = await harness(built, { openStore: () => store })
  for (let at = 0; at < 20; at++) t.send(source, { key: `k${at % 5}`, amount: 1, at })
  await t.settle()
  const committed = new CommittedState(
    Object.assign(new MemoryStore(), counted(store)),
    new MutationSet(),
    () => null,
  )
  const tasks = [{ name: 'rows-0', committed }]
  const parts = { plan: planApp(built), tasks, clock: t.clock }
  for (const node of ['counts', 'panes', 'near']) {
    const question = { t: 'rows', node, limit: 2, waitMs: 0 } as const
    expect((await new AppTables(parts).rows(question)).next).not.toBeNull()
    expect([node, open]).toEqual([node, 0])
    for (let scannedMax = 1; scannedMax < 40; scannedMax++) {
      const bounded = new AppTables({ ...parts, limits: { scannedMax } })
      await bounded
        .rows(question)
        .catch((thrown: unknown) => expect(thrown).toMatchObject({ code: 'too_large' }))
      expect([node, scannedMax, open]).toEqual([node, scannedMax, 0])
    }
  }
})
