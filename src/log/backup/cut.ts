// What of a backup was there at an earlier moment: decided from the history of the log that travels with it, before
// anything is written.
//
// A moment lies between two frames, so nothing that was appended together is in it by halves. It is given exactly or not at
// all: what compaction or trims have taken since cannot come back.
import { BrokerError } from '#base'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import type { LogMoment } from '../history/history.ts'
import { partitionKey } from '../history/history-file.ts'
import { isKnown, type PastPartition, type PastState, pastAt } from '../history/past.ts'
import { type PartitionFacts, partitionDirectory } from '../partition/partition-log.ts'
import { rowsOutside } from '../partition/producer-table.ts'
import type { SegmentFacts } from '../segment/segment-facts.ts'
import { type BackupSource, readBackupBytes, readBackupCheckpoint } from './backup-source.ts'

export type Cut = {
  readonly moment: LogMoment
  /** Without the segments that began later; the last one of each may still be too long. */
  readonly checkpoint: Checkpoint
  /** Those that were there and have been deleted since: `orders-0`. */
  readonly missing: readonly string[]
}

const toNow = 'restore the whole backup, without --until'

/** Throws `invalid_request` for a time that the backup cannot give, `conflict` where that time is not whole any more. */
export async function decideCut(source: BackupSource, until: number): Promise<Cut> {
  const { manifest, path } = source
  const { takenAt = manifest.appendTime } = manifest
  if (until > takenAt) {
    throw refusal(`${path} holds the log as it was ${timeText(takenAt)}, and nothing of later`, {
      fix: `name that time or an earlier one, or ${toNow}`,
    })
  }
  const checkpoint = await readBackupCheckpoint(source)
  if (checkpoint === null || manifest.damage.length > 0) {
    const [first] = manifest.damage
    const what = first ? `partition ${first.partition} of ${first.topic}` : 'its checkpoint'
    throw new BrokerError('corrupt', `${path} cannot be cut at a time: ${what} is not whole`, {
      fix: `${toNow}, or use another backup`,
      details: { path },
    })
  }
  const past = await pastOf(source, checkpoint, until)
  if (past.partitions.length === 0) {
    throw refusal(`the log in ${path} was empty ${timeText(until)}`, {
      fix: `name a later time, or ${toNow}`,
    })
  }
  const there = new Map(checkpoint.partitions.map((facts) => [partitionKey(facts.id), facts]))
  const partitions = past.partitions.flatMap((before) => {
    const facts = there.get(partitionKey(before))
    return facts === undefined ? [] : [{ before, facts }]
  })
  refuseLost(partitions, past.moment)
  const missing = past.partitions.filter((before) => !there.has(partitionKey(before)))
  const { history: _history, ...rest } = checkpoint
  return {
    moment: past.moment,
    checkpoint: {
      ...rest,
      appendTime: past.moment.appendTime,
      partitions: partitions.map(({ before, facts }) => cutFacts(facts, before, past.moment)),
    },
    missing: missing.map(({ topic, partition }) => partitionDirectory(topic, partition)),
  }
}

async function pastOf(source: BackupSource, { history }: Checkpoint, until: number): Promise<PastState> {
  const paths = source.manifest.files.map(({ path }) => path).filter((path) => path.startsWith('history/'))
  if (history === undefined || paths.length === 0) {
    throw refusal(`${source.path} does not say what the log was at earlier times`, {
      fix: `${toNow}; a log notes it from the first start of this version on`,
    })
  }
  const files: Uint8Array[] = []
  for (const path of paths.sort()) files.push(await readBackupBytes(source, path))
  const past = pastAt(files, until)
  if (isKnown(past)) return past
  const back = past.oldest === null ? '' : `: it goes back to ${timeText(past.oldest)}`
  const why =
    past.missing === 'before' ? `does not go back to ${timeText(until)}` : 'has lost a part of its history'
  throw refusal(`${source.path} ${why}${back}`, {
    fix: `name a later time, or use another backup; or ${toNow}`,
  })
}

type Both = { readonly before: PastPartition; readonly facts: PartitionFacts }

/** Half a table is worse than none: what is not there as it was is refused. */
function refuseLost(partitions: readonly Both[], moment: LogMoment): void {
  const lost = partitions.flatMap(({ before, facts }) => {
    const name = partitionDirectory(facts.topic, facts.id.partition)
    if ((facts.keysTo ?? 0) > before.endOffset) return [`${name} was compacted`]
    const isEmptied = facts.startOffset > before.endOffset && before.startOffset < before.endOffset
    return isEmptied ? [`all that was in ${name} was deleted`] : []
  })
  if (lost.length === 0) return
  const [first, ...others] = lost
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  throw new BrokerError(
    'conflict',
    `the log of ${timeText(moment.appendTime)} is not whole any more: since then ${first}${more}`,
    {
      fix: 'name a later time, or use a backup that was made sooner after it',
      details: { lost: lost.join('; ') },
    },
  )
}

function cutFacts(facts: PartitionFacts, before: PastPartition, moment: LogMoment): PartitionFacts {
  const { endOffset } = before
  const segments = facts.segments.filter(({ baseOffset }) => baseOffset < endOffset)
  const { sealed: _sealed, compactedTo, producers, ...rest } = facts
  const isWhole = segments.length === facts.segments.length
  return {
    ...rest,
    startOffset: Math.min(facts.startOffset, endOffset),
    endOffset,
    segments: segments.map((segment) => cutTime(segment, moment)),
    // Only what is still the newest one may grow: others have files that say what they are.
    ...((facts.sealed === true || !isWhole) && { sealed: true }),
    ...(compactedTo !== undefined && { compactedTo: Math.min(compactedTo, endOffset) }),
    ...(producers && { producers: rowsOutside(producers, [{ from: endOffset, until: facts.endOffset }]) }),
  }
}

function cutTime(segment: SegmentFacts, { appendTime }: LogMoment): SegmentFacts {
  return { ...segment, lastAppendTime: Math.min(segment.lastAppendTime, appendTime) }
}

function refusal(message: string, { fix }: { fix: string }): BrokerError {
  return new BrokerError('invalid_request', message, { fix })
}

function timeText(time: number): string {
  return new Date(time).toISOString()
}
