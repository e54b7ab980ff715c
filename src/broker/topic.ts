// A topic as the broker holds it in memory: its definition, its partitions in the log, and its running numbers.
import { asByteSize, asMillis, asOffset, BrokerError, type Millis } from '#base'
import type { LogGroup, Partition, PartitionId } from '#log'
import type { PartitionInfo, TopicConfig, TopicInfo } from './api.ts'
import { partitionOf } from './partitioner.ts'
import type { TopicDefinition } from './topic-record.ts'
import type { TopicTraffic } from './traffic.ts'

export type TopicParts = {
  readonly log: LogGroup
  readonly traffic: TopicTraffic
  readonly lost: ReadonlySet<number>
}

export class Topic {
  readonly name: string
  readonly id: string
  readonly internal: boolean
  readonly createdAt: Millis
  readonly traffic: TopicTraffic
  readonly partitionIds: readonly PartitionId[]
  /** Set aside by recovery: they take no records, and serve what lies before the damage. */
  readonly lost: ReadonlySet<number>
  config: TopicConfig
  /** Set in the turn in which the deletion is appended: whoever comes later must not append any more. */
  gone = false
  readonly #log: LogGroup
  #nextTurn = 0

  constructor(definition: TopicDefinition, { log, traffic, lost }: TopicParts) {
    this.name = definition.name
    this.id = definition.id
    this.internal = definition.internal
    this.createdAt = definition.createdAt
    this.config = definition.config
    this.traffic = traffic
    this.partitionIds = partitionIds(definition)
    this.lost = lost
    this.#log = log
  }

  get definition(): TopicDefinition {
    const { name, id, internal, createdAt, config } = this
    return { name, id, internal, createdAt, config, partitions: this.partitionIds.length }
  }

  /** Throws `not_found` for a number that the topic does not have, `corrupt` for a quarantined partition. */
  partition(partition: number): Partition {
    const id = this.partitionIds[partition]
    if (!id) throw this.noPartition(partition)
    const found = this.#log.partition(id)
    if (found) return found
    throw this.#isLost(partition)
  }

  /** Throws `corrupt` if a record for this key, or for any partition, has nowhere to go. */
  checkTakes(partition: number | undefined, key: Uint8Array | null): void {
    if (this.lost.size === 0) return
    const count = this.partitionIds.length
    const wanted = partition ?? (key === null ? undefined : partitionOf(key, count))
    if (wanted === undefined ? this.lost.size === count : this.lost.has(wanted))
      throw this.#isLost(wanted ?? 0)
  }

  /** The partition for a record without key: each in turn. */
  takeTurn(): number {
    let turn = this.#nextTurn
    while (this.lost.has(turn)) turn = (turn + 1) % this.partitionIds.length
    this.#nextTurn = (turn + 1) % this.partitionIds.length
    return turn
  }

  noPartition(partition: number): BrokerError {
    const count = this.partitionIds.length
    const has = count === 1 ? 'one partition, 0' : `${count} partitions, 0 to ${count - 1}`
    return new BrokerError('not_found', `topic "${this.name}" has no partition ${partition}: it has ${has}`, {
      fix: 'leave the partition out, or give one that exists',
      details: { topic: this.name, partition, partitions: count },
    })
  }

  info(): TopicInfo {
    const { name, id, internal, config, createdAt } = this
    return {
      name,
      id,
      internal,
      config,
      createdAt,
      partitions: this.partitionIds.map((each) => this.#partitionInfo(each)),
    }
  }

  sizeBytes(): number {
    return this.partitionIds.reduce((sum, id) => sum + (this.#log.partition(id)?.sizeBytes ?? 0), 0)
  }

  #isLost(partition: number): BrokerError {
    return new BrokerError('corrupt', `partition ${partition} of topic "${this.name}" is quarantined`, {
      fix: 'see the recovery report in the log; restore the partition from a backup, or delete the topic',
      details: { topic: this.name, partition },
    })
  }

  #partitionInfo(id: PartitionId): PartitionInfo {
    const found = this.#log.partition(id)
    return {
      partition: id.partition,
      startOffset: found?.startOffset ?? asOffset(0),
      endOffset: found?.endOffset ?? asOffset(0),
      sizeBytes: found?.sizeBytes ?? asByteSize(0),
      lastAppendTime: found?.lastAppendTime ?? asMillis(0),
    }
  }
}

export function partitionIds({ id, partitions }: Pick<TopicDefinition, 'id' | 'partitions'>): PartitionId[] {
  return Array.from({ length: partitions }, (_, partition) => ({ topicId: id, partition }))
}
