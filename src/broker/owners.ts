// Epochs of owners: who may commit for a task. Each take-over is a record, so an old owner stays fenced after a restart.
import { BrokerError, type Clock } from '#base'
import type { RecordInput } from '#record'
import { encodeFactKey, encodeFactValue, type Fact } from './fact-record.ts'
import type { Journal } from './journal.ts'

/** Owners of one group: as many as an app has tasks. */
type Epochs = Map<string, number>

export class Owners {
  readonly #clock: Clock
  readonly #ownersMax: number
  readonly #groups = new Map<string, Epochs>()
  #journal!: Journal

  constructor(clock: Clock, ownersMax: number) {
    this.#clock = clock
    this.#ownersMax = ownersMax
  }

  open(journal: Journal): void {
    this.#journal = journal
  }

  restore({ group, owner, epoch }: Extract<Fact, { kind: 'owner' }>): void {
    this.#epochs(group).set(owner, epoch)
  }

  /** The next epoch, durable. Older ones are fenced from this call on, even if the append should fail. */
  async take(group: string, owner: string): Promise<number> {
    if (!this.#journal.isFree) await this.#journal.free()
    const epochs = this.#epochs(group)
    const epoch = (epochs.get(owner) ?? 0) + 1
    if (epoch === 1 && epochs.size >= this.#ownersMax) {
      throw new BrokerError('conflict', `group "${group}" has ${epochs.size} owners, which is the limit`, {
        fix: 'use fewer tasks in this group',
        details: { limit: this.#ownersMax },
      })
    }
    epochs.set(owner, epoch)
    const record = this.#record(group, owner, epoch)
    await this.#journal.append([record], [], () => undefined, { useReserve: true })
    this.#journal.maybeRewrite()
    return epoch
  }

  /** Whether an app has ever taken ownership in the group. */
  has(group: string): boolean {
    return (this.#groups.get(group)?.size ?? 0) > 0
  }

  /** Throws `fenced` unless `epoch` is the newest of this owner. To be called in the turn of the append it guards. */
  check(group: string, owner: string, epoch: number): void {
    const newest = this.#groups.get(group)?.get(owner) ?? 0
    if (epoch === newest && epoch > 0) return
    const why = newest === 0 ? 'it never took ownership' : `epoch ${newest} is the newest`
    throw new BrokerError(
      'fenced',
      `"${owner}" of group "${group}" may not commit with epoch ${epoch}: ${why}`,
      {
        fix: 'stop this task, or take ownership again and continue from the committed positions',
        details: { group, owner, epoch, newestEpoch: newest },
      },
    )
  }

  /** Live records of the journal. */
  *records(): Generator<RecordInput> {
    for (const [group, epochs] of this.#groups) {
      for (const [owner, epoch] of epochs) yield this.#record(group, owner, epoch)
    }
  }

  #epochs(group: string): Epochs {
    let epochs = this.#groups.get(group)
    if (!epochs) {
      epochs = new Map()
      this.#groups.set(group, epochs)
    }
    return epochs
  }

  #record(group: string, owner: string, epoch: number): RecordInput {
    const fact: Fact = { kind: 'owner', group, owner, epoch }
    return { key: encodeFactKey(fact), value: encodeFactValue(fact), timestamp: this.#clock.now() }
  }
}
