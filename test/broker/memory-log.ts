// A LogGroup in memory: every batch is a segment of its own, and a test decides when a sync returns and whether it fails.
import {
  asByteSize,
  asMillis,
  asOffset,
  assert,
  BrokerError,
  type ByteSize,
  type Millis,
  type Offset,
} from '#base'
import type {
  Appended,
  AppendOptions,
  CompactionFacts,
  CompactionReport,
  LogEntry,
  LogGroup,
  LogState,
  Partition,
  PartitionId,
  RecoveryReport,
  SealedSegment,
  SegmentSlice,
} from '#log'
import { readBatchHeader, writeBaseOffset } from '#record'

type Stored = {
  readonly batch: Uint8Array
  readonly base: number
  readonly next: number
  readonly time: number
}

const keyOf = ({ topicId, partition }: PartitionId) => `${topicId}-${partition}`

export class MemoryPartition implements Partition {
  readonly id: PartitionId
  readonly topic: string
  startOffset = asOffset(0)
  endOffset = asOffset(0)
  stored: Stored[] = []
  readonly damage = null

  constructor(id: PartitionId, topic: string) {
    this.id = id
    this.topic = topic
  }

  get sizeBytes(): ByteSize {
    return asByteSize(this.stored.reduce((sum, { batch }) => sum + batch.length, 0))
  }

  get lastAppendTime(): Millis {
    return asMillis(this.stored.at(-1)?.time ?? 0)
  }

  get activeSince(): Millis | null {
    return null
  }

  get compaction(): CompactionFacts {
    return { cleanBytes: 0, dirtyBytes: 0, activeBytes: this.sizeBytes }
  }

  segmentStart(offset: Offset): Offset {
    return asOffset(this.stored.findLast(({ base }) => base <= offset)?.base ?? this.endOffset)
  }

  async read(from: Offset, bytesMax: number): Promise<Uint8Array> {
    return Buffer.concat(this.#wanted(from, bytesMax).map(({ batch }) => batch))
  }

  slice(from: Offset, bytesMax: number): SegmentSlice | null {
    const sizeBytes = this.#wanted(from, bytesMax).reduce((sum, { batch }) => sum + batch.length, 0)
    return sizeBytes === 0 ? null : { path: `memory:${keyOf(this.id)}`, position: 0, sizeBytes }
  }

  offsetAt(timestamp: Millis): Offset | null {
    const found = this.stored.find(({ batch }) => readBatchHeader(batch).maxTimestamp >= timestamp)
    return found ? asOffset(found.base) : null
  }

  offsetAppendedAt(time: Millis): Offset {
    return asOffset(this.stored.find((each) => each.time >= time)?.base ?? this.endOffset)
  }

  offsetForSize(sizeBytes: ByteSize): Offset {
    let kept = 0
    for (const { batch, base } of this.stored.toReversed()) {
      kept += batch.length
      if (kept >= sizeBytes) return asOffset(base)
    }
    return this.startOffset
  }

  sealedSegments(): SealedSegment[] {
    return this.stored.slice(0, -1).map(({ batch, next, time }) => {
      return {
        endOffset: asOffset(next),
        sizeBytes: asByteSize(batch.length),
        lastAppendTime: asMillis(time),
      }
    })
  }

  trim(before: Offset): void {
    this.stored = this.stored.filter(({ next }) => next > before)
    this.startOffset = asOffset(Math.max(this.startOffset, this.stored[0]?.base ?? this.endOffset))
  }

  #wanted(from: Offset, bytesMax: number): Stored[] {
    if (from < this.startOffset || from > this.endOffset) {
      throw new BrokerError('offset_out_of_range', `offset ${from} is not there`)
    }
    const wanted: Stored[] = []
    let sizeBytes = 0
    for (const each of this.stored.filter(({ next }) => next > from)) {
      sizeBytes += each.batch.length
      if (wanted.length > 0 && sizeBytes > bytesMax) break
      wanted.push(each)
    }
    return wanted
  }
}

async function answerInTurns(answers: readonly (() => void)[]): Promise<void> {
  for (const answer of answers) {
    answer()
    await new Promise(setImmediate)
  }
}

type Queued = {
  readonly entries: readonly LogEntry[]
  readonly sizeBytes: number
  readonly resolve: (appended: Appended) => void
  readonly reject: (why: unknown) => void
}

export class MemoryLog implements LogGroup {
  state: LogState = 'open'
  failure: Error | undefined
  quarantined: RecoveryReport['quarantined'] = []
  readonly damages = []
  /** Every append that became durable, with its entries. */
  readonly frames: (readonly LogEntry[])[] = []
  /** While true, appends queue; `sync()` lets them through. */
  held = false
  /** Callers of one sync hear of it in reverse and in turns of their own: nothing promises them an order. */
  answersReversed = false
  /** As on a disk with nothing left but the reserve. */
  low = false
  /** As the broker decided. */
  refuses: BrokerError | null = null
  /** The next append is rejected with it. */
  nextFailure: BrokerError | null = null
  /** Partitions that refuse appends, as damaged ones do. */
  readonly damaged = new Set<Partition>()
  readonly #now: () => number
  readonly #partitions = new Map<string, MemoryPartition>()
  readonly #listeners = new Set<(grown: readonly Partition[]) => void>()
  #queue: Queued[] = []
  #scheduled = false
  #lastTime = 0

  constructor(now: () => number) {
    this.#now = now
  }

  get report(): RecoveryReport {
    const { quarantined } = this
    const counts = { framesReplayed: 0, bytesReplayed: 0, bytesCut: 0, partitions: 0, tookMs: 0 }
    return { clean: true, quarantined, ...counts }
  }

  append(entries: readonly LogEntry[], { useReserve = false }: AppendOptions = {}): Promise<Appended> {
    const full = this.refuses ?? (this.low ? new BrokerError('disk_full', 'only the reserve is left') : null)
    const needsRoom = !useReserve && entries.some(({ kind }) => kind === 'batch')
    const failure = this.nextFailure ?? (needsRoom ? full : null)
    this.nextFailure = null
    if (failure) return Promise.reject(failure)
    const sizeBytes = entries.reduce(
      (sum, entry) => sum + (entry.kind === 'batch' ? entry.batch.length : 0),
      0,
    )
    return new Promise((resolve, reject) => {
      this.#queue.push({ entries, sizeBytes, resolve, reject })
      if (this.held || this.#scheduled) return
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        if (!this.held) this.sync()
      })
    })
  }

  /** Makes what is queued durable, in order. */
  sync(): void {
    const queue = this.#queue
    this.#queue = []
    const answers = queue.map(({ entries, resolve, reject }) => {
      try {
        const appended = this.#apply(entries)
        return () => resolve(appended)
      } catch (thrown) {
        return () => reject(thrown)
      }
    })
    if (!this.answersReversed) for (const answer of answers) answer()
    else void answerInTurns(answers.reverse())
  }

  compact(): Promise<CompactionReport> {
    return Promise.resolve({ bytesBefore: 0, bytesAfter: 0, recordsRemoved: 0, swaps: 0, tookMs: 0 })
  }

  partition(id: PartitionId): MemoryPartition | undefined {
    return this.#partitions.get(keyOf(id))
  }

  partitions(): Iterable<Partition> {
    return this.#partitions.values()
  }

  onVisible(listener: (grown: readonly Partition[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  get usedBytes(): number {
    return [...this.#partitions.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  refuseRecords(reason: BrokerError | null): void {
    this.refuses = reason
  }

  get pendingBytes(): number {
    return this.#queue.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  async close(): Promise<void> {
    this.sync()
    this.state = 'closed'
  }

  #apply(entries: readonly LogEntry[]): Appended {
    for (const { id } of entries) {
      const partition = this.partition(id)
      if (!partition || !this.damaged.has(partition)) continue
      throw new BrokerError('corrupt', `${keyOf(id)} is damaged`, { fix: 'restore a backup' })
    }
    this.#lastTime = Math.max(this.#lastTime, this.#now())
    const grown = new Set<MemoryPartition>()
    const offsets = entries.map((entry) => this.#applyEntry(entry, grown))
    this.frames.push(entries)
    for (const listener of this.#listeners) listener([...grown])
    return { offsets, appendTime: asMillis(this.#lastTime), frame: this.frames.length }
  }

  #applyEntry(entry: LogEntry, grown: Set<MemoryPartition>): Offset {
    const key = keyOf(entry.id)
    if (entry.kind === 'create') {
      assert(!this.#partitions.has(key), 'a partition is created once')
      this.#partitions.set(key, new MemoryPartition(entry.id, entry.topic))
      return asOffset(-1)
    }
    const partition = this.#partitions.get(key)
    if (!partition) throw new BrokerError('not_found', `no partition ${key}`)
    if (entry.kind === 'delete') this.#partitions.delete(key)
    if (entry.kind === 'trim') partition.trim(entry.before)
    if (entry.kind !== 'batch') return asOffset(-1)
    const base = partition.endOffset
    const batch = entry.batch.slice()
    writeBaseOffset(batch, 0, base, 0)
    const next = readBatchHeader(batch).lastOffset + 1
    partition.stored.push({ batch, base, next, time: this.#lastTime })
    partition.endOffset = asOffset(next)
    grown.add(partition)
    return base
  }
}
