// What a repaired log still says of records that the repair took: nothing. Their offsets are somebody else's by then, or
// nobody's.
import { describe, expect, test } from 'bun:test'
import { asMillis, asOffset, type BrokerError, Metrics, silentLogger } from '#base'
import { type RepairChoice, repairLog } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { LogMachine } from './log-machine.ts'
import { smallLimits } from './log-scenario.ts'

const id = { topicId: 'a'.repeat(32), partition: 0 }
const limits = { segmentSizeBytesMax: 1500 }
const encoder = new TextEncoder()
const decoder = new TextDecoder()

type Producer = { readonly id: number; readonly epoch: number; readonly baseSequence: number }

function batchOf(key: string | null, value: string | null, producer?: Producer) {
  const builder = new BatchBuilder(producer ? { producer } : {})
  const bytesOf = (text: string | null) => (text === null ? null : encoder.encode(text))
  builder.append({ key: bytesOf(key), value: bytesOf(value), timestamp: 1 })
  return { kind: 'batch' as const, id, batch: builder.build() }
}

const sent = (sequence: number, producerId = 7) =>
  batchOf(null, `${producerId}/${sequence}`, { id: producerId, epoch: 0, baseSequence: sequence })

async function opened(): Promise<LogMachine> {
  const machine = new LogMachine(1, limits)
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'orders' }]))
  return machine
}

const append = (machine: LogMachine, entry: ReturnType<typeof batchOf>) =>
  machine.run(machine.log!.append([entry]))

async function compact(machine: LogMachine, now: number): Promise<void> {
  await machine.run(machine.log!.append([{ kind: 'roll', id }]))
  await machine.run(machine.log!.compact(id, { now: asMillis(now), deleteRetentionMs: 100 }))
}

/** Of a log that was closed, which then opens. */
async function repaired(machine: LogMachine, choice: RepairChoice): Promise<void> {
  const { disk, clock, random } = machine
  const parts = { disk, clock, random, logger: silentLogger, metrics: new Metrics(), directory: '/data' }
  await machine.run(repairLog({ ...parts, ...smallLimits, ...limits, choice, apply: true }))
  await machine.open()
}

const cut = (machine: LogMachine, at: number) =>
  repaired(machine, { kind: 'truncate', partition: 'orders-0', at })

/** `offset: value`, the key in front of it if there is one. */
async function contents(machine: LogMachine): Promise<string[]> {
  const partition = machine.log!.partition(id)!
  const found: string[] = []
  for (let next: number = partition.startOffset; next < partition.endOffset; ) {
    const bytes = await machine.run(partition.read(asOffset(next), 1))
    for (const { offset, key, value } of readRecords(bytes, next)) {
      const text = value === null ? 'null' : decoder.decode(value)
      found.push(`${offset}: ${key === null ? '' : `${decoder.decode(key)}=`}${text}`)
      next = offset
    }
    next++
  }
  return found
}

async function refusal(machine: LogMachine, sequence: number): Promise<string> {
  return append(machine, sent(sequence)).then(
    ({ offsets }) => `acknowledged at ${offsets}`,
    (error: BrokerError) => error.code,
  )
}

describe('after a repair that cut a partition', () => {
  test('what was cut off and comes again is no duplicate', async () => {
    const machine = await opened()
    for (let sequence = 0; sequence < 4; sequence++) await append(machine, sent(sequence))
    // All that is known of this one goes.
    await append(machine, sent(0, 8))
    await machine.close()
    await cut(machine, 2)
    await append(machine, batchOf(null, 'somebody else'))
    expect((await append(machine, sent(2))).offsets).toEqual([asOffset(3)])
    expect((await append(machine, sent(0, 8))).offsets).toEqual([asOffset(4)])
    // What was kept is one.
    expect((await append(machine, sent(1))).offsets).toEqual([asOffset(1)])
    expect(await contents(machine)).toEqual(['0: 7/0', '1: 7/1', '2: somebody else', '3: 7/2', '4: 8/0'])
    await machine.close()
  })

  test('compaction takes notice of what comes where it was before', async () => {
    const machine = await opened()
    for (const key of ['a', 'k', 'c', 'd']) await append(machine, batchOf(key, 'old'))
    await compact(machine, 1000)
    await machine.close()
    await cut(machine, 2)
    await append(machine, batchOf('k', null))
    await compact(machine, 2000)
    expect(await contents(machine)).toEqual(['0: a=old', '2: k=null'])
    await append(machine, batchOf('z', 'new'))
    await compact(machine, 5000)
    expect(await contents(machine)).toEqual(['0: a=old', '3: z=new'])
    await machine.close()
  })

  test('a compacted segment that became the newest takes no records', async () => {
    const machine = await opened()
    for (const key of ['a', 'k', 'c', 'd']) await append(machine, batchOf(key, 'old'))
    await compact(machine, 1000)
    for (const key of ['a', 'a', 'k']) await append(machine, batchOf(key, 'new'))
    await compact(machine, 2000)
    await append(machine, batchOf('e', 'new'))
    await machine.close()
    const compacted = machine.disk.files().find((path) => /orders-0\/0{20}\.\d+\.log$/.test(path))!
    await cut(machine, 3)
    const sizeBytes = machine.disk.fileSize(compacted)
    expect(sizeBytes).toBeGreaterThan(0)
    await append(machine, batchOf('z', 'new'))
    expect(machine.disk.fileSize(compacted)).toBe(sizeBytes)
    machine.powerCut(0)
    await machine.open()
    expect(await contents(machine)).toEqual(['2: c=old', '3: z=new'])
    await machine.close()
  })
})

describe('after a repair that put empty batches in place of damaged ones', () => {
  async function damagedAt(sequence: number): Promise<LogMachine> {
    const machine = await opened()
    for (let count = 0; count < 4; count++) await append(machine, sent(count))
    await machine.close()
    machine.kill()
    const path = '/data/topics/orders-0/00000000000000000000.log'
    const at = Buffer.from(machine.disk.contents(path)).indexOf(`7/${sequence}`)
    machine.disk.flip(path, at, 0)
    await repaired(machine, { kind: 'skip-damaged' })
    return machine
  }

  test('a damaged batch that comes again is not taken for one that is there', async () => {
    const machine = await damagedAt(1)
    expect(await contents(machine)).toEqual(['0: 7/0', '2: 7/2', '3: 7/3'])
    expect(await refusal(machine, 1)).toBe('out_of_order_sequence')
    expect(await refusal(machine, 2)).toBe('acknowledged at 2')
    expect(await refusal(machine, 4)).toBe('acknowledged at 4')
    await machine.close()
  })

  test('the last batch, if that was damaged, is taken again', async () => {
    const machine = await damagedAt(3)
    expect(await refusal(machine, 3)).toBe('acknowledged at 4')
    expect(await contents(machine)).toEqual(['0: 7/0', '1: 7/1', '2: 7/2', '4: 7/3'])
    await machine.close()
  })
})
