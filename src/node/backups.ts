// The backups of a running node: one at a time, in the background, with what became of the last ones.
import {
  BrokerError,
  type Clock,
  type Disk,
  type Gauge,
  type Logger,
  type Metrics,
  type Random,
  toError,
} from '#base'
import type { BackupControl, BackupStatus, StartBackup } from '#http'
import { type BackupPlace, backupTarget, createBackup, type Manifest, type OpenLog } from '#log'
import { checkBackupPlace, placeFailed } from './backup-place.ts'

/** A copy goes no faster, so that it takes a small part of the disk and of this thread. */
export const backupBytesPerSecond = 64 * 2 ** 20
/** Backups remembered. */
const keptMax = 20

export type BackupsOptions = {
  readonly log: Pick<OpenLog, 'snapshot'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly dataDirectory: string
  /** Version of pspf. */
  readonly version: string
  /** A disk of its own for each: a slow one must not hold back the syncs of the log. */
  openDisk(): Disk
  readonly bytesPerSecond?: number
}

type Running = {
  readonly status: BackupStatus
  readonly stop: AbortController
  readonly ended: Promise<void>
}

export class Backups implements BackupControl {
  readonly #options: BackupsOptions
  readonly #lastSuccess: Gauge
  #statuses: BackupStatus[] = []
  #running: Running | null = null
  #starting = false
  #closed = false

  constructor(options: BackupsOptions) {
    this.#options = options
    const help = 'When the last backup since the start was finished'
    this.#lastSuccess = options.metrics.gauge('pspf_backup_last_success_timestamp_seconds', help)
  }

  async start({ path, kind = 'directory' }: StartBackup): Promise<BackupStatus> {
    const place: BackupPlace = { path: checkBackupPlace(path, this.#options.dataDirectory), kind }
    if (this.#closed) throw new BrokerError('closed', 'the node is stopping')
    if (this.#running !== null || this.#starting) throw this.#busy()
    this.#starting = true
    const disk = this.#options.openDisk()
    try {
      const target = backupTarget(disk, place, this.#options.clock.now())
      await target.begin()
      const status = this.#remember(place)
      const stop = new AbortController()
      if (this.#closed) stop.abort(cancelled('the node is stopping'))
      const work = this.#run(status, target, stop.signal).finally(() => disk.close())
      this.#running = { status, stop, ended: work }
      return { ...status }
    } catch (thrown) {
      disk.close()
      throw placeFailed(place.path, thrown)
    } finally {
      this.#starting = false
    }
  }

  list(): readonly BackupStatus[] {
    return this.#statuses.toReversed()
  }

  get(id: string): BackupStatus | undefined {
    return this.#statuses.find((status) => status.id === id)
  }

  async cancel(id: string): Promise<void> {
    const running = this.#running
    if (running?.status.id !== id) return
    running.stop.abort(cancelled('somebody gave it up'))
    await running.ended
  }

  /** Gives up what is being made. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#running) await this.cancel(this.#running.status.id)
  }

  #busy(): BrokerError {
    const other = this.#running?.status
    return new BrokerError('conflict', `another backup is being made${other ? ` at ${other.path}` : ''}`, {
      fix: 'wait until it is done: pspfctl backup list',
      ...(other && { details: { id: other.id } }),
    })
  }

  #remember({ path, kind }: BackupPlace): BackupStatus {
    const { clock, random } = this.#options
    const status: BackupStatus = {
      id: random.id(),
      path,
      kind,
      state: 'running',
      startedAt: clock.now(),
      finishedAt: null,
      files: 0,
      filesDone: 0,
      bytes: 0,
      bytesDone: 0,
      frame: null,
      appendTime: null,
      damage: [],
      error: null,
    }
    this.#statuses = [...this.#statuses.slice(1 - keptMax), status]
    return status
  }

  async #run(
    status: BackupStatus,
    target: ReturnType<typeof backupTarget>,
    signal: AbortSignal,
  ): Promise<void> {
    const { log, clock, version, logger, bytesPerSecond = backupBytesPerSecond } = this.#options
    try {
      const manifest = await createBackup(log, target, {
        clock,
        madeBy: version,
        bytesPerSecond,
        signal,
        onProgress: (progress) => Object.assign(status, progress),
      })
      this.#done(status, manifest)
    } catch (thrown) {
      const error = placeFailed(status.path, thrown)
      status.state = signal.aborted ? 'cancelled' : 'failed'
      status.error = describe(error)
      logger.warn({ path: status.path, err: error }, `backup ${status.state}`)
    }
    status.finishedAt = clock.now()
    this.#running = null
  }

  #done(status: BackupStatus, { frame, appendTime, damage }: Manifest): void {
    const { clock, logger } = this.#options
    Object.assign(status, { state: 'done', frame, appendTime, damage: [...damage] })
    this.#lastSuccess.set(clock.now() / 1000)
    const { path, bytes, files } = status
    if (damage.length > 0) logger.error({ path, damage }, 'backup done, but partitions in it are damaged')
    else logger.info({ path, bytes, files, frame }, 'backup done')
  }
}

function cancelled(why: string): BrokerError {
  return new BrokerError('closed', `the backup was not finished: ${why}`, { fix: 'begin another one' })
}

function describe(error: Error): NonNullable<BackupStatus['error']> {
  if (!(error instanceof BrokerError)) return { code: 'internal', message: toError(error).message }
  const { code, message, fix } = error
  return { code, message, ...(fix === undefined ? {} : { fix }) }
}
