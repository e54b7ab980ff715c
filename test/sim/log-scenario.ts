// A life of a log group under faults: a random workload on a simulated disk, power cuts, failing calls, restarts. All of
// it follows from the seed.
import { BrokerError, Metrics, type Random, seededRandom, silentLogger, systemCode } from '#base'
import {
  type AppendOptions,
  type LogEntry,
  type LogLimits,
  type OpenLog,
  openLog,
  type PartitionId,
} from '#log'
import { BatchBuilder } from '#record'
import { checkDamaged } from './log-damage-check.ts'
import { LogModel } from './log-model.ts'
import { SimulatedClock, settled } from './simulated-clock.ts'
import { Crash, type FaultPlan, SimulatedDisk, type SimulatedDiskOptions } from './simulated-disk.ts'

/** Small files and short times, so that everything happens within a few hundred calls. */
export const smallLimits: LogLimits = {
  segmentSizeBytesMax: 1500,
  segmentAgeMsMax: 200,
  appendBytesMax: 4096,
  groupBytesMax: 3000,
  writeAheadBytes: 1200,
  pendingBytesMax: 20_000,
  unsyncedFramesMax: 4,
  walFileSizeBytes: 6000,
  walFilesMax: 3,
  checkpointBytes: 9000,
  checkpointMs: 40,
  writeBackStepBytes: 800,
  syncStepBytes: 800,
  idleMarkMs: 6,
  diskReserveBytes: 1000,
  diskFullRetryMs: 5,
  openSegmentsMax: 2,
  openFilesMax: 4,
  producersPerPartitionMax: 10,
  producersMax: 1000,
  producerExpiryMs: 3_600_000,
  scrubBytesPerSecond: 0,
  scrubFirstMs: 20,
  scrubEveryMs: 30,
  historyFileBytes: 600,
  historyFilesMax: 3,
  compactionBytesPerSecondMax: 200_000,
  compactionKeysBytesMax: 300,
}

export type Mutant = Pick<SimulatedDiskOptions, 'ignoreSyncs' | 'ignoreDirectorySyncs' | 'cannotLink'>

export type ScenarioOptions = Mutant & {
  readonly limits?: Partial<LogLimits>
  /** Half of the appends ask to be answered before their sync. */
  readonly mixedLevels?: boolean
  readonly trustsWritten?: boolean
}

export class LogScenario {
  readonly model: LogModel
  readonly #mixedLevels: boolean
  readonly #random: Random
  readonly #mutant: Mutant
  readonly #limits: Partial<LogLimits>
  #live: { id: PartitionId; topic: string; end: number }[] = []
  #values = 0
  #topics = 0
  powerCuts = 0
  kills = 0
  clock = new SimulatedClock(1_000_000)
  disk: SimulatedDisk
  log: OpenLog | null = null

  constructor(seed: number, options: ScenarioOptions = {}) {
    const { limits, mixedLevels = false, trustsWritten = false, ...mutant } = options
    this.model = new LogModel({ trustsWritten })
    this.#mixedLevels = mixedLevels
    this.#random = seededRandom(seed)
    this.#mutant = mutant
    this.#limits = limits ?? {}
    this.disk = new SimulatedDisk(this.#diskOptions(null))
  }

  get random(): Random {
    return this.#random
  }

  /** Opens the log on what the disk holds. Throws `Crash` when a planned crash comes first. */
  async open(): Promise<OpenLog> {
    const log = await this.openAt('/data')
    this.log = log
    return log
  }

  /** A log of its own, in another directory of the same disk. */
  async openAt(directory: string): Promise<OpenLog> {
    const { disk, clock } = this
    const opening = openLog({
      disk,
      clock,
      random: this.#random,
      logger: silentLogger,
      metrics: new Metrics(),
      directory,
      ...smallLimits,
      ...this.#segmentLimits(),
      ...this.#limits,
    })
    return await this.drive(opening)
  }

  /** Others at each start: where segments begin is written in frames, whatever the limits were and are. */
  #segmentLimits(): Partial<LogLimits> {
    return {
      segmentSizeBytesMax: [400, 1500, 6000][this.#random.below(3)]!,
      segmentAgeMsMax: [30, 200, 1e9][this.#random.below(3)]!,
    }
  }

  /** Runs until a promise settles; `Crash` if the machine stops first. */
  async drive<T>(promise: Promise<T>): Promise<T> {
    let done = false
    const watched = promise.finally(() => {
      done = true
    })
    watched.catch(() => undefined)
    for (let idle = 0; ; ) {
      idle = (await this.clock.step()) ? 0 : idle + 1
      if (this.disk.crashed) throw new Crash('the machine stopped')
      if (done) return watched
      if (idle > 3) throw new Error('stuck: nothing is left to happen')
    }
  }

  /** Sends appends and lets time pass, until so many were sent or the machine stops. */
  async work(count: number): Promise<void> {
    for (let sent = 0; sent < count && !this.disk.crashed; sent++) {
      this.#send(this.#entries())
      // No time passes, so that several frames wait for one sync.
      if (this.#mixedLevels) await settled()
      const steps = this.#random.below(4) === 0 ? this.#random.below(6) : 0
      for (let step = 0; step < steps && !this.disk.crashed; step++) await this.clock.step()
      if (this.#random.below(25) === 0 && !this.disk.crashed) await this.#observe()
    }
  }

  /** Waits for every answer. */
  async settle(): Promise<void> {
    const { attempts } = this.model
    for (let turn = 0, answered = 0; turn < 10_000 && !this.disk.crashed; turn++) {
      while (answered < attempts.length && attempts[answered]!.outcome !== 'pending') answered++
      if (answered === attempts.length) return
      if (!(await this.clock.step())) return
    }
  }

  async close(): Promise<void> {
    if (!this.log || this.disk.crashed) return
    await this.drive(this.log.close())
    if (this.log.failure === undefined) this.model.closed()
  }

  async check(): Promise<void> {
    if (this.log) await this.drive(this.model.check(this.log))
  }

  /** Nothing rots in these lives, so nothing may be called damaged but what the disk refused to read. */
  checkUndamaged(): void {
    const told = this.log?.damages.filter(({ why }) => !why.includes('EIO')) ?? []
    for (const { path, position, why } of told)
      throw new Error(`I9 is broken: ${path} is called damaged at byte ${position}: ${why}`)
  }

  /** A segment file holds what is visible and nothing else. To be asked after a start, before anything is appended. */
  checkFiles(): void {
    for (const { topic, id, sizeBytes } of this.log?.partitions() ?? []) {
      const directory = `/data/topics/${topic}-${id.partition}`
      const names = this.disk.list(directory).filter((name) => name.endsWith('.log'))
      const found = names.reduce((sum, name) => sum + this.disk.fileSize(`${directory}/${name}`), 0)
      if (found !== sizeBytes)
        throw new Error(`${directory} has ${found} bytes of segments, not ${sizeBytes}`)
    }
  }

  /** As `check` for a disk that has damaged something: nothing wrong is answered. Says how many records are refused. */
  async checkDamaged(): Promise<number> {
    return this.log ? await this.drive(checkDamaged(this.model, this.log)) : 0
  }

  /** Power goes and comes back: `keep` of what was not synced is there. */
  powerCut(keep: number, plan: FaultPlan | null = null): void {
    this.powerCuts++
    this.#stop({ cacheLost: true })
    this.#take(this.disk.afterCrash(keep, this.#diskOptions(plan)))
  }

  /** The process ends at once and another one starts: the page cache is there. */
  kill(plan: FaultPlan | null = null): void {
    this.kills++
    // After a failed sync pages count as written and may be dropped.
    this.#stop({ cacheLost: this.log?.failure !== undefined })
    this.#take(this.disk.reopened(this.#diskOptions(plan)))
  }

  #take(disk: SimulatedDisk): void {
    disk.capacityBytes = this.disk.capacityBytes
    disk.misdirected = this.disk.misdirected
    this.disk = disk
  }

  #stop(how: { cacheLost: boolean }): void {
    this.disk.crashed = true
    this.clock.stop()
    this.log = null
    this.model.crashed(how)
    this.clock = new SimulatedClock(this.clock.now() + this.#random.below(1000) - 500)
  }

  #diskOptions(plan: FaultPlan | null): SimulatedDiskOptions {
    return { clock: this.clock, random: this.#random, plan, ...this.#mutant }
  }

  async #observe(): Promise<void> {
    if (!this.log) return
    try {
      await this.drive(this.model.observe(this.log))
    } catch (thrown) {
      const faulty = thrown instanceof Crash || systemCode(thrown) !== undefined || isGone(thrown)
      if (!faulty) throw thrown
    }
  }

  /** What `createTopic` will create. */
  get nextTopic(): { topic: string } {
    return { topic: `topic-${this.#topics}` }
  }

  createTopic(): void {
    this.#send(this.#createEntries())
  }

  #send(entries: LogEntry[]): void {
    const { log } = this
    if (!log) return
    const values = entries.map((entry) => (entry.kind === 'batch' ? valuesOf.get(entry.batch)! : []))
    const attempt = this.model.sent(entries, values)
    const { disk } = this
    const options = this.#level()
    log.append(entries, options).then(
      (appended) => {
        if (attempt.outcome !== 'pending') return
        attempt.atRisk = options.acknowledge === 'written' && entries.every(({ kind }) => kind === 'batch')
        this.model.acknowledged(attempt, appended)
        for (const [index, entry] of entries.entries())
          this.#noteEnd(entry, appended.offsets[index]!, values[index]!.length)
      },
      (error) => {
        if (attempt.outcome !== 'pending' || disk.crashed) return
        // Only a failed disk leaves it open whether the frame will be found.
        attempt.outcome = error instanceof BrokerError && error.code !== 'disk_failed' ? 'refused' : 'unknown'
      },
    )
  }

  #level(): AppendOptions {
    if (!this.#mixedLevels || this.#random.below(2) === 0) return {}
    return { acknowledge: 'written', syncWithinMs: this.#random.below(2) * this.#random.below(8) }
  }

  #noteEnd(entry: LogEntry, offset: number, count: number): void {
    if (entry.kind !== 'batch') return
    const partition = this.#live.find(
      ({ id }) => id.topicId === entry.id.topicId && id.partition === entry.id.partition,
    )
    if (partition) partition.end = Math.max(partition.end, offset + count)
  }

  #entries(): LogEntry[] {
    const random = this.#random
    const dice = random.below(100)
    if (this.#live.length === 0 || (dice < 4 && this.#live.length < 6)) return this.#createEntries()
    if (dice < 6) return this.#deleteEntries()
    if (dice < 10) {
      const { id, end } = this.#live[random.below(this.#live.length)]!
      return [{ kind: 'trim', id, before: random.below(end + 1) as never }]
    }
    if (dice < 14) return this.#rollEntries()
    return Array.from({ length: 1 + random.below(3) }, () =>
      this.#batch(this.#live[random.below(this.#live.length)]!.id),
    )
  }

  #createEntries(): LogEntry[] {
    const id = { topicId: this.#random.id(), partition: this.#random.below(2) }
    const topic = `topic-${this.#topics++}`
    this.#live.push({ id, topic, end: 0 })
    return [{ kind: 'create', id, topic }, this.#batch(id)]
  }

  /** The newest segment is sealed, before or after a batch of the same append. */
  #rollEntries(): LogEntry[] {
    const { id } = this.#live[this.#random.below(this.#live.length)]!
    const roll: LogEntry = { kind: 'roll', id }
    if (this.#random.below(2) === 0) return [roll]
    return this.#random.below(2) === 0 ? [roll, this.#batch(id)] : [this.#batch(id), roll]
  }

  /** A topic goes, and half the time one of the same name comes. */
  #deleteEntries(): LogEntry[] {
    const [gone] = this.#live.splice(this.#random.below(this.#live.length), 1)
    const { id, topic } = gone!
    if (this.#random.below(2) === 0) return [{ kind: 'delete', id }]
    const next = { topicId: this.#random.id(), partition: id.partition }
    this.#live.push({ id: next, topic, end: 0 })
    return [{ kind: 'delete', id }, { kind: 'create', id: next, topic }, this.#batch(next)]
  }

  #batch(id: PartitionId): LogEntry {
    const builder = new BatchBuilder()
    const values: string[] = []
    for (let count = 1 + this.#random.below(4); count > 0; count--) {
      const value = String(this.#values++)
      values.push(value)
      const padding = 'x'.repeat(this.#random.below(this.#random.below(8) === 0 ? 700 : 60))
      builder.append({
        key: null,
        value: new TextEncoder().encode(`${value}:${padding}`),
        timestamp: this.clock.now(),
      })
    }
    const batch = builder.build()
    valuesOf.set(batch, values)
    return { kind: 'batch', id, batch }
  }
}

const valuesOf = new WeakMap<Uint8Array, string[]>()

/** A partition that was deleted while it was read. */
function isGone(thrown: unknown): boolean {
  return (
    thrown instanceof BrokerError && ['offset_out_of_range', 'corrupt', 'not_found'].includes(thrown.code)
  )
}
