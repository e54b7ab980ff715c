// Topics as the Topics page lists them.
import { type Broker, powerCutLoses, type TopicInfo } from '#broker'
import type { TopicSummary } from './live.ts'
import type { TrafficRates } from './traffic-rates.ts'

/** A user's topics before internal ones, each by name; no more than `countMax`, and how many there are. */
export function topicSummaries(broker: Pick<Broker, 'topics'>, rates: TrafficRates, countMax: number) {
  const topics = broker.topics()
  const listed = topics
    .toSorted((a, b) => Number(a.internal) - Number(b.internal) || (a.name < b.name ? -1 : 1))
    .slice(0, countMax)
    .map((topic) => {
      const { recordsIn, bytesIn } = rates.of(topic.name)
      return topicSummary(topic, { recordsPerSecond: recordsIn, bytesPerSecond: bytesIn })
    })
  return { topics: listed, ...(listed.length < topics.length && { total: topics.length }) }
}

export function topicSummary(
  topic: TopicInfo,
  { recordsPerSecond, bytesPerSecond }: Pick<TopicSummary, 'recordsPerSecond' | 'bytesPerSecond'>,
): TopicSummary {
  let records = 0
  let sizeBytes = 0
  let lastAppendTime = 0
  for (const partition of topic.partitions) {
    records += partition.endOffset - partition.startOffset
    sizeBytes += partition.sizeBytes
    lastAppendTime = Math.max(lastAppendTime, partition.lastAppendTime)
  }
  return {
    name: topic.name,
    id: topic.id,
    internal: topic.internal,
    partitions: topic.partitions.length,
    records,
    sizeBytes,
    config: { ...topic.config },
    powerCutLoses: powerCutLoses(topic.config.durability),
    createdAt: topic.createdAt,
    lastAppendTime,
    recordsPerSecond,
    bytesPerSecond,
  }
}
