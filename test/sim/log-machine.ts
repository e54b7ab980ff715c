// A machine with a simulated disk and clock on which one log runs: it opens, falls, and gets up again.
import { Metrics, type Random, seededRandom, silentLogger } from '#base'
import { type LogGroup, type LogLimits, openLog } from '#log'
import { smallLimits } from './log-scenario.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { Crash, type FaultPlan, SimulatedDisk, type SimulatedDiskOptions } from './simulated-disk.ts'

export class LogMachine {
  readonly random: Random
  readonly #limits: Partial<LogLimits>
  clock = new SimulatedClock(1_000_000)
  disk: SimulatedDisk
  log: LogGroup | null = null

  constructor(seed: number, limits: Partial<LogLimits> = {}) {
    this.random = seededRandom(seed)
    this.#limits = { ...smallLimits, ...limits }
    this.disk = new SimulatedDisk(this.#diskOptions(null))
  }

  /** Opens the log on what the disk holds. Throws `Crash` when a planned crash comes first. */
  async open(): Promise<LogGroup> {
    const { disk, clock, random } = this
    const parts = { disk, clock, random, logger: silentLogger, metrics: new Metrics(), directory: '/data' }
    this.log = await this.run(openLog({ ...parts, ...this.#limits }))
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

  async close(): Promise<void> {
    if (this.log && !this.disk.crashed) await this.run(this.log.close())
  }

  /** Power goes and comes back: `keep` of what was not synced is there. */
  powerCut(keep: number, plan: FaultPlan | null = null): void {
    this.#stop()
    this.disk = this.disk.afterCrash(keep, this.#diskOptions(plan))
  }

  /** The process ends at once and another one starts: the page cache is there. */
  kill(plan: FaultPlan | null = null): void {
    this.#stop()
    this.disk = this.disk.reopened(this.#diskOptions(plan))
  }

  #stop(): void {
    this.disk.crashed = true
    this.clock.stop()
    this.log = null
    this.clock = new SimulatedClock(this.clock.now() + this.random.below(1000) - 500)
  }

  #diskOptions(plan: FaultPlan | null): SimulatedDiskOptions {
    return { clock: this.clock, random: this.random, plan }
  }
}
