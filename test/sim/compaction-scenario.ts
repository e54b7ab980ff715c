// A life of one compacted partition under faults: keyed records, tombstones, rolls, trims and compaction rounds in a random
// order on a simulated disk. All of it follows from the seed.
import { asMillis, asOffset, BrokerError, Metrics, type Random, seededRandom, silentLogger } from '#base'
import { type LogGroup, openLog, type PartitionId } from '#log'
import { BatchBuilder, type Compression } from '#record'
import { CompactionModel, type SentBatch, type SentRecord, timestampOf } from './compaction-model.ts'
import { smallLimits } from './log-scenario.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { Crash, type FaultPlan, SimulatedDisk, type SimulatedDiskOptions } from './simulated-disk.ts'

const id: PartitionId = { topicId: '0123456789abcdef0123456789abcdef', partition: 0 }
export const deleteRetentionMs = 500

export class CompactionScenario {
  readonly model = new CompactionModel(id)
  readonly random: Random
  clock = new SimulatedClock(1_000_000)
  disk: SimulatedDisk
  log: LogGroup | null = null
  /** Rounds that ran to their end. */
  rounds = 0
  swaps = 0
  #records = 0
  #rounding: Promise<unknown> | null = null

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.disk = new SimulatedDisk(this.#diskOptions(null))
  }

  async open(): Promise<LogGroup> {
    const { disk, clock, random } = this
    const segmentSizeBytesMax = [400, 900, 2500][random.below(3)]!
    const compactionKeysBytesMax = [1, 150, 10_000][random.below(3)]!
    const limits = { ...smallLimits, segmentSizeBytesMax, compactionKeysBytesMax }
    const shared = { disk, clock, random, logger: silentLogger, metrics: new Metrics(), directory: '/data' }
    this.log = await this.run(openLog({ ...shared, ...limits }))
    if (this.log.state !== 'open') throw new Error(`wrongly refused: ${this.log.failure?.message}`)
    const [quarantined] = this.log.report.quarantined
    if (quarantined) throw new Error(`wrongly quarantined: ${quarantined.reason}`)
    if (!this.log.partition(id)) {
      // What is there after a crash is there for good, so this can only be the very first time.
      if (this.model.sent.some(({ offset }) => offset >= 0)) throw new Error('the partition is gone')
      const created = this.log.append([{ kind: 'create', id, topic: 'table' }])
      await this.run(created)
    }
    return this.log
  }

  /** Runs until a promise settles; `Crash` if the machine stops first. */
  async run<T>(promise: Promise<T>): Promise<T> {
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

  async work(count: number): Promise<void> {
    for (let step = 0; step < count && !this.disk.crashed; step++) {
      const dice = this.random.below(20)
      if (dice < 12) this.#append()
      else if (dice < 14) this.#control({ kind: 'roll', id })
      else if (dice === 14) this.#trim()
      else if (dice < 19) this.compact()
      for (let steps = this.random.below(8); steps > 0 && !this.disk.crashed; steps--) await this.clock.step()
    }
  }

  /** Begins a round unless one is under way; what becomes of it shows in what can be read. */
  compact(): void {
    const { log } = this
    if (!log || this.#rounding) return
    const now = asMillis(this.clock.now())
    const appendSpanMsMax = [null, 20][this.random.below(2)]!
    this.#rounding = log
      .compact(id, { now, deleteRetentionMs, appendSpanMsMax })
      .then(
        ({ swaps }) => {
          this.rounds++
          this.swaps += swaps
        },
        () => undefined,
      )
      .then(() => {
        this.#rounding = null
      })
  }

  /** Everything sealed and compacted to the end, however many rounds that takes. */
  async compactAll(): Promise<void> {
    const log = this.log!
    if (this.#rounding) await this.run(this.#rounding)
    await this.run(log.append([{ kind: 'roll', id }]))
    for (let round = 0; ; round++) {
      const now = asMillis(this.clock.now())
      await this.run(log.compact(id, { now, deleteRetentionMs }))
      if (log.partition(id)!.compaction.dirtyBytes === 0) return
      if (round > 2 * this.#records) throw new Error('compaction makes no progress')
    }
  }

  async settle(): Promise<void> {
    const isOpen = ({ offset, refused }: SentBatch) => offset < 0 && !refused
    for (let turn = 0; turn < 10_000 && !this.disk.crashed; turn++) {
      if (!this.model.sent.some(isOpen) && !this.#rounding) return
      if (!(await this.clock.step())) return
    }
  }

  async check(): Promise<void> {
    await this.run(this.model.check(this.log!))
  }

  async close(): Promise<void> {
    if (this.log && !this.disk.crashed) await this.run(this.log.close())
  }

  powerCut(keep: number, plan: FaultPlan | null = null): void {
    this.#stop()
    this.disk = this.disk.afterCrash(keep, this.#diskOptions(plan))
  }

  kill(plan: FaultPlan | null = null): void {
    this.#stop()
    this.disk = this.disk.reopened(this.#diskOptions(plan))
  }

  #stop(): void {
    this.disk.crashed = true
    this.clock.stop()
    this.log = null
    this.#rounding = null
    this.clock = new SimulatedClock(this.clock.now() + this.random.below(400))
  }

  #diskOptions(plan: FaultPlan | null): SimulatedDiskOptions {
    return { clock: this.clock, random: this.random, plan }
  }

  #append(): void {
    const { log, disk } = this
    if (!log) return
    const batch: SentBatch = { records: this.#makeRecords(), offset: -1, refused: false }
    this.model.sent.push(batch)
    log.append([{ kind: 'batch', id, batch: this.#build(batch.records) }]).then(
      ({ offsets }) => {
        batch.offset = offsets[0]!
      },
      (thrown) => {
        if (disk.crashed) return
        batch.refused = thrown instanceof BrokerError && thrown.code !== 'disk_failed'
      },
    )
  }

  #control(entry: Parameters<LogGroup['append']>[0][number]): void {
    this.log?.append([entry]).catch(() => undefined)
  }

  #trim(): void {
    const partition = this.log?.partition(id)
    if (!partition || this.random.below(4) > 0) return
    const { startOffset, endOffset } = partition
    const before = asOffset(startOffset + this.random.below(Math.floor((endOffset - startOffset) / 2) + 1))
    this.model.trimmedTo = Math.max(this.model.trimmedTo, before)
    this.#control({ kind: 'trim', id, before })
  }

  #makeRecords(): SentRecord[] {
    return Array.from({ length: 1 + this.random.below(5) }, () => {
      const key = this.random.below(30) === 0 ? null : `key-${this.random.below(this.random.below(6) + 2)}`
      const value = key !== null && this.random.below(4) === 0 ? null : 'v'.repeat(this.random.below(60))
      return { key, value, id: this.#records++ }
    })
  }

  #build(records: readonly SentRecord[]): Uint8Array {
    const compression: Compression = (['none', 'none', 'gzip', 'zstd'] as const)[this.random.below(4)]!
    const builder = new BatchBuilder({ compression })
    const encoder = new TextEncoder()
    for (const { key, value, id: number } of records) {
      builder.append({
        key: key === null ? null : encoder.encode(key),
        value: value === null ? null : encoder.encode(value),
        timestamp: timestampOf(number),
        headers: number % 7 === 0 ? [{ key: 'h', value: encoder.encode(String(number)) }] : [],
      })
    }
    return builder.build()
  }
}
