// A process that appends to a log while its system calls fail, and tells what became of each append:
//   <value> <offset> <offset>    acknowledged        refused <code>      told so
//   visible <count>              how many records can be read at the end     end <state>
// It ends after so many acknowledgements, after so many refusals, or when the log takes no more.
//   bun test/faults/fault-writer.ts DIRECTORY ROUND ACKNOWLEDGEMENTS REFUSALS
import { writeSync } from 'node:fs'
import { asOffset, BrokerError, Metrics, realClock, realDisk, realRandom, silentLogger, sleep } from '#base'
import { type LogGroup, openLog } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { partitionIds, tortureLimits } from '../log/kill-torture.ts'

const [directory = '', round = '', wanted = '0', refusalsMax = '0'] = process.argv.slice(2)
const inFlight = 8
const final = new Set(['disk_failed', 'corrupt', 'closed'])

const tell = (line: string) => writeSync(1, `${line}\n`)
const clock = realClock()
let acknowledged = 0
let refusals = 0
let count = 0
let over = false

function batchOf(value: string, sizeBytes: number): Uint8Array {
  const builder = new BatchBuilder()
  const bytes = new TextEncoder().encode(`${value}:${'x'.repeat(sizeBytes)}`)
  builder.append({ key: null, value: bytes, timestamp: 1 })
  return builder.build()
}

async function append(log: LogGroup): Promise<void> {
  const value = `${round}-${count++}`
  const entries = partitionIds.map(
    (id) => ({ kind: 'batch', id, batch: batchOf(value, (count * 37) % 3000) }) as const,
  )
  try {
    const { offsets } = await log.append(entries)
    tell(`${value} ${offsets.join(' ')}`)
    over ||= ++acknowledged >= Number(wanted)
  } catch (thrown) {
    if (!(thrown instanceof BrokerError)) throw thrown
    tell(`refused ${thrown.code}`)
    over ||= ++refusals >= Number(refusalsMax) || final.has(thrown.code)
    await sleep(clock, 10)
  }
}

/** Reads go on whatever became of the writer. */
async function visibleIn(log: LogGroup): Promise<number> {
  const partition = log.partition(partitionIds[0])
  let next = 0
  while (partition && next < partition.endOffset)
    for (const { offset } of readRecords(await partition.read(asOffset(next), 2 ** 20), next))
      next = offset + 1
  return next
}

async function work(log: LogGroup): Promise<void> {
  if (!log.partition(partitionIds[0]))
    await log.append(partitionIds.map((id) => ({ kind: 'create', id, topic: 'torture' })))
  const client = async () => {
    while (!over) await append(log)
  }
  const clients = Array.from({ length: inFlight }, client)
  // Clients whose frame waits for room on a full disk get no answer before there is some; newcomers are refused.
  const newcomers: Promise<void>[] = []
  const ended = async () => {
    for (let seen = -1; !over; await sleep(clock, 10)) {
      if (seen === acknowledged) newcomers.push(append(log))
      seen = acknowledged
    }
  }
  await Promise.race([Promise.all(clients), ended()])
}

try {
  const limits = { ...tortureLimits, diskFullRetryMs: 10, diskReserveBytes: 0 }
  const world = {
    disk: realDisk(),
    clock,
    random: realRandom(),
    logger: silentLogger,
    metrics: new Metrics(),
  }
  const log = await openLog({ ...world, directory, ...limits })
  try {
    await work(log)
  } catch (thrown) {
    if (!(thrown instanceof BrokerError)) throw thrown
    tell(`refused ${thrown.code}`)
  }
  tell(`visible ${await visibleIn(log)}`)
  tell(`end ${log.state}`)
  process.exit(0)
} catch (thrown) {
  if (!(thrown instanceof BrokerError)) throw thrown
  tell(`refused ${thrown.code}`)
  tell('end unopened')
  process.exit(0)
}
