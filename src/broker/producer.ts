// Takes produce calls in and appends them. While an append is on its way to the disk, calls gather; when it is durable,
// all that gathered goes out as the next append, in shared batches: the busier the node, the larger its batches.
//
// Invariants:
//   1. A call is in one append: all of its records, or none.
//   2. Calls are appended in the order in which they were made.
//   3. Bytes taken in and not yet durable are bounded; above the limit a call is refused before it is taken.
import { BrokerError, type Clock, type ErrorCode, formatSize } from '#base'
import type { Appended, LogGroup } from '#log'
import type { ProduceRecord, RecordPosition } from './api.ts'
import { appendOptionsOf } from './durability.ts'
import type { BrokerLimits } from './limits.ts'
import { type Packed, Packer, positionsOf } from './packer.ts'
import { checkRecords, type ProduceCall } from './produce-call.ts'
import type { Topic } from './topic.ts'

export type ProducerOptions = {
  readonly log: LogGroup
  readonly clock: Clock
  readonly limits: BrokerLimits
  /** Bytes taken in and not yet appended. */
  readonly waiting: { bytes: number }
}

/** What an append is refused for because of one of its partitions, as opposed to the state of the whole log. */
const ofOnePartition: ReadonlySet<ErrorCode> = new Set(['corrupt', 'not_found', 'too_large'])

export class Producer {
  readonly #options: ProducerOptions
  readonly #packer: Packer
  #waiting: ProduceCall[] = []
  #appending = false
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(options: ProducerOptions) {
    this.#options = options
    this.#packer = new Packer(options.limits.batchSizeBytesTarget)
  }

  produce(topic: Topic, records: readonly ProduceRecord[]): Promise<RecordPosition[]> {
    if (records.length === 0) return Promise.resolve([])
    const { clock, limits } = this.#options
    const sizeBytes = checkRecords(topic, records, limits)
    this.#checkPressure()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ topic, records, sizeBytes, timestamp: clock.now(), alone: false, resolve, reject })
      this.#options.waiting.bytes += sizeBytes
      this.#schedule()
    })
  }

  /** Resolves when everything taken in so far has been answered. */
  drained(): Promise<void> {
    if (this.#isIdle) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  get #isIdle(): boolean {
    return !this.#appending && !this.#scheduled && this.#waiting.length === 0
  }

  #checkPressure(): void {
    const { log, limits } = this.#options
    const pendingBytes = log.pendingBytes + this.#options.waiting.bytes
    if (pendingBytes <= limits.pendingBytesMax) return
    throw new BrokerError('busy', `${formatSize(pendingBytes)} wait for the disk, which is above the limit`, {
      fix: 'retry after a moment, and send more slowly',
      details: { limitBytes: limits.pendingBytesMax, pendingBytes },
    })
  }

  /** Waits for the end of the turn, so that calls made together travel together. */
  #schedule(): void {
    if (this.#appending || this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#appendNext()
    })
  }

  #appendNext(): void {
    const calls = this.#takeCalls()
    if (calls.length === 0) {
      this.#rest()
      return
    }
    for (const call of calls) this.#packer.add(call)
    const packed = this.#packer.take()
    this.#appending = true
    const options = appendOptionsOf(calls.map(({ topic }) => topic.config.durability))
    this.#options.log.append(packed.entries, options).then(
      (appended) => {
        answer(calls, packed, appended)
        this.#next()
      },
      (why: unknown) => {
        this.#refuse(calls, why)
        this.#next()
      },
    )
  }

  /** A shared append that fails because of one partition is made again call by call: only those to blame are refused. */
  #refuse(calls: readonly ProduceCall[], why: unknown): void {
    if (calls.length === 1 || !(why instanceof BrokerError && ofOnePartition.has(why.code))) {
      for (const call of calls) call.reject(why)
      return
    }
    for (const call of calls) {
      call.alone = true
      this.#options.waiting.bytes += call.sizeBytes
    }
    this.#waiting = [...calls, ...this.#waiting]
  }

  #next(): void {
    this.#appending = false
    if (this.#waiting.length > 0) this.#schedule()
    else this.#rest()
  }

  #rest(): void {
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  /** Whole calls up to the size of one append, at least one. Those whose topic was deleted meanwhile are refused. */
  #takeCalls(): ProduceCall[] {
    const { appendSizeBytesTarget } = this.#options.limits
    const calls: ProduceCall[] = []
    let sizeBytes = 0
    let taken = 0
    for (const call of this.#waiting) {
      const isFull = sizeBytes + call.sizeBytes > appendSizeBytesTarget
      if (calls.length > 0 && (isFull || call.alone || calls[0]!.alone)) break
      taken++
      sizeBytes += call.sizeBytes
      if (call.topic.gone) call.reject(deleted(call.topic))
      else calls.push(call)
    }
    this.#waiting = this.#waiting.slice(taken)
    this.#options.waiting.bytes -= sizeBytes
    return calls
  }
}

function answer(calls: readonly ProduceCall[], { places, written }: Packed, { offsets }: Appended): void {
  for (const { topic, records, bytes } of written) topic.traffic.in(records, bytes)
  let first = 0
  for (const call of calls) {
    call.resolve(positionsOf(call, first, places, offsets))
    first += call.records.length
  }
}

function deleted({ name }: Topic): BrokerError {
  return new BrokerError('not_found', `topic "${name}" was deleted while the records waited`, {
    fix: `create it again: pspf topic create ${name}`,
  })
}
