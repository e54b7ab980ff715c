// A broker in memory, with the real batch format: enough of one for the HTTP edge.
import { asByteSize, asMillis, asOffset, BrokerError, type Millis } from '#base'
import {
  type Broker,
  defaultConfig,
  didYouMean,
  type GroupInfo,
  type ProduceRecord,
  partitionOf,
  readDurability,
  type TopicConfig,
  type TopicConfigChange,
  type TopicInfo,
} from '#broker'
import { BatchBuilder } from '#record'

type Stored = { offset: number; timestamp: number; record: ProduceRecord }
type Partition = { start: number; records: Stored[] }
type Topic = { info: Omit<TopicInfo, 'partitions'>; partitions: Partition[] }

export type FakeBroker = Broker & {
  /** All records of a topic as text, in order: for "nothing was written". */
  dump(topic: string): { key: string | null; value: string | null }[]
  /** Makes the next produce fail. */
  failNext(error: Error): void
  commitOffset(group: string, topic: string, partition: number, offset: number): void
  /** Reads that wait at this moment. */
  readonly waiting: number
}

export const fakeNow = 1_700_000_000_000

export function fakeBroker(): FakeBroker {
  const topics = new Map<string, Topic>()
  const groups = new Map<string, Map<string, { topic: string; partition: number; offset: number }>>()
  const waiters = new Set<() => void>()
  let failure: Error | null = null
  let ids = 0
  let nextPartition = 0

  const find = (name: string): Topic => {
    const topic = topics.get(name)
    if (topic) return topic
    throw new BrokerError('not_found', `topic "${name}" does not exist${didYouMean(name, topics.keys())}`, {
      fix: `pspf topic create ${name}`,
    })
  }
  const endOf = ({ start, records }: Partition) => start + records.length
  const describe = ({ info, partitions }: Topic): TopicInfo => ({
    ...info,
    partitions: partitions.map((partition, index) => ({
      partition: index,
      startOffset: asOffset(partition.start),
      endOffset: asOffset(endOf(partition)),
      sizeBytes: asByteSize(partition.records.length * 100),
      lastAppendTime: asMillis(partition.records.length === 0 ? 0 : fakeNow),
    })),
  })
  const describeGroup = (id: string): GroupInfo => {
    const offsets = groups.get(id)
    if (!offsets) throw new BrokerError('not_found', `group "${id}" does not exist`)
    return {
      id,
      offsets: [...offsets.values()].map((one) => {
        const end = endOf(find(one.topic).partitions[one.partition]!)
        return {
          topic: one.topic,
          partition: one.partition,
          offset: asOffset(one.offset),
          committedAt: asMillis(fakeNow),
          endOffset: asOffset(end),
          lag: end - one.offset,
        }
      }),
    }
  }
  const missing = (): never => {
    throw new Error('the HTTP edge does not call this')
  }

  return {
    async createTopic(spec) {
      if (!/^[\w.-]+$/.test(spec.name)) throw new BrokerError('invalid_request', 'not a topic name')
      if (topics.has(spec.name))
        throw new BrokerError('already_exists', `topic "${spec.name}" exists already`)
      const topic: Topic = {
        info: {
          name: spec.name,
          id: String(++ids).padStart(32, '0'),
          internal: spec.name.startsWith('_'),
          config: configOf(defaultConfig, spec.config),
          createdAt: asMillis(fakeNow),
        },
        partitions: Array.from({ length: spec.partitions ?? 1 }, () => ({ start: 0, records: [] })),
      }
      topics.set(spec.name, topic)
      return describe(topic)
    },
    async alterTopic(name, config) {
      const topic = find(name)
      topic.info = { ...topic.info, config: configOf(topic.info.config, config) }
      return describe(topic)
    },
    async deleteTopic(name) {
      find(name)
      topics.delete(name)
    },
    async truncateTopic(name, partition, before) {
      const one = find(name).partitions[partition]!
      one.records = one.records.filter(({ offset }) => offset >= before)
      one.start = Math.max(one.start, before)
    },
    topics: () => [...topics.values()].map(describe),
    topic: (name) => describe(find(name)),
    requireTopic: (name) => void find(name),
    async produce(name, records) {
      const topic = find(name)
      if (failure) {
        const thrown = failure
        failure = null
        throw thrown
      }
      const places = records.map((record) => {
        if (record.partition !== undefined && record.partition >= topic.partitions.length) {
          throw new BrokerError('not_found', `topic "${name}" has no partition ${record.partition}`)
        }
        const count = topic.partitions.length
        return record.partition ?? (record.key ? partitionOf(record.key, count) : nextPartition++ % count)
      })
      const positions = records.map((record, index) => {
        const partition = places[index]!
        const { start, records: stored } = topic.partitions[partition]!
        const offset = start + stored.length
        // The body is the edge's memory: keep copies.
        const copy = {
          ...record,
          key: record.key?.slice() ?? null,
          value: record.value?.slice() ?? null,
        }
        stored.push({ offset, timestamp: record.timestamp ?? fakeNow, record: copy })
        return { partition, offset: asOffset(offset) }
      })
      for (const wake of waiters) wake()
      return positions
    },
    async fetch({ topic, partition, from, waitMs, signal }) {
      const one = find(topic).partitions[partition]!
      if (from < one.start || from > endOf(one)) {
        throw new BrokerError('offset_out_of_range', `offset ${from} is outside`)
      }
      if (from === endOf(one) && waitMs > 0) await wait(waiters, signal)
      const found = one.records.filter(({ offset }) => offset >= from).slice(0, 50)
      return {
        batches: batchOf(found),
        startOffset: asOffset(one.start),
        endOffset: asOffset(endOf(one)),
      }
    },
    fetchSlice: missing,
    async offsetAt(name, partition, timestamp: Millis) {
      const one = find(name).partitions[partition]!
      return asOffset(one.records.find((stored) => stored.timestamp >= timestamp)?.offset ?? endOf(one))
    },
    allocateProducerId: missing,
    produceBatch: missing,
    fence: missing,
    commit: missing,
    committed: missing,
    async deleteGroup(id) {
      describeGroup(id)
      groups.delete(id)
    },
    groups: () => [...groups.keys()].map(describeGroup),
    group: describeGroup,
    async resetGroup(id, offsets) {
      const group = groups.get(id)!
      for (const one of offsets) group.set(`${one.topic}/${one.partition}`, { ...one })
      return describeGroup(id)
    },
    diskUse: () => ({ usedBytes: asByteSize(0), maxBytes: null, isFull: false, trimmed: null }),
    traffic: () => new Map(),
    close: async () => undefined,
    dump: (name) =>
      find(name).partitions.flatMap(({ records }) =>
        records.map(({ record }) => ({ key: asText(record.key), value: asText(record.value) })),
      ),
    failNext: (error) => {
      failure = error
    },
    commitOffset(group, topic, partition, offset) {
      if (!groups.has(group)) groups.set(group, new Map())
      groups.get(group)!.set(`${topic}/${partition}`, { topic, partition, offset })
    },
    get waiting() {
      return waiters.size
    },
  }
}

const asText = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes))

/** Until a record comes or the signal fires; the fake knows no time. */
function wait(waiters: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      waiters.delete(end)
      resolve()
    }
    waiters.add(end)
    signal?.addEventListener('abort', end)
    if (signal?.aborted) end()
  })
}

function batchOf(stored: readonly Stored[]): Uint8Array {
  if (stored.length === 0) return new Uint8Array(0)
  const builder = new BatchBuilder()
  for (const { record, timestamp } of stored) builder.append({ ...record, timestamp })
  const batch = builder.build()
  new DataView(batch.buffer, batch.byteOffset).setBigInt64(0, BigInt(stored[0]!.offset))
  return batch
}

function configOf(base: TopicConfig, change: TopicConfigChange = {}): TopicConfig {
  return { ...base, ...change, durability: readDurability(change.durability ?? base.durability) }
}
