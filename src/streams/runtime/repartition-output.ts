// Rows that leave a subtopology by key, and with them how far event time is: a record without a key says that, to every
// partition, behind the rows of the same commit.

import { partitionOf } from '#broker'
import { taggedKey, textOfKey } from '../state/state-key.ts'
import type { TimeStatus } from '../time/watermark.ts'
import { type OperatorTime, type StoredTime, storeTime } from '../time/watermark.ts'
import type { NodeCounters } from './counters.ts'
import type { TopicOutput } from './outputs.ts'
import type { Emit, TaskContext } from './task-context.ts'

/** The value of a record without a key. */
export type TimeNotice = StoredTime & { readonly task: string; readonly epoch: number }

const encoder = new TextEncoder()

export class RepartitionOutput {
  readonly time: OperatorTime | null
  readonly #output: TopicOutput
  readonly #counters: NodeCounters
  readonly #context: TaskContext
  #sentWatermark = -Infinity
  #sentStatus: TimeStatus = 'active'

  constructor(
    output: TopicOutput,
    time: OperatorTime | null,
    shared: { counters: NodeCounters; context: TaskContext },
  ) {
    this.#output = output
    this.time = time
    this.#counters = shared.counters
    this.#context = shared.context
  }

  readonly accept: Emit = (value, at, key) => {
    this.#counters.recordsIn++
    this.#counters.recordsOut++
    const partition = partitionOf(encoder.encode(textOfKey(key!)), this.#output.partitions)
    this.#output.appendTo(partition, taggedKey(key!), encodeRow(value), at)
  }

  /** Tells where time stands, if it moved since it was last told. */
  tellTime(epoch: number): void {
    if (this.time === null) return
    const { watermark, status } = this.time
    if (watermark === this.#sentWatermark && status === this.#sentStatus) return
    this.#sentWatermark = watermark
    this.#sentStatus = status
    const notice: TimeNotice = { task: this.#context.task, epoch, ...storeTime(watermark, status) }
    const value = encodeRow(notice)
    for (let partition = 0; partition < this.#output.partitions; partition++) {
      this.#output.appendTo(partition, null, value, Number.isSafeInteger(watermark) ? watermark : 0)
    }
  }
}

/** A row as JSON. What JSON does not know is refused rather than left out. */
export function encodeRow(value: unknown): Uint8Array {
  const text = JSON.stringify(value)
  if (text === undefined || value instanceof Promise) {
    const what = value instanceof Promise ? 'a promise' : `a ${typeof value}`
    throw new TypeError(`${what} cannot be written as a row`)
  }
  return encoder.encode(text)
}
