import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { asOffset, BrokerError } from '#base'
import { partitionOf } from '#broker'
import { readBatchHeader } from '#record'
import { bytes, failure, memoryBroker, readAll, record } from './fixture.ts'

describe('produce', () => {
  test('answers where each record lies, in the order given', async () => {
    const { broker } = await memoryBroker()
    await broker.createTopic({ name: 'orders', partitions: 2 })
    const positions = await broker.produce('orders', [
      { ...record('a'), partition: 1 },
      { ...record('b'), partition: 0 },
      { ...record('c'), partition: 1 },
    ])
    expect(positions).toEqual([
      { partition: 1, offset: asOffset(0) },
      { partition: 0, offset: asOffset(0) },
      { partition: 1, offset: asOffset(1) },
    ])
    expect((await readAll(broker, 'orders', 1)).map(({ value }) => value)).toEqual(['a', 'c'])
  })

  test('a key goes where the Java client would send it', async () => {
    const { broker } = await memoryBroker()
    await broker.createTopic({ name: 'orders', partitions: 7 })
    const keys = Array.from({ length: 50 }, (_, index) => `customer-${index}`)
    const positions = await broker.produce(
      'orders',
      keys.map((key) => record('x', key)),
    )
    expect(positions.map(({ partition }) => partition)).toEqual(keys.map((key) => partitionOf(bytes(key), 7)))
  })

  test('records without a key go round the partitions', async () => {
    const { broker } = await memoryBroker()
    await broker.createTopic({ name: 'orders', partitions: 3 })
    const first = await broker.produce('orders', [record('a'), record('b')])
    const second = await broker.produce('orders', [record('c'), record('d')])
    expect([...first, ...second].map(({ partition }) => partition)).toEqual([0, 1, 2, 0])
  })

  test('an empty key is a key', async () => {
    const { broker } = await memoryBroker()
    await broker.createTopic({ name: 'orders', partitions: 5 })
    const positions = await broker.produce('orders', [record('a', ''), record('b', '')])
    expect(positions[0]!.partition).toBe(partitionOf(new Uint8Array(0), 5))
    expect(positions[1]!.partition).toBe(positions[0]!.partition)
  })

  test('keys, values, headers and times come back as they were given, tombstones too', async () => {
    const { broker, clock } = await memoryBroker()
    await broker.createTopic({ name: 'orders' })
    await broker.produce('orders', [
      { key: bytes('k'), value: null, timestamp: 5 },
      { key: null, value: bytes('v'), headers: [{ key: 'h', value: bytes('1') }] },
    ])
    expect(await readAll(broker, 'orders')).toEqual([
      { offset: 0, key: 'k', value: null, timestamp: 5 },
      { offset: 1, key: null, value: 'v', timestamp: clock.wall },
    ])
  })

  test('nothing to append is answered at once', async () => {
    const { broker, log } = await memoryBroker()
    await broker.createTopic({ name: 'orders' })
    const frames = log.frames.length
    expect(await broker.produce('orders', [])).toEqual([])
    expect(log.frames.length).toBe(frames)
  })

  test('calls made together share one append and one batch, and each gets its own positions', async () => {
    const { broker, log } = await memoryBroker()
    await broker.createTopic({ name: 'orders' })
    const frames = log.frames.length
    const positions = await Promise.all(
      Array.from({ length: 100 }, (_, index) => broker.produce('orders', [record(`${index}`)])),
    )
    expect(log.frames.length).toBe(frames + 1)
    expect(log.frames.at(-1)).toHaveLength(1)
    expect(positions.map(([position]) => position!.offset)).toEqual(
      Array.from({ length: 100 }, (_, index) => asOffset(index)),
    )
    expect((await readAll(broker, 'orders')).map(({ value }) => value)).toEqual(
      Array.from({ length: 100 }, (_, index) => `${index}`),
    )
  })

  test('calls that come while an append is on its way gather in the next', async () => {
    const { broker, log } = await memoryBroker()
    await broker.createTopic({ name: 'orders' })
    const frames = log.frames.length
    log.held = true
    const first = broker.produce('orders', [record('0')])
    await new Promise(setImmediate)
    const later = Promise.all(['1', '2', '3'].map((value) => broker.produce('orders', [record(value)])))
    await new Promise(setImmediate)
    expect(log.frames.length).toBe(frames)
    log.held = false
    log.sync()
    await first
    await later
    expect(log.frames.length).toBe(frames + 2)
  })

  test('a failed append fails every call in it, and the next goes through', async () => {
    const { broker, log } = await memoryBroker()
    await broker.createTopic({ name: 'orders' })
    log.nextFailure = new BrokerError('disk_full', 'no room', { fix: 'make room' })
    const tries = await Promise.allSettled(
      ['1', '2'].map((value) => broker.produce('orders', [record(value)])),
    )
    expect(tries.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await broker.produce('orders', [record('3')])).toEqual([{ partition: 0, offset: asOffset(0) }])
  })

  test('a partition that is found to be damaged refuses its own records and nobody else', async () => {
    const { broker, log } = await memoryBroker()
    const { id } = await broker.createTopic({ name: 'orders', partitions: 2 })
    log.damaged.add(log.partition({ topicId: id, partition: 1 })!)
    const tries = await Promise.allSettled(
      [0, 1, 0, 1, 0].map((partition) => broker.produce('orders', [{ ...record('x'), partition }])),
    )
    expect(tries.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(tries[1]).toMatchObject({ reason: { code: 'corrupt' } })
    expect(await readAll(broker, 'orders', 0)).toHaveLength(3)
    await broker.produce('orders', [{ ...record('y'), partition: 0 }])
  })

  test('a record that is refused takes its call with it and nobody else', async () => {
    const { broker } = await memoryBroker({ recordSizeBytesMax: 10 })
    await broker.createTopic({ name: 'orders' })
    const [good, bad] = await Promise.allSettled([
      broker.produce('orders', [record('ok')]),
      broker.produce('orders', [record('ok'), record('much too large')]),
    ])
    expect(good!.status).toBe('fulfilled')
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'too_large', details: { record: 1 } } })
    expect(await readAll(broker, 'orders')).toHaveLength(1)
  })

  test('large calls are cut into batches, and stay one append', async () => {
    const { broker, log } = await memoryBroker({ batchSizeBytesTarget: 1000 })
    await broker.createTopic({ name: 'orders' })
    const positions = await broker.produce(
      'orders',
      Array.from({ length: 100 }, (_, index) => record(`${index}`.padStart(100, '0'))),
    )
    const batches = log.frames.at(-1)!.flatMap((entry) => (entry.kind === 'batch' ? [entry.batch] : []))
    expect(batches.length).toBeGreaterThan(5)
    for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(1000)
    expect(positions.map(({ offset }) => offset)).toEqual(Array.from({ length: 100 }, (_, n) => asOffset(n)))
  })

  test('appends are cut between calls at their target size', async () => {
    const { broker, log } = await memoryBroker({ appendSizeBytesTarget: 250 })
    await broker.createTopic({ name: 'orders' })
    const frames = log.frames.length
    await Promise.all(Array.from({ length: 10 }, () => broker.produce('orders', [record('x'.repeat(100))])))
    expect(log.frames.length - frames).toBe(5)
  })

  test('compression of the topic is used', async () => {
    const { broker, log } = await memoryBroker()
    await broker.createTopic({ name: 'orders', config: { compression: 'zstd' } })
    await broker.produce('orders', [record('x'.repeat(1000))])
    const entry = log.frames.at(-1)![0]!
    expect(entry.kind === 'batch' && readBatchHeader(entry.batch).compression).toBe('zstd')
    await broker.alterTopic('orders', { compression: 'none' })
    await broker.produce('orders', [record('y')])
    expect((await readAll(broker, 'orders')).map(({ value }) => value)).toEqual(['x'.repeat(1000), 'y'])
  })

  test.each([
    ['an unknown partition', { ...record('a'), partition: 3 }, 'not_found'],
    ['a negative partition', { ...record('a'), partition: -1 }, 'not_found'],
    ['a fractional time', { ...record('a'), timestamp: 1.5 }, 'invalid_request'],
    ['a time before 1970', { ...record('a'), timestamp: -1 }, 'invalid_request'],
    ['a record above its limit', record('x'.repeat(101)), 'too_large'],
    [
      'headers above the limit',
      { ...record(''), headers: [{ key: 'h', value: bytes('x'.repeat(101)) }] },
      'too_large',
    ],
  ])('%s is refused with a fix', async (_, wrong, code) => {
    const { broker } = await memoryBroker({ recordSizeBytesMax: 100 })
    await broker.createTopic({ name: 'orders', partitions: 2 })
    const refused = await failure(broker.produce('orders', [wrong]))
    expect(refused.code).toBe(code)
    expect(refused.fix).toBeString()
  })

  test('a record just above its limit is told its exact size, and no setting that nobody can set', async () => {
    const { broker } = await memoryBroker()
    await broker.createTopic({ name: 'orders' })
    const produce = (sizeBytes: number) =>
      broker.produce('orders', [{ key: null, value: new Uint8Array(sizeBytes) }])
    const close = await failure(produce(2 ** 20 + 1))
    expect(close.message).toBe('record 0 has 1048577 bytes, 1048576 bytes is the limit')
    expect(close.fix).toBe('split the record, or keep large files elsewhere and send their address')
    const far = await failure(produce(2 ** 21))
    expect(far.message).toBe('record 0 has 2.0 MB, 1.0 MB is the limit')
  })

  test('requests above their limits are refused', async () => {
    const { broker } = await memoryBroker({ requestSizeBytesMax: 10, recordsPerRequestMax: 20 })
    await broker.createTopic({ name: 'orders' })
    const large = await failure(broker.produce('orders', [record('123456'), record('123456')]))
    expect(large).toMatchObject({ code: 'too_large', details: { limitBytes: 10 } })
    const many = await failure(
      broker.produce(
        'orders',
        Array.from({ length: 21 }, () => record('')),
      ),
    )
    expect(many).toMatchObject({ code: 'too_large', details: { limit: 20 } })
  })

  test('when too much waits for the disk, new records are refused as busy until it has caught up', async () => {
    const { broker, log } = await memoryBroker({ pendingBytesMax: 1000 })
    await broker.createTopic({ name: 'orders' })
    log.held = true
    const taken = [broker.produce('orders', [record('x'.repeat(600))])]
    taken.push(broker.produce('orders', [record('x'.repeat(600))]))
    const refused = await failure(broker.produce('orders', [record('x')]))
    expect(refused).toMatchObject({ code: 'busy', retriable: true })
    await new Promise(setImmediate)
    expect((await failure(broker.produce('orders', [record('x')]))).code).toBe('busy')
    log.held = false
    log.sync()
    await Promise.all(taken)
    await broker.produce('orders', [record('x')])
  })

  test('a topic deleted while records wait refuses them and lets the others through', async () => {
    const { broker, log } = await memoryBroker()
    await broker.createTopic({ name: 'stays' })
    await broker.createTopic({ name: 'goes' })
    log.held = true
    const first = broker.produce('stays', [record('1')])
    await new Promise(setImmediate)
    const waiting = [broker.produce('goes', [record('x')]), broker.produce('stays', [record('2')])]
    const deletion = broker.deleteTopic('goes')
    await new Promise(setImmediate)
    log.held = false
    log.sync()
    await Promise.all([first, deletion])
    expect((await failure(waiting[0]!)).code).toBe('not_found')
    expect(await waiting[1]).toEqual([{ partition: 0, offset: asOffset(1) }])
  })

  test('whatever is produced together, every record is where its position says', async () => {
    const call = fc.array(
      fc.record({
        key: fc.option(fc.constantFrom('a', 'b', 'c', 'd')),
        partition: fc.option(fc.nat(2), { nil: undefined }),
        padding: fc.nat(300),
      }),
      { maxLength: 6 },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 12 }), async (calls) => {
        const { broker } = await memoryBroker({ batchSizeBytesTarget: 500, appendSizeBytesTarget: 900 })
        await broker.createTopic({ name: 'orders', partitions: 3 })
        let count = 0
        const wanted = calls.map((records) =>
          records.map(({ key, partition, padding }) => ({
            ...record(`${count++}`.padEnd(padding), key),
            ...(partition === undefined ? {} : { partition }),
          })),
        )
        const answers = await Promise.all(wanted.map((records) => broker.produce('orders', records)))
        const stored = await Promise.all([0, 1, 2].map((partition) => readAll(broker, 'orders', partition)))
        expect(stored.flat()).toHaveLength(count)
        wanted.forEach((records, index) => {
          expect(answers[index]).toHaveLength(records.length)
          records.forEach(({ value }, place) => {
            const { partition, offset } = answers[index]![place]!
            expect(stored[partition]![offset]!.value).toBe(Buffer.from(value).toString())
          })
        })
      }),
      { numRuns: 60 },
    )
  })
})
