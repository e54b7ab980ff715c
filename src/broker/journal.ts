// An internal topic used as a table: the newest record of a key counts. It is replayed on open, and written anew from
// memory when it has grown: live records are appended again, then everything before them is trimmed.
//
// Invariants:
//   1. `append` is called in the turn in which its facts were checked, so records lie in the log in the order of the
//      decisions behind them.
//   2. `apply` runs before the append counts as settled; so inside `exclusive` the table in memory is what the log holds.
//   3. The trim of a rewrite is appended after the rewritten records are durable: a crash between loses nothing.
import { asOffset, assert, BrokerError, type Logger, type Offset, toError } from '#base'
import type { Appended, AppendOptions, LogEntry, LogGroup, Partition, PartitionId } from '#log'
import { BatchBuilder, type RecordInput, type RecordView, readRecords } from '#record'
import { spanOf } from './batch-span.ts'

const readSizeBytes = 1024 * 1024
const rewriteBatchSizeBytes = 1024 * 1024

export type JournalOptions = {
  readonly log: LogGroup
  readonly topic: string
  readonly id: PartitionId
  readonly logger: Logger
  /** Bytes appended since the last rewrite that call for the next. */
  readonly rewriteBytes: number
  /** Live records of the table, for a rewrite. */
  readonly snapshot: () => Iterable<RecordInput>
}

export class Journal {
  readonly #options: JournalOptions
  readonly #builder = new BatchBuilder()
  readonly #inFlight = new Set<Promise<unknown>>()
  /** The last of the exclusive works, which wait for each other. */
  #exclusive: Promise<unknown> | null = null
  #bytesSinceRewrite = 0
  #rewriting = false

  constructor(options: JournalOptions) {
    this.#options = options
  }

  /** Hands every stored record to `apply`, oldest first. */
  async replay(apply: (record: RecordView) => void): Promise<void> {
    const partition = this.#partition()
    // Half a table would be an older one: topics and positions would come back as they once were.
    if (partition.damage !== null) throw partition.damage
    let next: Offset = partition.startOffset
    while (next < partition.endOffset) {
      const batches = await partition.read(next, readSizeBytes)
      for (const record of readRecords(batches, next)) apply(record)
      const { nextOffset } = spanOf(batches)
      assert(nextOffset > next, 'a read below the end of a partition answers a batch')
      next = nextOffset
    }
    this.#bytesSinceRewrite = partition.sizeBytes
  }

  /** Resolves when no exclusive work runs. Facts checked before it must be checked again. */
  async free(): Promise<void> {
    while (this.#exclusive !== null) await this.#exclusive
  }

  get isFree(): boolean {
    return this.#exclusive === null
  }

  /** `others` and the records become durable together. `apply` gets the offset of the first record. */
  append(
    records: readonly RecordInput[],
    others: readonly LogEntry[],
    apply: (baseOffset: Offset) => void,
    options: AppendOptions = {},
  ): Promise<Appended> {
    const entries = records.length === 0 ? others : [...others, this.batchOf(records)]
    const work = this.#options.log.append(entries, options).then((appended) => {
      apply(records.length === 0 ? asOffset(-1) : appended.offsets.at(-1)!)
      return appended
    })
    return this.#tracked(work)
  }

  /** The records as an entry of an append that the caller makes, inside `exclusive`. */
  batchOf(records: readonly RecordInput[]): LogEntry {
    this.#builder.reset()
    for (const record of records) this.#builder.append(record)
    const batch = this.#builder.build()
    this.#builder.reset()
    this.#bytesSinceRewrite += batch.length
    return { kind: 'batch', id: this.#options.id, batch }
  }

  /** Runs `work` after everything in flight has settled, alone. Works run in the order in which they were asked for. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#exclusive
    const run = (async () => {
      await before
      await Promise.allSettled(this.#inFlight)
      return await work()
    })()
    // Whoever waits for the turn must not fail with the work of another.
    const turn = run.then(
      () => undefined,
      () => undefined,
    )
    this.#exclusive = turn
    try {
      return await run
    } finally {
      if (this.#exclusive === turn) this.#exclusive = null
    }
  }

  /** Resolves after every append made so far, failed ones too. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#inFlight)
  }

  /** To be called after an append, outside `exclusive`: rewrites the table if it has grown enough. */
  maybeRewrite(): void {
    if (this.#rewriting || this.#bytesSinceRewrite < this.#options.rewriteBytes) return
    this.#rewriting = true
    this.exclusive(() => this.#rewrite())
      .catch((thrown) => {
        // The table itself is whole: only the space is not given back until the next try.
        const { logger, topic } = this.#options
        logger.warn({ topic, err: toError(thrown) }, 'an internal table could not be rewritten')
      })
      .finally(() => {
        this.#rewriting = false
      })
  }

  async #rewrite(): Promise<void> {
    const { log, id, snapshot, logger, topic } = this.#options
    const partition = this.#partition()
    const before = partition.endOffset
    const sizeBytes = partition.sizeBytes
    let liveBytes = 0
    for (const batch of batchesOf(snapshot())) {
      liveBytes += batch.length
      // Its trim gives the room back, so it must not wait for room.
      await log.append([{ kind: 'batch', id, batch }], { useReserve: true })
    }
    await log.append([{ kind: 'trim', id, before }])
    // A large table earns its next rewrite only by growing as much again.
    this.#bytesSinceRewrite = -liveBytes
    logger.debug({ topic, fromBytes: sizeBytes, toBytes: liveBytes }, 'internal table rewritten')
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => {
        this.#inFlight.delete(settled)
      },
      () => {
        this.#inFlight.delete(settled)
      },
    )
    this.#inFlight.add(settled)
    return work
  }

  #partition(): Partition {
    const { log, id, topic } = this.#options
    const partition = log.partition(id)
    if (!partition) {
      throw new BrokerError('corrupt', `the internal topic ${topic} is missing or quarantined`, {
        fix: 'see the recovery report in the log, and restore the data directory from a backup',
      })
    }
    return partition
  }
}

function* batchesOf(records: Iterable<RecordInput>): Generator<Uint8Array> {
  const builder = new BatchBuilder()
  for (const record of records) {
    builder.append(record)
    if (builder.sizeBytes < rewriteBatchSizeBytes) continue
    yield builder.build()
    builder.reset()
  }
  if (builder.count > 0) yield builder.build()
}
