// Sends segments to the device behind the appends, step by step, syncs them and writes checkpoints, so that the write-ahead
// log can be reused. Nobody waits for it unless the write-ahead log is full.
import { type Histogram, systemCode, type Timer, toError } from '#base'
import type { FrameEnd } from '../commit/sync-round.ts'
import { topicsDirectory } from '../disk/data-directory.ts'
import { isCurable, isOutOfFiles } from '../disk/disk-errors.ts'
import type { LogContext } from '../options.ts'
import type { PartitionLog } from '../partition/partition-log.ts'
import type { PartitionSet } from '../partition/partition-set.ts'
import type { Segment } from '../segment/segment.ts'
import type { Wal } from '../wal/wal.ts'
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts'

export type CheckpointerParts = {
  readonly context: LogContext
  readonly partitions: PartitionSet
  readonly wal: Wal
  /** The end of what is visible. */
  visible(): FrameEnd
  /** Of a file, in the background. */
  remove(path: string): void
  /** Called when a write or sync failed: the log must not go on. */
  fail(error: Error): void
}

/** Synced at once when one of them is to be closed. */
const openFilesStep = 32

type ChangedDirectory = { readonly path: string; readonly of: { directoryChanged: boolean } }

export class Checkpointer {
  readonly #parts: CheckpointerParts
  /** Segments with a whole step to send to the device. */
  readonly #steps = new Set<Segment>()
  /** Segments to be synced, so that they can be closed for others. */
  readonly #crowded = new Set<Segment>()
  readonly #seconds: Histogram
  #bytesSince = 0
  #due = false
  /** A checkpoint was written: what it leaves to do, a start need not wait for. */
  #sealDue = false
  #timer: Timer | null = null
  /** The job under way; jobs never overlap. */
  #job: Promise<void> | null = null
  #stopped = false
  /** Why the last checkpoint that failed did: no room, or no descriptor. */
  hindrance: Error | null = null

  constructor(parts: CheckpointerParts) {
    this.#parts = parts
    const { openFiles } = parts.context
    openFiles.onShort = () => {
      for (const segment of openFiles.unsynced(openFilesStep)) this.#crowded.add(segment)
      this.#next()
    }
    const help = 'Time from the start of a checkpoint to its end'
    this.#seconds = parts.context.metrics.histogram('pspf_log_checkpoint_seconds', help)
  }

  /** A frame became visible. */
  noteFrame(grown: readonly PartitionLog[], sizeBytes: number): void {
    const { context } = this.#parts
    this.#bytesSince += sizeBytes
    for (const partition of grown) {
      for (const segment of partition.unsynced()) if (segment.hasStep) this.#steps.add(segment)
    }
    // Those that were not used for longest: once they are synced they can be closed.
    const { openFiles } = context
    if (openFiles.surplus > 0)
      for (const segment of openFiles.unsynced(openFiles.surplus)) this.#crowded.add(segment)
    this.#due ||= this.#bytesSince >= context.checkpointBytes
    this.#timer ??= context.clock.after(context.checkpointMs, () => {
      this.#timer = null
      this.#due = true
      this.#next()
    })
    this.#next()
  }

  /** Resolves after a checkpoint of at least what is visible now. */
  async run(clean: boolean): Promise<void> {
    while (this.#job !== null) await this.#job
    if (this.#stopped) return
    this.#start(this.#checkpoint(clean))
    while (this.#job !== null) await this.#job
  }

  /** As `run`, and calls `take` in the turn in which the state is taken. False unless that checkpoint is durable. */
  async runWith(take: (checkpoint: Checkpoint) => void): Promise<boolean> {
    while (this.#job !== null) await this.#job
    if (this.#stopped) return false
    const checkpoint = this.#checkpoint(false, take)
    this.#start(checkpoint)
    return await checkpoint.catch(() => false)
  }

  /**
   * Syncs segments that are open, so that some can be closed for others; false if there are none. As a job like any other:
   * a failed sync is told once, and a checkpoint that has not heard of it must not be under way.
   */
  async syncOpen(): Promise<boolean> {
    while (this.#job !== null) await this.#job
    const segments = this.#parts.context.openFiles.unsynced(openFilesStep)
    if (this.#stopped || segments.length === 0) return false
    this.#start(syncAll(segments))
    while (this.#job !== null) await this.#job
    return true
  }

  /** Begins nothing any more. */
  halt(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Ends after the job under way. */
  async stop(): Promise<void> {
    this.halt()
    while (this.#job !== null) await this.#job
  }

  #next(): void {
    if (this.#job !== null || this.#stopped) return
    if (this.#due) this.#start(this.#checkpoint(false))
    else if (this.#sealDue) this.#start(this.#seal())
    else if (this.#steps.size + this.#crowded.size > 0) this.#start(this.#takeSteps())
  }

  #start(job: Promise<unknown>): void {
    this.#job = job
      .catch((thrown) => {
        // A file whose sync failed must not be synced again, so no further job may try.
        this.halt()
        this.#parts.fail(toError(thrown))
      })
      .then(() => {
        this.#job = null
        this.#next()
      })
  }

  /** Until a checkpoint is due, which does all of it. */
  async #takeSteps(): Promise<void> {
    for (const segment of this.#crowded) {
      this.#crowded.delete(segment)
      await this.#unlessOutOfFiles(() => segment.sync())
      if (this.#due) break
    }
    for (const segment of this.#steps) {
      if (this.#due) break
      this.#steps.delete(segment)
      await segment.writeBack()
      // One step of each in turn.
      if (segment.hasStep) this.#steps.add(segment)
    }
    this.#parts.context.openFiles.trim()
  }

  /** Answers whether it is durable. */
  async #checkpoint(clean: boolean, take?: (checkpoint: Checkpoint) => void): Promise<boolean> {
    const { context, partitions, wal } = this.#parts
    const started = context.clock.monotonic()
    this.#timer?.cancel()
    this.#timer = null
    this.#due = false
    this.#bytesSince = 0
    this.#steps.clear()
    this.#crowded.clear()
    if (clean) for (const partition of partitions) partition.saveIndexes()
    // Taken in one go, so that it is the state between two frames; what changes from now on is the next checkpoint's.
    const visible = this.#parts.visible()
    for (const partition of partitions) partition.expireProducers(visible.producerTime)
    const facts = partitions.visible().map((partition) => partition.facts)
    const history = context.history.take(partitions.visible())
    const checkpoint = { salt: wal.salt, ...visible, history: history.end, clean, partitions: facts }
    take?.(checkpoint)
    const unsynced = [...partitions].flatMap((partition) => [...partition.unsynced()])
    const directories = this.#changedDirectories()
    const replaced = [...partitions].map((partition) => [partition, partition.replacedCount] as const)
    // First, since what is taken and not written leaves a gap.
    const isNoted = await this.#unlessFull(() => context.history.write(history))
    if (!isNoted) context.history.lose()
    if (!(await this.#unlessOutOfFiles(() => this.#secure(unsynced, directories)))) return false
    if (!(await this.#write(isNoted ? checkpoint : withoutHistory(checkpoint)))) return false
    for (const path of wal.release(checkpoint.wal))
      await this.#unlessOutOfFiles(() => context.disk.removeBehind(path))
    // Only now, so that the files that a checkpoint speaks of are there as long as it is the newest.
    for (const [partition, count] of replaced)
      for (const path of count === 0 ? [] : partition.removeReplaced(count)) this.#parts.remove(path)
    for (const path of context.history.takeSurplus()) this.#parts.remove(path)
    this.#seconds.observe((context.clock.monotonic() - started) / 1000)
    const { sequence } = checkpoint.wal
    context.logger.debug(
      { sequence, partitions: facts.length, segments: unsynced.length },
      'checkpoint written',
    )
    this.#sealDue = !clean
    return true
  }

  /** Files for the indexes and sums of full segments: the next checkpoint syncs their names and speaks of them. */
  async #seal(): Promise<void> {
    this.#sealDue = false
    const { context, partitions } = this.#parts
    for (const partition of partitions) {
      for (const segment of partition.unsealed()) {
        if (!(await this.#unlessFull(() => segment.seal()))) return
        partition.directoryChanged = true
      }
    }
    await context.ballast.maybeFill()
  }

  #changedDirectories(): ChangedDirectory[] {
    const { context, partitions } = this.#parts
    const changed: ChangedDirectory[] = []
    if (partitions.directoryChanged)
      changed.push({ path: topicsDirectory(context.directory), of: partitions })
    partitions.directoryChanged = false
    for (const partition of partitions) {
      if (partition.directoryChanged) changed.push({ path: partition.directory, of: partition })
      partition.directoryChanged = false
    }
    return changed
  }

  /** Without a descriptor none of it is done, and the next checkpoint does it. */
  async #secure(unsynced: readonly Segment[], changed: readonly ChangedDirectory[]): Promise<void> {
    try {
      await syncAll(unsynced)
      this.#parts.context.openFiles.trim()
      for (const { path } of changed) await this.#syncDirectory(path)
    } catch (thrown) {
      for (const { of } of changed) of.directoryChanged = true
      throw thrown
    }
  }

  async #syncDirectory(path: string): Promise<void> {
    try {
      await this.#parts.context.disk.syncDirectory(path)
    } catch (thrown) {
      // Its partition was deleted meanwhile, which a later frame says.
      if (systemCode(thrown) !== 'ENOENT') throw thrown
    }
  }

  /** On a full disk the old checkpoint stands, and the next one tries again. */
  #write(checkpoint: Checkpoint): Promise<boolean> {
    const write = () => writeCheckpoint(this.#parts.context, checkpoint)
    return this.#unlessFull(() =>
      write().catch((thrown) => {
        const lacksRoom = isCurable(toError(thrown)) && !isOutOfFiles(thrown)
        if (!lacksRoom || !this.#parts.context.ballast.giveUp()) throw thrown
        return write()
      }),
    )
  }

  async #unlessFull(write: () => Promise<void>): Promise<boolean> {
    try {
      await write()
      return true
    } catch (thrown) {
      if (!isCurable(toError(thrown))) throw thrown
      this.#noteHindrance(thrown)
      return false
    }
  }

  /** Not for a full disk: of a sync that found no room nobody knows what it did. */
  async #unlessOutOfFiles(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (thrown) {
      if (!isOutOfFiles(thrown)) throw thrown
      this.#noteHindrance(thrown)
      return false
    }
  }

  #noteHindrance(thrown: unknown): void {
    this.hindrance = toError(thrown)
    this.#parts.context.logger.warn({ err: this.hindrance }, 'no checkpoint for now')
  }
}

function withoutHistory({ history: _history, ...checkpoint }: Checkpoint): Checkpoint {
  return checkpoint
}

async function syncAll(segments: readonly Segment[]): Promise<void> {
  for (const segment of segments) await segment.sync()
}
