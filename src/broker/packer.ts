// Packs the records of several produce calls into shared batches, one run per partition, for one atomic append. Every
// call stays whole in it, and gets back where each of its records lies.
import { asOffset, assert, type Offset } from '#base'
import type { LogEntry } from '#log'
import { BatchBuilder, type Compression, type Header, type RecordInput } from '#record'
import type { ProduceRecord, RecordPosition } from './api.ts'
import { partitionOf } from './partitioner.ts'
import type { ProduceCall } from './produce-call.ts'
import type { Topic } from './topic.ts'

/** What a batch header and a record's own lengths take at most, beside the record's bytes. */
const recordOverheadBytes = 64
/** Builders kept for reuse per compression: as many partitions as are usually written at once. */
const sparesMax = 16

/** The batch being filled for one partition. */
type Run = {
  readonly topic: Topic
  readonly partition: number
  readonly builder: BatchBuilder
  entry: number
}

/** One batch, for the counters of its topic. */
export type Written = { readonly topic: Topic; readonly records: number; readonly bytes: number }

export type Packed = {
  readonly entries: readonly LogEntry[]
  /** For `positionsOf`. */
  readonly places: readonly number[]
  readonly written: readonly Written[]
}

export class Packer {
  readonly #batchSizeBytesTarget: number
  readonly #spares: Record<Compression, BatchBuilder[]> = { none: [], gzip: [], zstd: [] }
  readonly #runs = new Map<Topic, (Run | undefined)[]>()
  /** null while the batch is being filled. */
  #entries: (LogEntry | null)[] = []
  #written: Written[] = []
  /** Per record, in the order of the calls: its partition, the entry it is in, and its place inside that batch. */
  #places: number[] = []
  // One object for all records, since the builder copies what it needs.
  readonly #record: { -readonly [Field in keyof RecordInput]: RecordInput[Field] } = {
    key: null,
    value: null,
    headers: noHeaders,
    timestamp: 0,
  }

  constructor(batchSizeBytesTarget: number) {
    this.#batchSizeBytesTarget = batchSizeBytesTarget
  }

  add({ topic, records, timestamp }: ProduceCall): void {
    for (const record of records) {
      const partition = choosePartition(topic, record)
      const run = this.#runFor(topic, partition, sizeOf(record))
      this.#places.push(partition, run.entry, run.builder.count)
      const scratch = this.#record
      scratch.key = record.key
      scratch.value = record.value
      scratch.headers = record.headers ?? noHeaders
      scratch.timestamp = record.timestamp ?? timestamp
      run.builder.append(scratch)
    }
  }

  /** What was packed since the last take. The packer is empty again. */
  take(): Packed {
    for (const runs of this.#runs.values()) {
      for (const run of runs) if (run) this.#finish(run)
    }
    const entries = this.#entries.map((entry) => {
      assert(entry, 'every batch begun is finished')
      return entry
    })
    const taken = { entries, places: this.#places, written: this.#written }
    this.#runs.clear()
    this.#entries = []
    this.#places = []
    this.#written = []
    this.#record.key = null
    this.#record.value = null
    return taken
  }

  #runFor(topic: Topic, partition: number, sizeBytes: number): Run {
    let runs = this.#runs.get(topic)
    if (!runs) {
      runs = []
      this.#runs.set(topic, runs)
    }
    const run = runs[partition]
    if (run && run.builder.sizeBytes + sizeBytes <= this.#batchSizeBytesTarget) return run
    if (run) this.#finish(run)
    const builder = this.#spares[topic.config.compression].pop() ?? newBuilder(topic)
    const next = { topic, partition, builder, entry: this.#entries.length }
    runs[partition] = next
    // Holds the place: batches of one partition must lie in the order in which they were begun.
    this.#entries.push(null)
    return next
  }

  #finish({ topic, partition, builder, entry }: Run): void {
    const id = topic.partitionIds[partition]
    assert(id && builder.count > 0, 'a run is of an existing partition and holds a record')
    const batch = builder.build()
    this.#entries[entry] = { kind: 'batch', id, batch }
    this.#written.push({ topic, records: builder.count, bytes: batch.length })
    builder.reset()
    const spares = this.#spares[topic.config.compression]
    if (spares.length < sparesMax) spares.push(builder)
  }
}

/** Positions of one call, whose records begin at `first` in the packer's order. */
export function positionsOf(
  { records }: ProduceCall,
  first: number,
  places: readonly number[],
  offsets: readonly Offset[],
): RecordPosition[] {
  return records.map((_, index) => {
    const at = (first + index) * 3
    return {
      partition: places[at]!,
      offset: asOffset(offsets[places[at + 1]!]! + places[at + 2]!),
    }
  })
}

function choosePartition(topic: Topic, { partition, key }: ProduceRecord): number {
  if (partition !== undefined) return partition
  const count = topic.partitionIds.length
  if (count === 1) return 0
  return key === null ? topic.takeTurn() : partitionOf(key, count)
}

function sizeOf({ key, value }: ProduceRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + recordOverheadBytes
}

function newBuilder({ config }: Topic): BatchBuilder {
  return new BatchBuilder({ compression: config.compression })
}

const noHeaders: readonly Header[] = []
