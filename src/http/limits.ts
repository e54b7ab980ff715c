// Every bound of the HTTP edge by name, with its default. What concerns data (records, batches) is bounded by the broker.

const KiB = 1024
const MiB = 1024 * KiB

export type HttpLimits = {
  readonly bodySizeBytesMax: number
  /** Bodies read and not yet answered, of all requests together; above it: `busy`. */
  readonly bodiesInFlightBytesMax: number
  readonly recordsPerRequestMax: number
  /** Of `?limit=`, in a page. */
  readonly pageRecordsMax: number
  /** A page ends early above this much JSON; `next` says where to go on. */
  readonly pageSizeBytesMax: number
  readonly fetchSizeBytesMax: number
  readonly waitMsMax: number
  /** Long polls and record streams held open together; above it: `busy`. */
  readonly waitingMax: number
  readonly socketsMax: number
  readonly socketMessageSizeBytesMax: number
  /** Messages of one socket that wait for the hub; a client that sends faster is closed with 1008. */
  readonly socketMessagesWaitingMax: number
  /** Unsent bytes at which a viewer is cut, whatever the hub does. */
  readonly socketBacklogBytesMax: number
  /** A connection that says nothing for this long is closed. Long polls, streams and answered pings are exempt. */
  readonly idleSecondsMax: number
  /** How long `stop` waits for requests in flight before it cuts them. */
  readonly stopMsMax: number
}

export const defaultHttpLimits: HttpLimits = {
  bodySizeBytesMax: 16 * MiB,
  bodiesInFlightBytesMax: 64 * MiB,
  recordsPerRequestMax: 100_000,
  pageRecordsMax: 10_000,
  pageSizeBytesMax: 4 * MiB,
  fetchSizeBytesMax: 1 * MiB,
  waitMsMax: 30_000,
  waitingMax: 10_000,
  socketsMax: 20_000,
  socketMessageSizeBytesMax: 16 * KiB,
  socketMessagesWaitingMax: 256,
  socketBacklogBytesMax: 2 * MiB,
  idleSecondsMax: 60,
  stopMsMax: 5_000,
}
