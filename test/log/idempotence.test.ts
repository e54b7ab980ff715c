import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { asOffset, BrokerError } from '#base'
import type { LogEntry, LogGroup } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { ProducerCensus } from '../../src/log/partition/producer-census.ts'
import { ProducerTable } from '../../src/log/partition/producer-table.ts'
import { LogMachine } from '../sim/log-machine.ts'
import { ProducerModel, type SentBatch } from './producer-model.ts'

const id = { topicId: 'a'.repeat(32), partition: 0 }
const sequenceMax = 2 ** 31 - 1
let values = 0

function entryOf({ producerId, epoch, sequence, count }: SentBatch): LogEntry {
  const builder = new BatchBuilder({ producer: { id: producerId, epoch, baseSequence: sequence } })
  for (let index = 0; index < count; index++) {
    builder.append({ key: null, value: new TextEncoder().encode(String(values++)), timestamp: 1 })
  }
  return { kind: 'batch', id, batch: builder.build() }
}

const one = (sequence: number, more: Partial<SentBatch> = {}): LogEntry =>
  entryOf({ producerId: 7, epoch: 0, sequence, count: 1, ...more })

async function opened(limits: ConstructorParameters<typeof LogMachine>[1] = {}): Promise<LogMachine> {
  const machine = new LogMachine(1, limits)
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'orders' }]))
  return machine
}

/** Offsets, or the code of the refusal. */
async function append(machine: LogMachine, ...entries: LogEntry[]): Promise<readonly number[] | string> {
  try {
    return (await machine.run(machine.log!.append(entries))).offsets
  } catch (thrown) {
    if (thrown instanceof BrokerError) return thrown.code
    throw thrown
  }
}

async function countIn(machine: LogMachine, log: LogGroup = machine.log!): Promise<number> {
  const partition = log.partition(id)!
  let count = 0
  for (let offset: number = partition.startOffset; offset < partition.endOffset; ) {
    const bytes = await machine.run(partition.read(asOffset(offset), 4096))
    for (const record of readRecords(bytes, offset)) {
      expect(record.offset).toBe(offset++)
      count++
    }
  }
  return count
}

describe('idempotent producers', () => {
  test('a batch that is sent again is answered with its offset and not written again', async () => {
    const machine = await opened()
    const first = one(0, { count: 3 })
    expect(await append(machine, first)).toEqual([0])
    expect(await append(machine, one(3))).toEqual([3])
    expect(await append(machine, first)).toEqual([0])
    expect(await countIn(machine)).toBe(4)
  })

  test('the last five batches are recognised, an older one is out of order', async () => {
    const machine = await opened()
    for (let sequence = 0; sequence < 6; sequence++) await append(machine, one(sequence))
    for (let sequence = 1; sequence < 6; sequence++)
      expect(await append(machine, one(sequence))).toEqual([sequence])
    expect(await append(machine, one(0))).toBe('out_of_order_sequence')
  })

  test('a gap is refused and names what comes next', async () => {
    const machine = await opened()
    await append(machine, one(0))
    const refused = machine.run(machine.log!.append([one(2)]))
    await expect(refused).rejects.toMatchObject({
      code: 'out_of_order_sequence',
      details: { producerId: 7, epoch: 0, sequence: 2, expected: 1 },
    })
    expect(await append(machine, one(1))).toEqual([1])
  })

  test('a new epoch begins at sequence 0 and fences the one before', async () => {
    const machine = await opened()
    await append(machine, one(0))
    expect(await append(machine, one(1, { epoch: 1 }))).toBe('out_of_order_sequence')
    expect(await append(machine, one(0, { epoch: 1 }))).toEqual([1])
    expect(await append(machine, one(1))).toBe('fenced')
    expect(await append(machine, one(0))).toBe('fenced')
  })

  test('sequence 2^31-1 is followed by 0, inside a batch too', async () => {
    const machine = await opened()
    expect(await append(machine, one(sequenceMax))).toEqual([0])
    expect(await append(machine, one(0))).toEqual([1])
    const across = one(sequenceMax - 1, { producerId: 8, count: 4 })
    expect(await append(machine, across)).toEqual([2])
    expect(await append(machine, across)).toEqual([2])
    expect(await append(machine, one(2, { producerId: 8 }))).toEqual([6])
  })

  test('several batches of one producer in one append count one after the other, all or none', async () => {
    const machine = await opened()
    expect(await append(machine, one(0), one(1), one(0), one(2))).toEqual([0, 1, 0, 2])
    expect(await append(machine, one(3), one(5))).toBe('out_of_order_sequence')
    expect(await append(machine, one(3), one(4))).toEqual([3, 4])
    expect(await countIn(machine)).toBe(5)
  })

  test('appends that share a frame count one after the other', async () => {
    const machine = await opened()
    const { log } = machine
    const answers = Promise.allSettled([one(0), one(2), one(1), one(0), one(2)].map((e) => log!.append([e])))
    const outcomes = (await machine.run(answers)).map((each) =>
      each.status === 'fulfilled' ? each.value.offsets[0] : (each.reason as BrokerError).code,
    )
    expect(outcomes).toEqual([0, 'out_of_order_sequence', 1, 0, 2] as never)
  })

  test('a retry in the frame of its original is answered when that frame is durable', async () => {
    const machine = await opened()
    const batch = one(0)
    let answered = false
    const both = [machine.log!.append([batch]), machine.log!.append([batch])]
    void both[1]!.then(() => {
      answered = true
    })
    while (machine.log!.partition(id)!.endOffset === 0) {
      expect(answered).toBe(false)
      await machine.clock.step()
    }
    expect((await machine.run(Promise.all(both))).map(({ offsets }) => offsets)).toEqual([[0], [0]] as never)
  })

  test('an append with a create knows its producers', async () => {
    const machine = await opened()
    const other = { topicId: 'b'.repeat(32), partition: 0 }
    const toOther = (entry: LogEntry): LogEntry => ({ ...entry, id: other })
    const create: LogEntry = { kind: 'create', id: other, topic: 'other' }
    expect(await append(machine, create, toOther(one(0)), toOther(one(2)))).toBe('out_of_order_sequence')
    expect(await append(machine, create, toOther(one(0)), toOther(one(1)))).toEqual([-1, 0, 1])
    expect(await append(machine, toOther(one(1)))).toEqual([1])
    expect(await append(machine, toOther(one(3)))).toBe('out_of_order_sequence')
  })

  test('a full disk leaves the table as it was', async () => {
    let refused = 0
    for (let call = 1; call < 10; call++) {
      const machine = await opened()
      await append(machine, one(0))
      machine.disk.plan = { call: machine.disk.calls + call, fault: 'ENOSPC' }
      const large = one(1, { count: 200 })
      const answer = await append(machine, large)
      machine.disk.plan = null
      if (answer === 'disk_full') {
        refused++
        expect(await append(machine, one(2))).toBe('out_of_order_sequence')
      }
      expect(await append(machine, large)).toEqual([1])
      expect(await append(machine, one(201))).toEqual([201])
    }
    expect(refused).toBeGreaterThan(0)
  })

  test('of an unknown producer nothing is taken that lies behind what a full disk refused', async () => {
    let refused = 0
    for (let call = 1; call < 10; call++) {
      const machine = await opened()
      machine.disk.plan = { call: machine.disk.calls + call, fault: 'ENOSPC' }
      const first = one(sequenceMax - 100, { count: 200 })
      const answer = await append(machine, first)
      machine.disk.plan = null
      if (answer === 'disk_full') {
        refused++
        const early = machine.run(machine.log!.append([one(99)]))
        await expect(early).rejects.toMatchObject({
          code: 'out_of_order_sequence',
          details: { sequence: 99, expected: sequenceMax - 100 },
        })
      }
      expect(await append(machine, first)).toEqual([0])
      expect(await append(machine, one(99))).toEqual([200])
      expect(await append(machine, first)).toEqual([0])
    }
    expect(refused).toBeGreaterThan(0)
  })

  test('nor behind what the queue had no room for; what came before it is taken', async () => {
    const machine = await opened({ pendingBytesMax: 200 })
    const both = [one(0), one(1)].map((entry) => append(machine, entry))
    expect(await machine.run(Promise.all(both))).toEqual([[0], 'busy'])
    expect(await append(machine, one(2))).toBe('out_of_order_sequence')
    expect(await append(machine, one(1))).toEqual([1])
    expect(await append(machine, one(2))).toEqual([2])
  })

  test('nor behind a batch that shared its append with one that was refused', async () => {
    const machine = await opened()
    await append(machine, one(0, { producerId: 8 }))
    expect(await append(machine, one(5), one(7, { producerId: 8 }))).toBe('out_of_order_sequence')
    expect(await append(machine, one(6))).toBe('out_of_order_sequence')
    expect(await append(machine, one(4))).toEqual([1])
    expect(await append(machine, one(5))).toEqual([2])
  })

  test('a new epoch need not wait for what was refused, nor does another producer', async () => {
    const machine = await opened()
    expect(await append(machine, one(5), one(7))).toBe('out_of_order_sequence')
    expect(await append(machine, one(6, { producerId: 8 }))).toEqual([0])
    expect(await append(machine, one(0, { epoch: 1 }))).toEqual([1])
    expect(await append(machine, one(1, { epoch: 1 }))).toEqual([2])
  })

  test('what was refused of a thousand producers is remembered, of more the newest', async () => {
    const machine = await opened()
    for (let producerId = 0; producerId <= 1000; producerId++)
      await append(machine, one(5, { producerId }), one(7, { producerId }))
    expect(await append(machine, one(6, { producerId: 1 }))).toBe('out_of_order_sequence')
    expect(await append(machine, one(6, { producerId: 0 }))).toEqual([0])
  })

  test('what is trimmed away is still known, what is deleted is not', async () => {
    const machine = await opened()
    const batch = one(5)
    await append(machine, batch)
    await append(machine, { kind: 'trim', id, before: asOffset(1) })
    expect(await append(machine, batch)).toEqual([0])
    machine.kill()
    await machine.open()
    expect(await append(machine, batch)).toEqual([0])
    const next = { topicId: 'c'.repeat(32), partition: 0 }
    await append(machine, { kind: 'delete', id }, { kind: 'create', id: next, topic: 'orders' })
    expect(await append(machine, { ...batch, id: next } as LogEntry)).toEqual([0])
    expect(await append(machine, { ...one(3), id: next } as LogEntry)).toBe('out_of_order_sequence')
  })

  test('a producer that was silent too long is forgotten', async () => {
    const machine = await opened({ producerExpiryMs: 1000 })
    await append(machine, one(0))
    await passWithTraffic(machine, 900)
    expect(await append(machine, one(0))).toEqual([0])
    expect(await append(machine, one(9))).toBe('out_of_order_sequence')
    await passWithTraffic(machine, 300)
    expect(machine.log!.partition(id)!.endOffset as number).toBeGreaterThan(20)
    expect(await append(machine, one(9))).toHaveLength(1)
  })

  test('who was silent too long and is still known may go on anywhere, and its retries are not stored twice', async () => {
    const machine = await opened({
      producerExpiryMs: 1000,
      checkpointMs: 1e9,
      checkpointBytes: 1e9,
      walFilesMax: 99,
    })
    await append(machine, one(0))
    // Without a checkpoint, and with no batch in its partition, nobody forgets it.
    const log = machine.log!
    const other = { topicId: 'b'.repeat(32), partition: 0 }
    await append(machine, { kind: 'create', id: other, topic: 'other' })
    await passWithTraffic(machine, 1200, other)
    expect(log.partition(id)!.endOffset).toBe(asOffset(1))
    expect(await append(machine, one(0))).toEqual([0])
    expect(await append(machine, one(9))).toEqual([1])
  })

  test.each([
    ['fifty years', 50 * 365 * 86_400_000],
    ['a day and a half', 36 * 3_600_000],
  ])('a leap of the wall clock of %s makes nobody silent', async (_, leapMs) => {
    const machine = await opened({ producerExpiryMs: 24 * 3_600_000 })
    const batch = one(0)
    await append(machine, batch)
    machine.clock.setWall(machine.clock.now() + leapMs)
    expect(await append(machine, batch)).toEqual([0])
    // Others publish, checkpoints are written, and the machine starts again.
    await append(machine, one(0, { producerId: 8 }))
    await machine.clock.advance(500)
    expect(await append(machine, batch)).toEqual([0])
    machine.powerCut(0)
    await machine.open()
    expect(await append(machine, batch)).toEqual([0])
    await machine.close()
    await machine.open()
    expect(await append(machine, batch)).toEqual([0])
    expect(await append(machine, one(7))).toBe('out_of_order_sequence')
    expect(await countIn(machine)).toBe(2)
  })

  test('a clock that nobody had set when the batch came does not double its retry', async () => {
    const machine = await opened({ producerExpiryMs: 24 * 3_600_000 })
    expect(machine.clock.now()).toBeLessThan(86_400_000)
    const batch = one(0)
    await append(machine, batch)
    machine.kill()
    machine.clock.setWall(Date.UTC(2026, 0, 1))
    await machine.open()
    await append(machine, one(0, { producerId: 8 }))
    await machine.clock.advance(500)
    expect(await append(machine, batch)).toEqual([0])
  })

  test('beyond its limit a partition forgets the producer that was silent longest', async () => {
    const machine = await opened({ producersPerPartitionMax: 2 })
    await append(machine, one(0, { producerId: 1 }))
    await append(machine, one(0, { producerId: 2 }))
    await append(machine, one(1, { producerId: 1 }))
    await append(machine, one(0, { producerId: 3 }))
    for (const producerId of [1, 3]) {
      expect(await append(machine, one(50, { producerId }))).toBe('out_of_order_sequence')
    }
    expect(await append(machine, one(50, { producerId: 2 }))).toEqual([4])
  })

  test('beyond the limit of all partitions those with more than their share forget, and no others', async () => {
    const machine = await opened({ producersPerPartitionMax: 100, producersMax: 12 })
    const quiet = { topicId: 'b'.repeat(32), partition: 0 }
    await append(machine, { kind: 'create', id: quiet, topic: 'quiet' })
    const toQuiet = (entry: LogEntry): LogEntry => ({ ...entry, id: quiet })
    for (let producerId = 0; producerId < 4; producerId++)
      await append(machine, toQuiet(one(0, { producerId })))
    for (let producerId = 0; producerId < 30; producerId++) await append(machine, one(0, { producerId }))
    for (const round of ['before', 'after']) {
      for (let producerId = 0; producerId < 4; producerId++)
        expect(await append(machine, toQuiet(one(0, { producerId })))).toEqual([producerId])
      // Two tables: the share of each is six, and together they know twelve.
      for (let producerId = 22; producerId < 30; producerId++)
        expect(await append(machine, one(0, { producerId }))).toEqual([producerId])
      const ends = machine.log!.partition(id)!.endOffset
      expect([round, ends]).toEqual([round, asOffset(30)])
      await machine.close()
      await machine.open()
    }
    expect(await append(machine, one(0, { producerId: 21 }))).toEqual([30])
  })

  test('producers of a deleted partition count no more', async () => {
    const machine = await opened({ producersPerPartitionMax: 100, producersMax: 12 })
    const gone = { topicId: 'b'.repeat(32), partition: 0 }
    await append(machine, { kind: 'create', id: gone, topic: 'gone' })
    for (let producerId = 0; producerId < 12; producerId++)
      await append(machine, { ...one(0, { producerId }), id: gone } as LogEntry)
    await append(machine, { ...one(1, { producerId: 3 }), id: gone } as LogEntry, {
      kind: 'delete',
      id: gone,
    })
    for (let producerId = 0; producerId < 12; producerId++) await append(machine, one(0, { producerId }))
    for (let producerId = 0; producerId < 12; producerId++)
      expect(await append(machine, one(0, { producerId }))).toEqual([producerId])
  })

  test.each([
    ['epoch', { epoch: -1 }],
    ['sequence', { sequence: -1 }],
  ])('a batch with a producer and no %s is refused', async (_, wrong) => {
    const machine = await opened()
    const batch = entryOf({ producerId: 7, epoch: 0, sequence: 0, count: 1, ...wrong })
    expect(await append(machine, batch)).toBe('invalid_request')
  })

  test('batches without a producer leave no trace in a checkpoint', async () => {
    const machine = await opened()
    await append(machine, one(-1, { producerId: -1, epoch: -1 }))
    await machine.close()
    const text = checkpointText(machine)
    expect(text).not.toContain('producers')
    await machine.open()
    await append(machine, one(4))
    await machine.run(machine.log!.close())
    expect(checkpointText(machine)).toContain('"producers":[[7,0,')
  })
})

/** Another producer sends all the time. */
async function passWithTraffic(machine: LogMachine, spanMs: number, to = id): Promise<void> {
  const until = machine.clock.monotonic() + spanMs
  while (machine.clock.monotonic() < until) {
    expect(
      await append(machine, { ...one(nextOther++, { producerId: 8 }), id: to } as LogEntry),
    ).toHaveLength(1)
    await machine.clock.advance(20)
  }
}
let nextOther = 0

function checkpointText({ disk }: LogMachine): string {
  const bytes = new Uint8Array(disk.fileSize('/data/checkpoint'))
  disk.open('/data/checkpoint', 'read').read(bytes, 0)
  return new TextDecoder().decode(bytes)
}

// Which sequence to send, told by a number: what comes next, something sent before, or something wrong.
function sequenceFor(model: ProducerModel, producerId: number, epoch: number, choice: number): number {
  const known = model.knownOf(producerId)
  if (choice === 0) return 0
  if (choice === 1) return sequenceMax - 2
  if (known === undefined) return choice
  if (choice < 8) return known.epoch === epoch ? known.next : 0
  if (choice < 11) return known.recent[choice % known.recent.length]!.first
  return (known.next + choice) % 2 ** 31
}

test('answers are those of a model of Kafka, over restarts and power cuts', async () => {
  const batch = fc.record({
    producerId: fc.integer({ min: 0, max: 2 }),
    epochStep: fc.constantFrom(0, 0, 0, 0, 1, -1),
    choice: fc.integer({ min: 0, max: 13 }),
    count: fc.integer({ min: 1, max: 3 }),
  })
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.array(batch, { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constantFrom('close', 'kill', 'power cut') },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const machine = await opened()
      const model = new ProducerModel()
      const sent = new Map<string, SentBatch>()
      for (const each of steps) {
        if (typeof each === 'string') {
          if (each === 'close') await machine.close()
          if (each === 'power cut') machine.powerCut(0)
          else machine.kill()
          model.restart()
          await machine.open()
          continue
        }
        const batches = each.map(({ producerId, epochStep, choice, count }) => {
          const epoch = Math.max(0, (model.knownOf(producerId)?.epoch ?? 0) + epochStep)
          const sequence = sequenceFor(model, producerId, epoch, choice)
          const key = `${producerId} ${epoch} ${sequence}`
          // A retry has the size of what it repeats, most of the time.
          const known = choice < 13 ? sent.get(key) : undefined
          const fresh = known ?? { producerId, epoch, sequence, count }
          sent.set(key, fresh)
          return fresh
        })
        const expected = model.append(batches)
        expect(await append(machine, ...batches.map(entryOf))).toEqual(expected as never)
      }
      expect(machine.log!.partition(id)!.endOffset).toBe(asOffset(model.endOffset))
      expect(await countIn(machine)).toBe(model.endOffset)
    }),
    { numRuns: Number(process.env['RUNS'] ?? 60) },
  )
}, 120_000)

test('of a partition that was cut back, what lay behind its end is not known any more', () => {
  const table = new ProducerTable(
    {
      producersPerPartitionMax: 9,
      producersMax: 9,
      producerExpiryMs: 9,
      producerCensus: new ProducerCensus(),
    },
    [
      [1, 0, 5, 0, 0, 7, 1, 1, 9],
      [2, 0, 5, 0, 0, 8],
    ],
    8,
  )
  expect([...table.rows]).toEqual([[1, 0, 5, 0, 0, 7]])
})
