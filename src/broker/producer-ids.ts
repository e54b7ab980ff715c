// Identities of idempotent producers. Ids are reserved in blocks, each with one durable record, so that most calls need
// no disk; what a restart leaves of a block is never given out. A registry of transactional ids would stand beside it.
import { BrokerError, type Clock } from '#base'
import type { RecordInput } from '#record'
import type { ProducerIdentity } from './api.ts'
import { encodeFactKey, encodeFactValue, type Fact } from './fact-record.ts'
import type { Journal } from './journal.ts'

const blockSize = 1000
/** Epochs travel in 16 bits; Kafka keeps the highest one for itself. */
const epochMax = 2 ** 15 - 2

export class ProducerIds {
  readonly #clock: Clock
  /** Ids below were given out, or lost with a restart. */
  #next = 0
  #reservedUntil = 0
  #reserving: Promise<void> | null = null
  #journal!: Journal

  constructor(clock: Clock) {
    this.#clock = clock
  }

  open(journal: Journal): void {
    this.#journal = journal
  }

  restore({ next }: Extract<Fact, { kind: 'producerIds' }>): void {
    this.#next = next
    this.#reservedUntil = next
  }

  /** Live records of the journal. */
  records(): RecordInput[] {
    return this.#reservedUntil === 0 ? [] : [this.#record(this.#reservedUntil)]
  }

  /** Throws `invalid_request` for a previous identity that was never given. */
  async allocate(previous?: ProducerIdentity): Promise<ProducerIdentity> {
    if (previous !== undefined) {
      this.#checkGiven(previous)
      // An exhausted identity is followed by a new one, as in Kafka.
      if (previous.epoch < epochMax) return { producerId: previous.producerId, epoch: previous.epoch + 1 }
    }
    while (this.#next >= this.#reservedUntil) await this.#reserveBlock()
    return { producerId: this.#next++, epoch: 0 }
  }

  /** Calls that find the block empty wait for one record. */
  async #reserveBlock(): Promise<void> {
    this.#reserving ??= this.#reserve().finally(() => {
      this.#reserving = null
    })
    await this.#reserving
  }

  async #reserve(): Promise<void> {
    if (!this.#journal.isFree) await this.#journal.free()
    const until = this.#reservedUntil + blockSize
    const apply = () => {
      this.#reservedUntil = until
    }
    await this.#journal.append([this.#record(until)], [], apply, { useReserve: true })
    this.#journal.maybeRewrite()
  }

  #checkGiven({ producerId, epoch }: ProducerIdentity): void {
    const isGiven =
      Number.isSafeInteger(producerId) && producerId >= 0 && producerId < this.#next && epoch >= 0
    if (isGiven && Number.isInteger(epoch) && epoch <= epochMax) return
    throw new BrokerError('invalid_request', `producer ${producerId} with epoch ${epoch} is not known here`, {
      fix: 'ask for a new producer id',
      details: { producerId, epoch },
    })
  }

  #record(next: number): RecordInput {
    const fact: Fact = { kind: 'producerIds', next }
    return { key: encodeFactKey(fact), value: encodeFactValue(fact), timestamp: this.#clock.now() }
  }
}
