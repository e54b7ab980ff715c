// A process that appends to a log as fast as it can and tells each acknowledgement on its standard output, until it is
// killed. Each append puts one record into each of two partitions.
import { writeSync } from 'node:fs'
import { type Disk, lockDirectory, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { openLog } from '#log'
import { BatchBuilder } from '#record'
import { partitionIds, tortureLimits } from './kill-torture.ts'

const [directory = '', round = '', syncs = ''] = process.argv.slice(2)
const inFlight = 128

/** The detector's own test: acknowledged is then only in the page cache, and a power cut must show it. */
function forgetful(disk: Disk): Disk {
  const done = async () => undefined
  return {
    ...disk,
    open: (path, mode) => ({
      ...disk.open(path, mode),
      sync: done,
      syncBehind: done,
      syncNow: () => undefined,
    }),
    syncDirectory: done,
    syncDirectoryNow: () => undefined,
  }
}

lockDirectory(directory, Date.now())
const log = await openLog({
  disk: syncs === 'no-syncs' ? forgetful(realDisk()) : realDisk(),
  clock: realClock(),
  random: realRandom(),
  logger: silentLogger,
  metrics: new Metrics(),
  directory,
  ...tortureLimits,
})
writeSync(1, 'open\n')
if (!log.partition(partitionIds[0])) {
  await log.append(partitionIds.map((id) => ({ kind: 'create', id, topic: 'torture' })))
}

function batchOf(value: string, sizeBytes: number): Uint8Array {
  const builder = new BatchBuilder()
  const bytes = new TextEncoder().encode(`${value}:${'x'.repeat(sizeBytes)}`)
  builder.append({ key: null, value: bytes, timestamp: Date.now() })
  return builder.build()
}

let count = 0
async function client(): Promise<never> {
  for (;;) {
    const value = `${round}-${count++}`
    const sizeBytes = count % 50 === 0 ? 20_000 : count % 700
    const entries = partitionIds.map((id) => ({
      kind: 'batch' as const,
      id,
      batch: batchOf(value, sizeBytes),
    }))
    const { offsets } = await log.append(entries)
    writeSync(1, `${value} ${offsets.join(' ')}\n`)
  }
}
await Promise.all(Array.from({ length: inFlight }, client))
