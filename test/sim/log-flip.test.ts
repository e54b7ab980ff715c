// Every single bit and every cut of a small log: it is found, or it does no harm; never is a wrong record read. The fast run
// takes some bytes of each file; `STRIDE=1` takes all, `BITS=8` every bit of them.
import { describe, expect, test } from 'bun:test'
import { asMillis, asOffset, BrokerError } from '#base'
import type { LogGroup, Partition } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { LogMachine } from './log-machine.ts'
import type { SimulatedDisk } from './simulated-disk.ts'

const stride = Number(process.env['STRIDE'] ?? 211)
const bits = Number(process.env['BITS'] ?? 1)
const timeoutMs = 1_800_000

const limits = {
  segmentSizeBytesMax: 11_000,
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
type Small = { readonly machine: LogMachine; readonly disk: SimulatedDisk; readonly expected: Expected }

/** Three partitions of several segments, some trimmed, checkpoints on the way, and an end of the log that is marked. */
async function smallLog(ending: 'closed' | 'killed'): Promise<Small> {
  // Killed, much of it is in the write-ahead log alone.
  const machine = new LogMachine(1, { ...limits, checkpointBytes: ending === 'closed' ? 9000 : 30_000 })
  const log = await machine.open()
  const ids = [0, 1, 2].map((partition) => ({ topicId: '5'.repeat(32), partition }))
  for (const id of ids) await machine.run(log.append([{ kind: 'create', id, topic: 'small' }]))
  for (let round = 0; round < 24; round++) {
    const entries = ids
      .filter(({ partition }) => round % (partition + 1) === 0)
      .map((id) => ({ kind: 'batch' as const, id, batch: batchOf(round, id.partition) }))
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

function batchOf(round: number, partition: number): Uint8Array {
  const builder = new BatchBuilder()
  for (let count = 0; count < 2; count++) {
    const value = `${partition}/${round}/${count} ${'.'.repeat(400 + ((round * 7) % 40))}`
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
  { machine, disk, expected }: Small,
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

async function judgeAll(
  small: Small,
  spoilings: (path: string, size: number) => Iterable<[what: string, spoil: (disk: SimulatedDisk) => void]>,
): Promise<Map<string, Tally>> {
  const tallies = new Map<string, Tally>()
  for (const path of small.disk.files()) {
    const tally = tallies.get(kindOf(path)) ?? { refused: 0, damage: 0, harmless: 0 }
    tallies.set(kindOf(path), tally)
    for (const [what, spoil] of spoilings(path, usedBytes(small.disk, path))) {
      try {
        tally[await judge(small, spoil)]++
      } catch (thrown) {
        throw new Error(`${path}, ${what}: ${(thrown as Error).stack}`)
      }
    }
  }
  if (process.env['TALLY']) console.log(Object.fromEntries(tallies))
  return tallies
}

/** Small files more thoroughly. */
function stepOf(size: number): number {
  return size > 4000 ? stride : Math.max(1, Math.floor(stride / 8))
}

function* flips(path: string, size: number): Generator<[string, (disk: SimulatedDisk) => void]> {
  for (let byte = 0; byte < size; byte += stepOf(size)) {
    for (let count = 0; count < bits; count++) {
      const bit = (byte + count) % 8
      yield [`byte ${byte}, bit ${bit} flipped`, (disk) => disk.flip(path, byte, bit)]
    }
  }
}

function* cuts(path: string, size: number): Generator<[string, (disk: SimulatedDisk) => void]> {
  for (let at = 0; at < size; at += stepOf(size)) {
    const cut = (disk: SimulatedDisk) => {
      const file = disk.open(path, 'write')
      file.truncate(at)
      file.close()
    }
    yield [`cut to ${at} of ${size} bytes`, cut]
  }
}

describe('a small log', () => {
  for (const ending of ['closed', 'killed'] as const) {
    test(
      `with one bit flipped, after it was ${ending}, answers what was written or says what is damaged`,
      async () => {
        const tallies = await judgeAll(await smallLog(ending), flips)
        expect([...tallies.keys()].sort()).toEqual(
          [
            '.index',
            '.json',
            '.log',
            '.sum',
            '.timeindex',
            '.wal',
            '/data/ballast',
            '/data/checkpoint',
          ].sort(),
        )
        // Zeroes that are never read.
        expect(tallies.get('/data/ballast')).toMatchObject({ damage: 0, refused: 0 })
        expect(tallies.get('/data/checkpoint')).toMatchObject({ damage: 0, harmless: 0 })
        // Killed, what lies behind the checkpoint is written anew from the write-ahead log.
        if (ending === 'closed') {
          expect(tallies.get('.log')).toMatchObject({ refused: 0, harmless: 0 })
          expect(tallies.get('.sum')).toMatchObject({ refused: 0, harmless: 0 })
        } else expect(tallies.get('.wal')!.damage).toBeGreaterThan(0)
        // Indexes are made anew without a word.
        for (const hint of ['.index', '.timeindex'])
          expect(tallies.get(hint)).toMatchObject({ refused: 0, damage: 0 })
      },
      timeoutMs,
    )

    test(
      `with a file cut short, after it was ${ending}, answers what was written or says what is damaged`,
      async () => {
        // Frames at the very end of the write-ahead log are known by nothing else, so a cut there is a torn tail.
        const spoilings = (path: string, size: number) =>
          ending === 'killed' && path.endsWith('.wal') ? [] : cuts(path, size)
        const tallies = await judgeAll(await smallLog(ending), spoilings)
        expect(tallies.get('/data/checkpoint')).toMatchObject({ damage: 0, harmless: 0 })
        if (ending === 'closed') expect(tallies.get('.sum')).toMatchObject({ refused: 0, harmless: 0 })
      },
      timeoutMs,
    )
  }
})
