// Checks a data directory that no process has open: every checksum there is, and that the parts fit together. Writes
// nothing.
import { BrokerError } from '#base'
import { type Checkpoint, readCheckpoint } from '../checkpoint/checkpoint.ts'
import { formatPath, readFormat, walPath } from '../disk/data-directory.ts'
import { type LogContext, type LogOptions, logContext } from '../options.ts'
import { PartitionLog } from '../partition/partition-log.ts'
import type { Segment } from '../segment/segment.ts'
import { checkSegment } from '../segment/segment-check.ts'
import { readWal } from '../wal/wal-reader.ts'
import { damageFix } from './damage-list.ts'

export type Finding = {
  readonly kind: 'format' | 'checkpoint' | 'write-ahead log' | 'segment' | 'sums' | 'index' | 'partition'
  readonly path: string
  readonly position: number | null
  /** `orders-3`; null: it concerns the whole log. */
  readonly partition: string | null
  readonly why: string
  readonly fix: string
  /** Nothing can be lost by it: it is made anew when it is needed. */
  readonly harmless: boolean
}

export type LogCheck = {
  readonly findings: readonly Finding[]
  readonly partitions: number
  readonly segments: number
  /** Read and checked, of segments. */
  readonly bytes: number
  /** Of the write-ahead log behind the checkpoint. */
  readonly frames: number
  /** Bytes of a torn frame at its end, which the next start cuts: never acknowledged. */
  readonly tornBytes: number
}

export type LogCheckOptions = LogOptions & {
  readonly signal?: AbortSignal
  /** Told now and then; `totalBytes` is what the checkpoint says. */
  onProgress?(doneBytes: number, totalBytes: number): void
}

type Verifying = {
  readonly context: LogContext
  readonly findings: Finding[]
  readonly onBytes: (bytes: number) => void
  readonly isClean: boolean
}

/** Throws `not_found` where there is no log. What is wrong with one that is there is in the report. */
export async function verifyLog(options: LogCheckOptions): Promise<LogCheck> {
  const context = logContext(options)
  const findings: Finding[] = []
  const report = { findings, partitions: 0, segments: 0, bytes: 0, frames: 0, tornBytes: 0 }
  const evidence = readEvidence(context, findings)
  if (evidence === null) return report
  const { salt, checkpoint } = evidence
  const partitions = checkpoint.partitions.map((facts) => new PartitionLog(context, facts))
  const totalBytes = partitions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const onBytes = (bytes: number) => {
    options.signal?.throwIfAborted()
    report.bytes += bytes
    options.onProgress?.(report.bytes, totalBytes)
  }
  for (const partition of partitions) {
    report.segments += partition.segments.length
    await verifyPartition({ context, findings, onBytes, isClean: checkpoint.clean }, partition)
    partition.close()
  }
  const wal = verifyWal(context, salt, { checkpoint, findings })
  return { ...report, ...wal, partitions: partitions.length }
}

const fromBackup = 'restore it from a backup of this data directory'

function readEvidence(
  context: LogContext,
  findings: Finding[],
): { salt: number; checkpoint: Checkpoint } | null {
  try {
    const format = readFormat(context)
    if (format === null) {
      const why = 'it is missing'
      findings.push(global({ kind: 'format', path: formatPath(context.directory), why, fix: fromBackup }))
      return null
    }
    const checkpoint = readCheckpoint(context)
    if (checkpoint.salt === undefined || checkpoint.salt === format.salt) return { ...format, checkpoint }
    findings.push(
      global({
        kind: 'format',
        path: formatPath(context.directory),
        why: 'its salt is not that of the checkpoint',
        fix: fromBackup,
      }),
    )
  } catch (thrown) {
    if (!(thrown instanceof BrokerError && thrown.code === 'corrupt')) throw thrown
    const path = String(thrown.details?.['path'] ?? context.directory)
    const kind = path === formatPath(context.directory) ? 'format' : 'checkpoint'
    findings.push(global({ kind, path, why: thrown.message, fix: thrown.fix ?? 'look at the disk' }))
  }
  return null
}

async function verifyPartition(verifying: Verifying, partition: PartitionLog): Promise<void> {
  const { findings } = verifying
  const name = `${partition.topic}-${partition.id.partition}`
  if (partition.damage !== null) {
    findings.push({
      kind: 'partition',
      path: partition.directory,
      position: null,
      partition: name,
      why: partition.damage.message,
      fix: damageFix,
      harmless: false,
    })
  }
  let nextOffset = 0
  for (const segment of partition.segments) {
    const found = await verifySegment(verifying, { partition, segment, name })
    if (found === null) continue
    const follows = segment.baseOffset >= nextOffset
    if (!follows) findings.push(ofSegment(segment, name, `it begins before offset ${nextOffset}`))
    nextOffset = found
  }
  const last = partition.segments.at(-1)
  if (last === undefined || findings.some((finding) => finding.partition === name && !finding.harmless))
    return
  if (nextOffset !== partition.endOffset)
    findings.push(ofSegment(last, name, `it ends at offset ${nextOffset}, not at ${partition.endOffset}`))
}

/** One past its last offset; null if it is damaged. */
async function verifySegment(
  { context, findings, onBytes, isClean }: Verifying,
  { partition, segment, name }: { partition: PartitionLog; segment: Segment; name: string },
): Promise<number | null> {
  const damaged = (error: BrokerError) => {
    const position = Number(error.details?.['position'] ?? 0)
    const why = String(error.details?.['why'] ?? error.message)
    findings.push({ ...ofSegment(segment, name, why), position })
  }
  const pace = async (bytes: number) => {
    onBytes(bytes)
    return true
  }
  const known = context.damages.list.length
  try {
    segment.sums.get()
    for (const { path, position, why } of context.damages.list.slice(known)) {
      findings.push({ kind: 'sums', path, position, partition: name, why, fix: rebuilt, harmless: false })
    }
    const checked = await checkSegment(segment, { batches: true, pace, damaged })
    // That of a growing segment may have been written anew since the checkpoint.
    const isKnown = isClean || segment.sums.hasFile
    verifyIndex(segment, { findings, name, isWhole: isKnown && checked !== null })
    return checked === null ? null : checked.nextOffset
  } catch (thrown) {
    if (!(thrown instanceof BrokerError)) throw thrown
    damaged(thrown)
    return null
  } finally {
    segment.close()
    if (partition.segments.at(-1) !== segment) segment.sums.release()
  }
}

const rebuilt = 'nothing: it is made anew from the segment'

function verifyIndex(
  segment: Segment,
  { findings, name, isWhole }: { findings: Finding[]; name: string; isWhole: boolean },
): void {
  if (!isWhole || segment.indexState() !== 'damaged') return
  const why = 'an index file is not what was written'
  const path = segment.path.replace(/\.log$/, '.index')
  findings.push({ kind: 'index', path, position: 0, partition: name, why, fix: rebuilt, harmless: true })
}

function verifyWal(
  context: LogContext,
  salt: number,
  { checkpoint, findings }: { checkpoint: Checkpoint; findings: Finding[] },
): { frames: number; tornBytes: number } {
  const { disk, directory } = context
  const fix = 'start pspf: what can be told is quarantined by partition; else restore a backup'
  const end = readWal({ disk, directory, salt }, checkpoint.wal, ({ damaged, generation, position }) => {
    if (!damaged) return
    const why = 'the checksum of a frame does not match'
    findings.push({
      ...global({ kind: 'write-ahead log', path: walPath(directory, generation), why, fix }),
      position,
    })
  })
  if (end.damage !== null) {
    const { path, position, why } = end.damage
    findings.push({ ...global({ kind: 'write-ahead log', path, why, fix }), position })
  }
  return { frames: end.frames, tornBytes: end.cutBytes }
}

function global(finding: Pick<Finding, 'kind' | 'path' | 'why' | 'fix'>): Finding {
  return { ...finding, position: null, partition: null, harmless: false }
}

function ofSegment(segment: Segment, partition: string, why: string): Finding {
  return {
    kind: 'segment',
    path: segment.path,
    position: null,
    partition,
    why,
    fix: damageFix,
    harmless: false,
  }
}
