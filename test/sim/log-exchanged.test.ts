// Segments and their sums, exchanged together for others that are whole: the checkpoint knows which ones are its own.
import { describe, expect, test } from 'bun:test'
import { asMillis, asOffset, type BrokerError, Metrics, silentLogger } from '#base'
import { type LogGroup, type RepairChoice, repairLog, verifyLog } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { decodeCheckpoint, encodeCheckpoint } from '../../src/log/checkpoint/checkpoint.ts'
import { restoreTo, startBackup } from './backup-scenario.ts'
import { LogMachine } from './log-machine.ts'
import { LogScenario, smallLimits } from './log-scenario.ts'

const old = { topicId: '1'.repeat(32), partition: 0 }
const id = { topicId: '2'.repeat(32), partition: 0 }
const directory = '/data/topics/orders-0'
const first = `${directory}/00000000000000000000`
const limits = {
  segmentSizeBytesMax: 40_000,
  segmentAgeMsMax: 1e9,
  walFileSizeBytes: 400_000,
  checkpointBytes: 100_000,
  checkpointMs: 1000,
  idleMarkMs: 5,
  scrubBytesPerSecond: 1_000_000,
  scrubFirstMs: 5000,
  scrubEveryMs: 1e9,
}

type Files = { readonly log: Uint8Array; readonly sum: Uint8Array }

function batch(fill: number, key: string | null = null): Uint8Array {
  const builder = new BatchBuilder()
  const keyBytes = key === null ? null : new TextEncoder().encode(key)
  builder.append({ key: keyBytes, value: new Uint8Array(1000).fill(fill), timestamp: 1 })
  return builder.build()
}

async function fill(machine: LogMachine, log: LogGroup, { of, value }: { of: typeof id; value: number }) {
  await machine.run(log.append([{ kind: 'create', id: of, topic: 'orders' }]))
  for (let count = 0; count < 100; count++)
    await machine.run(log.append([{ kind: 'batch', id: of, batch: batch(value, `key-${count % 10}`) }]))
  await machine.clock.advance(3000)
}

const filesOf = ({ disk }: { disk: LogMachine['disk'] }, stem = first): Files => ({
  log: disk.contents(`${stem}.log`).slice(),
  sum: disk.contents(`${stem}.sum`).slice(),
})

function put({ disk }: LogMachine, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, 'create')
  file.truncate(0)
  file.write(bytes, 0)
  file.close()
}

function putFiles(machine: LogMachine, { log, sum }: Partial<Files>): void {
  if (log) put(machine, `${first}.log`, log)
  if (sum) put(machine, `${first}.sum`, sum)
}

/** A stopped log with a topic that was deleted and made anew: its own first segment, and the one that lay there before. */
async function recreated(): Promise<{ machine: LogMachine; before: Files; own: Files }> {
  const machine = new LogMachine(1, limits)
  const log = await machine.open()
  await fill(machine, log, { of: old, value: 1 })
  const before = filesOf(machine)
  await machine.run(log.append([{ kind: 'delete', id: old }]))
  await fill(machine, log, { of: id, value: 2 })
  await machine.close()
  machine.kill()
  return { machine, before, own: filesOf(machine) }
}

/** What is answered at an offset, or why nothing is. */
async function answer(machine: LogMachine, offset: number): Promise<number | string> {
  const partition = machine.log!.partition(id)!
  const read = machine.run(partition.read(asOffset(offset), 1))
  return read.then(
    (bytes) => [...readRecords(bytes, offset)][0]!.value![0]!,
    (error: BrokerError) => `${error.code}: ${error.message} (${error.fix})`,
  )
}

const refused = expect.stringMatching(
  /^corrupt: .*orders-0\/0{20}\.log.* is not the segment .*pspfctl log repair/,
)

const partsOf = ({ disk, clock, random }: LogMachine) => ({
  ...{ disk, clock, random, logger: silentLogger, metrics: new Metrics(), directory: '/data' },
  ...smallLimits,
  ...limits,
})

const repaired = async (machine: LogMachine, choice: RepairChoice) => {
  await machine.run(repairLog({ ...partsOf(machine), choice, apply: true }))
  await machine.open()
}

/** As a version left it that knew of no such checksum. */
function forgetChecksums(machine: LogMachine): void {
  const text = new TextDecoder().decode(machine.disk.contents('/data/checkpoint'))
  const checkpoint = decodeCheckpoint(text)!
  const partitions = checkpoint.partitions.map((facts) => ({
    ...facts,
    segments: facts.segments.map(({ sumFileChecksum: _checksum, ...segment }) => segment),
  }))
  put(machine, '/data/checkpoint', new TextEncoder().encode(encodeCheckpoint({ ...checkpoint, partitions })))
}

describe('a segment of a deleted topic under the name of one that was made anew', () => {
  test('with its sums is refused by name, and what lies behind it is served', async () => {
    const { machine, before, own } = await recreated()
    expect(before.log.length).toBe(own.log.length)
    putFiles(machine, before)
    await machine.open()
    expect(await answer(machine, 5)).toEqual(refused)
    // Asked again it says the same, and whoever asks for where the bytes lie hears it too.
    expect(await answer(machine, 0)).toEqual(refused)
    expect(() => machine.log!.partition(id)!.slice(asOffset(0), 100)).toThrow('is not the segment')
    expect(await answer(machine, 99)).toBe(2)
    expect(machine.log!.damages).toMatchObject([{ path: `${first}.log` }])
    await machine.clock.advance(20_000)
    await machine.close()
    machine.kill()
    putFiles(machine, own)
    await machine.open()
    expect(await answer(machine, 5)).toBe(2)
    await machine.close()
  })

  test('without sums, or with damaged ones, is refused as well', async () => {
    for (const sum of [null, new Uint8Array(50)]) {
      const { machine, before } = await recreated()
      putFiles(machine, { log: before.log })
      if (sum === null) machine.disk.remove(`${first}.sum`)
      else putFiles(machine, { sum })
      await machine.open()
      expect(await answer(machine, 5)).toEqual(refused)
      await machine.close()
    }
  })

  test('is a finding of a check of the directory, which a repair fills with nothing of it', async () => {
    const { machine, before } = await recreated()
    putFiles(machine, before)
    const { findings } = await machine.run(verifyLog(partsOf(machine)))
    expect(findings).toMatchObject([{ kind: 'segment', path: `${first}.log`, harmless: false }])
    await repaired(machine, { kind: 'skip-damaged' })
    const { endOffset } = machine.log!.partition(id)!
    const found = new Set<number>()
    for (let next = 0; next < endOffset; ) {
      const bytes = await machine.run(machine.log!.partition(id)!.read(asOffset(next), 1e6))
      for (const { value } of readRecords(bytes, next)) found.add(value![0]!)
      const view = new DataView(bytes.buffer, bytes.byteOffset)
      let at = 0
      for (; at < bytes.length; at += 12 + view.getInt32(at + 8))
        next = Number(view.getBigInt64(at)) + view.getInt32(at + 23) + 1
    }
    expect([...found]).toEqual([2])
    expect(endOffset).toBe(asOffset(100))
    const copies = machine.disk.list('/data/quarantine')
    expect(copies).toHaveLength(1)
    expect(Buffer.from(machine.disk.contents(`/data/quarantine/${copies[0]}`))).toEqual(
      Buffer.from(before.log),
    )
    await machine.close()
  })

  test('is not compacted into records of the other', async () => {
    const { machine, before } = await recreated()
    putFiles(machine, before)
    const log = await machine.open()
    const compact = log.compact(id, { now: asMillis(1e12), deleteRetentionMs: 0 })
    expect(await machine.run(compact).then(String, (error: BrokerError) => error.message)).toContain(
      'is not the segment',
    )
    await machine.close()
  })

  test('in a log of an older version is served until a pass over the right one has vouched for it', async () => {
    const { machine, before, own } = await recreated()
    forgetChecksums(machine)
    putFiles(machine, before)
    await machine.open()
    expect(await answer(machine, 5)).toBe(1)
    await machine.close()
    machine.kill()
    forgetChecksums(machine)
    putFiles(machine, own)
    await machine.open()
    await machine.clock.advance(10_000)
    await machine.close()
    machine.kill()
    putFiles(machine, before)
    await machine.open()
    expect(await answer(machine, 5)).toEqual(refused)
    await machine.close()
  })
})

describe('sums that are not those of their segment', () => {
  test('are made anew from a segment that is whole, in memory at once and as a file with the next checkpoint', async () => {
    const other = (await recreated()).before.sum
    for (const sum of [null, new Uint8Array(50), other]) {
      const { machine, own } = await recreated()
      if (sum === null) machine.disk.remove(`${first}.sum`)
      else putFiles(machine, { sum })
      await machine.open()
      expect(await answer(machine, 5)).toBe(2)
      expect(machine.log!.partition(id)!.slice(asOffset(0), 1000)!.summed).toBeDefined()
      expect(machine.log!.damages).toMatchObject([{ path: `${first}.sum` }])
      const grow = machine.log!.append([{ kind: 'batch', id, batch: batch(2) }])
      await machine.run(grow)
      await machine.clock.advance(3000)
      expect(Buffer.from(machine.disk.contents(`${first}.sum`))).toEqual(Buffer.from(own.sum))
      await machine.close()
    }
  })

  test('are no evidence for a segment that is damaged: it is refused, and repaired from its whole batches', async () => {
    const { machine } = await recreated()
    machine.disk.remove(`${first}.sum`)
    machine.disk.flip(`${first}.log`, 20_000, 1)
    await machine.open()
    expect(await answer(machine, 5)).toEqual(refused)
    await machine.close()
    machine.kill()
    await repaired(machine, { kind: 'skip-damaged' })
    expect(await answer(machine, 5)).toBe(2)
    expect(await answer(machine, 30)).toBe(2)
    await machine.close()
  })

  test('are written whenever the power goes, and their segment is served', async () => {
    // Every call of the disk between the sealing and the checkpoint behind it.
    for (let call = 1; call < 60; call++) {
      const { machine } = await recreated()
      machine.disk.remove(`${first}.sum`)
      await machine.open()
      expect(await answer(machine, 5)).toBe(2)
      machine.disk.plan = { call: machine.disk.calls + call, fault: 'crash-before' }
      const grow = machine.run(machine.log!.append([{ kind: 'batch', id, batch: batch(2) }]))
      await grow.then(
        () => machine.clock.advance(3000),
        () => undefined,
      )
      machine.powerCut(call % 2)
      await machine.open()
      expect(await answer(machine, 5)).toBe(2)
      expect(await answer(machine, 99)).toBe(2)
      await machine.close()
    }
  })
})

describe('a backup', () => {
  async function saved(change: (scenario: LogScenario, stem: string) => void) {
    const scenario = new LogScenario(5, { cannotLink: true })
    const log = await scenario.open()
    await scenario.drive(log.append([{ kind: 'create', id, topic: 'orders' }]))
    for (let count = 0; count < 30; count++)
      await scenario.drive(log.append([{ kind: 'batch', id, batch: batch(count) }]))
    await scenario.clock.advance(3000)
    await scenario.drive(log.append([{ kind: 'batch', id, batch: batch(1) }]))
    await scenario.clock.advance(3000)
    await scenario.close()
    scenario.kill()
    change(scenario, first)
    await scenario.open()
    const { damage } = await scenario.drive(startBackup(scenario, { path: '/backup', kind: 'directory' }))
    await restoreTo(scenario, '/backup', '/restored')
    const restored = await scenario.openAt('/restored')
    return { scenario, damage, restored }
  }

  test('of a segment that is another one says so, and what is restored from it is refused', async () => {
    const { scenario, damage, restored } = await saved(({ disk }, stem) => {
      // Another epoch, with sums to match.
      disk.flip(`${stem}.log`, 13, 1)
      disk.remove(`${stem}.sum`)
    })
    expect(damage).toMatchObject([{ why: expect.stringContaining('is not the segment') }])
    const read = scenario.drive(restored.partition(id)!.read(asOffset(0), 1))
    expect(await read.then(String, (error: BrokerError) => error.code)).toBe('corrupt')
    await scenario.drive(restored.close())
  })

  test('of a segment that lost its sums holds them again', async () => {
    const { scenario, damage, restored } = await saved(({ disk }, stem) => disk.remove(`${stem}.sum`))
    expect(damage).toEqual([])
    expect(scenario.disk.exists('/backup/topics/orders-0/00000000000000000000.sum')).toBe(true)
    expect(restored.partition(id)!.slice(asOffset(0), 1)!.summed).toBeDefined()
    await scenario.drive(restored.close())
  })
})
