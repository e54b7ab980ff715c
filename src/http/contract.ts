// What travels between the server and a browser, the CLI or a script. Types only: the UI may import nothing else of src.
//
// Lists are bare arrays. Every failure is a `Problem`. Unknown query parameters and unknown fields are refused.
//
//   GET    /health /livez /readyz /startupz    Health; {status, detail}; 503 when down or not ready. Never need a token.
//   GET    /metrics                            Prometheus text
//   GET    /swagger  /swagger/json             API page; OpenAPI document
//   GET    /api/v1/topics ?internal=true       TopicSummary[]; internal topics only when asked for
//   POST   /api/v1/topics                      CreateTopic -> 201 TopicDetail
//   GET    /api/v1/topics/:topic               TopicDetail
//   PATCH  /api/v1/topics/:topic               AlterTopic -> TopicDetail
//   DELETE /api/v1/topics/:topic               204
//   POST   /api/v1/topics/:topic/records       application/json: ProduceRequest; application/x-ndjson: one value a line,
//            ?keyField=user.id                 stored byte for byte -> ProduceAnswer, after the durable append
//   GET    /api/v1/topics/:topic/records       RecordsPage. `from` is earliest (default), latest, an offset or an ISO time;
//            ?partition&from&limit&waitMs      `partition` may be left out when there is only one. `waitMs` waits for the
//            &follow                           first record. With `Accept: application/x-ndjson` one RecordJson a line, to
//                                              the end as it was at the start, or for ever with `follow=true`.
//   DELETE /api/v1/topics/:topic/records       TruncateAnswer: deletes what lies before `before` (earliest.. as `from`),
//            ?before&partition                 in whole segments; all partitions when `partition` is left out
//   GET    /api/v1/groups  /groups/:group      GroupSummary[]; GroupSummary
//   DELETE /api/v1/groups/:group               204
//   POST   /api/v1/groups/:group/offsets       ResetOffsets -> ResetAnswer; with `dryRun` nothing changes
//   GET    /api/v1/apps  /apps/:app            AppStatus[]; AppStatus
//   POST   /api/v1/apps/:app/pause  /resume    AppStatus
//   GET    /api/v1/tables                      TableSummary[]: the state of every node that keeps some, as <app>.<node>
//   GET    /api/v1/tables/:table               TableRows: committed rows by key; `window` is from..to, of windows' beginnings
//            ?key&from&to&prefix&window&limit&cursor     `key` is one key, which may be empty; 404 if there is none
//            &waitFor&timeoutMs
//   GET    /api/v1/tables/:table/:key          TableRows of the key; 404 if there is none
//   POST   /api/v1/apps                        DeployApp -> DeployAnswer; with `dryRun` nothing changes; admin
//   POST   /api/v1/apps/:app/rollback          RollbackApp -> DeployAnswer; admin
//   POST   /api/v1/apps/:app/reset             { dryRun? } -> AppChange: all of it computed anew; admin
//   GET    /api/v1/apps/:app/versions          AppVersion[], the newest first
//   DELETE /api/v1/apps/:app                   204: a deployed app stops for good, what it computed stays; admin
//   GET    /api/v1/dlq                         DeadLetterTopic[]
//   GET    /api/v1/dlq/:topic                  DeadLettersPage, the newest first; `before` is the `next` of the page before
//            ?limit&before&node&error&state
//   POST   /api/v1/dlq/:topic/replay           ReplayLetters -> ReplayAnswer: a letter is sent once, however often asked for
//   POST   /api/v1/dlq/:topic/purge            PurgeLetters -> PurgeAnswer
//   GET    /api/v1/dashboards  /dashboards/:id DashboardSpec[]; DashboardSpec
//   GET    /api/v1/widgets/:id/history         WidgetHistory: what the live socket's snapshot holds
//   GET    /api/v1/overview                    Overview: the JSON twin of the first page
//   GET    /api/v1/diagnostics                 Diagnostics
//   GET    /api/v1/config                      the running configuration, secrets removed
//   GET    /api/v1/backups  /backups/:id       BackupStatus[], the newest first; BackupStatus
//   POST   /api/v1/backups                     StartBackup -> 202 BackupStatus; admin
//   DELETE /api/v1/backups/:id                 204: gives up one that is being made, and removes what it wrote; admin
//   WS     /ws                                 the language of src/dashboards/live.ts
//
// Tokens, where the server asks for one: `Authorization: Bearer TOKEN`. A browser cannot set that header on a socket, so
// `/ws` also takes it as a second sub-protocol: new WebSocket(url, ['pspf', 'pspf.token.' + TOKEN]).
import type { RecordJson, TopicSummary, WidgetData } from '#dashboards'
import type { AppChange, NodeTable, RowAnswer } from '#streams'

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
export type {
  AppChange,
  AppState,
  AppStatus,
  DeadLetterCause,
  DeadLetterTopic,
  DeployAnswer,
  GraphDescription,
  GraphNode,
  NodeStats,
  PurgeAnswer,
  ReplayAnswer,
  TablePosition,
  TableRow,
  TaskStatus,
} from '#streams'

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

/** Absent fields take the node's defaults. */
export type CreateTopic = { name: string; partitions?: number; config?: TopicChange }

export type AlterTopic = { config: TopicChange }

export type TopicChange = {
  /** Records go by age and size; or of each key the latest stays; or both. */
  cleanupPolicy?: 'delete' | 'compact' | 'compact,delete'
  /** How long compaction keeps a tombstone. */
  deleteRetentionMs?: number
  /** Share of a partition that must be new before the next compaction, 0 to 1. */
  minCleanableDirtyRatio?: number
  /** Milliseconds after the append; null keeps for ever. */
  retentionMs?: number | null
  /** Per partition; null has no limit. */
  retentionBytes?: number | null
  compression?: 'none' | 'gzip' | 'zstd'
  /** `fsync`, `os`, or `interval(100ms)`. */
  durability?: string
}

export type ProduceRequest = { records: ProduceRecordJson[] }

/** What a `RecordJson` holds can be sent back as it is, less its offset. */
export type ProduceRecordJson = {
  /** Text as it is; any other JSON value as its JSON text. */
  key?: unknown
  /** Stored as the JSON text that was sent, byte for byte. null is a tombstone. */
  value: unknown
  headers?: Record<string, string>
  partition?: number
  timestamp?: number
  encoding?: { key?: 'base64'; value?: 'base64' }
}

export type PartitionRange = { partition: number; startOffset: number; endOffset: number }

export type TruncateAnswer = { partitions: PartitionRange[] }

/** Either `to` for everything the group reads (narrowed by `topic` and `partition`), or each position by hand. */
export type ResetOffsets = {
  /** earliest, latest, an offset or an ISO time. */
  to?: string
  topic?: string
  partition?: number
  offsets?: { topic: string; partition: number; offset: number }[]
  dryRun?: boolean
}

/** `skipped` records will not be read, `replayed` ones are read again. */
export type ResetAnswer = {
  group: string
  dryRun: boolean
  changes: {
    topic: string
    partition: number
    from: number
    to: number
    skipped: number
    replayed: number
  }[]
}

/** `path` is absolute and on the node's machine: a new directory (the default) or a new tar file. */
export type StartBackup = { path: string; kind?: 'directory' | 'tar' }

export type BackupStatus = {
  id: string
  path: string
  kind: 'directory' | 'tar'
  state: 'running' | 'done' | 'failed' | 'cancelled'
  startedAt: number
  finishedAt: number | null
  files: number
  filesDone: number
  bytes: number
  bytesDone: number
  /** The last frame in it and when that was appended; null until it is done. */
  frame: number | null
  appendTime: number | null
  /** Partitions that were not whole, and are in it as far as they go. */
  damage: { topic: string; partition: number; why: string }[]
  error: { code: string; message: string; fix?: string } | null
}

/** `kind`: a record as it was; a row that an operator made; or no dead letter. Of the last, texts are empty. */
export type DeadLetterJson = {
  partition: number
  offset: number
  state: 'waiting' | 'replayed'
  app: string
  task: string
  node: string
  stage: 'read' | 'process'
  kind: 'record' | 'row' | 'none'
  error: string
  stack: string
  attempts: number
  topic: string
  /** With its partition and offset in `topic`. */
  record: RecordJson
}

export type DeadLettersPage = { letters: DeadLetterJson[]; next: string | null }

/** Without `letters`: all that wait. */
export type ReplayLetters = {
  letters?: { partition: number; offset: number }[]
  node?: string
  error?: string
  at?: 'now'
  dryRun?: boolean
}

export type PurgeLetters = { dryRun?: boolean }

/** `next`: the cursor of the rows that follow. */
export type TableRows = RowAnswer
export type TableSummary = NodeTable

/** `source`: one module with all it imports but pspf. `replace`: nodes to be computed anew from the log. */
export type DeployApp = { source: string; file?: string; replace?: string[]; dryRun?: boolean }

/** `to`: default the version before the current one. */
export type RollbackApp = { to?: number; dryRun?: boolean }

export type AppVersion = {
  version: number
  file: string
  deployedAt: number
  sizeBytes: number
  sha256: string
  /** The earlier version that was put back as this one. */
  restores: number | null
  change: AppChange
}

export type Diagnostics = Pick<Health, 'status' | 'checks'>

/** Answer of the probes. */
export type Probe = { status: 'ok' | 'failed'; detail: string }

/** A whole view, and the sequence a live subscription goes on from. */
export type WidgetHistory = { epoch: string; seq: number; data: WidgetData }
