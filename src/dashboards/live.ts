// The live socket's language, and the views that travel over it.
import type { AppStatus } from '#streams'
import type { DashboardSpec, WidgetData } from './api.ts'

export type TopicSummary = {
  name: string
  id: string
  internal: boolean
  partitions: number
  records: number
  sizeBytes: number
  config: {
    cleanupPolicy: string
    deleteRetentionMs: number
    minCleanableDirtyRatio: number
    retentionMs: number | null
    retentionBytes: number | null
    compression: string
    /** `fsync`, `os` or `interval(<n>ms)`: when a producer is told that its records are written. */
    durability: string
  }
  /** What of the acknowledged records a power cut may take, in words. */
  powerCutLoses: string
  createdAt: number
  lastAppendTime: number
  /** Over the last few seconds. */
  recordsPerSecond: number
  bytesPerSecond: number
}

/** A record as JSON. `value`: JSON if it parses, else text, else base64 (see `encoding`); `key`: text or base64. */
export type RecordJson = {
  partition: number
  offset: number
  timestamp: number
  key: unknown
  value: unknown
  headers: Record<string, string>
  encoding?: { key?: 'base64'; value?: 'base64' }
  /** What is shown was cut: the whole size in bytes. */
  truncated?: { key?: number; value?: number }
}

/** One second of the node, for the Overview page. */
export type OverviewPoint = {
  at: number
  recordsInPerSecond: number
  bytesInPerSecond: number
  recordsOutPerSecond: number
  appendP50Ms: number
  appendP99Ms: number
  lag: number
  viewers: number
  memoryBytes: number
}

export type Overview = {
  /** One sentence: is everything well, and if not, what is not. */
  verdict: { status: 'ok' | 'degraded' | 'down'; text: string }
  version: string
  uptimeSeconds: number
  durability: string
  disk: { freeBytes: number; totalBytes: number; logBytes: number; fullInSeconds: number | null }
  points: OverviewPoint[]
  hotTopics: { name: string; recordsPerSecond: number; bytesPerSecond: number }[]
  events: { at: number; level: 'info' | 'warn' | 'error'; text: string }[]
}

// --- The live socket: `WS /ws` -------------------------------------------------------------------------------------
//
// One socket carries any number of channels. A channel names what is watched:
//   widget/<id>   tail/<topic>   overview   topics   apps   dashboards
// The server answers `sub` with a snapshot that has a sequence number, then sends only deltas above it. After a broken
// connection the client subscribes with `resume`; outside what the server keeps, or under another epoch, it gets a new
// snapshot. All viewers of a channel receive the same bytes.
//
// Within an epoch a sequence number is never used for two states: the epoch of a widget or tail is its topic's id, the
// sequence the sum of the next offsets of its partitions; both survive a restart. A viewer too slow to take what a
// channel sends gets nothing for a while, then a snapshot. A widget that is redefined, or whose topic is created anew, is
// sent as a snapshot, too. The socket may be closed with 1001 (stopping), 1008 (too many messages) or 1013 (too slow,
// or too many sockets): reconnect with back-off and resume.

export type ClientMessage =
  | { op: 'sub'; ch: string; resume?: { epoch: string; seq: number } }
  | { op: 'unsub'; ch: string }

export type ServerMessage =
  | { op: 'snap'; ch: string; epoch: string; seq: number; data: ChannelData }
  | { op: 'delta'; ch: string; seq: number; data: ChannelData }
  /** Every 5 s. A client that misses two shows that it is stale and reconnects. */
  | { op: 'hb'; now: number }
  | { op: 'error'; ch?: string; code: string; message: string; fix?: string }
  /** The server is stopping: reconnect after about this long. */
  | { op: 'bye'; reconnectMs: number }

export type ChannelData =
  /** widget/<id> */
  | WidgetData
  /** tail/<topic>: at most 50 records a message; `skipped` says how many were not shown. */
  | { kind: 'tail'; records: RecordJson[]; skipped: number }
  /** overview: a snapshot holds the last ten minutes of points, a delta one point. */
  | { kind: 'overview'; overview: Overview }
  /** topics, apps, dashboards: always the whole list. `total`, if there are more topics than are listed. */
  | { kind: 'topics'; topics: TopicSummary[]; total?: number }
  | { kind: 'apps'; apps: AppStatus[] }
  | { kind: 'dashboards'; dashboards: DashboardSpec[] }
