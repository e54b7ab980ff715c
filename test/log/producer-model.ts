// Kafka's rules for batches of idempotent producers in one partition, written down once more and as plainly as can be:
// what a log must answer, and what it then holds.

export type SentBatch = {
  readonly producerId: number
  readonly epoch: number
  readonly sequence: number
  readonly count: number
}
export type Answer = readonly number[] | 'fenced' | 'out_of_order_sequence'

type Known = { epoch: number; next: number; recent: { first: number; next: number; offset: number }[] }

export class ProducerModel {
  #known = new Map<number, Known>()
  endOffset = 0

  /** One append: all of its batches or none. */
  append(batches: readonly SentBatch[]): Answer {
    const before = { known: structuredClone(this.#known), endOffset: this.endOffset }
    const offsets: number[] = []
    for (const batch of batches) {
      const answer = this.#take(batch)
      if (typeof answer === 'number') {
        offsets.push(answer)
        continue
      }
      this.#known = before.known
      this.endOffset = before.endOffset
      return answer
    }
    return offsets
  }

  /** What a producer would send next, or had sent before. */
  knownOf(producerId: number): Known | undefined {
    return this.#known.get(producerId)
  }

  #take({ producerId, epoch, sequence, count }: SentBatch): number | Exclude<Answer, readonly number[]> {
    const next = (sequence + count) % 2147483648
    const known = this.#known.get(producerId)
    if (known && epoch < known.epoch) return 'fenced'
    if (known && epoch === known.epoch) {
      const repeated = known.recent.find((batch) => batch.first === sequence && batch.next === next)
      if (repeated) return repeated.offset
      if (sequence !== known.next) return 'out_of_order_sequence'
    }
    if (known && epoch > known.epoch && sequence !== 0) return 'out_of_order_sequence'
    const recent = known?.epoch === epoch ? known.recent : []
    const offset = this.endOffset
    recent.push({ first: sequence, next, offset })
    if (recent.length > 5) recent.shift()
    this.#known.set(producerId, { epoch, next, recent })
    this.endOffset += count
    return offset
  }
}
