// The one writer of a log group. While a sync is in flight appends queue; when it returns, everything queued becomes one
// frame and the next sync starts. No timer: alone, an append waits for its own sync; in a crowd, one sync serves all.
//
//   append -> queue -> frame -> write-ahead log -> sync ----------------> visible, acknowledged
//                                              \-> segments (page cache) -/
//
// Invariants:
//   1. Nothing is visible or acknowledged before the sync of its frame returned.
//   2. Frames are built, written and published one after the other; a segment write may overlap with its frame's sync.
//   3. An append that is refused leaves no trace; only after `disk_failed` the next start decides.
import { asMillis, assert, BrokerError, formatSize, sleep, type Timer, toError } from '#base'
import type { Appended, AppendOptions, LogState, Partition } from './api.ts'
import {
  type AnyEntry,
  entrySizeBytes,
  type FrameInProgress,
  type PendingAppend,
  takeAppend,
} from './append.ts'
import { Checkpointer } from './checkpointer.ts'
import { diskFailed, diskFull, isCurable } from './disk-errors.ts'
import { DiskReserve } from './disk-reserve.ts'
import { frameHeaderSizeBytes } from './frame.ts'
import { FrameChanges } from './frame-changes.ts'
import { FrameWriter } from './frame-writer.ts'
import { type LogMeters, logMeters } from './log-meters.ts'
import type { LogContext } from './options.ts'
import type { PartitionLog } from './partition-log.ts'
import type { PartitionSet } from './partition-set.ts'
import { Removals } from './removals.ts'
import type { Wal, WalPosition } from './wal.ts'

export type GroupCommitParts = {
  readonly context: LogContext
  readonly partitions: PartitionSet
  readonly wal: Wal
  /** Of the last frame. */
  readonly appendTime: number
}

export type VisibleListener = (grown: readonly Partition[]) => void

export class GroupCommit {
  readonly #context: LogContext
  readonly #wal: Wal
  readonly #frame: FrameInProgress
  readonly #reserve: DiskReserve
  readonly #meters: LogMeters
  readonly #listeners = new Set<VisibleListener>()
  readonly #closing = new AbortController()
  readonly checkpointer: Checkpointer
  readonly removals: Removals
  /** Why records are refused as if the disk were full, by the decision of others. */
  refusesRecords: BrokerError | null = null
  #queue: PendingAppend[] = []
  #loop: Promise<void> | null = null
  #visible: { readonly wal: WalPosition; readonly appendTime: number }
  /** The last frame has no later frame yet that says it is durable. */
  #unmarked = false
  #markDue = false
  #markTimer: Timer | null = null
  state: LogState = 'open'
  failure: BrokerError | undefined
  pendingBytes = 0

  constructor({ context, partitions, wal, appendTime }: GroupCommitParts) {
    this.#context = context
    this.#wal = wal
    this.#visible = { wal: wal.next, appendTime }
    this.#reserve = new DiskReserve(context)
    this.removals = new Removals(context)
    this.#meters = logMeters(context.metrics)
    this.#frame = {
      writer: new FrameWriter(),
      changes: new FrameChanges(context, partitions),
      epoch: context.epoch,
      appendTime,
    }
    this.checkpointer = new Checkpointer({
      context,
      partitions,
      wal,
      visible: () => this.#visible,
      remove: (path) => this.removals.remove(path),
      fail: (error) => this.fail(error),
    })
  }

  append(entries: readonly AnyEntry[], options: AppendOptions = {}): Promise<Appended> {
    assert(entries.length > 0, 'an append has an entry')
    let sizeBytes = 0
    let hasControls = false
    let hasRecords = false
    for (const entry of entries) {
      sizeBytes += entrySizeBytes(entry)
      if (entry.kind === 'batch') hasRecords = true
      else hasControls = true
    }
    const refusal = this.#refusal(sizeBytes)
    if (refusal !== null) return Promise.reject(refusal)
    this.pendingBytes += sizeBytes
    const useReserve = !hasRecords || options.useReserve === true
    return new Promise((resolve, reject) => {
      const sinceMs = this.#context.clock.monotonic()
      this.#queue.push({ entries, sizeBytes, hasControls, useReserve, sinceMs, resolve, reject, offsets: [] })
      this.#wake()
    })
  }

  onVisible(listener: VisibleListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** A write or sync failed: what follows cannot be trusted, so nothing follows. Reads go on. */
  fail(error: Error): void {
    if (this.failure) return
    if (this.state === 'open') this.state = 'failed'
    this.failure = error instanceof BrokerError ? error : diskFailed(error)
    this.#context.logger.error({ err: error }, 'the log is closed for writing until a restart')
    this.#closing.abort()
    this.checkpointer.halt()
    this.#rejectQueue(this.failure)
  }

  /** Finishes what was taken, then refuses. */
  async close(): Promise<void> {
    this.state = 'closed'
    this.#markTimer?.cancel()
    this.#closing.abort()
    while (this.#loop !== null) await this.#loop
    if (this.failure === undefined) await this.checkpointer.run(true)
    await this.checkpointer.stop()
  }

  #refusal(sizeBytes: number): BrokerError | null {
    if (this.failure) return this.failure
    if (this.state === 'closed') return new BrokerError('closed', 'the log is closed')
    const { appendBytesMax, pendingBytesMax } = this.#context
    if (sizeBytes + frameHeaderSizeBytes > appendBytesMax) {
      return new BrokerError('too_large', `an append may have ${formatSize(appendBytesMax)}`, {
        fix: 'send fewer or smaller records at once',
        details: { limitBytes: appendBytesMax, sizeBytes },
      })
    }
    if (this.pendingBytes > 0 && this.pendingBytes + sizeBytes > pendingBytesMax) {
      return new BrokerError('busy', `${formatSize(this.pendingBytes)} wait to be written`, {
        fix: 'wait for acknowledgements before sending more',
      })
    }
    return null
  }

  /** In a microtask, so that appends of one turn share a frame. */
  #wake(): void {
    if (this.#loop !== null) return
    this.#loop = Promise.resolve()
      .then(() => this.#run())
      .catch((thrown) => this.fail(toError(thrown)))
      .then(() => {
        this.#loop = null
        if (this.#queue.length > 0) this.#wake()
        else this.#armMark()
      })
  }

  async #run(): Promise<void> {
    while (this.failure === undefined && (this.#queue.length > 0 || this.#markDue)) {
      const group = this.#buildFrame()
      if (this.#frame.writer.isEmpty && !this.#markDue) this.#answer(group, this.#lastFrame)
      else await this.#commit(group)
      this.#markDue = false
    }
  }

  get #lastFrame(): { appendTime: number; sequence: number } {
    return { appendTime: this.#visible.appendTime, sequence: this.#visible.wal.sequence - 1 }
  }

  /** Moves appends from the queue into the next frame. */
  #buildFrame(): PendingAppend[] {
    const { writer, changes } = this.#frame
    // Never back in time, whatever the clock says: retention and replay count on it.
    this.#frame.appendTime = Math.max(this.#context.clock.now(), this.#visible.appendTime)
    const full = this.refusesRecords ?? (this.#reserve.isLow() ? this.#reserve.refusal() : null)
    const taken = this.#takeQueued()
    const group: PendingAppend[] = []
    let sizeBytes = frameHeaderSizeBytes
    for (const append of taken) sizeBytes += append.sizeBytes
    writer.begin(sizeBytes)
    for (const append of taken) {
      const refusal = append.useReserve || full === null ? takeAppend(this.#frame, append) : full
      if (refusal === null) group.push(append)
      else this.#reject([append], refusal)
    }
    if (group.length === 0) writer.begin(frameHeaderSizeBytes)
    assert(group.length > 0 || !changes.hasControls, 'a refused append leaves no trace')
    return group
  }

  /** As many as one frame takes; an append with controls travels alone. */
  #takeQueued(): PendingAppend[] {
    const queue = this.#queue
    const first = queue[0]
    if (first === undefined) return []
    let count = 1
    let sizeBytes = first.sizeBytes
    while (!first.hasControls && count < queue.length) {
      const append = queue[count]!
      sizeBytes += append.sizeBytes
      if (append.hasControls || sizeBytes > this.#context.groupBytesMax) break
      count++
    }
    if (count === queue.length) {
      this.#queue = []
      return queue
    }
    return queue.splice(0, count)
  }

  async #commit(group: PendingAppend[]): Promise<void> {
    const { writer, changes, appendTime } = this.#frame
    let sequence: number
    try {
      if (!this.#wal.fits(writer.sizeBytes)) await this.#roll()
      sequence = this.#wal.write(writer, { appendTime })
    } catch (thrown) {
      return this.#writeFailed(group, toError(thrown))
    }
    const started = this.#context.clock.monotonic()
    const synced = this.#wal.sync().then(
      () => null,
      (thrown) => toError(thrown),
    )
    const writeError = changes.hasControls ? null : this.#writeSegments(appendTime)
    const syncError = (await synced) ?? (writeError !== null && !isCurable(writeError) ? writeError : null)
    if (syncError !== null) return this.#failGroup(group, syncError)
    this.#meters.syncSeconds.observe((this.#context.clock.monotonic() - started) / 1000)
    const segmentError = await this.#finishSegments(appendTime)
    if (segmentError !== null) return this.#failGroup(group, segmentError)
    this.#publish(group, { appendTime, sequence, sizeBytes: writer.sizeBytes })
  }

  /** Goes on in the next file; waits for a checkpoint when the write-ahead log has as many as it may. */
  async #roll(): Promise<void> {
    const { walFilesMax } = this.#context
    if (this.#wal.fileCount >= walFilesMax) await this.checkpointer.run(false)
    if (this.failure) throw this.failure
    if (this.#wal.fileCount >= walFilesMax) throw diskFull(null)
    await this.#wal.roll()
  }

  /** Nothing of the frame is durable. A full disk is survived: the same place is written again when there is room. */
  async #writeFailed(group: PendingAppend[], error: Error): Promise<void> {
    if (!isCurable(error)) return this.#failGroup(group, error)
    this.#frame.changes.undo()
    await this.#retryWhileFull(() => this.#wal.blank())
    this.#reject(group, this.failure ?? diskFull(error))
  }

  /** Some file systems need room even to write over what is there. Meanwhile nobody else needs to wait. */
  async #retryWhileFull(blank: () => Promise<void>): Promise<void> {
    const { clock, diskFullRetryMs } = this.#context
    for (;;) {
      try {
        return await blank()
      } catch (thrown) {
        const error = toError(thrown)
        if (!isCurable(error) || this.#closing.signal.aborted) return this.fail(error)
        this.#rejectQueue(diskFull(error))
        await sleep(clock, diskFullRetryMs, this.#closing.signal)
      }
    }
  }

  #writeSegments(appendTime: number): Error | null {
    const { writer, changes } = this.#frame
    try {
      changes.write(writer.bytes, appendTime)
      return null
    } catch (thrown) {
      return toError(thrown)
    }
  }

  /** The frame is durable, so it must get into its segments: waits for room. Answers why the log ends before that. */
  async #finishSegments(appendTime: number): Promise<Error | null> {
    for (let attempt = 0; ; attempt++) {
      const error = this.#writeSegments(appendTime)
      if (error === null || !isCurable(error) || this.#closing.signal.aborted) return error
      if (attempt === 0) this.#context.logger.warn({ err: error }, 'the disk is full: appends wait for room')
      this.#rejectQueue(diskFull(error))
      await sleep(this.#context.clock, this.#context.diskFullRetryMs, this.#closing.signal)
    }
  }

  #publish(group: PendingAppend[], frame: { appendTime: number; sequence: number; sizeBytes: number }): void {
    const { appendTime, sequence, sizeBytes } = frame
    const { grown, removals } = this.#frame.changes.publish()
    this.#visible = { wal: this.#wal.next, appendTime }
    this.#unmarked = group.length > 0
    this.#reserve.spend(sizeBytes)
    this.#meters.frames.add()
    this.#meters.frameBytes.add(sizeBytes)
    this.#meters.appends.add(group.length)
    if (grown.length > 0) for (const listener of this.#listeners) listener(grown)
    this.#answer(group, { appendTime, sequence })
    if (group.length > 0) this.checkpointer.noteFrame(grown as readonly PartitionLog[], sizeBytes)
    for (const path of removals) this.removals.remove(path)
  }

  /** What they say is durable and visible: written just now, or long ago and sent again. */
  #answer(group: readonly PendingAppend[], frame: { appendTime: number; sequence: number }): void {
    const nowMs = this.#context.clock.monotonic()
    for (const append of group) {
      this.pendingBytes -= append.sizeBytes
      this.#meters.appendSeconds.observe((nowMs - append.sinceMs) / 1000)
      append.resolve({
        offsets: append.offsets,
        appendTime: asMillis(frame.appendTime),
        frame: frame.sequence,
      })
    }
  }

  #failGroup(group: readonly PendingAppend[], error: Error): void {
    this.fail(error)
    this.#reject(group, this.failure ?? error)
  }

  #reject(group: readonly PendingAppend[], error: Error): void {
    for (const append of group) {
      this.pendingBytes -= append.sizeBytes
      append.reject(error)
    }
  }

  #rejectQueue(error: Error): void {
    const queue = this.#queue
    this.#queue = []
    this.#reject(queue, error)
  }

  /** After a quiet while a mark follows the last frame, so that damage to it could be told from a torn tail. */
  #armMark(): void {
    if (!this.#unmarked || this.#markTimer !== null || this.state !== 'open') return
    const { sequence } = this.#visible.wal
    this.#markTimer = this.#context.clock.after(this.#context.idleMarkMs, () => {
      this.#markTimer = null
      if (this.#loop !== null || this.state !== 'open') return
      if (sequence !== this.#visible.wal.sequence) return this.#armMark()
      this.#markDue = true
      this.#wake()
    })
  }
}
