// Kafka's rules for batches of idempotent producers in one partition, written down once more and as plainly as can be:
// what a log must answer, and what it then holds. One is stricter: of a producer that is not known what was refused comes
// first.

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
  /** The earliest batch that was refused, of producers that are not known. */
  #awaited = new Map<number, { epoch: number; sequence: number }>()
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
      for (const refused of batches) this.#await(refused)
      return answer
    }
    for (const { producerId } of batches) this.#awaited.delete(producerId)
    return offsets
  }

  /** What was refused is remembered by the process alone. */
  restart(): void {
    this.#awaited.clear()
  }

  /** What a producer would send next, or had sent before. */
  knownOf(producerId: number): Known | undefined {
    return this.#known.get(producerId)
  }

  #await({ producerId, epoch, sequence }: SentBatch): void {
    if (this.#known.has(producerId)) return
    const awaited = this.#awaited.get(producerId)
    if (awaited?.epoch === epoch && !comesAfter(awaited.sequence, sequence)) return
    this.#awaited.set(producerId, { epoch, sequence })
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
    const awaited = known ? undefined : this.#awaited.get(producerId)
    if (awaited?.epoch === epoch && comesAfter(sequence, awaited.sequence)) return 'out_of_order_sequence'
    const recent = known?.epoch === epoch ? known.recent : []
    const offset = this.endOffset
    recent.push({ first: sequence, next, offset })
    if (recent.length > 5) recent.shift()
    this.#known.set(producerId, { epoch, next, recent })
    this.endOffset += count
    return offset
  }
}

/** Whether `one` is up to half a round ahead of `other`. */
function comesAfter(one: number, other: number): boolean {
  return one !== other && (one - other + 2147483648) % 2147483648 < 1073741824
}
