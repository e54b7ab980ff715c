import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { BrokerError } from '#base'
import type { Broker } from '#broker'
import { type Header, readRecords } from '#record'
import { type DeadLetter, DeadLetters } from '#streams'
import { deadLetterHeaders } from '../../../src/streams/dead-letter.ts'
import { type Fixture, memoryBroker } from '../../broker/fixture.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const runs = Number(process.env['SEEDS'] ?? 60)

type Sent = Partial<DeadLetter> & {
  readonly key?: string | null
  readonly value?: string
  readonly own?: Header[]
}

/** Puts a letter into `orders.dead`, as a task would. */
async function die(broker: Broker, { key = 'k', value = '{}', own = [], ...letter }: Sent): Promise<void> {
  const headers = deadLetterHeaders(own, {
    app: 'shop',
    task: 'orders-0',
    node: 'check',
    stage: 'process',
    kind: 'record',
    topic: 'orders',
    partition: 0,
    offset: 7,
    timestamp: 1_000,
    error: 'RangeError: negative',
    stack: 'RangeError: negative\n    at check (shop.ts:3:1)',
    attempts: 1,
    ...letter,
  })
  const bytes = key === null ? null : encoder.encode(key)
  const record = { key: bytes, value: encoder.encode(value), headers, timestamp: letter.timestamp ?? 1_000 }
  await broker.produce('orders.dead', [record])
}

async function read(broker: Broker, topic: string, partition = 0) {
  const { startOffset } = broker.topic(topic).partitions[partition]!
  const request = { topic, partition, from: startOffset, bytesMax: 2 ** 20, waitMs: 0 }
  return [...readRecords((await broker.fetch(request)).batches)].map((record) => ({
    key: record.key === null ? null : decoder.decode(record.key),
    value: record.value === null ? null : decoder.decode(record.value),
    headers: record.headers.map((header) => [header.key, header.value && decoder.decode(header.value)]),
    timestamp: record.timestamp,
  }))
}

async function setUp(partitions = 1): Promise<Fixture & { letters: DeadLetters }> {
  const fixture = await memoryBroker()
  await fixture.broker.createTopic({ name: 'orders', partitions })
  await fixture.broker.createTopic({ name: 'orders.dead' })
  return Object.assign(fixture, { letters: new DeadLetters(fixture) })
}

test("a widget called 'dead' has no dead letters", async () => {
  const { broker, letters } = await setUp()
  const history = '_pspf.widgets.shop.dead'
  await broker.createTopic({ name: history }, { internal: true })
  expect((await letters.topics()).map(({ topic }) => topic)).toEqual(['orders.dead'])
  await expect(letters.purge(history)).rejects.toMatchObject({ code: 'not_found' })
})

describe('replay', () => {
  test('sends key, value, headers and time as they were, into the partition where they were', async () => {
    const { broker, letters } = await setUp(3)
    const own = [{ key: 'trace', value: encoder.encode('t1') }]
    await die(broker, { key: 'a', value: '{"n":1.50}', partition: 2, timestamp: 42, own })
    const answer = await letters.replay('orders.dead')
    expect(answer).toMatchObject({
      replayed: 1,
      skipped: 0,
      into: [{ topic: 'orders', records: 1 }],
      more: false,
    })
    expect(await read(broker, 'orders', 2)).toEqual([
      { key: 'a', value: '{"n":1.50}', headers: [['trace', 't1']], timestamp: 42 },
    ])
  })

  test('sends no letter twice, also after a restart', async () => {
    const fixture = await setUp()
    for (let n = 0; n < 5; n++) await die(fixture.broker, { value: String(n) })
    const first = { letters: [3, 1, 1].map((offset) => ({ partition: 0, offset })) }
    expect(await fixture.letters.replay('orders.dead', first)).toMatchObject({ replayed: 2 })
    expect(await fixture.letters.replay('orders.dead', first)).toMatchObject({
      replayed: 0,
      alreadyReplayed: 2,
    })
    await fixture.restart()
    const again = new DeadLetters(fixture)
    expect(await again.replay('orders.dead')).toMatchObject({ replayed: 3, alreadyReplayed: 2 })
    const values = (await read(fixture.broker, 'orders')).map(({ value }) => value)
    expect(values).toEqual(['1', '3', '0', '2', '4'])
    expect(await again.topics()).toMatchObject([{ letters: 5, replayed: 5, waiting: 0 }])
  })

  test('with a dry run, says what would go and sends nothing', async () => {
    const { broker, letters } = await setUp()
    await die(broker, {})
    expect(await letters.replay('orders.dead', { dryRun: true })).toMatchObject({ replayed: 1, dryRun: true })
    expect(await read(broker, 'orders')).toEqual([])
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 1 })
  })

  test('goes by node and by a part of the error', async () => {
    const { broker, letters } = await setUp()
    await die(broker, { node: 'a', error: 'TypeError: x', value: '1' })
    await die(broker, { node: 'b', error: 'RangeError: NEGATIVE', value: '2' })
    await letters.replay('orders.dead', { error: 'negative' })
    await letters.replay('orders.dead', { node: 'c' })
    expect((await read(broker, 'orders')).map(({ value }) => value)).toEqual(['2'])
  })

  test("at 'now' gives records the time of the replay", async () => {
    const { broker, letters, clock } = await setUp()
    await die(broker, { timestamp: 5 })
    await letters.replay('orders.dead', { at: 'now' })
    expect((await read(broker, 'orders'))[0]!.timestamp).toBe(clock.wall)
  })

  test('leaves alone what is no record of its topic, and says why', async () => {
    const { broker, letters } = await setUp()
    await die(broker, { kind: 'row', node: 'per-minute' })
    await die(broker, { topic: '__consumer_offsets' })
    await die(broker, { topic: 'shop.totals.changelog' })
    await broker.produce('orders.dead', [{ key: null, value: encoder.encode('hello') }])
    const { replayed, skipped, why } = await letters.replay('orders.dead')
    expect({ replayed, skipped }).toEqual({ replayed: 0, skipped: 4 })
    expect(why.map((one) => one.why)).toEqual([
      'it is a row that per-minute was given, not a record',
      'it says that it comes from __consumer_offsets',
      'it says that it comes from shop.totals.changelog',
      'it is no dead letter',
    ])
  })

  test('a topic that is gone is named, and its letters wait', async () => {
    const { broker, letters } = await setUp()
    await die(broker, {})
    await broker.deleteTopic('orders')
    expect(await letters.replay('orders.dead')).toMatchObject({
      skipped: 1,
      why: [{ why: 'topic orders is gone' }],
    })
    await broker.createTopic({ name: 'orders' })
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 1 })
  })

  test('ends at its limit and goes on there when repeated', async () => {
    const { broker, clock } = await setUp()
    const letters = new DeadLetters({ broker, clock, limits: { commitLettersMax: 2, replayedPerCallMax: 5 } })
    for (let n = 0; n < 7; n++) await die(broker, { value: String(n) })
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 5, more: true })
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 2, more: false })
    expect((await read(broker, 'orders')).map(({ value }) => value).join('')).toBe('0123456')
  })

  test('two at once: the second is told to wait', async () => {
    const { broker, letters } = await setUp()
    await die(broker, {})
    const [first, second] = await Promise.allSettled([
      letters.replay('orders.dead'),
      letters.replay('orders.dead'),
    ])
    expect(first.status).toBe('fulfilled')
    expect(second).toMatchObject({ reason: { code: 'busy' } })
    expect(await read(broker, 'orders')).toHaveLength(1)
  })

  test('a topic created again under the same name begins with nothing replayed', async () => {
    const { broker, letters } = await setUp()
    await die(broker, {})
    await letters.replay('orders.dead')
    await broker.deleteTopic('orders.dead')
    await broker.createTopic({ name: 'orders.dead' })
    await die(broker, {})
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 1, alreadyReplayed: 0 })
  })

  test('too many gaps are refused before anything is sent', async () => {
    const { broker, clock } = await setUp()
    const letters = new DeadLetters({ broker, clock, limits: { rangesMax: 1 } })
    for (let n = 0; n < 5; n++) await die(broker, { value: String(n) })
    const one = (offset: number) => letters.replay('orders.dead', { letters: [{ partition: 0, offset }] })
    await one(0)
    await expect(one(2)).rejects.toMatchObject({ code: 'conflict' })
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 4 })
  })
})

describe('letters of one record', () => {
  const bad = { node: 'check', value: '{"n":-1}', offset: 3 }

  test('are sent as one record and settled together, whatever partition of the topic holds them', async () => {
    const fixture = await memoryBroker()
    const { broker } = fixture
    await broker.createTopic({ name: 'orders' })
    await broker.createTopic({ name: 'orders.dead', partitions: 3 })
    for (let n = 0; n < 6; n++) await die(broker, { ...bad, key: null, task: `orders-0.g${n}` })
    await die(broker, { ...bad, offset: 4, value: '{"n":-2}' })
    const held = broker.topic('orders.dead').partitions.filter(({ endOffset }) => endOffset > 0)
    expect(held.length).toBeGreaterThan(1)
    const letters = new DeadLetters(fixture)
    const expected = { replayed: 2, alreadyReplayed: 5, skipped: 0 }
    expect(await letters.replay('orders.dead', { dryRun: true })).toMatchObject(expected)
    expect(await letters.replay('orders.dead')).toMatchObject(expected)
    const values = (await read(broker, 'orders')).map(({ value }) => value)
    expect(values.toSorted()).toEqual(['{"n":-1}', '{"n":-2}'])
    expect(await letters.topics()).toMatchObject([{ letters: 7, replayed: 7, waiting: 0 }])
  })

  test('are settled with the one that is chosen, and it is not sent when another one was', async () => {
    const { broker, letters } = await setUp()
    await die(broker, { ...bad, error: 'A: 1' })
    await die(broker, { value: '{"n":-2}', offset: 4 })
    await die(broker, { ...bad, error: 'B: 2' })
    await letters.replay('orders.dead', { error: 'B' })
    const states = (await letters.page('orders.dead', { limit: 9 })).letters.map(({ state }) => state)
    expect(states).toEqual(['replayed', 'waiting', 'replayed'])
    const first = { letters: [{ partition: 0, offset: 0 }] }
    expect(await letters.replay('orders.dead', first)).toMatchObject({ replayed: 0, alreadyReplayed: 1 })
    expect(await read(broker, 'orders')).toHaveLength(1)
  })

  test('that come after it was sent, also after a restart, are settled without being sent', async () => {
    const fixture = await setUp()
    await die(fixture.broker, bad)
    await fixture.letters.replay('orders.dead')
    await fixture.restart()
    await die(fixture.broker, bad)
    const letters = new DeadLetters(fixture)
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 0, alreadyReplayed: 2 })
    expect(await letters.topics()).toMatchObject([{ waiting: 0 }])
    expect(await read(fixture.broker, 'orders')).toHaveLength(1)
  })

  test('of another app, node, place or value are of another record', async () => {
    const { broker, letters } = await setUp(2)
    const others = [
      { app: 'b' },
      { node: 'b' },
      { partition: 1 },
      { offset: 9 },
      { value: '1' },
      { key: 'b' },
    ]
    for (const other of [{}, ...others]) await die(broker, { ...bad, ...other })
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 7, alreadyReplayed: 0 })
  })

  test('past the limit of those settled together, are settled when the replay comes to them', async () => {
    const { broker, clock } = await setUp()
    const letters = new DeadLetters({ broker, clock, limits: { lettersOfRecordMax: 2 } })
    for (let n = 0; n < 5; n++) await die(broker, bad)
    const first = { letters: [{ partition: 0, offset: 4 }] }
    expect(await letters.replay('orders.dead', first)).toMatchObject({ replayed: 1 })
    expect(await letters.topics()).toMatchObject([{ replayed: 3, waiting: 2 }])
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 0, alreadyReplayed: 5 })
    expect(await letters.topics()).toMatchObject([{ replayed: 5, waiting: 0 }])
    expect(await read(broker, 'orders')).toHaveLength(1)
  })

  test('past the limit of letters that are compared, each is settled, and none is sent in two runs', async () => {
    const { broker, clock } = await setUp()
    const letters = new DeadLetters({ broker, clock, limits: { lettersComparedMax: 3 } })
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 4; n++) await die(broker, { offset: n, value: String(n) })
    }
    const { replayed } = await letters.replay('orders.dead')
    expect(await letters.topics()).toMatchObject([{ letters: 8, waiting: 0 }])
    expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 0, alreadyReplayed: 8 })
    expect(await read(broker, 'orders')).toHaveLength(replayed)
  })
})

describe('pages', () => {
  test('go from the newest to the oldest, with the state of each letter', async () => {
    const { broker, letters } = await setUp()
    for (let n = 0; n < 5; n++) await die(broker, { value: String(n) })
    await letters.replay('orders.dead', { letters: [{ partition: 0, offset: 3 }] })
    const first = await letters.page('orders.dead', { limit: 3 })
    expect(first.letters.map(({ offset, state }) => [offset, state])).toEqual([
      [4, 'waiting'],
      [3, 'replayed'],
      [2, 'waiting'],
    ])
    const second = await letters.page('orders.dead', { limit: 3, before: first.next! })
    expect(second.letters.map(({ offset }) => offset)).toEqual([1, 0])
    expect(second.next).toBeNull()
    const waiting = await letters.page('orders.dead', { limit: 9, state: 'replayed' })
    expect(waiting.letters.map(({ offset }) => offset)).toEqual([3])
  })

  test('hold every letter of every partition once, however large they are', async () => {
    const fixture = await memoryBroker()
    await fixture.broker.createTopic({ name: 'orders.dead', partitions: 3 })
    const limits = { readBytesMax: 500, pageBytesMax: 2_000, scannedPerPageMax: 4, windowLetters: 8 }
    const letters = new DeadLetters({ ...fixture, limits })
    for (let n = 0; n < 30; n++) await die(fixture.broker, { key: null, value: `"${'x'.repeat(n * 40)}"` })
    const seen: string[] = []
    for (let before: string | undefined; ; ) {
      const page = await letters.page('orders.dead', {
        limit: 5,
        ...(before === undefined ? {} : { before }),
      })
      seen.push(...page.letters.map(({ partition, offset }) => `${partition}/${offset}`))
      if (page.next === null) break
      before = page.next
    }
    expect(seen).toHaveLength(30)
    expect(new Set(seen).size).toBe(30)
  })

  test('a place that no page gave is refused', async () => {
    const { letters } = await setUp()
    for (const before of ['x', '9:1', '0', '-1:2']) {
      await expect(letters.page('orders.dead', { limit: 1, before })).rejects.toMatchObject({
        code: 'invalid_request',
      })
    }
  })
})

test('the list tells counts and the newest causes', async () => {
  const { broker, letters } = await setUp()
  await die(broker, { error: 'A: 1' })
  await die(broker, { error: 'B: 2', node: 'other' })
  await die(broker, { error: 'A: 1' })
  expect(await letters.topics()).toMatchObject([
    {
      topic: 'orders.dead',
      of: 'orders',
      letters: 3,
      waiting: 3,
      causes: [
        { error: 'A: 1', app: 'shop', node: 'check', letters: 2 },
        { error: 'B: 2', node: 'other', letters: 1 },
      ],
    },
  ])
})

test('purged letters are gone for lists, pages and replays, also after a restart', async () => {
  const fixture = await setUp()
  await die(fixture.broker, {})
  expect(await fixture.letters.purge('orders.dead', { dryRun: true })).toMatchObject({ purged: 1 })
  expect(await fixture.letters.purge('orders.dead')).toMatchObject({ purged: 1 })
  await die(fixture.broker, { value: '"later"' })
  await fixture.restart()
  const letters = new DeadLetters(fixture)
  expect(await letters.topics()).toMatchObject([{ letters: 1, waiting: 1 }])
  expect((await letters.page('orders.dead', { limit: 9 })).letters).toHaveLength(1)
  expect(await letters.replay('orders.dead')).toMatchObject({ replayed: 1 })
  expect((await read(fixture.broker, 'orders')).map(({ value }) => value)).toEqual(['"later"'])
})

test('a topic without dead letters is not found, with a hint', async () => {
  const { letters } = await setUp()
  await expect(letters.replay('orders')).rejects.toMatchObject({ code: 'not_found' })
  await expect(letters.page('order.dead', { limit: 1 })).rejects.toThrow('did you mean "orders.dead"')
})

test('whatever is replayed, and wherever the node dies, no record is sent twice and none is lost', async () => {
  const command = fc.oneof(
    fc.record({ kind: fc.constant('die' as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('all' as const), dies: fc.option(fc.nat(3)), before: fc.boolean() }),
    fc.record({
      kind: fc.constant('some' as const),
      offsets: fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
      dies: fc.option(fc.nat(1)),
      before: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('restart' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 14 }), async (commands) => {
      const fixture = await setUp()
      const limits = { commitLettersMax: 2 }
      let letters = new DeadLetters({ ...fixture, limits })
      let died = 0
      const restart = async () => {
        await fixture.restart()
        letters = new DeadLetters({ ...fixture, limits })
      }
      for (const one of commands) {
        if (one.kind === 'die') {
          const first = died
          for (let n = 0; n < one.count; n++) await die(fixture.broker, { value: String(died++) })
          // Another generation reads the same records.
          for (let n = first; n < died; n += 2) await die(fixture.broker, { value: String(n) })
        } else if (one.kind === 'restart') {
          await restart()
        } else {
          const broker = one.dies === null ? fixture.broker : dyingAt(fixture.broker, one.dies, one.before)
          const mortal = new DeadLetters({ broker, clock: fixture.clock, limits })
          const chosen =
            one.kind === 'some' ? { letters: one.offsets.map((offset) => ({ partition: 0, offset })) } : {}
          const user = one.dies === null ? letters : mortal
          await user.replay('orders.dead', chosen).catch((thrown: unknown) => {
            if (!(thrown instanceof BrokerError && thrown.code === 'closed')) throw thrown
          })
          // A second instance is a second life: the first must not go on with what it remembers.
          if (one.dies !== null) await restart()
        }
      }
      await letters.replay('orders.dead')
      const values = (await read(fixture.broker, 'orders')).map(({ value }) => Number(value))
      expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: died }, (_, n) => n))
    }),
    { numRuns: runs },
  )
})

/** Its commit number `at` never answers well: the process died before the append, or right behind it. */
function dyingAt(broker: Broker, at: number, before: boolean): Broker {
  let commits = 0
  return {
    ...broker,
    async commit(commit) {
      const dies = commits++ === at
      if (dies && before) throw new BrokerError('closed', 'died')
      const answer = await broker.commit(commit)
      if (dies) throw new BrokerError('closed', 'died')
      return answer
    },
  }
}
