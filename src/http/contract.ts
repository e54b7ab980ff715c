// What travels between the server and a browser, the CLI or a script. Types only: the UI may import nothing else of src.

import type { DashboardSpec, WidgetData } from '#dashboards'
import type { AppStatus } from '#streams'

export type {
  DashboardSpec,
  NumberFormat,
  SeriesData,
  Threshold,
  WidgetData,
  WidgetKind,
  WidgetSpec,
} from '#dashboards'
export type { AppState, AppStatus, GraphDescription, GraphNode, NodeStats, TaskStatus } from '#streams'

/** RFC 9457, `application/problem+json`. `title`: what; `detail`: why; `fix`: what to do. */
export type Problem = {
  type: string
  title: string
  status: number
  detail: string
  code: string
  fix?: string
  retriable: boolean
  [detail: string]: unknown
}

export type TopicSummary = {
  name: string
  id: string
  internal: boolean
  partitions: number
  records: number
  sizeBytes: number
  config: { retentionMs: number | null; retentionBytes: number | null; compression: string }
  createdAt: number
  lastAppendTime: number
  /** Over the last few seconds. */
  recordsPerSecond: number
  bytesPerSecond: number
}

export type TopicDetail = TopicSummary & {
  partitionList: {
    partition: number
    startOffset: number
    endOffset: number
    sizeBytes: number
    lastAppendTime: number
  }[]
  /** Groups and apps that read it. */
  readers: { group: string; lag: number }[]
}

/** A record as JSON. `value` and `key`: JSON if it parses, else text, else base64 with `encoding: 'base64'`. */
export type RecordJson = {
  partition: number
  offset: number
  timestamp: number
  key: unknown
  value: unknown
  headers: Record<string, string>
  encoding?: { key?: 'base64'; value?: 'base64' }
}

/** `next`: offset to continue from in this partition. */
export type RecordsPage = { records: RecordJson[]; next: number; startOffset: number; endOffset: number }

export type ProduceAnswer = { count: number; offsets: { partition: number; offset: number }[] }

export type GroupSummary = {
  id: string
  lag: number
  offsets: { topic: string; partition: number; offset: number; endOffset: number; lag: number }[]
}

export type Health = {
  status: 'ok' | 'degraded' | 'down'
  version: string
  uptimeSeconds: number
  checks: { name: string; status: 'pass' | 'warn' | 'fail'; detail: string }[]
  connections: { websocket: number }
  topics: { count: number; records: number; sizeBytes: number }
  apps: { count: number; running: number; failed: number }
  throughput: { recordsInPerSecond: number; bytesInPerSecond: number; recordsOutPerSecond: number }
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
  verdict: { status: Health['status']; text: string }
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

export type ClientMessage =
  | { op: 'sub'; ch: string; resume?: { epoch: string; seq: number } }
  | { op: 'unsub'; ch: string }

export type ServerMessage =
  | { op: 'snap'; ch: string; epoch: string; seq: number; data: ChannelData }
  | { op: 'delta'; ch: string; seq: number; data: ChannelData }
  /** Every 5 s. A client that misses two shows that it is stale and reconnects. */
  | { op: 'hb'; now: number }
  | { op: 'error'; ch?: string; problem: Problem }
  /** The server is stopping: reconnect after about this long. */
  | { op: 'bye'; reconnectMs: number }

export type ChannelData =
  /** widget/<id> */
  | WidgetData
  /** tail/<topic>: at most 50 records a message; `skipped` says how many were not shown. */
  | { kind: 'tail'; records: RecordJson[]; skipped: number }
  /** overview: a snapshot holds the last ten minutes of points, a delta one point. */
  | { kind: 'overview'; overview: Overview }
  | { kind: 'topics'; topics: TopicSummary[] }
  | { kind: 'apps'; apps: AppStatus[] }
  | { kind: 'dashboards'; dashboards: DashboardSpec[] }
