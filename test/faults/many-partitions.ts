// A process that appends to many partitions, one after the other and then to all in one frame, reads them back, and tells
// how far it came. It kills itself, so that the next one has something to bring back.
//   bun test/faults/many-partitions.ts DIRECTORY COUNT
import { writeSync } from 'node:fs'
import {
  asOffset,
  BrokerError,
  Metrics,
  type Offset,
  realClock,
  realDisk,
  realRandom,
  silentLogger,
  sleep,
} from '#base'
import { openLog, type Partition } from '#log'
import { BatchBuilder, readRecords } from '#record'

const [directory = '', count = '0'] = process.argv.slice(2)
const ids = Array.from({ length: Number(count) }, (_, partition) => ({ topicId: 'd'.repeat(32), partition }))
const builder = new BatchBuilder()
builder.append({ key: null, value: new TextEncoder().encode('x'.repeat(100)), timestamp: 1 })
const bytes = builder.build()
const batchFor = (id: (typeof ids)[number]) => ({ kind: 'batch', id, batch: bytes.slice() }) as const

const disk = realDisk()
const log = await openLog({
  disk,
  clock: realClock(),
  random: realRandom(),
  logger: silentLogger,
  metrics: new Metrics(),
  directory,
  // What is open is let go by checkpoints as well; here it must go without.
  checkpointMs: 3_600_000,
})
if (log.partition(ids[0]!) === undefined)
  await log.append(ids.map((id) => ({ kind: 'create', id, topic: 'many' })))
for (const id of ids) await log.append([batchFor(id)])
await log.append(ids.map(batchFor))

const readTriesMax = 1_000

/** While every open segment waits for its sync a read is told to come again, which begins those syncs. */
async function readPatiently(partition: Partition, from: Offset): Promise<Uint8Array> {
  for (let tries = 1; ; tries++) {
    try {
      return await partition.read(from, 2 ** 20)
    } catch (thrown) {
      if (!(thrown instanceof BrokerError) || thrown.code !== 'busy' || tries === readTriesMax) throw thrown
      await sleep(realClock(), 5)
    }
  }
}

let records = 0
for (const id of ids) {
  const partition = log.partition(id)!
  for (let next = 0; next < partition.endOffset; )
    for (const { offset } of readRecords(await readPatiently(partition, asOffset(next)), next)) {
      next = offset + 1
      records++
    }
}
writeSync(1, `${JSON.stringify({ filesMax: disk.filesMax, records, state: log.state })}\n`)
process.kill(process.pid, 'SIGKILL')
