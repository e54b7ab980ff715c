// A log in memory that keeps what the real one promises to tasks: atomic commits, offsets given at append, fenced
// epochs. It outlives the app that runs on it.
import { asByteSize, asMillis, asOffset, BrokerError, type Clock, type Offset, type Random } from '#base'
import type { Commit, TopicInfo, TopicSpec } from '#broker'
import { type RecordView, readBatchHeader, readRecords, writeBaseOffset } from '#record'
import type { TaskSlice } from '../api.ts'
import type { SliceReader } from '../runtime/slice-reader.ts'

type StoredBatch = {
  readonly bytes: Uint8Array
  readonly base: number
  readonly end: number
  readonly at: number
}
type MemoryPartition = { readonly batches: StoredBatch[]; start: number; end: number }
type MemoryTopic = { readonly spec: TopicSpec; readonly id: string; readonly partitions: MemoryPartition[] }
type Frame = {
  readonly grown: readonly MemoryPartition[]
  readonly positions: readonly (readonly [string, Offset | undefined])[]
}

export class MemoryLog {
  readonly #topics = new Map<string, MemoryTopic>()
  readonly #positions = new Map<string, Offset>()
  readonly #epochs = new Map<string, number>()
  readonly #clock: Clock
  readonly #random: Random
  #lastFrame: Frame | null = null

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  ensure(spec: TopicSpec): TopicInfo {
    let topic = this.#topics.get(spec.name)
    if (topic === undefined) {
      const partitions = Array.from({ length: spec.partitions ?? 1 }, () => ({
        batches: [],
        start: 0,
        end: 0,
      }))
      topic = { spec, id: this.#random.id(), partitions }
      this.#topics.set(spec.name, topic)
    }
    return infoOf(topic)
  }

  find(name: string): TopicInfo | null {
    const topic = this.#topics.get(name)
    return topic === undefined ? null : infoOf(topic)
  }

  has(topic: string): boolean {
    return this.#topics.has(topic)
  }

  partitionsOf(topic: string): number {
    return this.#topic(topic).partitions.length
  }

  endOf(topic: string, partition: number): number {
    return this.#partition(topic, partition).end
  }

  append(topic: string, partition: number, batch: Uint8Array): Offset {
    const into = this.#partition(topic, partition)
    this.#lastFrame = { grown: [into], positions: [] }
    return this.#push(into, batch)
  }

  /** Whole batches from the one that holds `from`, at least one, at most `batchesMax`. */
  slice(request: { topic: string; partition: number; from: number }, batchesMax: number): TaskSlice {
    const { topic, partition, from } = request
    const { batches, start, end } = this.#partition(topic, partition)
    const range = { startOffset: asOffset(start), endOffset: asOffset(end) }
    if (from < start || from > end) {
      throw new BrokerError('offset_out_of_range', `${topic}/${partition} holds [${start}, ${end})`)
    }
    const first = batches.findIndex((batch) => batch.end > from)
    if (first < 0) return { slice: null, ...range }
    const taken = batches.slice(first, first + Math.max(1, batchesMax))
    const sizeBytes = taken.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const appended = taken.map(({ base, at }) => ({ from: asOffset(base), at: asMillis(at) }))
    return {
      slice: { path: `${topic}/${partition}`, position: taken[0]!.base, sizeBytes },
      ...range,
      appended,
    }
  }

  readonly readSlice: SliceReader = async ({ path, position, sizeBytes }) => {
    const at = path.lastIndexOf('/')
    const { batches } = this.#partition(path.slice(0, at), Number(path.slice(at + 1)))
    const bytes = new Uint8Array(sizeBytes)
    let filled = 0
    for (const batch of batches) {
      if (batch.base < position || filled === sizeBytes) continue
      bytes.set(batch.bytes, filled)
      filled += batch.bytes.length
    }
    return bytes
  }

  committed(group: string, topic: string, partition: number): Offset | null {
    return this.#positions.get(positionKey(group, topic, partition)) ?? null
  }

  fence(group: string, owner: string): number {
    const epoch = (this.#epochs.get(`${group} ${owner}`) ?? 0) + 1
    this.#epochs.set(`${group} ${owner}`, epoch)
    return epoch
  }

  commit(commit: Commit): { positions: readonly Offset[] } {
    const { group, owner, epoch, batches, offsets } = commit
    if (epoch !== this.#epochs.get(`${group} ${owner}`)) {
      throw new BrokerError('fenced', `epoch ${epoch} of ${owner} was replaced`)
    }
    const grown = batches.map(({ topic, partition }) => this.#partition(topic, partition))
    const keys = offsets.map(({ topic, partition }) => positionKey(group, topic, partition))
    this.#lastFrame = { grown, positions: keys.map((key) => [key, this.#positions.get(key)] as const) }
    const positions = batches.map(({ batch }, index) => this.#push(grown[index]!, batch))
    offsets.forEach(({ offset }, index) => {
      this.#positions.set(keys[index]!, offset)
    })
    return { positions }
  }

  /** What a power cut does to a log that was not synced: the newest append is gone, and nobody knows it ever was. */
  loseLastFrame(): void {
    for (const partition of this.#lastFrame?.grown ?? []) {
      partition.end = partition.batches.pop()?.base ?? partition.end
    }
    for (const [key, offset] of this.#lastFrame?.positions ?? []) {
      if (offset === undefined) this.#positions.delete(key)
      else this.#positions.set(key, offset)
    }
    this.#lastFrame = null
  }

  /** What retention does: whole batches below the offset. */
  trim(topic: string, partition: number, before: number): void {
    const from = this.#partition(topic, partition)
    while (from.batches[0] !== undefined && from.batches[0].end <= before) from.batches.shift()
    from.start = from.batches[0]?.base ?? from.end
  }

  /** Records from there on, in offset order. */
  *records(topic: string, partition: number, from = 0): Generator<RecordView> {
    for (const batch of this.#partition(topic, partition).batches) {
      if (batch.end > from) yield* readRecords(batch.bytes, from)
    }
  }

  #push(into: MemoryPartition, batch: Uint8Array): Offset {
    const bytes = batch.slice()
    const base = into.end
    writeBaseOffset(bytes, 0, base, 0)
    into.end = readBatchHeader(bytes).lastOffset + 1
    into.batches.push({ bytes, base, end: into.end, at: this.#clock.now() })
    return asOffset(base)
  }

  #topic(name: string): MemoryTopic {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new BrokerError('not_found', `topic "${name}" does not exist`)
    return topic
  }

  #partition(topic: string, partition: number): MemoryPartition {
    const found = this.#topic(topic).partitions[partition]
    if (found === undefined) throw new BrokerError('not_found', `${topic} has no partition ${partition}`)
    return found
  }
}

const positionKey = (group: string, topic: string, partition: number) => `${group} ${topic} ${partition}`

function infoOf({ spec, id, partitions }: MemoryTopic): TopicInfo {
  return {
    name: spec.name,
    id,
    internal: false,
    config: {
      cleanupPolicy: 'delete',
      deleteRetentionMs: 86_400_000,
      minCleanableDirtyRatio: 0.5,
      retentionMs: null,
      retentionBytes: null,
      compression: 'none',
      ...spec.config,
      durability: 'fsync',
    },
    createdAt: asMillis(0),
    partitions: partitions.map(({ batches, start, end }, partition) => ({
      partition,
      startOffset: asOffset(start),
      endOffset: asOffset(end),
      sizeBytes: asByteSize(batches.reduce((sum, { bytes }) => sum + bytes.length, 0)),
      lastAppendTime: asMillis(batches.at(-1)?.at ?? 0),
    })),
  }
}
