// The broker: what edges and streams call. It checks who may do what, and hands the work to the part that does it.
import { BrokerError } from '#base'
import type { LogGroup } from '#log'
import type { Broker, TopicInfo } from './api.ts'
import type { BatchProducer } from './batch-producer.ts'
import { type Catalogue, checkMayChange } from './catalogue.ts'
import type { CompactionRounds } from './compaction-rounds.ts'
import type { DiskCap } from './disk-cap.ts'
import type { Groups } from './groups.ts'
import type { ProducerIds } from './producer-ids.ts'
import type { ProducerLanes } from './producer-lanes.ts'
import type { Reader } from './reader.ts'
import type { RetentionRounds } from './retention-rounds.ts'
import type { TrafficTotals } from './traffic.ts'
import type { Waiters } from './waiters.ts'

export type BrokerParts = {
  readonly log: LogGroup
  readonly catalogue: Catalogue
  readonly groups: Groups
  readonly producer: ProducerLanes
  readonly batchProducer: BatchProducer
  readonly producerIds: ProducerIds
  readonly reader: Reader
  readonly waiters: Waiters
  readonly retention: RetentionRounds
  readonly compaction: CompactionRounds
  readonly diskCap: DiskCap
  /** Resolves when no change of a topic or a group is under way. */
  readonly settled: () => Promise<void>
  readonly detach: () => void
}

const byName = (a: TopicInfo, b: TopicInfo) => (a.name < b.name ? -1 : 1)

export function createBroker(parts: BrokerParts): Broker {
  const { log, catalogue, groups, producer, reader, waiters, retention, compaction, diskCap } = parts
  let closing: Promise<void> | null = null

  /** Every asynchronous call goes through here: a stopped broker refuses, and what is thrown is a rejection. */
  function whileOpen<T>(work: () => Promise<T>): Promise<T> {
    if (closing) {
      return Promise.reject(
        new BrokerError('closed', 'the node is stopping', { fix: 'try again when it is up' }),
      )
    }
    try {
      return work()
    } catch (thrown) {
      return Promise.reject(thrown)
    }
  }

  async function close(): Promise<void> {
    parts.detach()
    waiters.close()
    await Promise.all([
      producer.drained(),
      retention.close(),
      compaction.close(),
      diskCap.close(),
      parts.settled(),
    ])
  }

  return {
    createTopic: (spec, access = {}) => whileOpen(async () => (await catalogue.create(spec, access)).info()),
    alterTopic: (name, config, access = {}) =>
      whileOpen(async () => (await catalogue.alter(name, config, access)).info()),
    deleteTopic: (name, access = {}) =>
      whileOpen(async () => {
        const topic = await catalogue.delete(name, access, (entries) => groups.removeTopic(name, entries))
        for (const id of topic.partitionIds) waiters.dismiss(id)
      }),
    truncateTopic: (name, partition, before, access = {}) =>
      whileOpen(async () => {
        const topic = catalogue.topic(name)
        checkMayChange(topic, access, 'truncate')
        const { id, startOffset, endOffset } = topic.partition(partition)
        if (!Number.isSafeInteger(before) || before < 0 || before > endOffset) {
          throw new BrokerError(
            'offset_out_of_range',
            `cannot truncate ${name}-${partition} before ${before}: it holds offsets ${startOffset} to ${endOffset}`,
            {
              fix: `give an offset from ${startOffset} to ${endOffset}`,
              details: { topic: name, partition, offset: Number(before), startOffset, endOffset },
            },
          )
        }
        if (before > startOffset) await log.append([{ kind: 'trim', id, before }])
      }),
    topics: () => Array.from(catalogue, (topic) => topic.info()).sort(byName),
    topic: (name) => catalogue.topic(name).info(),
    requireTopic: (name) => void catalogue.topic(name),
    produce: (name, records, access = {}) =>
      whileOpen(() => {
        const topic = catalogue.topic(name)
        checkMayChange(topic, access, 'produce to')
        return producer.produce(topic, records)
      }),
    allocateProducerId: (previous) => whileOpen(() => parts.producerIds.allocate(previous)),
    produceBatch: (append, access = {}) =>
      whileOpen(() => {
        const topic = catalogue.topic(append.topic)
        checkMayChange(topic, access, 'produce to')
        return parts.batchProducer.produce(topic, append)
      }),
    fetch: (request) => whileOpen(() => reader.fetch(request)),
    fetchSlice: (request) => whileOpen(() => reader.fetchSlice(request)),
    offsetAt: (name, partition, timestamp) => whileOpen(() => reader.offsetAt(name, partition, timestamp)),
    fence: (group, owner) => whileOpen(() => groups.fence(group, owner)),
    commit: (commit) => whileOpen(() => groups.commit(commit)),
    committed: (group, topic, partition) => groups.committed(group, topic, partition),
    groups: () => groups.infos(),
    group: (id) => groups.info(id),
    resetGroup: (id, offsets) => whileOpen(() => groups.reset(id, offsets)),
    deleteGroup: (id) => whileOpen(() => groups.delete(id)),
    diskUse: () => diskCap.use(),
    traffic: () =>
      new Map(
        Array.from(catalogue, ({ name, traffic }): [string, TrafficTotals] => [name, { ...traffic.totals }]),
      ),
    close: () => {
      closing ??= close()
      return closing
    },
  }
}
