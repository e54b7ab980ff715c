// What lies still is read and checked slowly; what an older version left without sums gets them.
import { describe, expect, test } from 'bun:test'
import { asMillis, asOffset, type BrokerError } from '#base'
import type { LogGroup } from '#log'
import { BatchBuilder } from '#record'
import { decodeCheckpoint, encodeCheckpoint } from '../../src/log/checkpoint/checkpoint.ts'
import { LogMachine } from './log-machine.ts'

const id = { topicId: '7'.repeat(32), partition: 0 }
const directory = '/data/topics/still-0'
const limits = {
  segmentSizeBytesMax: 40_000,
  segmentAgeMsMax: 1e9,
  walFileSizeBytes: 400_000,
  checkpointBytes: 100_000,
  checkpointMs: 1000,
  idleMarkMs: 5,
}
const scrubbing = { scrubBytesPerSecond: 100_000, scrubFirstMs: 5000, scrubEveryMs: 60_000 }

async function filled(machine: LogMachine, batches: number): Promise<LogGroup> {
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'still' }]))
  for (let count = 0; count < batches; count++) {
    const builder = new BatchBuilder()
    builder.append({ key: null, value: new Uint8Array(1000).fill(count), timestamp: 1 })
    await machine.run(log.append([{ kind: 'batch', id, batch: builder.build() }]))
  }
  return log
}

async function closed(batches = 100): Promise<LogMachine> {
  const machine = new LogMachine(1, { ...limits, ...scrubbing })
  await filled(machine, batches)
  await machine.clock.advance(3000)
  await machine.close()
  machine.kill()
  return machine
}

const segments = (machine: LogMachine, extension: string) =>
  machine.disk.list(directory).filter((name) => name.endsWith(extension))

/** As a version without sums would have left it. */
function age(machine: LogMachine): void {
  const { disk } = machine
  const checkpoint = decodeCheckpoint(new TextDecoder().decode(disk.contents('/data/checkpoint')))!
  const partitions = checkpoint.partitions.map((facts) => {
    const bare = facts.segments.map(
      ({ sums: _sums, hasSumFile: _file, indexSum: _index, ...segment }) => segment,
    )
    return { ...facts, segments: bare }
  })
  const { salt: _salt, ...rest } = checkpoint
  const file = disk.open('/data/checkpoint', 'write')
  file.truncate(0)
  file.write(new TextEncoder().encode(encodeCheckpoint({ ...rest, partitions })), 0)
  file.close()
  for (const name of segments(machine, '.sum')) disk.remove(`${directory}/${name}`)
}

async function refusal(machine: LogMachine, log: LogGroup, offset: number): Promise<string> {
  return machine.run(log.partition(id)!.read(asOffset(offset), 1)).then(
    () => 'served',
    (error: BrokerError) => error.code,
  )
}

describe('scrubbing', () => {
  test('a sealed segment has a file of sums, the newest none', async () => {
    const machine = await closed()
    expect(segments(machine, '.log')).toHaveLength(3)
    expect(segments(machine, '.sum')).toEqual(
      segments(machine, '.log')
        .slice(0, 2)
        .map((name) => name.replace('.log', '.sum')),
    )
  })

  test('damage that nobody reads is found within one pass, at the rate that was asked for', async () => {
    const machine = await closed()
    const path = `${directory}/${segments(machine, '.log')[2]}`
    machine.disk.flip(path, 5000, 2)
    const log = await machine.open()
    // Two segments of 40 KB come first, and 100 KB are read in a second.
    await machine.clock.advance(700)
    expect(log.damages).toEqual([])
    await machine.clock.advance(6000)
    expect(log.damages).toEqual([{ path, position: 0, why: 'the checksum of a block does not match' }])
    // It only reports: the partition takes appends, and the next pass tells the same place once.
    expect(log.state).toBe('open')
    expect(log.partition(id)!.damage).toBeNull()
    await machine.clock.advance(120_000)
    expect(log.damages).toHaveLength(1)
    await machine.close()
  })

  test('a pass over a log that is whole tells nothing and keeps no file open', async () => {
    const machine = await closed()
    const log = await machine.open()
    await machine.clock.advance(10_000)
    expect(log.damages).toEqual([])
    await machine.close()
  })

  test('a log of a version without sums is read as it is, and gets sums from one pass', async () => {
    const machine = await closed()
    age(machine)
    const log = await machine.open()
    expect(log.partition(id)!.slice(asOffset(0), 1000)!.summed).toBeUndefined()
    for (const offset of [0, 50, 99]) expect(await refusal(machine, log, offset)).toBe('served')
    await machine.clock.advance(20_000)
    expect(log.partition(id)!.slice(asOffset(0), 1000)!.summed).toBeDefined()
    await machine.close()
    machine.kill()
    const again = await machine.open()
    expect(again.damages).toEqual([])
    // They lie in the checkpoint until the next one has given them files.
    await machine.run(again.append([{ kind: 'trim', id, before: asOffset(1) }]))
    await machine.clock.advance(3000)
    expect(segments(machine, '.sum')).toHaveLength(2)
    machine.disk.flip(`${directory}/${segments(machine, '.log')[0]}`, 13, 1)
    expect(await refusal(machine, again, 1)).toBe('corrupt')
    await machine.close()
  })

  test('a segment without sums that a frame in flight closes gets them when all of it is visible', async () => {
    // The newest of three segments has room for one more.
    const machine = await closed(110)
    age(machine)
    const log = await machine.open()
    const partition = log.partition(id)!
    const { disk } = machine
    disk.plan = { call: disk.calls + 1, fault: 'stall' }
    const answers = [0, 1].map(() => {
      const builder = new BatchBuilder()
      builder.append({ key: null, value: new Uint8Array(1000), timestamp: 1 })
      return log.append([{ kind: 'batch', id, batch: builder.build() }])
    })
    // The pass is over before the sync is.
    await machine.clock.advance(4000)
    expect(partition.endOffset).toBe(asOffset(110))
    expect(segments(machine, '.log')).toHaveLength(4)
    expect(partition.slice(asOffset(40), 1000)!.summed).toBeDefined()
    await machine.run(Promise.all(answers))
    for (const offset of [109, 110, 111]) expect(await refusal(machine, log, offset)).toBe('served')
    await machine.clock.advance(70_000)
    expect(partition.slice(asOffset(110), 1000)!.summed).toBeDefined()
    expect(log.damages).toEqual([])
    await machine.close()
  })

  test('a lookup by time finds what was in flight while a wrong index was made anew', async () => {
    const machine = await closed()
    age(machine)
    const path = `${directory}/${segments(machine, '.index').at(-1)}`
    const entries = new DataView(Uint8Array.from(machine.disk.contents(path)).buffer)
    const behind = entries.getInt32(0) - 1
    // It leads to a batch behind the one that is looked for.
    entries.setInt32(0, behind)
    machine.disk.open(path, 'write').write(new Uint8Array(entries.buffer), 0)
    const log = await machine.open()
    const partition = log.partition(id)!
    const { disk } = machine
    const late = (timestamp: number) => {
      const builder = new BatchBuilder()
      builder.append({ key: null, value: new Uint8Array(1000), timestamp })
      return log.append([{ kind: 'batch', id, batch: builder.build() }])
    }
    disk.plan = { call: disk.calls + 1, fault: 'stall' }
    const answer = late(5000)
    await machine.clock.advance(100)
    expect(partition.endOffset).toBe(asOffset(100))
    const base = Number.parseInt(path.split('/').at(-1)!, 10)
    expect(partition.slice(asOffset(base + behind), 100)!.position).toBeLessThan(entries.getInt32(4))
    await machine.run(answer)
    for (let count = 0; count < 10; count++) await machine.run(late(2))
    expect(partition.offsetAt(asMillis(5000))).toBe(asOffset(100))
    await machine.close()
  })

  test('a damaged batch of a version without sums gives no sums', async () => {
    const machine = await closed()
    age(machine)
    const path = `${directory}/${segments(machine, '.log')[0]}`
    machine.disk.flip(path, 20_000, 1)
    const log = await machine.open()
    await machine.clock.advance(20_000)
    expect(log.damages).toMatchObject([{ path, why: expect.stringContaining('checksum') }])
    expect(log.partition(id)!.slice(asOffset(0), 1000)!.summed).toBeUndefined()
    await machine.close()
  })

  test.each([20, 33])(
    'sums with a bit flipped in byte %d refuse nothing, are told and made anew',
    async (byte) => {
      const machine = await closed()
      const sum = `${directory}/${segments(machine, '.sum')[0]}`
      machine.disk.flip(sum, byte, 1)
      const log = await machine.open()
      expect(await refusal(machine, log, 0)).toBe('served')
      expect(log.damages).toMatchObject([{ path: sum }])
      await machine.clock.advance(20_000)
      await machine.close()
      machine.kill()
      const again = await machine.open()
      expect(await refusal(machine, again, 0)).toBe('served')
      expect(again.partition(id)!.slice(asOffset(0), 1000)!.summed).toBeDefined()
      expect(again.damages).toEqual([])
      await machine.close()
    },
  )
})
