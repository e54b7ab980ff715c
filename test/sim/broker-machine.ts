// A machine on which a whole broker runs over a log, on a simulated disk.
import { Metrics, silentLogger } from '#base'
import { type Broker, type BrokerLimits, openBroker } from '#broker'
import type { LogGroup, LogLimits } from '#log'
import { LogMachine } from './log-machine.ts'

/** Room for the broker's own records; everything else stays small. */
const limits: Partial<LogLimits> = {
  segmentSizeBytesMax: 4_000,
  appendBytesMax: 40_000,
  groupBytesMax: 40_000,
  pendingBytesMax: 400_000,
  walFileSizeBytes: 50_000,
  checkpointBytes: 60_000,
}

export class BrokerMachine {
  readonly machine: LogMachine
  readonly #limits: Partial<BrokerLimits>
  metrics = new Metrics()
  broker!: Broker

  constructor(seed: number, brokerLimits: Partial<BrokerLimits> = {}) {
    this.machine = new LogMachine(seed, limits)
    this.#limits = { retentionEveryMs: 1_000, ...brokerLimits }
  }

  /** Throws `Crash` when a planned crash comes first. */
  async open(): Promise<Broker> {
    return await this.openOver(await this.machine.open())
  }

  async openOver(log: LogGroup): Promise<Broker> {
    const { machine } = this
    const { clock, random } = machine
    this.metrics = new Metrics()
    const world = { clock, random, logger: silentLogger, metrics: this.metrics, diskMaxBytes: null }
    this.broker = await machine.run(openBroker({ ...world, log, limits: this.#limits }))
    return this.broker
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.machine.run(promise)
  }
}
