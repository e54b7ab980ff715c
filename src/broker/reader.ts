// Fetches: checks the position, waits at the end if asked to, and answers whole batches or where they lie.
import { asOffset, assert, BrokerError, type Millis, type Offset } from '#base'
import type { Partition } from '#log'
import { readBatchHeader, readRecords } from '#record'
import type { Fetched, FetchedSlice, FetchRequest } from './api.ts'
import { spanOf } from './batch-span.ts'
import type { Catalogue } from './catalogue.ts'
import type { BrokerLimits } from './limits.ts'
import type { Topic } from './topic.ts'
import type { Waiters } from './waiters.ts'

const scanSizeBytes = 256 * 1024
const nothing = new Uint8Array(0)

export type ReaderOptions = {
  readonly catalogue: Catalogue
  readonly waiters: Waiters
  readonly limits: BrokerLimits
}

type Ready = { readonly topic: Topic; readonly partition: Partition; readonly bytesMax: number }

export class Reader {
  readonly #options: ReaderOptions

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  async fetch(request: FetchRequest): Promise<Fetched> {
    const { topic, partition, bytesMax } = await this.#ready(request)
    const { from } = request
    const batches = partition.endOffset > from ? await partition.read(from, bytesMax) : nothing
    if (batches.length > 0) topic.traffic.out(spanOf(batches).records, batches.length)
    return { batches, startOffset: partition.startOffset, endOffset: partition.endOffset }
  }

  async fetchSlice(request: FetchRequest): Promise<FetchedSlice> {
    const { topic, partition, bytesMax } = await this.#ready(request)
    const { from } = request
    const slice = partition.endOffset > from ? partition.slice(from, bytesMax) : null
    if (slice) topic.traffic.out(estimatedRecords(partition, slice.sizeBytes), slice.sizeBytes)
    return { slice, startOffset: partition.startOffset, endOffset: partition.endOffset }
  }

  /** The log's index points to a block that may begin too early; the rest is found by looking at records. */
  async offsetAt(name: string, number: number, timestamp: Millis): Promise<Offset> {
    if (!Number.isSafeInteger(timestamp)) {
      throw new BrokerError('invalid_request', `${JSON.stringify(timestamp)} is not a time`, {
        fix: 'give whole milliseconds since 1970 UTC',
      })
    }
    const partition = this.#options.catalogue.topic(name).partition(number)
    const hint = partition.offsetAt(timestamp)
    let next = hint === null ? partition.endOffset : asOffset(Math.max(hint, partition.startOffset))
    while (next < partition.endOffset) {
      const batches = await partition.read(next, scanSizeBytes)
      const found = firstAt(batches, next, timestamp)
      if (found !== null) return found
      const { nextOffset } = spanOf(batches)
      assert(nextOffset > next, 'a read below the end of a partition answers a batch')
      next = nextOffset
    }
    return next
  }

  /** Resolves when there is something at the position, or nothing came in time. */
  async #ready(request: FetchRequest): Promise<Ready> {
    const { catalogue, waiters, limits } = this.#options
    const { from, signal } = request
    const topic = catalogue.topic(request.topic)
    const partition = topic.partition(request.partition)
    checkRequest(request)
    checkPosition(topic, partition, from)
    const bytesMax = Math.min(request.bytesMax, limits.fetchSizeBytesMax)
    if (partition.endOffset > from) return { topic, partition, bytesMax }
    const waitMs = Math.min(request.waitMs, limits.fetchWaitMsMax)
    const wake = await waiters.wait({ partition, from, waitMs, signal })
    if (wake !== 'deleted' && !topic.gone) return { topic, partition, bytesMax }
    throw new BrokerError('not_found', `topic "${topic.name}" was deleted while the fetch waited`, {
      fix: 'list the topics there are: pspf topic list',
    })
  }
}

function checkRequest({ from, bytesMax, waitMs }: FetchRequest): void {
  const wrong = !Number.isSafeInteger(from)
    ? `${JSON.stringify(from)} is not an offset`
    : !(bytesMax >= 1)
      ? `bytesMax is ${JSON.stringify(bytesMax)}`
      : !(waitMs >= 0)
        ? `waitMs is ${JSON.stringify(waitMs)}`
        : undefined
  if (wrong === undefined) return
  throw new BrokerError('invalid_request', `the fetch cannot be answered: ${wrong}`, {
    fix: 'give a whole offset, bytesMax of 1 or more and waitMs of 0 or more',
  })
}

function checkPosition({ name }: Topic, { id, startOffset, endOffset }: Partition, from: Offset): void {
  if (from >= startOffset && from <= endOffset) return
  const why = from < startOffset ? `records before ${startOffset} are deleted` : `the end is ${endOffset}`
  throw new BrokerError(
    'offset_out_of_range',
    `offset ${from} of ${name}-${id.partition} cannot be read: ${why}`,
    {
      fix: `read from ${startOffset} (earliest) to ${endOffset} (latest)`,
      details: { topic: name, partition: id.partition, offset: from, startOffset, endOffset },
    },
  )
}

/** The bytes go past the broker, so their records are counted by the partition's mean size. */
function estimatedRecords({ startOffset, endOffset, sizeBytes }: Partition, sliceBytes: number): number {
  return sizeBytes > 0 ? Math.round(((endOffset - startOffset) * sliceBytes) / sizeBytes) : 0
}

/** The first record at or after `from` with the time; batches that are older throughout are not unpacked. */
function firstAt(batches: Uint8Array, from: Offset, timestamp: Millis): Offset | null {
  for (let position = 0; position < batches.length; ) {
    const { sizeBytes, maxTimestamp } = readBatchHeader(batches, position)
    if (maxTimestamp >= timestamp) {
      for (const record of readRecords(batches.subarray(position, position + sizeBytes), from)) {
        if (record.timestamp >= timestamp) return asOffset(record.offset)
      }
    }
    position += sizeBytes
  }
  return null
}
