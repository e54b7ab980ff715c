// Opens the log of a data directory and reads a partition through it. Prints one JSON line.
//   bun bench/log/open.ts '{"directory":"/tmp/x","read":true}'
import { asOffset, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { openLog, type Partition, type RecoveryReport } from '#log'
import { filledTopic } from './fill.ts'

export type OpenPlan = { readonly directory: string; readonly read: boolean }
export type OpenResult = {
  readonly report: RecoveryReport
  /** From the process's first line to the log being open. */
  readonly openMs: number
  readonly readBytes: number
  readonly readSeconds: number
  readonly residentMegabytes: number
}

const readBytesMax = 2 ** 20

async function readAll(partition: Partition): Promise<number> {
  let bytes = 0
  let from = partition.startOffset
  while (from < partition.endOffset) {
    const part = await partition.read(from, readBytesMax)
    bytes += part.length
    from = asOffset(nextOffset(part))
  }
  return bytes
}

/** One past the last record of whole batches, from their headers: as a fetch over the network does. */
function nextOffset(batches: Uint8Array): number {
  const view = new DataView(batches.buffer, batches.byteOffset, batches.byteLength)
  let next = 0
  for (let at = 0; at < batches.length; at += 12 + view.getInt32(at + 8)) {
    next = Number(view.getBigInt64(at)) + view.getInt32(at + 23) + 1
  }
  return next
}

async function run({ directory, read }: OpenPlan): Promise<OpenResult> {
  const disk = realDisk()
  const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
  const began = performance.now()
  const log = await openLog({ ...world, disk, directory })
  const openMs = performance.now() - began
  const readFrom = performance.now()
  let readBytes = 0
  if (read) {
    for (const partition of log.partitions()) {
      if (partition.topic === filledTopic) readBytes += await readAll(partition)
    }
  }
  const readSeconds = (performance.now() - readFrom) / 1000
  const residentMegabytes = process.memoryUsage.rss() / 2 ** 20
  const { report } = log
  await log.close()
  disk.close()
  return { report, openMs, readBytes, readSeconds, residentMegabytes }
}

if (import.meta.main) {
  console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as OpenPlan)))
  process.exit(0)
}
