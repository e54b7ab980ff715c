// Fills a data directory through the log with large batches, says so on a line of its own, and goes on appending until it
// is killed, so that a kill -9 finds it amid a load. `stop: true` closes it in order instead.
//   bun bench/log/fill.ts '{"directory":"/tmp/x","bytes":1000000000,"partitions":4,"stop":false}'
import { Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { openBroker } from '#broker'
import { openLog } from '#log'
import { batchOf } from './in-process.ts'

export type FillPlan = {
  readonly directory: string
  readonly bytes: number
  readonly partitions: number
  readonly stop: boolean
}

export const filledTopic = 'filled'
const batchBytes = 256 * 1024
const recordBytes = 1024
const lanes = 32

async function run({ directory, bytes, partitions, stop }: FillPlan): Promise<void> {
  const disk = realDisk()
  const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
  const log = await openLog({ ...world, disk, directory })
  const broker = await openBroker({ ...world, log })
  const { id: topicId } = await broker.createTopic({ name: filledTopic, partitions })
  const records = batchBytes / recordBytes
  const batch = batchOf({ bytes: recordBytes, records, inFlight: lanes, partitions })
  let written = 0
  const lane = async (partition: number) => {
    while (written < bytes || !stop) {
      const before = written
      written += batch.length
      await log.append([{ kind: 'batch', id: { topicId, partition }, batch }])
      if (before < bytes && written >= bytes) console.log('filled')
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index % partitions)))
  await broker.close()
  await log.close()
  disk.close()
}

if (import.meta.main) {
  await run(JSON.parse(process.argv[2]!) as FillPlan)
  process.exit(0)
}
