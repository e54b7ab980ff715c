// What travels between the server and a browser, the CLI or a script. Types only: the UI may import nothing else of src.
import type { RecordJson, TopicSummary } from '#dashboards'

export type {
  ChannelData,
  ClientMessage,
  DashboardSpec,
  NumberFormat,
  Overview,
  OverviewPoint,
  RecordJson,
  SeriesData,
  ServerMessage,
  Threshold,
  TopicSummary,
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
