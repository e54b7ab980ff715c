// Opens the broker over a log: makes the internal topics on the first start, replays them, and wires the parts together.
import { asMillis, BrokerError, type Clock, type Logger, type Metrics, type Random } from '#base'
import type { LogEntry, LogGroup, PartitionId } from '#log'
import { BatchBuilder, type RecordInput } from '#record'
import type { Broker } from './api.ts'
import { BatchProducer } from './batch-producer.ts'
import { createBroker } from './broker.ts'
import { Catalogue } from './catalogue.ts'
import { CompactionRounds } from './compaction-rounds.ts'
import { keptForEver } from './config.ts'
import { DiskCap } from './disk-cap.ts'
import { decodeFact } from './fact-record.ts'
import { Groups } from './groups.ts'
import { Journal } from './journal.ts'
import { type BrokerLimits, defaultLimits } from './limits.ts'
import { factsTopic, offsetsTopic, topicsTopic } from './name.ts'
import { Owners } from './owners.ts'
import { ProducerIds } from './producer-ids.ts'
import { ProducerLanes } from './producer-lanes.ts'
import { Reader } from './reader.ts'
import { RetentionRounds, retentionClockRecord } from './retention-rounds.ts'
import { partitionIds } from './topic.ts'
import { encodeTopicKey, encodeTopicValue, type TopicDefinition } from './topic-record.ts'
import { Traffic } from './traffic.ts'
import { Waiters } from './waiters.ts'
import { watch } from './watch.ts'

export type BrokerOptions = {
  /** Stays the caller's: the broker does not close it. */
  readonly log: LogGroup
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly limits?: Partial<BrokerLimits>
  /** The most that the log may have of the disk; null or absent: all that is there. */
  readonly diskMaxBytes?: number | null
}

/** Fixed for ever: everything else is found through this topic. */
const topicsId: PartitionId = { topicId: '70737066000040008000000000000001', partition: 0 }

export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const { log, clock, random, logger, metrics } = options
  const limits: BrokerLimits = { ...defaultLimits, ...options.limits }
  if (!log.partition(topicsId)) await createInternalTopics(options)

  const traffic = new Traffic(metrics, limits.metricSeriesMax)
  const waiters = new Waiters(clock, limits.fetchesWaitingMax)
  const catalogue = new Catalogue({ log, clock, random, limits, traffic })
  const owners = new Owners(clock, limits.offsetsPerGroupMax)
  const groups = new Groups({ log, clock, limits, catalogue, owners })
  const producer = new ProducerLanes({ log, clock, limits })
  const producerIds = new ProducerIds(clock)
  const reader = new Reader({ catalogue, waiters, limits })
  const retention = new RetentionRounds({
    log,
    clock,
    logger,
    limits,
    catalogue,
    leastCommitted: (topic, partition) => groups.leastCommitted(topic, partition),
  })
  const compaction = new CompactionRounds({
    log,
    clock,
    logger,
    limits,
    catalogue,
    now: () => retention.now,
  })
  const maxBytes = options.diskMaxBytes ?? null
  const diskCap = new DiskCap({ log, clock, logger, metrics, limits, catalogue, maxBytes })

  const journal = (topic: string, id: PartitionId, snapshot: () => Iterable<RecordInput>) =>
    new Journal({ log, topic, id, logger, rewriteBytes: limits.journalRewriteBytes, snapshot })
  const topicsJournal = journal(topicsTopic, topicsId, () => catalogue.records())
  await catalogue.open(topicsJournal)
  const idOf = (topic: string) => catalogue.topic(topic).partitionIds[0]!
  const offsetsJournal = journal(offsetsTopic, idOf(offsetsTopic), () => groups.records())
  await groups.open(offsetsJournal)
  const factsJournal = journal(factsTopic, idOf(factsTopic), () => [
    retention.record(),
    ...owners.records(),
    ...producerIds.records(),
  ])
  await factsJournal.replay(({ key, value }) => {
    if (key === null || value === null) return
    const fact = decodeFact(key, value)
    if (fact.kind === 'owner') owners.restore(fact)
    else if (fact.kind === 'producerIds') producerIds.restore(fact)
    else retention.restore(fact)
  })
  owners.open(factsJournal)
  producerIds.open(factsJournal)

  reportQuarantined(options, catalogue)
  watch({ metrics, catalogue, groups, waiters, seriesMax: limits.metricSeriesMax })
  const detach = log.onVisible((grown) => waiters.wake(grown))
  retention.start(factsJournal)
  compaction.start()
  diskCap.start()
  const journals = [topicsJournal, offsetsJournal, factsJournal]
  const settled = async () => {
    for (const each of journals) await each.exclusive(async () => undefined)
  }
  return createBroker({
    log,
    catalogue,
    groups,
    producer,
    batchProducer: new BatchProducer({ log, limits }),
    producerIds,
    reader,
    waiters,
    retention,
    compaction,
    diskCap,
    settled,
    detach,
  })
}

/** One atomic append, so that a data directory has all internal topics or none. */
async function createInternalTopics({ log, clock, random }: BrokerOptions): Promise<void> {
  const others = [...log.partitions()].length + log.report.quarantined.length
  if (others > 0) {
    throw new BrokerError(
      'corrupt',
      `${topicsTopic}, which says what topics there are, is missing or quarantined`,
      {
        fix: 'see the recovery report in the log, and restore the data directory from a backup',
      },
    )
  }
  const now = asMillis(clock.now())
  const define = (name: string, id: string): TopicDefinition => {
    return { name, id, partitions: 1, internal: true, createdAt: now, config: keptForEver }
  }
  const facts = define(factsTopic, random.id())
  const definitions = [define(topicsTopic, topicsId.topicId), define(offsetsTopic, random.id()), facts]
  const creates = definitions.flatMap((definition) =>
    partitionIds(definition).map((id): LogEntry => ({ kind: 'create', id, topic: definition.name })),
  )
  const records = definitions.map((definition) => ({
    key: encodeTopicKey(definition.name),
    value: encodeTopicValue(definition),
    timestamp: now,
  }))
  await log.append([
    ...creates,
    { kind: 'batch', id: topicsId, batch: batchOf(records) },
    { kind: 'batch', id: partitionIds(facts)[0]!, batch: batchOf([retentionClockRecord(now, now)]) },
  ])
}

function batchOf(records: readonly RecordInput[]): Uint8Array {
  const builder = new BatchBuilder()
  for (const record of records) builder.append(record)
  return builder.build()
}

/** The topics that recovery had to set aside are named once; the rest serves. */
function reportQuarantined({ logger }: BrokerOptions, catalogue: Catalogue): void {
  for (const { name, lost } of catalogue) {
    if (lost.size > 0) logger.error({ topic: name, partitions: [...lost] }, 'partitions are quarantined')
  }
}
