// Brings a task's store to where its changelog is. The log decides: a store whose position is not in this log, or whose
// history is another one, is dropped and filled anew.
//
// The changelog is compacted: at its beginning only the newest record of each key is left, so that commits there are not
// whole and those that ended them are gone. From some commit on all of it is there. So a store is brought forward only
// from a commit that is there itself: everything behind it is whole. One that is filled anew takes what is left as it is.
import { asOffset, assert, BrokerError, type Logger, type Offset, systemCode } from '#base'
import type { TopicInfo } from '#broker'
import { RecordCursor } from '#record'
import type { LogPort } from '../api.ts'
import { type Mutation, MutationSet, type StateStore } from '../state/state-store.ts'
import { endOfBatches } from './batch-end.ts'
import type { RuntimeLimits } from './limits.ts'
import type { SliceReader } from './slice-reader.ts'
import { isTaskKey, readTaskState, type TaskState } from './task-state.ts'

export type RestoreOptions = {
  readonly port: LogPort
  readonly readSlice: SliceReader
  readonly store: StateStore
  readonly changelog: TopicInfo
  readonly partition: number
  readonly logger: Logger
  readonly limits: RuntimeLimits
}

/** The log's side of a store's position. */
export const logIdOf = (changelog: TopicInfo, partition: number): string => `${changelog.id}/${partition}`

type Place = { readonly next: Offset; readonly chain: string }

/** Call it after fencing, so that the changelog no longer grows. Throws `corrupt` if the log itself cannot restore. */
export async function restore(options: RestoreOptions): Promise<void> {
  const { store, changelog, partition, logger } = options
  const stored = store.position
  const trusted = stored !== null && (await isInLog(options, stored))
  if (stored !== null && !trusted) {
    logger.warn(
      { changelog: changelog.name, partition, position: stored.next },
      'state does not match the log: rebuilt',
    )
    store.clear()
  }
  const from: Place = trusted ? { next: asOffset(stored.next), chain: stored.chain } : atStart
  if (await replay(options, from)) return
  for (let tries = 0; tries < rebuildTriesMax; tries++) {
    logger.warn({ changelog: changelog.name, partition }, 'state does not continue the log: rebuilt')
    store.clear()
    if (await replay(options, atStart)) return
  }
  throw broken(changelog, 'its commits do not follow each other')
}

/** Compaction may take commits away between two reads; it comes by more seldom than this. */
const rebuildTriesMax = 3

const atStart: Place = { next: asOffset(0), chain: '' }

/** Is the commit that ends right below the store's position the one that the store remembers? */
async function isInLog(
  options: RestoreOptions,
  stored: NonNullable<StateStore['position']>,
): Promise<boolean> {
  if (stored.log !== logIdOf(options.changelog, options.partition)) return false
  if (stored.next < 1) return false
  const { endOffset, startOffset } = await rangeOf(options)
  if (stored.next > endOffset || stored.next <= startOffset) return false
  const cursor = new RecordCursor()
  cursor.reset(await read(options, asOffset(stored.next - 1)), stored.next - 1)
  if (!cursor.next() || cursor.offset !== stored.next - 1) return false
  return commitAt(cursor)?.id === stored.chain
}

async function rangeOf({ port, changelog, partition }: RestoreOptions) {
  const [info] = await port.ensureTopics([{ name: changelog.name }])
  const range = info?.partitions[partition]
  assert(range !== undefined, 'a changelog has a partition for each task')
  return range
}

/** Applies everything from there on, whole commits at a time. False: a commit does not follow the one before. */
async function replay(options: RestoreOptions, from: Place): Promise<boolean> {
  const { store, changelog, partition } = options
  const { startOffset, endOffset } = await rangeOf(options)
  if (from.next < startOffset) throw broken(changelog, `records below offset ${startOffset} are gone`)
  const log = logIdOf(changelog, partition)
  const cursor = new RecordCursor()
  const whole = new MutationSet()
  let commit: Mutation[] = []
  let batch = cursor.batch
  let { next, chain } = from
  const apply = () => {
    if (whole.size > 0) store.apply(whole.take(), { log, next, chain })
  }
  /** A position in the middle of a commit is in no log, so that a store which ends there is filled anew. */
  const applyPart = (end: number) => {
    apply()
    store.apply(commit, { log, next: asOffset(end), chain: '' })
    commit = []
  }
  for (let at = from.next; at < endOffset; ) {
    const batches = await read(options, at)
    cursor.reset(batches, at)
    while (cursor.next()) {
      const key = cursor.key()
      if (key === null) throw broken(changelog, `record ${cursor.offset} has no key`)
      // A batch is a commit; one without its end was compacted.
      if (cursor.batch !== batch && commit.length >= options.limits.restoreMutationsMax)
        applyPart(cursor.offset)
      batch = cursor.batch
      commit.push({ key: key.slice(), value: cursor.value()?.slice() ?? null })
      const end = commitAt(cursor)
      if (end === null) continue
      if (chain !== '' && end.previous !== chain) return false
      for (const mutation of commit) whole.add(mutation)
      commit = []
      next = asOffset(cursor.offset + 1)
      chain = end.id
      if (whole.size >= options.limits.restoreMutationsMax) apply()
    }
    const end = endOfBatches(batches)
    if (end <= at) throw broken(changelog, `nothing can be read at offset ${at}`)
    at = end
  }
  if (commit.length > 0) throw broken(changelog, 'its last commit is not whole')
  apply()
  return true
}

function commitAt(cursor: RecordCursor): TaskState | null {
  const key = cursor.key()
  const value = cursor.value()
  return key !== null && value !== null && isTaskKey(key) ? readTaskState(value) : null
}

async function read(options: RestoreOptions, from: Offset): Promise<Uint8Array> {
  const { port, readSlice, changelog, partition, limits } = options
  for (let tries = 1; ; tries++) {
    const { slice } = await port.fetchSlice({
      topic: changelog.name,
      partition,
      from,
      bytesMax: limits.sliceSizeBytesMax,
      waitMs: 0,
    })
    if (slice === null) throw broken(changelog, `nothing can be read at offset ${from}`)
    try {
      return await readSlice(slice)
    } catch (thrown) {
      // Compaction took the file meanwhile: the same records are in another one.
      if (systemCode(thrown) !== 'ENOENT' || tries === limits.readTriesMax) throw thrown
    }
  }
}

function broken(changelog: TopicInfo, why: string): BrokerError {
  return new BrokerError('corrupt', `state cannot be restored from ${changelog.name}: ${why}`, {
    fix: 'pspf app reset, which computes the app anew from its sources',
  })
}
