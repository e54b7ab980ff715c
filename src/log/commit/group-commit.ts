// The one writer of a log group. While a sync is in flight appends queue; when it returns, everything queued becomes one
// frame and the next sync starts. No timer: alone, an append waits for its own sync; in a crowd, one sync serves all.
//
//   append -> queue -> frame -> write-ahead log -> sync ----------------> visible, acknowledged
//                                              \-> segments (page cache) -/
//
// An append that asks to be answered when it is `written` does not wait for the sync in flight: its frame, with all that is
// queued before it, is written at once. So is what queues up to `writeAheadBytes`, that the disk need not wait for the
// processor. So several frames may wait for the next sync, which covers all of them.
//
// Invariants:
//   1. Nothing is visible, nor acknowledged unless it asked for less, before the sync of its frame returned.
//   2. Frames are built and written one after the other, syncs one after the other; a frame with controls has a sync of its
//      own, and nothing else happens between its write and its publication.
//   3. An append that is refused leaves no trace; only after `disk_failed` the next start decides.
//   4. Every frame written is covered by a sync that has begun, or will begin: now, by a timer, or at the stop; whatever else
//      waits for room.
import { assert, BrokerError, sleep, type Timer, toError } from '#base'
import type { Appended, AppendOptions, LogState, Partition } from '../api.ts'
import { Checkpointer } from '../checkpoint/checkpointer.ts'
import { Removals } from '../checkpoint/removals.ts'
import { diskFailed, diskFull, isCurable, isOutOfFiles } from '../disk/disk-errors.ts'
import { DiskReserve } from '../disk/disk-reserve.ts'
import { type LogMeters, logMeters } from '../log-meters.ts'
import type { LogContext } from '../options.ts'
import type { PartitionLog } from '../partition/partition-log.ts'
import type { PartitionSet } from '../partition/partition-set.ts'
import { type ProducerMoment, producerTimeAt } from '../partition/producer-time.ts'
import { frameHeaderSizeBytes } from '../wal/frame.ts'
import { FrameWriter } from '../wal/frame-writer.ts'
import type { Wal } from '../wal/wal.ts'
import { type AnyEntry, type FrameInProgress, noteRefused, type PendingAppend, takeAppend } from './append.ts'
import { AppendQueue } from './append-queue.ts'
import { FrameChanges } from './frame-changes.ts'
import { type FrameEnd, SyncRound } from './sync-round.ts'

export type GroupCommitParts = {
  readonly context: LogContext
  readonly partitions: PartitionSet
  readonly wal: Wal
  /** The last frame. */
  readonly last: ProducerMoment
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
  readonly #queue: AppendQueue
  #loop: Promise<void> | null = null
  /** Lets the loop look again at what there is to do. */
  #goOn: (() => void) | null = null
  /** Frames that no sync covers yet. */
  #open: SyncRound
  #syncing: SyncRound | null = null
  #syncTimer: Timer | null = null
  #visible: FrameEnd
  /** The last frame has no later frame yet that says it is durable. */
  #unmarked = false
  #markDue = false
  #markTimer: Timer | null = null
  state: LogState = 'open'
  failure: BrokerError | undefined

  constructor({ context, partitions, wal, last }: GroupCommitParts) {
    this.#context = context
    this.#wal = wal
    this.#queue = new AppendQueue(context, (entries) => noteRefused(this.#frame, entries))
    this.#visible = { wal: wal.end, ...last }
    this.#open = new SyncRound(this.#visible)
    this.#reserve = new DiskReserve(context)
    this.removals = new Removals(context)
    this.#meters = logMeters(context.metrics)
    this.#frame = {
      writer: new FrameWriter(),
      changes: new FrameChanges(context, partitions),
      epoch: context.epoch,
      ...last,
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
    if (this.failure) return Promise.reject(this.failure)
    if (this.state === 'closed') return Promise.reject(new BrokerError('closed', 'the log is closed'))
    const appended = this.#queue.add(entries, options)
    if (this.#queue.isHasty || this.#queue.isLong) this.#nudge()
    this.#wake()
    return appended
  }

  onVisible(listener: VisibleListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** A write or sync failed: what follows cannot be trusted, so nothing follows. Reads go on. */
  fail(error: Error): void {
    if (this.failure) return
    if (this.state === 'open') this.state = 'failed'
    const atRisk = this.#open.acknowledgedCount + (this.#syncing?.acknowledgedCount ?? 0)
    this.failure = error instanceof BrokerError ? error : diskFailed(error, atRisk)
    this.#context.logger.error(
      { err: error, acknowledgedUnsynced: atRisk },
      'the log is closed for writing until a restart',
    )
    this.#closing.abort()
    this.#syncTimer?.cancel()
    this.checkpointer.halt()
    this.#queue.rejectAll(this.failure)
    this.#rejectRound(this.#open)
    this.#nudge()
  }

  /** Of appends that are not answered. */
  get pendingBytes(): number {
    return this.#queue.pendingBytes
  }

  /** Finishes what was taken, then refuses. */
  async close(): Promise<void> {
    this.state = 'closed'
    this.#markTimer?.cancel()
    this.#closing.abort()
    this.#nudge()
    this.#wake()
    while (this.#loop !== null) await this.#loop
    if (this.failure === undefined) await this.checkpointer.run(true)
    await this.checkpointer.stop()
  }

  /** In a microtask, so that appends of one turn share a frame. */
  #wake(): void {
    if (this.#loop !== null) return
    this.#loop = Promise.resolve()
      .then(() => this.#run())
      .catch((thrown) => this.fail(toError(thrown)))
      .then(() => {
        this.#loop = null
        if (!this.#queue.isEmpty) this.#wake()
        else this.#armMark()
      })
  }

  async #run(): Promise<void> {
    for (;;) {
      const goesOn = this.failure === undefined
      if (goesOn && this.#mayWrite()) await this.#commitNext()
      else if (goesOn && this.#mustSync()) this.#seal(this.#beginSync())
      else if (this.#syncing !== null) await this.#turn()
      else return
    }
  }

  /** Until the sync in flight returns, or somebody comes who does not wait for it. */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve
    })
  }

  #nudge(): void {
    const goOn = this.#goOn
    this.#goOn = null
    goOn?.()
  }

  /** Whether all that is written is durable and visible. */
  get #isSettled(): boolean {
    return this.#syncing === null && this.#open.frames === 0
  }

  /** Whether so much was written during a sync that the next one begins before anything else. */
  get #isAhead(): boolean {
    const { isDue, sizeBytes } = this.#open
    return isDue && sizeBytes >= this.#context.writeAheadBytes
  }

  /** Whether a frame is to be written now. */
  #mayWrite(): boolean {
    const first = this.#queue.first
    if (first === undefined) return this.#markDue && this.#isSettled
    if (first.hasControls) return this.#isSettled
    const { writeAheadBytes, unsyncedFramesMax } = this.#context
    if (this.#syncing === null) return !this.#isAhead
    if (this.#queue.isLong && this.#open.sizeBytes < writeAheadBytes) return true
    return this.#queue.isHasty && this.#open.frames < unsyncedFramesMax
  }

  /** Whether the frames that no sync covers yet are to be synced now. */
  #mustSync(): boolean {
    const { isDue, frames } = this.#open
    if (this.#syncing !== null || frames === 0) return false
    if (isDue || this.state === 'closed') return true
    return this.#queue.first?.hasControls === true || frames >= this.#context.unsyncedFramesMax
  }

  async #commitNext(): Promise<void> {
    const group = this.#buildFrame()
    if (this.#frame.writer.isEmpty && !this.#markDue) this.#takeRepeated(group)
    else await this.#commit(group)
    this.#markDue = false
  }

  /** Moves appends from the queue into the next frame. */
  #buildFrame(): PendingAppend[] {
    const { writer, changes } = this.#frame
    // Never back in time, whatever the clock says: retention and replay count on it.
    this.#frame.appendTime = Math.max(this.#context.clock.now(), this.#frame.appendTime)
    this.#frame.producerTime = producerTimeAt(
      this.#open.end,
      this.#frame.appendTime,
      this.#context.producerExpiryMs,
    )
    const full = this.refusesRecords ?? (this.#reserve.isLow() ? this.#reserve.refusal() : null)
    const taken = this.#queue.take()
    const group: PendingAppend[] = []
    let sizeBytes = frameHeaderSizeBytes
    for (const append of taken) sizeBytes += append.sizeBytes
    writer.begin(sizeBytes)
    for (const append of taken) {
      const refusal = append.useReserve || full === null ? takeAppend(this.#frame, append) : full
      if (refusal === null) group.push(append)
      else this.#queue.reject([append], refusal)
    }
    if (group.length === 0) writer.begin(frameHeaderSizeBytes)
    assert(group.length > 0 || !changes.hasControls, 'a refused append leaves no trace')
    return group
  }

  async #commit(group: PendingAppend[]): Promise<void> {
    const { writer, changes, appendTime } = this.#frame
    try {
      if (!this.#wal.fits(writer.sizeBytes)) await this.#roll()
      this.#wal.write(writer, { appendTime })
    } catch (thrown) {
      const error = toError(thrown)
      // The frame is not there and may be written again, once, into the room of the ballast.
      const lacksRoom = isCurable(error) && !isOutOfFiles(error)
      const mayGoOn = lacksRoom && group.every(({ useReserve }) => useReserve)
      return mayGoOn && this.#context.ballast.giveUp() ? this.#commit(group) : this.#writeFailed(group, error)
    }
    this.#noteWritten(group)
    let round = this.#mustSync() ? this.#beginSync() : null
    // Files change only after the frame that says so is durable.
    if (changes.hasControls && !(await round?.returned)) return
    const failed = this.#writeSegments()
    // To become visible may take until there is room, to become durable may not.
    if (failed !== null && isCurable(failed)) round ??= await this.#beginSyncNext()
    const error = failed && (await this.#finishSegments(failed))
    if (error !== null) await this.#segmentsFailed(round, error)
    else if (round !== null) this.#seal(round)
  }

  #noteWritten(group: readonly PendingAppend[]): void {
    const { writer, appendTime, producerTime } = this.#frame
    const round = this.#open
    round.addFrame({ wal: this.#wal.end, appendTime, producerTime }, writer.sizeBytes)
    this.#reserve.spend(writer.sizeBytes)
    if (writer.isEmpty) round.isDue = true
    else round.hasEntries = true
    this.#enter(round, group)
  }

  /** Appends that only repeat what is there: they wait for what they repeat, if that is not durable yet. */
  #takeRepeated(group: readonly PendingAppend[]): void {
    const newest = this.#open.frames > 0 ? this.#open : this.#syncing
    const round = newest ?? new SyncRound(this.#visible)
    this.#enter(round, group)
    if (newest === null) this.#answer(round)
  }

  #enter(round: SyncRound, group: readonly PendingAppend[]): void {
    for (const append of group) {
      round.add(append)
      if (append.acknowledge === 'written') this.#syncWithin(round, append.syncWithinMs)
    }
  }

  /** The sync of the open round begins so much later at most. */
  #syncWithin(round: SyncRound, spanMs: number): void {
    if (round.isDue || round !== this.#open) return
    if (spanMs <= 0) {
      round.isDue = true
      return
    }
    const { clock } = this.#context
    const dueMs = clock.monotonic() + spanMs
    if (dueMs >= round.dueMs) return
    round.dueMs = dueMs
    this.#syncTimer?.cancel()
    this.#syncTimer = clock.after(spanMs, () => {
      round.isDue = true
      this.#nudge()
      this.#wake()
    })
  }

  /** What is written so far will be durable when it returns. To be sealed once it is in its segments too. */
  #beginSync(): SyncRound {
    const round = this.#open
    this.#open = new SyncRound(round.end)
    this.#syncing = round
    this.#syncTimer?.cancel()
    this.#syncTimer = null
    const { clock } = this.#context
    const startedMs = clock.monotonic()
    round.returned = this.#wal.sync().then(
      () => {
        this.#meters.syncSeconds.observe((clock.monotonic() - startedMs) / 1000)
        round.isDurable = true
        if (round.isSealed) this.#publish(round)
        return true
      },
      (thrown) => {
        this.fail(toError(thrown))
        this.#rejectRound(round)
        return false
      },
    )
    return round
  }

  /** Of the open round, behind the one in flight. null: the log has failed meanwhile. */
  async #beginSyncNext(): Promise<SyncRound | null> {
    while (this.#syncing !== null) await this.#turn()
    return this.failure === undefined ? this.#beginSync() : null
  }

  /** Everything in the round is in its segments. */
  #seal(round: SyncRound): void {
    this.#frame.changes.cover()
    round.isSealed = true
    if (round.isDurable) this.#publish(round)
  }

  async #syncAll(): Promise<void> {
    while (this.failure === undefined && !this.#isSettled) {
      if (this.#syncing === null) this.#seal(this.#beginSync())
      await this.#turn()
    }
  }

  /** Goes on in the next file; waits for a checkpoint when the write-ahead log has as many as it may. */
  async #roll(): Promise<void> {
    const { walFilesMax } = this.#context
    await this.#syncAll()
    if (this.failure) throw this.failure
    if (this.#wal.fileCount >= walFilesMax) await this.checkpointer.run(false)
    if (this.failure) throw this.failure
    if (this.#wal.fileCount >= walFilesMax) throw diskFull(this.checkpointer.hindrance)
    await this.#wal.roll()
  }

  /** Nothing of the frame is there. A full disk is survived: the same place is written again when there is room. */
  async #writeFailed(group: PendingAppend[], error: Error): Promise<void> {
    this.#reserve.forget()
    this.#frame.changes.undo()
    if (!isCurable(error)) this.fail(error)
    // What lies before it is whole, and its sync need not wait for room. Only then may anything be written over.
    await this.#syncAll()
    if (this.failure === undefined) await this.#retryWhileFull(() => this.#wal.blank())
    this.#queue.reject(group, this.failure ?? diskFull(error))
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
        this.#queue.rejectAll(diskFull(error))
        await sleep(clock, diskFullRetryMs, this.#closing.signal)
      }
    }
  }

  #writeSegments(): Error | null {
    const { writer, changes, appendTime } = this.#frame
    try {
      changes.write(writer.bytes, appendTime)
      return null
    } catch (thrown) {
      return toError(thrown)
    }
  }

  /** The frame is written, so it must get into its segments: waits for room. Answers why the log ends before that. */
  async #finishSegments(failed: Error): Promise<Error | null> {
    const { clock, logger, diskFullRetryMs } = this.#context
    if (isCurable(failed) && !isOutOfFiles(failed))
      logger.warn({ err: failed }, 'the disk is full: appends wait for room')
    let error: Error | null = failed
    while (error !== null && isCurable(error) && !this.#closing.signal.aborted) {
      this.#reserve.forget()
      if (!(await this.#makeRoom(error))) {
        this.#queue.rejectAll(diskFull(error))
        await sleep(clock, diskFullRetryMs, this.#closing.signal)
      }
      // The sync of a segment may have failed meanwhile.
      if (this.failure !== undefined) return this.failure
      error = this.#writeSegments()
    }
    return error
  }

  /** On the disk; or descriptors, since those of segments that are synced are given up for others. */
  async #makeRoom(error: Error): Promise<boolean> {
    return isOutOfFiles(error) ? await this.checkpointer.syncOpen() : this.#context.ballast.giveUp()
  }

  /** `round` is the frame's if its sync has begun. */
  async #segmentsFailed(round: SyncRound | null, error: Error): Promise<void> {
    this.fail(error)
    if (round !== null && (await round.returned)) this.#rejectRound(round)
  }

  #publish(round: SyncRound): void {
    try {
      this.#makeVisible(round)
    } catch (thrown) {
      this.fail(toError(thrown))
      this.#rejectRound(round)
    }
  }

  #makeVisible(round: SyncRound): void {
    const { wal, appendTime } = round.end
    const { grown, removals } = this.#frame.changes.publish({ appendTime, frame: wal.sequence - 1 })
    this.#syncing = null
    this.#visible = round.end
    this.#unmarked = round.hasEntries
    this.#meters.frames.add(round.frames)
    this.#meters.frameBytes.add(round.sizeBytes)
    this.#meters.appends.add(round.appends.length)
    // Before those who are answered take the thread.
    if (this.#isAhead) this.#nudge()
    this.#answer(round)
    if (grown.length > 0) for (const listener of this.#listeners) this.#tell(listener, grown)
    if (round.hasEntries) this.checkpointer.noteFrame(grown as readonly PartitionLog[], round.sizeBytes)
    for (const path of removals) this.removals.remove(path)
    this.#nudge()
  }

  /** A mistake of a listener is none of the log: whoever appends is answered, and the other listeners hear of it. */
  #tell(listener: VisibleListener, grown: readonly Partition[]): void {
    try {
      listener(grown)
    } catch (thrown) {
      this.#context.logger.error({ err: toError(thrown) }, 'a listener of the log failed')
    }
  }

  /** What they say is durable and visible: written just now, or long ago and sent again. */
  #answer(round: SyncRound): void {
    const nowMs = this.#context.clock.monotonic()
    for (const append of round.appends.splice(0)) {
      this.#meters.appendSeconds.observe((nowMs - append.sinceMs) / 1000)
      this.#queue.resolve(append)
    }
  }

  /** Nobody knows whether its frames are durable. Who was answered before keeps that answer. */
  #rejectRound(round: SyncRound): void {
    if (round === this.#syncing) this.#syncing = null
    this.#queue.reject(round.appends.splice(0), this.failure!)
    this.#nudge()
  }

  /** After a quiet while a mark follows the last frame, so that damage to it could be told from a torn tail. */
  #armMark(): void {
    if (!this.#unmarked || this.#markTimer !== null || this.state !== 'open') return
    const { sequence } = this.#visible.wal
    this.#markTimer = this.#context.clock.after(this.#context.idleMarkMs, () => {
      this.#markTimer = null
      if (this.#loop !== null || this.state !== 'open' || !this.#isSettled) return
      if (sequence !== this.#visible.wal.sequence) return this.#armMark()
      this.#markDue = true
      this.#wake()
    })
  }
}
