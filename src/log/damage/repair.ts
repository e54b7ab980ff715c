// Repairs what can be repaired of a log that no process has open. Nothing is guessed: whole batches are kept where they
// are, and where a batch is damaged or missing an empty one takes the place of its offsets, so that no offset is ever
// used for another record. Whatever is replaced or dropped is copied into `quarantine/` first.
//
// The log was brought forward and closed in order before, so its checkpoint is all there is. New files lie beside the old
// ones until all are durable; then they take their names, then comes the checkpoint. A crash in between leaves damage
// that the next repair finds again, and the copies.
import { BlockSums, BrokerError } from '#base'
import { readCheckpoint, writeCheckpoint } from '../checkpoint/checkpoint.ts'
import { formatPath, quarantineDirectory } from '../disk/data-directory.ts'
import { openLog } from '../log-group.ts'
import { type LogContext, type LogOptions, logContext } from '../options.ts'
import { type PartitionFacts, partitionDirectory } from '../partition/partition-log.ts'
import { rowsOutside } from '../partition/producer-table.ts'
import { copyAside } from '../recovery/quarantine.ts'
import { type SegmentFacts, segmentName } from '../segment/segment-facts.ts'
import {
  type PartitionRepair,
  planSkip,
  planTruncate,
  type SegmentRepair,
  segmentPath,
} from './repair-plan.ts'
import { type Finding, verifyLog } from './verify.ts'

export type RepairChoice =
  /** Whole batches stay, empty ones take the place of the others. `partition`: `orders-3`; absent: all that are damaged. */
  | { readonly kind: 'skip-damaged'; readonly partition?: string }
  /** Everything from this offset on goes; its offsets are given to new records. */
  | { readonly kind: 'truncate'; readonly partition: string; readonly at: number }

export type RepairOptions = LogOptions & { readonly choice: RepairChoice; readonly apply: boolean }

export type Repaired = {
  readonly partition: string
  /** Half-open ranges of offsets whose records are gone. */
  readonly lost: readonly { readonly from: number; readonly until: number }[]
  /** One past the last offset afterwards. */
  readonly endOffset: number
  /** Files that get other contents or go, each copied aside before. */
  readonly files: readonly string[]
}

/** Says what it would do, or does it. Throws `corrupt` where no choice helps, `not_found` for an unknown partition. */
export async function repairLog(options: RepairOptions): Promise<readonly Repaired[]> {
  const context = logContext({ ...options, scrubBytesPerSecond: 0 })
  await bringForward({ ...options, scrubBytesPerSecond: 0 })
  const { findings } = await verifyLog({ ...options, scrubBytesPerSecond: 0 })
  refuseHopeless(findings)
  const repairs = planRepairs(context, options.choice, findings)
  if (options.apply && repairs.length > 0) await apply(context, repairs)
  return repairs.map((repair) => {
    return {
      partition: nameOf(repair.facts),
      lost: repair.lost,
      endOffset: repair.endOffset,
      files: [...repair.segments.map(({ path }) => path), ...droppedPaths(context, repair)],
    }
  })
}

/** As every start does: afterwards nothing is in the write-ahead log alone. */
async function bringForward(options: LogOptions): Promise<void> {
  if (!options.disk.exists(formatPath(options.directory))) {
    throw new BrokerError('not_found', `${options.directory} holds no log`, {
      fix: 'name the data directory of a node with --data-dir',
    })
  }
  const log = await openLog(options)
  const { failure } = log
  await log.close()
  if (failure) throw failure
}

function refuseHopeless(findings: readonly Finding[]): void {
  const hopeless = findings.find(({ partition, harmless }) => partition === null && !harmless)
  if (hopeless === undefined) return
  throw new BrokerError('corrupt', hopeless.why, { fix: hopeless.fix, details: { path: hopeless.path } })
}

function planRepairs(
  context: LogContext,
  choice: RepairChoice,
  findings: readonly Finding[],
): readonly PartitionRepair[] {
  const { partitions } = readCheckpoint(context)
  const wanted = partitions.filter(
    (facts) => choice.partition === undefined || nameOf(facts) === choice.partition,
  )
  if (choice.partition !== undefined && wanted.length === 0) {
    throw new BrokerError('not_found', `the log has no partition ${choice.partition}`, {
      fix: 'name it as topic-number: pspfctl log verify lists what is damaged',
    })
  }
  if (choice.kind === 'truncate') return wanted.map((facts) => planTruncate(context, facts, choice.at))
  const damages = findings.filter(({ kind }) => kind === 'segment' || kind === 'partition')
  const damagedNames = new Set(damages.map(({ partition }) => partition))
  const damagedPaths = new Set(damages.map(({ path }) => path))
  return wanted
    .filter((facts) => damagedNames.has(nameOf(facts)))
    .map((facts) => planSkip(context, facts, damagedPaths))
}

async function apply(context: LogContext, repairs: readonly PartitionRepair[]): Promise<void> {
  const { disk, directory } = context
  disk.makeDirectory(quarantineDirectory(directory))
  for (const repair of repairs) await prepare(context, repair)
  await disk.syncDirectory(quarantineDirectory(directory))
  await disk.syncDirectory(directory)
  for (const repair of repairs) {
    for (const segment of repair.segments) replace(context, segment)
    await disk.syncDirectory(`${directory}/topics/${nameOf(repair.facts)}`)
  }
  // Offsets that were cut off are given away again, so nothing that was noted of them counts.
  const { history: _history, ...checkpoint } = readCheckpoint(context)
  const byName = new Map(repairs.map((repair) => [nameOf(repair.facts), factsAfter(repair)]))
  const partitions = checkpoint.partitions.map((facts) => byName.get(nameOf(facts)) ?? facts)
  await writeCheckpoint(context, { ...checkpoint, partitions })
  // What the checkpoint no longer knows.
  for (const repair of repairs) for (const path of droppedPaths(context, repair)) disk.remove(path)
}

/** Copies of what was, and files of what will be. */
async function prepare(context: LogContext, repair: PartitionRepair): Promise<void> {
  const { disk } = context
  for (const { facts, path, before, after } of repair.segments) {
    if (before !== null) await copyAside(disk, path, freeCopyPath(context, repair.facts, facts))
    const file = disk.open(repairedPath(path), 'create')
    try {
      file.truncate(0)
      file.write(after, 0)
      await file.syncBehind()
    } finally {
      file.close()
    }
  }
  for (const segment of repair.dropped) {
    const path = segmentPath(context, repair.facts, segment)
    if (disk.exists(path)) await copyAside(disk, path, freeCopyPath(context, repair.facts, segment))
  }
}

/** The indexes and sums are of what was. */
function replace({ disk }: LogContext, { path }: SegmentRepair): void {
  for (const extension of ['index', 'timeindex', 'sum']) disk.remove(path.replace(/log$/, extension))
  disk.rename(repairedPath(path), path)
}

function factsAfter({ facts, segments, dropped, endOffset, lost }: PartitionRepair): PartitionFacts {
  const { damage: _damage, lostUntil: _lostUntil, ...whole } = facts
  const repaired = new Map(segments.map((segment) => [segment.facts.baseOffset, segmentAfter(segment)]))
  const kept = facts.segments
    .filter((segment) => !dropped.includes(segment))
    .map((segment) => repaired.get(segment.baseOffset) ?? segment)
  const added = [...repaired.values()].filter(
    ({ baseOffset }) => !facts.segments.some((segment) => segment.baseOffset === baseOffset),
  )
  const after = [...kept, ...added].filter(({ sizeBytes }) => sizeBytes > 0)
  return {
    ...whole,
    startOffset: Math.min(facts.startOffset, endOffset),
    endOffset,
    segments: after,
    // Nothing is ever written to what compaction has made.
    ...((after.at(-1)?.generation ?? 0) > 0 && { sealed: true }),
    // What comes where something else was is looked at by compaction, and is no retry of it.
    ...(facts.compactedTo !== undefined && { compactedTo: Math.min(facts.compactedTo, endOffset) }),
    ...(facts.producers && { producers: rowsOutside(facts.producers, lost) }),
  }
}

function segmentAfter({ facts, after }: SegmentRepair): SegmentFacts {
  const { indexSum: _index, hasSumFile: _file, sumFileChecksum: _checksum, ...rest } = facts
  const sums = new BlockSums()
  sums.add(after)
  sums.mark()
  return { ...rest, sizeBytes: after.length, sums: Buffer.from(sums.encode()).toString('base64') }
}

function droppedPaths(context: LogContext, { facts, dropped }: PartitionRepair): string[] {
  return dropped.map((segment) => segmentPath(context, facts, segment))
}

/** By id, since the longest topic name leaves no room; never one that is taken, since it may be the only whole copy. */
function freeCopyPath(
  { disk, directory }: LogContext,
  { id }: PartitionFacts,
  { baseOffset, generation }: SegmentFacts,
): string {
  const name = `${id.topicId}-${id.partition}-${segmentName(baseOffset, generation)}.log`
  const path = `${quarantineDirectory(directory)}/${name}`
  let free = path
  for (let number = 1; disk.exists(free); number++) free = `${path}.${number}`
  return free
}

function repairedPath(path: string): string {
  return `${path}.repaired`
}

function nameOf({ topic, id }: PartitionFacts): string {
  return partitionDirectory(topic, id.partition)
}
