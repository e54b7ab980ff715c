// Opens a data directory as a log group: recover what is there, then accept appends.
import { dirname } from 'node:path'
import { BrokerError, type Metrics, systemCode } from '#base'
import type { LogGroup, Partition, RecoveryReport } from './api.ts'
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint/checkpoint.ts'
import { type LogSnapshot, takeSnapshot } from './checkpoint/snapshot.ts'
import { GroupCommit } from './commit/group-commit.ts'
import { inlineCompaction } from './compaction/compaction-runner.ts'
import { Compactor } from './compaction/compactor.ts'
import { Scrubber } from './damage/scrubber.ts'
import {
  formatPath,
  readFormat,
  topicsDirectory,
  walDirectory,
  walGenerations,
  writeFormat,
} from './disk/data-directory.ts'
import { openFailed } from './disk/disk-errors.ts'
import { type LogContext, type LogOptions, logContext } from './options.ts'
import type { PartitionSet } from './partition/partition-set.ts'
import { quarantineWalFiles } from './recovery/quarantine.ts'
import { type Recovered, recover } from './recovery/recovery.ts'
import { Wal } from './wal/wal.ts'
import { beginning, type WalDamage } from './wal/wal-reader.ts'
import { rewriteFrames } from './wal/wal-rewrite.ts'

/** As its opener has it. */
export type OpenLog = LogGroup & {
  /** What is visible at one moment, held for a backup; see snapshot.ts. Release it. */
  snapshot(): Promise<LogSnapshot>
}

/**
 * Throws `conflict` for a newer format, `corrupt` for a directory that cannot be understood, `invalid_request` for one
 * that cannot be written, `disk_full` and `disk_failed`. Damage to the write-ahead log gives a log whose state is `failed`.
 */
export async function openLog(options: LogOptions): Promise<OpenLog> {
  const context = logContext(options)
  try {
    const log = await open(context)
    context.openFiles.isStarting = false
    return log
  } catch (thrown) {
    throw openFailed(context.directory, thrown)
  }
}

async function open(context: LogContext): Promise<OpenLog> {
  const started = context.clock.monotonic()
  const salt = readFormat(context)?.salt ?? (await initialise(context))
  await secureNames(context)
  const checkpoint = readCheckpoint(context)
  refuseOtherSalt(context, salt, checkpoint)
  const recovered = await recover(context, salt, checkpoint)
  const { end, partitions, last } = recovered
  const clean = checkpoint.clean && end.frames === 0 && end.cutBytes === 0 && end.damage === null
  const generations = walGenerations(context.disk, context.directory)
  const wal = new Wal(context, salt, { chain: end.next, generations })
  const commit = new GroupCommit({ context, partitions, wal, last })
  // Below the durable mark nothing is guessed: no checkpoint, so that everything stays as it was found.
  if (end.damage) commit.fail(damaged(end.damage))
  else if (!clean) {
    if (recovered.evidence.size > 0) await quarantineWalFiles(context, recovered.evidence)
    const isDurable = await commit.checkpointer.runWith(() => undefined)
    // What was read back may be in memory only, so nobody may see it before it is durable.
    if (commit.failure) throw commit.failure
    if (!isDurable) await rewriteFrames(context, checkpoint.wal, end.next)
  }
  const report = reportOf(recovered, clean, context.clock.monotonic() - started)
  const { quarantined, ...counts } = report
  context.logger.info({ ...counts, quarantined: quarantined.length }, 'log opened')
  observe(context.metrics, { commit, partitions, wal })
  const scrubber = new Scrubber(context, partitions)
  scrubber.start()
  const compactor = new Compactor({
    context,
    runner: context.compaction ?? inlineCompaction(context.disk),
    append: (entry) => commit.append([entry]),
  })
  return logGroup({ salt, context, commit, partitions, wal, report, scrubber, compactor })
}

/** A new directory. What it holds counts only once the format mark is there, so a crash in here is harmless. */
async function initialise(context: LogContext): Promise<number> {
  const { disk, directory, random } = context
  const salt = random.below(2 ** 32)
  disk.makeDirectory(walDirectory(directory))
  disk.makeDirectory(topicsDirectory(directory))
  await writeCheckpoint(context, { salt, wal: beginning, appendTime: 0, clean: true, partitions: [] })
  await writeFormat(context, salt)
  return salt
}

/** With a salt that is not the one they were written with, no frame would count: acknowledged ones would be cut as torn. */
function refuseOtherSalt({ directory }: LogContext, salt: number, checkpoint: Checkpoint): void {
  if (checkpoint.salt === undefined || checkpoint.salt === salt) return
  const path = formatPath(directory)
  throw new BrokerError('corrupt', `${path} is damaged: its salt is not that of the checkpoint`, {
    fix: 'restore it from a backup of this data directory',
    details: { path },
  })
}

/** What the last process made may so far be only in the page cache: the names of the directory and of what is in it. */
async function secureNames({ disk, directory, logger }: LogContext): Promise<void> {
  await disk.syncDirectory(directory)
  const parent = dirname(directory)
  try {
    await disk.syncDirectory(parent)
  } catch (thrown) {
    // Only who made the data directory needs to own the place where it lies.
    if (systemCode(thrown) !== 'EACCES') throw thrown
    logger.debug({ path: parent }, 'not readable, so not synced')
  }
}

function damaged({ path, position, why }: WalDamage): BrokerError {
  return new BrokerError('corrupt', `${path} is damaged at byte ${position}: ${why}`, {
    fix: 'what lies before it can be read; restore the data directory from a backup to append again',
    details: { path, position },
  })
}

function reportOf({ end, partitions }: Recovered, clean: boolean, tookMs: number): RecoveryReport {
  const quarantined = [...partitions].flatMap(({ topic, id, damage }) =>
    damage ? [{ topic, partition: id.partition, reason: damage.message }] : [],
  )
  return {
    clean,
    framesReplayed: end.frames,
    bytesReplayed: end.sizeBytes,
    bytesCut: end.cutBytes,
    partitions: partitions.count,
    quarantined,
    tookMs,
  }
}

function observe(
  metrics: Metrics,
  { commit, partitions, wal }: Pick<Parts, 'commit' | 'partitions' | 'wal'>,
): void {
  const pending = metrics.gauge('pspf_log_pending_bytes', 'Bytes queued and not yet durable')
  const files = metrics.gauge('pspf_log_wal_files', 'Files of the write-ahead log since the last checkpoint')
  const count = metrics.gauge('pspf_log_partitions', 'Partitions')
  const producers = metrics.gauge(
    'pspf_log_producers',
    'Idempotent producers remembered, over all partitions',
  )
  metrics.collect(() => {
    pending.set(commit.pendingBytes)
    files.set(wal.fileCount)
    count.set(partitions.count)
    producers.set([...partitions].reduce((sum, { producerCount }) => sum + producerCount, 0))
  })
}

type Parts = {
  readonly salt: number
  readonly context: LogContext
  readonly commit: GroupCommit
  readonly partitions: PartitionSet
  readonly wal: Wal
  readonly report: RecoveryReport
  readonly scrubber: Scrubber
  readonly compactor: Compactor
}

function logGroup(parts: Parts): OpenLog {
  const { salt, context, commit, partitions, wal, report, scrubber, compactor } = parts
  return {
    report,
    get damages() {
      return context.damages.list
    },
    get state() {
      return commit.state
    },
    get failure() {
      return commit.failure
    },
    get pendingBytes() {
      return commit.pendingBytes
    },
    get usedBytes() {
      let usedBytes = wal.sizeBytes
      for (const { sizeBytes } of partitions) usedBytes += sizeBytes
      return usedBytes
    },
    refuseRecords(reason) {
      commit.refusesRecords = reason
    },
    append: (entries, options) => commit.append(entries, options),
    async compact(id, options) {
      const partition = partitions.get(id)
      if (partition) return await compactor.run(partition, options)
      throw new BrokerError('not_found', `partition ${id.partition} of topic id ${id.topicId} does not exist`)
    },
    partition: (id): Partition | undefined => partitions.get(id),
    partitions: () => partitions,
    onVisible: (listener) => commit.onVisible(listener),
    snapshot: () => takeSnapshot({ salt, context, commit, partitions }),
    async close() {
      compactor.stop()
      await scrubber.stop()
      await commit.close()
      await compactor.ended()
      partitions.close()
      wal.close()
    },
  }
}
