// Gauges of topics and groups, read just before each exposition. The number of series is bounded.
import type { Metrics } from '#base'
import type { Catalogue } from './catalogue.ts'
import type { Durability } from './durability.ts'
import type { Groups } from './groups.ts'
import type { Waiters } from './waiters.ts'

export type WatchOptions = {
  readonly metrics: Metrics
  readonly catalogue: Catalogue
  readonly groups: Groups
  readonly waiters: Waiters
  readonly seriesMax: number
}

export function watch(options: WatchOptions): void {
  const { metrics, groups, waiters, seriesMax } = options
  const levels = new Map<string, Durability>()
  let watchedGroups = new Set<string>()
  const waiting = metrics.gauge('pspf_fetches_waiting', 'Fetches that wait for records')
  const partitions = metrics.gauge('pspf_partitions', 'Partitions of all topics')
  metrics.collect(() => {
    waiting.set(waiters.count)
    partitions.set(watchTopics(options, levels))
    const seen = watchGroups(metrics, groups, seriesMax)
    for (const group of watchedGroups.difference(seen)) metrics.forget({ group })
    watchedGroups = seen
  })
}

const durabilityHelp = 'When records are acknowledged: fsync after their sync, os and interval before it'

/** `levels` has the durability of each topic as it was shown last, since that is a label. */
function watchTopics(
  { metrics, catalogue, seriesMax }: WatchOptions,
  levels: Map<string, Durability>,
): number {
  let partitions = 0
  let series = 0
  for (const topic of catalogue) {
    partitions += topic.partitionIds.length
    if (++series > seriesMax) continue
    const labels = { topic: topic.name }
    const { durability } = topic.config
    const before = levels.get(topic.name)
    if (before !== undefined && before !== durability) metrics.forget({ ...labels, durability: before })
    levels.set(topic.name, durability)
    metrics.gauge('pspf_topic_durability_info', durabilityHelp, { ...labels, durability }).set(1)
    metrics.gauge('pspf_topic_size_bytes', 'Bytes of stored record batches', labels).set(topic.sizeBytes())
  }
  return partitions
}

/** Lag per group and topic, over its partitions. Answers the groups that have a series. */
function watchGroups(metrics: Metrics, groups: Groups, seriesMax: number): Set<string> {
  const seen = new Set<string>()
  let series = 0
  for (const { id, offsets } of groups.infos()) {
    const lagOf = new Map<string, number>()
    for (const { topic, lag } of offsets) lagOf.set(topic, (lagOf.get(topic) ?? 0) + lag)
    for (const [topic, lag] of lagOf) {
      if (++series > seriesMax) return seen
      seen.add(id)
      const labels = { group: id, topic }
      metrics.gauge('pspf_group_lag_records', 'Records that a group has not committed yet', labels).set(lag)
    }
  }
  return seen
}
