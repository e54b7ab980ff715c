// What frames do to the partitions: collected while a frame is built or read back, then written into segments; what is
// written is noted when a sync begins that covers it, and made visible when that sync returned. The log and its recovery
// both go through here, so that they cannot differ.
//
//   frame:  collect -> write           (or undo)
//   sync:              cover -> publish
import { assert } from '#base'
import type { BatchHeader } from '#record'
import type { PartitionId } from '../api.ts'
import type { SegmentSwap } from '../compaction/segment-swap.ts'
import type { LogMoment } from '../history/history.ts'
import type { LogContext } from '../options.ts'
import { PartitionLog } from '../partition/partition-log.ts'
import type { PartitionSet } from '../partition/partition-set.ts'
import type { ProducerBatch, ProducerChange } from '../partition/producer-table.ts'

export type BatchPlace = {
  /** Of the batch in the bytes that `write` gets. */
  readonly position: number
  readonly sizeBytes: number
  readonly offsetCount: number
  readonly maxTimestamp: number
  /** Of the frame. */
  readonly appendTime: number
}

export class FrameChanges {
  readonly #context: LogContext
  readonly #partitions: PartitionSet
  /** Of the frame being built: those that get batches, and those whose next batch begins a segment. */
  #staged: PartitionLog[] = []
  #rolled: PartitionLog[] = []
  #creates: PartitionLog[] = []
  #deletes: PartitionLog[] = []
  #trims: { partition: PartitionLog; before: number }[] = []
  #swaps: { partition: PartitionLog; swap: SegmentSwap }[] = []
  #producers: ProducerChange[] = []
  /** Of frames that were written since the last sync began. */
  #written: PartitionLog[] = []
  #writtenProducers: ProducerChange[] = []
  /** Of frames that the sync in flight covers. */
  #covered: PartitionLog[] = []
  #coveredProducers: ProducerChange[] = []
  #removals: string[] = []
  /** Made or deleted by the frame that was written. */
  #made: PartitionLog[] = []
  #gone: PartitionLog[] = []

  constructor(context: LogContext, partitions: PartitionSet) {
    this.#context = context
    this.#partitions = partitions
  }

  /** Whether the set of partitions or their starts change: then nothing may be written before the frame is durable. */
  get hasControls(): boolean {
    return this.#creates.length + this.#deletes.length + this.#trims.length + this.#swaps.length > 0
  }

  /** A partition as it is after the changes so far. */
  find(id: PartitionId): PartitionLog | undefined {
    if (!this.hasControls) return this.#partitions.get(id)
    const sameId = (partition: PartitionLog) =>
      partition.id.topicId === id.topicId && partition.id.partition === id.partition
    const created = this.#creates.find(sameId)
    if (created) return created
    return this.#deletes.some(sameId) ? undefined : this.#partitions.get(id)
  }

  /** Whether a partition of this id or this directory exists after the changes so far. */
  has(id: PartitionId, topic: string): boolean {
    const { partition } = id
    if (this.find(id) !== undefined) return true
    const takesIt = (other: PartitionLog) => other.topic === topic && other.id.partition === partition
    if (this.#creates.some(takesIt)) return true
    return this.#partitions.hasDirectory(topic, partition) && !this.#deletes.some(takesIt)
  }

  /** Whether this frame is what makes the partition. */
  creates(partition: PartitionLog): boolean {
    return this.#creates.includes(partition)
  }

  create(id: PartitionId, topic: string): void {
    this.#creates.push(
      new PartitionLog(this.#context, { id, topic, startOffset: 0, endOffset: 0, segments: [] }),
    )
  }

  delete(partition: PartitionLog): void {
    this.#deletes.push(partition)
  }

  trim(partition: PartitionLog, before: number): void {
    this.#trims.push({ partition, before })
  }

  replace(partition: PartitionLog, swap: SegmentSwap): void {
    this.#swaps.push({ partition, swap })
  }

  /** The next batch begins a new segment. */
  roll(partition: PartitionLog): void {
    partition.roll()
    if (!this.#rolled.includes(partition)) this.#rolled.push(partition)
  }

  batch(partition: PartitionLog, place: BatchPlace): void {
    if (partition.stage(place)) this.#staged.push(partition)
  }

  /** What is staged of producers so far, for `undoProducers`. */
  get producersMark(): number {
    return this.#producers.length
  }

  /** Takes a batch of an idempotent producer into the partition's table; its base offset is the caller's to fill in. */
  producer(partition: PartitionLog, header: BatchHeader, producerTime: number): ProducerBatch {
    const change = partition.producers.stage(header, producerTime)
    this.#producers.push(change)
    return change.after.batches.at(-1)!
  }

  undoProducers(mark: number): void {
    while (this.#producers.length > mark) {
      const change = this.#producers.pop()!
      change.table.undo(change)
    }
  }

  /** Writes staged batches into their segments. After an error it may be called again and goes on where it was. */
  write(frame: Uint8Array, appendTime: number): void {
    for (; this.#deletes.length > 0; this.#deletes.shift()) this.#deleteFirst()
    for (; this.#creates.length > 0; this.#made.push(this.#creates.shift()!))
      this.#partitions.create(this.#creates[0]!)
    for (const partition of this.#staged) this.#write(partition, frame, appendTime)
    for (const partition of this.#rolled) this.#write(partition, frame, appendTime)
    this.#staged = []
    if (this.#rolled.length > 0) this.#rolled = []
    if (this.#producers.length === 0) return
    this.#writtenProducers.push(...this.#producers)
    this.#producers = []
  }

  #write(partition: PartitionLog, frame: Uint8Array, appendTime: number): void {
    if (partition.write(frame, appendTime)) this.#written.push(partition)
  }

  /** What was written so far is what the next `publish` makes visible. */
  cover(): void {
    assert(this.#covered.length === 0, 'one sync is in flight at a time')
    for (const partition of this.#written) partition.cover()
    this.#covered = this.#written
    this.#coveredProducers = this.#writtenProducers
    this.#written = []
    this.#writtenProducers = []
  }

  /** `moment` is what is visible then. */
  publish(moment: LogMoment): { grown: readonly PartitionLog[]; removals: readonly string[] } {
    assert(this.#creates.length + this.#deletes.length === 0, 'a frame is written before it becomes visible')
    const { history } = this.#context
    history.pass(moment)
    const grown = this.#covered.filter((partition) => partition.publish())
    this.#partitions.publish()
    for (const change of this.#coveredProducers) change.table.publish(change)
    for (const { partition, swap } of this.#swaps) partition.replace(swap)
    for (const { partition, before } of this.#trims) this.#removals.push(...partition.trim(before))
    const trimmed = this.#trims.map(({ partition }) => partition)
    history.touch({ changed: [...grown, ...this.#made], trimmed, gone: this.#gone })
    const removals = this.#removals
    this.#made = []
    this.#gone = []
    this.#covered = []
    this.#coveredProducers = []
    this.#trims = []
    this.#swaps = []
    this.#removals = []
    return { grown, removals }
  }

  /** Forgets a frame that was not written. */
  undo(): void {
    for (const partition of this.#staged) partition.unstage()
    for (const partition of this.#rolled) partition.unstage()
    this.undoProducers(0)
    this.#staged = []
    this.#rolled = []
    this.#creates = []
    this.#deletes = []
    this.#trims = []
    this.#swaps = []
  }

  #deleteFirst(): void {
    const partition = this.#deletes[0]!
    const aside = this.#partitions.delete(partition)
    this.#gone.push(partition)
    if (aside !== null) this.#removals.push(aside)
    partition.unstage()
    this.#staged = this.#staged.filter((other) => other !== partition)
    this.#rolled = this.#rolled.filter((other) => other !== partition)
  }
}
