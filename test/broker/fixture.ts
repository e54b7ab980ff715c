// A broker for tests: on the log in memory or on the real one over a temporary folder, with a clock that tests move.
import { type Clock, Metrics, seededRandom, silentLogger } from '#base'
import { type Broker, type BrokerLimits, openBroker } from '#broker'
import { type RecordView, readRecords } from '#record'
import { MemoryLog } from './memory-log.ts'

/** Stands still until a test moves it. */
export class TestClock implements Clock {
  wall = Date.UTC(2026, 0, 1)
  elapsed = 0
  readonly #timers = new Set<{ at: number; action: () => void }>()

  now(): number {
    return this.wall
  }

  monotonic(): number {
    return this.elapsed
  }

  after(delayMs: number, action: () => void) {
    const timer = { at: this.elapsed + delayMs, action }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  get timerCount(): number {
    return this.#timers.size
  }

  /** Both clocks move; timers that are due run in order. */
  advance(ms: number): void {
    this.elapsed += ms
    this.wall += ms
    const due = [...this.#timers].filter(({ at }) => at <= this.elapsed).sort((a, b) => a.at - b.at)
    for (const timer of due) if (this.#timers.delete(timer)) timer.action()
  }
}

export type Fixture = {
  broker: Broker
  readonly log: MemoryLog
  readonly clock: TestClock
  readonly metrics: Metrics
  /** Closes the broker and opens another over the same log. */
  restart(): Promise<void>
}

export async function memoryBroker(
  limits: Partial<BrokerLimits> = {},
  diskMaxBytes: number | null = null,
  wall?: number,
): Promise<Fixture> {
  const clock = new TestClock()
  if (wall !== undefined) clock.wall = wall
  const log = new MemoryLog(() => clock.wall)
  const metrics = new Metrics()
  const random = seededRandom(7)
  const open = () => openBroker({ log, clock, random, logger: silentLogger, metrics, limits, diskMaxBytes })
  const fixture: Fixture = {
    broker: await open(),
    log,
    clock,
    metrics,
    async restart() {
      await fixture.broker.close()
      fixture.broker = await open()
    },
  }
  return fixture
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const bytes = (text: string) => encoder.encode(text)
export const text = (value: Uint8Array | null) => (value === null ? null : decoder.decode(value))
export const record = (value: string, key: string | null = null) => ({
  key: key === null ? null : bytes(key),
  value: bytes(value),
})

/** Copies of every record of a partition, in order. */
export async function readAll(broker: Broker, topic: string, partition = 0) {
  const records: { offset: number; key: string | null; value: string | null; timestamp: number }[] = []
  let from = broker.topic(topic).partitions[partition]!.startOffset
  for (;;) {
    const { batches, endOffset } = await broker.fetch({ topic, partition, from, bytesMax: 1e6, waitMs: 0 })
    for (const each of readRecords(batches, from)) records.push(copy(each))
    const next = records.at(-1)?.offset
    if (next === undefined || next + 1 >= endOffset) return records
    from = (next + 1) as typeof from
  }
}

function copy({ offset, key, value, timestamp }: RecordView) {
  return { offset, key: text(key), value: text(value), timestamp }
}

/** The rejection of a promise, or the throw of a function, as what a caller sees. */
export async function failure(work: Promise<unknown> | (() => unknown)) {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (thrown) {
    return thrown as { code: string; message: string; fix?: string; details: Record<string, unknown> }
  }
  throw new Error('it did not fail')
}
