// Every bound of the live side by name, with its default. All are settings: node passes what differs.

export type LiveLimits = {
  readonly socketsMax: number
  readonly channelsPerSocketMax: number
  /** Channels that are read at once, of all sockets together. */
  readonly channelsMax: number
  readonly messageSizeBytesMax: number
  /** Of one socket, on average; `messagesBurstMax` at once, so that a page may subscribe to all it shows. */
  readonly messagesPerSecondMax: number
  readonly messagesBurstMax: number
  /** Unsent bytes above which a viewer gets no deltas, and a fresh snapshot once they are gone. */
  readonly backlogSoftBytes: number
  /** Unsent bytes above which a viewer is closed. */
  readonly backlogHardBytes: number
  /** A viewer whose unsent bytes stay above the soft mark for this long is closed. */
  readonly stalledMsMax: number
  /** How often viewers' unsent bytes are looked at. */
  readonly sweepMs: number
  /** Shortest time between two messages of one channel: 100 ms is ten a second. */
  readonly flushMs: number
  readonly heartbeatMs: number
  /** How long a channel is read on after its last viewer left. */
  readonly lingerMs: number
  /** Deltas kept per channel for viewers that come back. */
  readonly resumeDeltasMax: number
  readonly resumeSizeBytesMax: number
  /** Records read, back from the end of its topic, when a widget is first needed; a widget further behind starts over. */
  readonly historyRecordsMax: number
  readonly fetchSizeBytesMax: number
  readonly fetchWaitMs: number
  /** Between two reads at the end of a topic: what arrives meanwhile is read together. */
  readonly readPauseMs: number
  /** Before a failed read is tried again. */
  readonly retryMs: number
  /** Records per message of a tail, and in its snapshot. */
  readonly tailRecordsMax: number
  /** How long a request for a widget's history waits for it to be read. */
  readonly historyWaitMs: number
  /** Topics in one message of the topics channel. */
  readonly topicsListedMax: number
}

const KiB = 1024

export const defaultLiveLimits: LiveLimits = {
  socketsMax: 20_000,
  channelsPerSocketMax: 128,
  channelsMax: 4_000,
  messageSizeBytesMax: 4 * KiB,
  messagesPerSecondMax: 20,
  messagesBurstMax: 256,
  backlogSoftBytes: 256 * KiB,
  backlogHardBytes: 1024 * KiB,
  stalledMsMax: 30_000,
  sweepMs: 200,
  flushMs: 100,
  heartbeatMs: 5_000,
  lingerMs: 30_000,
  resumeDeltasMax: 64,
  resumeSizeBytesMax: 256 * KiB,
  historyRecordsMax: 50_000,
  fetchSizeBytesMax: 256 * KiB,
  fetchWaitMs: 20_000,
  readPauseMs: 20,
  retryMs: 1_000,
  tailRecordsMax: 50,
  historyWaitMs: 10_000,
  topicsListedMax: 1_000,
}
