// Groups and their commits: positions, together with the batches that were made from what was read up to them.
import { asMillis, asOffset, BrokerError, type Clock, type Offset } from '#base'
import type { LogEntry, LogGroup } from '#log'
import { checkProducedBatch, type RecordInput, type RecordView } from '#record'
import type { BatchAppend, Commit, GroupInfo } from './api.ts'
import type { Catalogue } from './catalogue.ts'
import type { Journal } from './journal.ts'
import type { BrokerLimits } from './limits.ts'
import { checkGroupId, isBrokersOwn } from './name.ts'
import {
  decodeOffsetKey,
  decodeOffsetValue,
  encodeOffsetKey,
  encodeOffsetValue,
  type OffsetKey,
  type OffsetValue,
} from './offset-record.ts'
import type { Owners } from './owners.ts'
import { PositionTable } from './position-table.ts'
import { didYouMean } from './suggestion.ts'
import type { Topic } from './topic.ts'

export type GroupsOptions = {
  readonly log: LogGroup
  readonly clock: Clock
  readonly limits: BrokerLimits
  readonly catalogue: Catalogue
  readonly owners: Owners
}

type NewPosition = { readonly key: OffsetKey; readonly value: OffsetValue }
type CheckedBatch = { readonly append: BatchAppend; readonly records: number }
type WantedOffset = Commit['offsets'][number]

export class Groups {
  readonly #options: GroupsOptions
  readonly #table = new PositionTable()
  #journal!: Journal

  constructor(options: GroupsOptions) {
    this.#options = options
  }

  async open(journal: Journal): Promise<void> {
    this.#journal = journal
    await journal.replay((record) => this.#restore(record))
  }

  /** The newest epoch for `owner`, after everything that older owners had under way has settled. */
  async fence(group: string, owner: string): Promise<number> {
    checkGroupId(group)
    checkGroupId(owner, 'name of an owner')
    const epoch = await this.#options.owners.take(group, owner)
    await this.#journal.settled()
    return epoch
  }

  async commit(commit: Commit): Promise<{ positions: readonly Offset[] }> {
    checkGroupId(commit.group)
    const batches = this.#checkBatches(commit.batches)
    if (!this.#journal.isFree) await this.#journal.free()
    // From here to the append there is no wait: the facts checked are the facts appended on.
    if (commit.owner !== '') this.#options.owners.check(commit.group, commit.owner, commit.epoch)
    this.#checkPressure()
    const targets = batches.map(({ append }) => this.#target(append))
    const positions = this.#newPositions(commit.group, commit.offsets)
    if (batches.length === 0 && positions.length === 0) return { positions: [] }
    const entries = batches.map(({ append }, index): LogEntry => {
      const id = targets[index]!.partitionIds[append.partition]!
      return { kind: 'batch', id, batch: append.batch }
    })
    const appended = await this.#append(positions, entries)
    batches.forEach(({ append, records }, index) => {
      targets[index]!.traffic.in(records, append.batch.length)
    })
    return { positions: appended.offsets.slice(0, batches.length) }
  }

  async reset(group: string, offsets: readonly WantedOffset[]): Promise<GroupInfo> {
    this.#mayChange(group)
    if (!this.#journal.isFree) await this.#journal.free()
    this.#mayChange(group)
    const positions = this.#newPositions(group, offsets)
    for (const { key, value } of positions) this.#checkNotTrimmed(key, value.offset)
    if (positions.length > 0) await this.#append(positions, [])
    return this.info(group)
  }

  /** Forgets the positions of a group that no app owns. */
  async delete(group: string): Promise<void> {
    await this.#journal.exclusive(async () => {
      this.#mayChange(group)
      await this.#remove(
        [...this.#table.entries(group)].map(([key]) => key),
        [],
      )
    })
  }

  /** Appends `entries` together with the removal of every position in `topic`. */
  removeTopic(topic: string, entries: readonly LogEntry[]): Promise<void> {
    return this.#journal.exclusive(() => this.#remove(this.#table.keysOf(topic), entries))
  }

  committed(group: string, topic: string, partition: number): Offset | null {
    return this.#table.get({ group, topic, partition })?.offset ?? null
  }

  /** The least position in a partition that any group has committed; null if none has. */
  leastCommitted(topic: string, partition: number): Offset | null {
    let least: Offset | null = null
    for (const group of this.#table.groups()) {
      const offset = this.committed(group, topic, partition)
      if (offset !== null && (least === null || offset < least)) least = offset
    }
    return least
  }

  infos(): GroupInfo[] {
    return [...this.#table.groups()].map((group) => this.#info(group))
  }

  /** Throws `not_found` with a did-you-mean. */
  info(group: string): GroupInfo {
    this.#known(group)
    return this.#info(group)
  }

  /** Live records of the journal. */
  *records(): Generator<RecordInput> {
    const timestamp = this.#options.clock.now()
    for (const [key, value] of this.#table.entries()) {
      yield { key: encodeOffsetKey(key), value: encodeOffsetValue(value), timestamp }
    }
  }

  async #append(positions: readonly NewPosition[], entries: readonly LogEntry[]) {
    const timestamp = this.#options.clock.now()
    const records = positions.map(({ key, value }) => ({
      key: encodeOffsetKey(key),
      value: encodeOffsetValue(value),
      timestamp,
    }))
    const apply = (baseOffset: Offset) => {
      positions.forEach(({ key, value }, index) => {
        this.#table.set(key, { ...value, recordedAt: baseOffset + index })
      })
    }
    const useReserve = entries.length === 0
    const appended = await this.#journal.append(records, entries, apply, { useReserve })
    this.#journal.maybeRewrite()
    return appended
  }

  async #remove(keys: readonly OffsetKey[], entries: readonly LogEntry[]): Promise<void> {
    const timestamp = this.#options.clock.now()
    const removals = keys.map((key) => ({ key: encodeOffsetKey(key), value: null, timestamp }))
    const apply = () => {
      for (const key of keys) this.#table.delete(key)
    }
    await this.#journal.append(removals, entries, apply, { useReserve: true })
  }

  #checkBatches(batches: readonly BatchAppend[]): CheckedBatch[] {
    const { requestSizeBytesMax } = this.#options.limits
    const sizeBytes = batches.reduce((sum, { batch }) => sum + batch.length, 0)
    if (sizeBytes > requestSizeBytesMax) {
      throw new BrokerError('too_large', `a commit of ${sizeBytes} bytes is above the limit`, {
        fix: 'commit after fewer records',
        details: { limitBytes: requestSizeBytesMax, sizeBytes },
      })
    }
    return batches.map((append) => {
      const header = checkProducedBatch(append.batch)
      if (header.sizeBytes === append.batch.length) return { append, records: header.count }
      throw new BrokerError('invalid_request', `bytes follow the batch for topic "${append.topic}"`, {
        fix: 'give one whole record batch per entry of a commit',
      })
    })
  }

  /** Commits may use twice the room of new records: finishing work frees memory, refusing it does not. */
  #checkPressure(): void {
    const { log, limits } = this.#options
    const limitBytes = limits.pendingBytesMax * 2
    if (log.pendingBytes <= limitBytes) return
    throw new BrokerError('busy', `${log.pendingBytes} bytes wait for the disk, which is above the limit`, {
      fix: 'retry after a moment',
      details: { limitBytes },
    })
  }

  #target({ topic: name, partition }: BatchAppend): Topic {
    const topic = this.#options.catalogue.topic(name)
    if (isBrokersOwn(name)) {
      throw new BrokerError('forbidden', `a commit cannot write to "${name}": only the broker does`, {
        fix: 'give positions as offsets of the commit',
      })
    }
    topic.partition(partition)
    return topic
  }

  #newPositions(group: string, offsets: readonly WantedOffset[]): NewPosition[] {
    if (offsets.length === 0) return []
    this.#checkRoom(group, offsets)
    const committedAt = asMillis(this.#options.clock.now())
    return offsets.map(({ topic: name, partition, offset }) => {
      const { endOffset } = this.#options.catalogue.topic(name).partition(partition)
      if (!Number.isSafeInteger(offset) || offset < 0 || offset > endOffset) {
        throw new BrokerError(
          'offset_out_of_range',
          `group "${group}" cannot stand at ${offset} of ${name}-${partition}: the end is ${endOffset}`,
          {
            fix: 'commit the offset after the last record that was read',
            details: { topic: name, partition, offset: Number(offset), endOffset },
          },
        )
      }
      const value: OffsetValue = { offset: asOffset(offset), committedAt, metadata: '', leaderEpoch: -1 }
      return { key: { group, topic: name, partition }, value }
    })
  }

  #checkRoom(group: string, offsets: readonly WantedOffset[]): void {
    const { groupsMax, offsetsPerGroupMax } = this.#options.limits
    const known = this.#table.has(group)
    if (!known && this.#table.groupCount >= groupsMax) {
      throw new BrokerError('conflict', `the node keeps ${groupsMax} groups, which is the limit`, {
        fix: 'delete groups that are not needed',
        details: { limit: groupsMax },
      })
    }
    const fresh = offsets.filter(({ topic, partition }) => !this.#table.get({ group, topic, partition }))
    if (fresh.length === 0 || this.#table.countOf(group) + fresh.length <= offsetsPerGroupMax) return
    throw new BrokerError(
      'conflict',
      `group "${group}" would have more than ${offsetsPerGroupMax} positions`,
      {
        fix: 'read fewer partitions with one group',
        details: { limit: offsetsPerGroupMax },
      },
    )
  }

  #checkNotTrimmed({ group, topic, partition }: OffsetKey, offset: Offset): void {
    const { startOffset } = this.#options.catalogue.topic(topic).partition(partition)
    if (offset >= startOffset) return
    throw new BrokerError(
      'offset_out_of_range',
      `group "${group}" cannot go back to ${offset} of ${topic}-${partition}: records before ${startOffset} are deleted`,
      { fix: `reset it to ${startOffset} or later`, details: { topic, partition, offset, startOffset } },
    )
  }

  /** The state of an app holds what it read up to its positions: moved alone, it would count twice or miss records. */
  #mayChange(group: string): void {
    this.#known(group)
    if (!this.#options.owners.has(group)) return
    const why = 'the positions of an app belong to its state and cannot be moved from outside'
    throw new BrokerError('conflict', `group "${group}" is an app: ${why}`, {
      fix: 'to process from the beginning, start the app under another id',
      details: { group },
    })
  }

  #known(group: string): void {
    if (this.#table.has(group)) return
    const hint = didYouMean(group, this.#table.groups())
    throw new BrokerError('not_found', `group "${group.slice(0, 255)}" has no committed positions${hint}`, {
      fix: 'list the groups there are: pspf group list',
    })
  }

  #info(id: string): GroupInfo {
    const offsets = [...this.#table.entries(id)].map(([{ topic: name, partition }, position]) => {
      const { startOffset, endOffset } = this.#ends(name, partition)
      const { offset, committedAt } = position
      const lag = Math.max(0, endOffset - Math.max(offset, startOffset))
      return { topic: name, partition, offset, committedAt, endOffset, lag }
    })
    return { id, offsets }
  }

  /** Of a quarantined partition nothing is known, and nothing can be read. */
  #ends(name: string, partition: number): { startOffset: Offset; endOffset: Offset } {
    const { catalogue, log } = this.#options
    const id = catalogue.has(name) ? catalogue.topic(name).partitionIds[partition] : undefined
    const found = id && log.partition(id)
    return found ?? { startOffset: asOffset(0), endOffset: asOffset(0) }
  }

  #restore({ key: keyBytes, value: valueBytes, offset }: RecordView): void {
    const key = keyBytes && decodeOffsetKey(keyBytes)
    if (!key) return
    if (valueBytes === null) this.#table.delete(key)
    else this.#table.set(key, { ...decodeOffsetValue(valueBytes), recordedAt: offset })
  }
}
