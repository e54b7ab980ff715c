// Every bound of the broker by name, with its default. All are settings: node passes what differs.

export type BrokerLimits = {
  /** Key, value and headers of one record. */
  readonly recordSizeBytesMax: number
  /** All records of one produce call, or all batches of one commit. */
  readonly requestSizeBytesMax: number
  readonly recordsPerRequestMax: number
  /** Records are packed into batches of about this size; one larger record travels alone. */
  readonly batchSizeBytesTarget: number
  /** Waiting produce calls are joined into one append of about this size. */
  readonly appendSizeBytesTarget: number
  /** Bytes accepted but not yet durable, above which new writes are refused as `busy`. */
  readonly pendingBytesMax: number
  readonly partitionsPerTopicMax: number
  /** All partitions of the node together. */
  readonly partitionsMax: number
  /** Creates, alters and deletes of topics that wait for each other. */
  readonly topicChangesWaitingMax: number
  readonly groupsMax: number
  /** (topic, partition) positions kept for one group. */
  readonly offsetsPerGroupMax: number
  /** Answers are cut to about this size whatever the request asks. */
  readonly fetchSizeBytesMax: number
  /** Longer waits are cut to this. */
  readonly fetchWaitMsMax: number
  readonly fetchesWaitingMax: number
  /** How often retention looks at every partition. */
  readonly retentionEveryMs: number
  /** How often, while records come in, the size of the log is held against the most it may have. */
  readonly diskCheckEveryMs: number
  /** How often compaction looks at every compacted partition, and what must have come to one before it is worth a round. */
  readonly compactionEveryMs: number
  readonly compactionBytesMin: number
  /** The newest segment of a repartition topic is sealed at this size, so that it can go once it is read. */
  readonly repartitionSegmentBytesMax: number
  /** Partitions trimmed in one append. */
  readonly trimsPerAppendMax: number
  /** Bytes appended to an internal table before it is rewritten from memory. */
  readonly journalRewriteBytes: number
  /** Topics, and (group, topic) pairs, that get metric series of their own; the rest share one. */
  readonly metricSeriesMax: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const defaultLimits: BrokerLimits = {
  recordSizeBytesMax: 1 * MiB,
  requestSizeBytesMax: 16 * MiB,
  recordsPerRequestMax: 100_000,
  batchSizeBytesTarget: 256 * KiB,
  appendSizeBytesTarget: 4 * MiB,
  pendingBytesMax: 32 * MiB,
  partitionsPerTopicMax: 1_000,
  partitionsMax: 10_000,
  topicChangesWaitingMax: 1_000,
  groupsMax: 10_000,
  offsetsPerGroupMax: 10_000,
  fetchSizeBytesMax: 16 * MiB,
  fetchWaitMsMax: 60_000,
  fetchesWaitingMax: 20_000,
  retentionEveryMs: 30_000,
  diskCheckEveryMs: 1_000,
  compactionEveryMs: 15_000,
  compactionBytesMin: 4 * MiB,
  repartitionSegmentBytesMax: 4 * MiB,
  trimsPerAppendMax: 1_000,
  journalRewriteBytes: 32 * MiB,
  metricSeriesMax: 1_000,
}
