// A small log, and the judge of it when one bit is flipped or one file cut: it is found, or it does no harm; never is a
// wrong record read, and never is one missing without a word.
import { asMillis, asOffset, BrokerError } from '#base'
import type { LogGroup, Partition } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { LogMachine } from './log-machine.ts'
import type { SimulatedDisk } from './simulated-disk.ts'

const limits = {
  segmentAgeMsMax: 1e9,
  walFileSizeBytes: 20_000,
  checkpointMs: 1e9,
  appendBytesMax: 8192,
  groupBytesMax: 8192,
  idleMarkMs: 5,
}
const startMs = 1_000_000

/** What the log held before anything was spoilt. */
type Expected = {
  readonly partitions: Map<string, { readonly start: number; readonly end: number }>
  readonly values: Map<string, string>
  readonly times: Map<string, number | null>
}
export type SmallLog = {
  readonly machine: LogMachine
  readonly disk: SimulatedDisk
  readonly expected: Expected
}

/** Three partitions of several segments, some trimmed, checkpoints on the way, and an end of the log that is marked. */
export async function smallLog(ending: 'closed' | 'killed', valueBytes = 400): Promise<SmallLog> {
  // Killed, much of it is in the write-ahead log alone.
  const scale = (bytes: number) => Math.ceil((bytes * (valueBytes + 100)) / 500)
  const machine = new LogMachine(1, {
    ...limits,
    segmentSizeBytesMax: scale(11_000),
    checkpointBytes: scale(ending === 'closed' ? 9000 : 30_000),
  })
  const log = await machine.open()
  const ids = [0, 1, 2].map((partition) => ({ topicId: '5'.repeat(32), partition }))
  for (const id of ids) await machine.run(log.append([{ kind: 'create', id, topic: 'small' }]))
  for (let round = 0; round < 24; round++) {
    const entries = ids
      .filter(({ partition }) => round % (partition + 1) === 0)
      .map((id) => ({ kind: 'batch' as const, id, batch: batchOf(round, id.partition, valueBytes) }))
    await machine.run(log.append(entries))
    if (round === 20) await machine.run(log.append([{ kind: 'trim', id: ids[0]!, before: asOffset(6) }]))
  }
  await machine.clock.advance(1000)
  if (ending === 'closed') await machine.close()
  machine.kill()
  const { disk } = machine
  machine.powerCut(1)
  const expected = await readAll(machine, await machine.open())
  return { machine, disk, expected }
}

function batchOf(round: number, partition: number, valueBytes: number): Uint8Array {
  const builder = new BatchBuilder()
  for (let count = 0; count < 2; count++) {
    const value = `${partition}/${round}/${count} ${'.'.repeat(valueBytes + ((round * 7) % 40))}`
    builder.append({ key: null, value: new TextEncoder().encode(value), timestamp: startMs + round * 10 })
  }
  return builder.build()
}

const keyOf = ({ id }: Partition) => String(id.partition)

/** Throws `BrokerError` at the first refusal. */
async function readAll(machine: LogMachine, log: LogGroup): Promise<Expected> {
  const found: Expected = { partitions: new Map(), values: new Map(), times: new Map() }
  for (const partition of log.partitions()) {
    const key = keyOf(partition)
    found.partitions.set(key, { start: partition.startOffset, end: partition.endOffset })
    await readInto(machine, partition, found.values)
    for (let time = startMs - 10; time <= startMs + 400; time += 30)
      found.times.set(`${key}@${time}`, partition.offsetAt(asMillis(time)))
  }
  return found
}

async function readInto(
  machine: LogMachine,
  partition: Partition,
  values: Map<string, string>,
): Promise<void> {
  for (let next: number = partition.startOffset; next < partition.endOffset; ) {
    const bytes = await machine.run(partition.read(asOffset(next), 200))
    const from = next
    for (const { offset, value } of readRecords(bytes, next)) {
      if (offset !== next) throw new Error(`${keyOf(partition)} has a gap: ${next} is followed by ${offset}`)
      values.set(`${keyOf(partition)}@${offset}`, new TextDecoder().decode(value!))
      next++
    }
    if (next === from) throw new Error(`${keyOf(partition)} has nothing at ${from}`)
  }
}

type Outcome = 'refused' | 'damage' | 'harmless'

/** Opens and reads what a spoilt disk holds; throws at the first thing that is wrong and not told. */
async function judge(
  { machine, disk, expected }: SmallLog,
  spoil: (disk: SimulatedDisk) => void,
): Promise<Outcome> {
  machine.disk = disk
  machine.powerCut(1)
  spoil(machine.disk)
  let log: LogGroup
  try {
    log = await machine.open()
  } catch (thrown) {
    if (thrown instanceof BrokerError && ['corrupt', 'conflict'].includes(thrown.code)) return 'refused'
    throw thrown
  }
  let refused = 0
  for (const partition of log.partitions()) refused += await judgePartition(machine, partition, expected)
  const count = [...log.partitions()].length
  const told = log.damages.length + log.report.quarantined.length + (log.failure === undefined ? 0 : 1)
  const isWhole = refused === 0 && count === expected.partitions.size
  if (!isWhole && told === 0) throw new Error('something is missing, and nobody says so')
  return told > 0 ? 'damage' : 'harmless'
}

/** How many reads were refused. */
async function judgePartition(
  machine: LogMachine,
  partition: Partition,
  expected: Expected,
): Promise<number> {
  const key = keyOf(partition)
  const { start, end } = expected.partitions.get(key)!
  if (partition.startOffset > start || partition.endOffset > end) throw new Error(`${key} has other bounds`)
  let refused = partition.endOffset < end ? 1 : 0
  for (let offset = start; offset < partition.endOffset; offset++) {
    try {
      const bytes = await machine.run(partition.read(asOffset(offset), 1))
      const [record] = readRecords(bytes, offset)
      const value = record === undefined ? 'nothing' : new TextDecoder().decode(record.value!)
      if (record?.offset !== offset || value !== expected.values.get(`${key}@${offset}`))
        throw new Error(`${key}@${offset} is "${value}"`)
    } catch (thrown) {
      if (!(thrown instanceof BrokerError && thrown.code === 'corrupt')) throw thrown
      refused++
    }
  }
  for (let time = startMs - 10; time <= startMs + 400; time += 30) {
    const wanted = expected.times.get(`${key}@${time}`)
    const found = offsetAt(partition, time)
    if (found === 'refused' || partition.endOffset < end) refused++
    else if (found !== wanted) throw new Error(`at ${time} ${key} has ${found}, not ${wanted}`)
  }
  return refused
}

function offsetAt(partition: Partition, time: number): number | null | 'refused' {
  try {
    return partition.offsetAt(asMillis(time))
  } catch (thrown) {
    if (thrown instanceof BrokerError && thrown.code === 'corrupt') return 'refused'
    throw thrown
  }
}

/** Bytes of a file that mean something: the zeroes at the end of a write-ahead file do not. */
function usedBytes(disk: SimulatedDisk, path: string): number {
  const bytes = disk.contents(path, 0, disk.fileSize(path))
  return path.endsWith('.wal') ? bytes.findLastIndex((byte) => byte !== 0) + 1 : bytes.length
}

type Tally = Record<Outcome, number>
const kindOf = (path: string) => /\.[a-z]+$/.exec(path)?.[0] ?? path

export type Spoiling = { readonly what: string; spoil(disk: SimulatedDisk): void }

/** Every spoiling of every file, by kind of file; `wrong` is told what was answered wrongly. */
export async function judgeAll(
  small: SmallLog,
  spoilings: (path: string, size: number) => Iterable<Spoiling>,
  wrong: (what: string, why: Error) => void,
): Promise<Map<string, Tally>> {
  const tallies = new Map<string, Tally>()
  for (const path of small.disk.files()) {
    const tally = tallies.get(kindOf(path)) ?? { refused: 0, damage: 0, harmless: 0 }
    tallies.set(kindOf(path), tally)
    for (const { what, spoil } of spoilings(path, usedBytes(small.disk, path))) {
      try {
        tally[await judge(small, spoil)]++
      } catch (thrown) {
        wrong(`${path}, ${what}`, thrown as Error)
      }
    }
  }
  return tallies
}

/** `bits` of 8 of the byte. */
export function* flipsOf(path: string, byte: number, bits: number): Generator<Spoiling> {
  for (let count = 0; count < bits; count++) {
    const bit = (byte + count) % 8
    yield { what: `byte ${byte}, bit ${bit} flipped`, spoil: (disk) => disk.flip(path, byte, bit) }
  }
}

export function cutOf(path: string, at: number): Spoiling {
  const spoil = (disk: SimulatedDisk) => {
    const file = disk.open(path, 'write')
    file.truncate(at)
    file.close()
  }
  return { what: `cut to ${at} bytes`, spoil }
}
