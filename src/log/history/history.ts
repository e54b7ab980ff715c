// Notes what the log was, so that a backup can be restored to a moment of the past: once a second of append time, between
// two frames, where each partition ended that changed since. Kept in memory, and written behind by every checkpoint; what
// comes after a checkpoint is noted again when its frames are read back.
import type { LogContext } from '../options.ts'
import type { PartitionLog } from '../partition/partition-log.ts'
import {
  encodeHistoryLine,
  fileSize,
  type HistoryEnd,
  type HistoryLine,
  historyDirectory,
  historyNumbers,
  historyPath,
  partitionKey,
} from './history-file.ts'

/** Behind a frame. */
export type LogMoment = { readonly appendTime: number; readonly frame: number }

/** What a frame, or several of them, did to partitions. */
export type TouchedPartitions = {
  readonly changed: readonly PartitionLog[]
  readonly trimmed: readonly PartitionLog[]
  readonly gone: readonly PartitionLog[]
}

/** Moments are noted no closer to each other, unless a checkpoint comes between. */
const resolutionMs = 1000

type HistoryContext = Pick<
  LogContext,
  'disk' | 'directory' | 'logger' | 'historyFileBytes' | 'historyFilesMax'
>

/** What one checkpoint writes. */
export type HistoryStep = {
  /** As the checkpoint says it once it is written. */
  readonly end: HistoryEnd
  readonly bytes: Uint8Array
}

export class History {
  readonly #context: HistoryContext
  /** Where the next line goes; null: into a new file. */
  #end: HistoryEnd | null = null
  /** Its name is not durable yet. */
  #isDirectoryNew = false
  /** Of the files there are, rising. */
  #numbers: number[] = []
  /** What is noted continues what is written, or begins with a whole moment. */
  #isWhole = false
  #last: LogMoment = { appendTime: 0, frame: -1 }
  /** Of the last change: frames that change nothing may follow. */
  #changedAt: LogMoment = this.#last
  /** Since the last moment that was noted. */
  readonly #changed = new Set<PartitionLog>()
  readonly #trimmed = new Set<PartitionLog>()
  readonly #gone = new Set<PartitionLog>()
  /** Of the line to come. */
  readonly #places = new Map<string, number>()
  #names: HistoryLine['partitions'][number][] = []
  #moments = ''

  constructor(context: HistoryContext) {
    this.#context = context
  }

  /** Goes on where a checkpoint was. Without what it speaks of, or if it speaks of nothing, `begin` is needed. */
  resume(at: LogMoment, end: HistoryEnd | undefined): void {
    this.#last = at
    this.#changedAt = at
    const { disk, directory } = this.#context
    this.#isDirectoryNew = !disk.exists(historyDirectory(directory))
    // Not when it is written to: a data directory that was deleted must not come back.
    if (this.#isDirectoryNew) disk.makeDirectory(historyDirectory(directory))
    this.#numbers = historyNumbers(disk, directory)
    const isThere =
      end !== undefined && fileSize(disk, `${directory}/${historyPath(end.number)}`) >= end.sizeBytes
    this.#end = isThere ? end : null
    this.#isWhole = isThere
    // After a repair that cut a partition its offsets are those of other records: nothing of before counts.
    if (!isThere)
      for (const number of this.#numbers.splice(0)) disk.remove(`${directory}/${historyPath(number)}`)
    if (end !== undefined && !isThere)
      this.#context.logger.warn(
        { path: historyPath(end.number) },
        'the history of the log begins anew: its file is gone',
      )
  }

  /** Whether what is noted says where every partition ended. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** All there is now, as it has been since the last change. */
  begin(partitions: readonly PartitionLog[]): void {
    this.#forget()
    this.#clear()
    this.#isWhole = true
    this.#add(partitions, { starts: partitions, gone: [], whole: true })
  }

  /** To be called before what leads to `moment` becomes visible. */
  pass(moment: LogMoment): void {
    const isLater = secondOf(moment.appendTime) > secondOf(this.#last.appendTime)
    if (isLater) this.#note()
    this.#last = moment
  }

  /** To be called after it became visible. */
  touch({ changed, trimmed, gone }: TouchedPartitions): void {
    if (changed.length + trimmed.length + gone.length === 0) return
    this.#changedAt = this.#last
    for (const partition of changed) this.#changed.add(partition)
    for (const partition of trimmed) this.#trimmed.add(partition)
    for (const partition of gone) {
      this.#changed.delete(partition)
      this.#trimmed.delete(partition)
      this.#gone.add(partition)
    }
  }

  /** No checkpoint comes that would write it. */
  get #isTooLong(): boolean {
    return this.#moments.length > 2 * this.#context.historyFileBytes
  }

  get #countTouched(): number {
    return this.#changed.size + this.#trimmed.size + this.#gone.size
  }

  /** For a checkpoint, in the turn in which its state is taken; `partitions` are all that are visible. */
  take(partitions: readonly PartitionLog[]): HistoryStep {
    this.#note()
    if (!this.#isWhole || this.#isTooLong) {
      this.#end = null
      this.begin(partitions)
    }
    // A number that no file has, whatever a crash left.
    const at = this.#end ?? { number: (this.#numbers.at(-1) ?? 0) + 1, sizeBytes: 0 }
    if (!this.#numbers.includes(at.number)) this.#numbers.push(at.number)
    const bytes = this.#moments === '' ? new Uint8Array(0) : encodeHistoryLine(this.#names, this.#moments)
    this.#clear()
    this.#end = { number: at.number, sizeBytes: at.sizeBytes + bytes.length }
    const step = { end: this.#end, bytes }
    if (this.#end.sizeBytes >= this.#context.historyFileBytes) {
      this.#end = { number: at.number + 1, sizeBytes: 0 }
      this.begin(partitions)
    }
    return step
  }

  /** Makes a step durable, with the name of its file. After an error nothing of the history counts: see `lose`. */
  async write({ end, bytes }: HistoryStep): Promise<void> {
    if (bytes.length === 0) return
    const { disk, directory } = this.#context
    const position = end.sizeBytes - bytes.length
    const file = disk.open(`${directory}/${historyPath(end.number)}`, 'create')
    try {
      if (file.size() > position) file.truncate(position)
      file.write(bytes, position)
      await file.syncBehind()
    } finally {
      file.close()
    }
    if (position === 0) await disk.syncDirectory(historyDirectory(directory))
    if (this.#isDirectoryNew) await disk.syncDirectory(directory)
    this.#isDirectoryNew = false
  }

  /** A step was not written: the next one begins anew. */
  lose(): void {
    this.#end = null
    this.#isWhole = false
  }

  /** Files that are too many. To be asked for when a checkpoint is durable that speaks of a later one. */
  takeSurplus(): string[] {
    const { directory, historyFilesMax } = this.#context
    const count = Math.max(0, this.#numbers.length - historyFilesMax)
    return this.#numbers.splice(0, count).map((number) => `${directory}/${historyPath(number)}`)
  }

  /** What changed since the last moment that was noted, as it is now. */
  #note(): void {
    if (this.#countTouched === 0) return
    if (this.#isWhole && !this.#isTooLong)
      this.#add(this.#changed, { starts: this.#trimmed, gone: this.#gone, whole: false })
    this.#forget()
  }

  #add(
    ends: Iterable<PartitionLog>,
    { starts, gone, whole }: { starts: Iterable<PartitionLog>; gone: Iterable<PartitionLog>; whole: boolean },
  ): void {
    const pairs = (partitions: Iterable<PartitionLog>, of: (partition: PartitionLog) => number) =>
      Array.from(partitions, (partition) => `${this.#placeOf(partition)},${of(partition)}`).join()
    const places = Array.from(gone, (partition) => this.#placeOf(partition)).join()
    const { appendTime, frame } = this.#changedAt
    const ended = pairs(ends, ({ endOffset }) => endOffset)
    const begun = pairs(starts, ({ startOffset }) => startOffset)
    const rest = whole ? `,[${begun}],[],1` : begun + places === '' ? '' : `,[${begun}],[${places}]`
    this.#moments += `${this.#moments === '' ? '' : ','}[${appendTime},${frame},[${ended}]${rest}]`
  }

  #placeOf({ id, topic }: PartitionLog): number {
    const key = partitionKey(id)
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const place = this.#names.length
    this.#places.set(key, place)
    this.#names.push([id.topicId, id.partition, topic])
    return place
  }

  #forget(): void {
    this.#changed.clear()
    this.#trimmed.clear()
    this.#gone.clear()
  }

  #clear(): void {
    this.#places.clear()
    this.#names = []
    this.#moments = ''
  }
}

function secondOf(appendTime: number): number {
  return Math.floor(appendTime / resolutionMs)
}
