// The named shapes of answers and bodies, for the OpenAPI document. A test holds them to the types of contract.ts and
// to what the server really answers.
import { exactly, integer, list, type Models, named, nullable, oneOf, t, texts } from './shape.ts'

const count = () => integer(0)
const millis = (description: string) => integer(0, Number.MAX_SAFE_INTEGER, { description })

const problem = t.Object(
  {
    type: t.String(),
    title: t.String({ description: 'what' }),
    status: integer(400, 599),
    detail: t.String({ description: 'why' }),
    code: t.String({ description: 'stable: scripts may rely on it' }),
    fix: t.Optional(t.String({ description: 'what to do about it' })),
    retriable: t.Boolean({ description: 'the same request may succeed later' }),
  },
  {
    additionalProperties: true,
    description: 'RFC 9457; further members carry facts such as limits and positions',
  },
)

const topicConfig = exactly({
  cleanupPolicy: t.String({ description: 'delete, compact or compact,delete' }),
  deleteRetentionMs: integer(0),
  minCleanableDirtyRatio: t.Number(),
  retentionMs: nullable(integer(1)),
  retentionBytes: nullable(integer(1)),
  compression: t.String(),
  durability: t.String({ description: 'fsync, os or interval(<n>ms): when records are acknowledged' }),
})

const topicSummaryFields = {
  name: t.String(),
  id: t.String({ description: 'new for every creation of a topic' }),
  internal: t.Boolean(),
  partitions: integer(1),
  records: integer(0, Number.MAX_SAFE_INTEGER, {
    description: 'offsets from the start to the end: of a compacted topic at most so many are left',
  }),
  sizeBytes: count(),
  config: topicConfig,
  powerCutLoses: t.String({ description: 'what of the acknowledged records a power cut may take' }),
  createdAt: millis('milliseconds UTC'),
  lastAppendTime: millis('milliseconds UTC; 0 while empty'),
  recordsPerSecond: t.Number(),
  bytesPerSecond: t.Number(),
}

const partition = exactly({
  partition: count(),
  startOffset: count(),
  endOffset: integer(0, Number.MAX_SAFE_INTEGER, { description: 'one past the last record' }),
  sizeBytes: count(),
  lastAppendTime: count(),
})

/** A setting that is left out keeps its value. */
export const topicChange = exactly({
  cleanupPolicy: t.Optional(
    oneOf(['delete', 'compact', 'compact,delete'], {
      description: 'records go by age and size, or of each key the latest stays, or both',
    }),
  ),
  deleteRetentionMs: t.Optional(
    integer(0, undefined, { description: 'how long compaction keeps a tombstone' }),
  ),
  minCleanableDirtyRatio: t.Optional(
    t.Number({ minimum: 0, maximum: 1, description: 'share that must be new before the next compaction' }),
  ),
  retentionMs: t.Optional(
    nullable(integer(1, undefined, { description: 'after the append; null keeps for ever' })),
  ),
  retentionBytes: t.Optional(
    nullable(integer(1, undefined, { description: 'per partition; null has no limit' })),
  ),
  compression: t.Optional(oneOf(['none', 'gzip', 'zstd'])),
  durability: t.Optional(t.String({ description: 'fsync, os, or interval(100ms) with 1 to 60000 ms' })),
})

export const createTopic = exactly({
  name: t.String({ minLength: 1 }),
  partitions: t.Optional(integer(1, 2 ** 31 - 1)),
  config: t.Optional(topicChange),
})

export const alterTopic = exactly({ config: topicChange })

const record = exactly({
  partition: count(),
  offset: count(),
  timestamp: integer(Number.MIN_SAFE_INTEGER),
  key: nullable(t.String()),
  value: t.Unknown({ description: 'JSON if the stored bytes are JSON, else text, else base64' }),
  headers: texts(),
  encoding: t.Optional(exactly({ key: t.Optional(oneOf(['base64'])), value: t.Optional(oneOf(['base64'])) })),
})

const range = exactly({ partition: count(), startOffset: count(), endOffset: count() })

const groupOffset = exactly({
  topic: t.String(),
  partition: count(),
  offset: count(),
  endOffset: count(),
  lag: count(),
})

export const resetOffsets = exactly({
  to: t.Optional(t.String({ minLength: 1, description: 'earliest, latest, an offset or an ISO time' })),
  topic: t.Optional(t.String({ minLength: 1, description: 'only this topic' })),
  partition: t.Optional(integer(0, 2 ** 31 - 1, { description: 'only this partition' })),
  offsets: t.Optional(
    list(
      exactly({ topic: t.String({ minLength: 1 }), partition: integer(0, 2 ** 31 - 1), offset: count() }),
      {
        minItems: 1,
        maxItems: 10_000,
      },
    ),
  ),
  dryRun: t.Optional(t.Boolean({ description: 'say what would change, and change nothing' })),
})

const resetAnswer = exactly({
  group: t.String(),
  dryRun: t.Boolean(),
  changes: list(
    exactly({
      topic: t.String(),
      partition: count(),
      from: count(),
      to: count(),
      skipped: integer(0, undefined, { description: 'records that will not be read' }),
      replayed: integer(0, undefined, { description: 'records that are read again' }),
    }),
  ),
})

const graph = t.Object(
  { app: t.String(), nodes: list(t.Object({}, { additionalProperties: true })) },
  { additionalProperties: true, description: 'nodes, edges and topics of the operator graph' },
)

const app = exactly({
  id: t.String(),
  state: oneOf(['starting', 'running', 'paused', 'backing-off', 'failed', 'stopped']),
  file: t.String(),
  version: nullable(t.Number({ description: 'of an app that was deployed; null: it runs from its file' })),
  graph,
  nodes: list(
    exactly({
      id: t.String(),
      recordsIn: count(),
      recordsOut: count(),
      errors: integer(0, undefined, { description: 'bad records, and rows on which a function threw' }),
      late: count(),
      dropped: integer(0, undefined, { description: 'rows without a key, and rows that lie in no window' }),
    }),
  ),
  tasks: list(
    exactly({
      task: t.String(),
      topic: t.String(),
      partition: count(),
      position: count(),
      lag: count(),
      watermark: nullable(t.Number()),
      commits: count(),
      commitMs: t.Number(),
    }),
  ),
  recordsPerSecond: t.Number(),
  lag: count(),
  memoryBytes: count(),
  restarts: count(),
  error: nullable(exactly({ message: t.String(), frame: t.Optional(t.String()) })),
  startedAt: nullable(t.Number()),
})

const appChange = exactly({
  app: t.String(),
  nodes: list(
    exactly({
      name: t.String(),
      kind: t.String(),
      label: t.String(),
      before: t.Optional(t.String({ description: 'what it was' })),
      what: oneOf(['kept', 'added', 'rebuilt', 'refused', 'orphaned']),
      why: t.String(),
      from: list(exactly({ topic: t.String(), partition: count(), offset: count(), records: count() }), {}),
    }),
  ),
  outputs: list(
    exactly({
      topic: t.String(),
      what: oneOf(['kept', 'added', 'removed']),
      again: t.Optional(
        integer(0, undefined, { description: 'records of it that stay, where rows follow anew' }),
      ),
    }),
  ),
})

const appVersion = exactly({
  version: integer(1),
  file: t.String(),
  deployedAt: millis('milliseconds UTC'),
  sizeBytes: count(),
  sha256: t.String(),
  restores: nullable(t.Number({ description: 'the earlier version that this one is' })),
  change: appChange,
})

const deployAnswer = exactly({
  app: t.String(),
  version: integer(1),
  dryRun: t.Boolean(),
  unchanged: t.Boolean({ description: 'it runs already: nothing was done' }),
  change: appChange,
})

export const deployApp = exactly({
  source: t.String({ minLength: 1, description: 'one JavaScript module with all it imports but pspf' }),
  file: t.Optional(t.String({ maxLength: 400, description: 'its name for people' })),
  replace: t.Optional(
    t.Array(t.String(), { maxItems: 100, description: 'nodes to be computed anew from the log' }),
  ),
  dryRun: t.Optional(t.Boolean({ description: 'say what would change, and change nothing' })),
})

export const resetApp = exactly({
  dryRun: t.Optional(t.Boolean({ description: 'say what would change, and change nothing' })),
})

export const rollbackApp = exactly({
  to: t.Optional(integer(1, undefined, { description: 'default: the version before' })),
  dryRun: t.Optional(t.Boolean({ description: 'say what would change, and change nothing' })),
})

const widget = t.Object(
  {
    id: t.String(),
    kind: oneOf(['stat', 'line', 'area', 'bar', 'table']),
    title: t.String(),
    topic: t.String(),
  },
  { additionalProperties: true, description: 'and the options of its kind' },
)

const dashboard = exactly({
  id: t.String(),
  title: t.String(),
  description: t.Optional(t.String()),
  app: nullable(t.String()),
  widgets: list(widget),
})

const widgetData = t.Object(
  { kind: oneOf(['stat', 'series', 'bars', 'rows']) },
  { additionalProperties: true, description: 'a whole view of its kind' },
)

const check = exactly({ name: t.String(), status: oneOf(['pass', 'warn', 'fail']), detail: t.String() })
const status = oneOf(['ok', 'degraded', 'down'])

const health = exactly({
  status,
  version: t.String(),
  uptimeSeconds: t.Number(),
  checks: list(check),
  connections: exactly({ websocket: count() }),
  topics: exactly({ count: count(), records: count(), sizeBytes: count() }),
  apps: exactly({ count: count(), running: count(), failed: count() }),
  throughput: exactly({
    recordsInPerSecond: t.Number(),
    bytesInPerSecond: t.Number(),
    recordsOutPerSecond: t.Number(),
  }),
})

const overview = exactly({
  verdict: exactly({ status, text: t.String() }),
  version: t.String(),
  uptimeSeconds: t.Number(),
  durability: t.String(),
  disk: exactly({
    freeBytes: count(),
    totalBytes: count(),
    logBytes: count(),
    fullInSeconds: nullable(t.Number()),
  }),
  points: list(
    exactly({
      at: t.Number(),
      recordsInPerSecond: t.Number(),
      bytesInPerSecond: t.Number(),
      recordsOutPerSecond: t.Number(),
      appendP50Ms: t.Number(),
      appendP99Ms: t.Number(),
      lag: t.Number(),
      viewers: t.Number(),
      memoryBytes: t.Number(),
    }),
  ),
  hotTopics: list(exactly({ name: t.String(), recordsPerSecond: t.Number(), bytesPerSecond: t.Number() })),
  events: list(exactly({ at: t.Number(), level: oneOf(['info', 'warn', 'error']), text: t.String() })),
})

export const replayLetters = exactly({
  letters: t.Optional(
    list(exactly({ partition: integer(0, 2 ** 31 - 1), offset: count() }), { minItems: 1, maxItems: 10_000 }),
  ),
  node: t.Optional(t.String({ minLength: 1, description: 'only letters of this node' })),
  error: t.Optional(t.String({ minLength: 1, description: 'only with this in the text of the error' })),
  at: t.Optional(oneOf(['now'], { description: 'records get the time of the replay; default: their own' })),
  dryRun: t.Optional(t.Boolean({ description: 'say what would be sent, and send nothing' })),
})

export const purgeLetters = exactly({
  dryRun: t.Optional(t.Boolean({ description: 'say how many would go, and purge nothing' })),
})

const deadLetterTopic = exactly({
  topic: t.String(),
  of: t.String({ description: 'the topic that its letters come from' }),
  letters: count(),
  replayed: count(),
  waiting: count(),
  sizeBytes: count(),
  lastAppendTime: millis('milliseconds UTC; 0 while empty'),
  causes: list(
    exactly({
      error: t.String(),
      app: t.String(),
      node: t.String(),
      letters: integer(0, undefined, { description: 'among the newest letters' }),
    }),
  ),
})

const deadLetter = exactly({
  partition: count(),
  offset: count(),
  state: oneOf(['waiting', 'replayed']),
  app: t.String(),
  task: t.String(),
  node: t.String(),
  stage: oneOf(['read', 'process']),
  kind: oneOf(['record', 'row', 'none'], {
    description: 'a record as it was; a row that an operator made; or no dead letter at all',
  }),
  error: t.String(),
  stack: t.String(),
  attempts: count(),
  topic: t.String({ description: 'where the record was, with its partition and offset there' }),
  record: named('Record'),
})

const replayAnswer = exactly({
  topic: t.String(),
  dryRun: t.Boolean(),
  replayed: count(),
  alreadyReplayed: integer(0, undefined, {
    description: 'sent before, themselves or as another letter of the same record, or purged',
  }),
  skipped: integer(0, undefined, { description: 'cannot be sent' }),
  why: list(exactly({ partition: count(), offset: count(), why: t.String() })),
  into: list(exactly({ topic: t.String(), records: count() })),
  more: t.Boolean({ description: 'the call ended at its limit: repeat it' }),
})

const tablePosition = exactly({
  task: t.String(),
  inputs: list(
    exactly({
      topic: t.String(),
      partition: count(),
      next: integer(0, undefined, { description: 'the first offset that is not in the table' }),
    }),
  ),
  changelog: nullable(
    exactly({
      topic: t.String(),
      partition: count(),
      next: integer(0, undefined, { description: 'changes of this state follow from there on' }),
    }),
  ),
  watermark: nullable(t.Number({ description: 'event time, milliseconds UTC' })),
})

const tableKind = oneOf(['aggregate', 'window', 'session', 'sliding', 'table', 'join', 'dedupe', 'process'])

const table = exactly({
  name: t.String({ description: '<app>.<node>' }),
  app: t.String(),
  node: t.String(),
  kind: tableKind,
  label: t.String({ description: 'what the node does' }),
  state: oneOf(['starting', 'running', 'paused', 'backing-off', 'failed', 'stopped']),
  key: nullable(t.String({ description: 'the field that is the key, if it is a field' })),
  columns: list(t.String()),
  rows: nullable(integer(0, undefined, { description: 'null: the app does not tell' })),
  more: t.Boolean({ description: 'there are more rows than were counted' }),
  positions: list(tablePosition),
})

const tableRow = exactly({
  key: t.Unknown({ description: 'a text, a number, true or false' }),
  window: t.Optional(exactly({ start: t.Number(), end: t.Number() })),
  at: t.Optional(t.Number({ description: 'event time of its newest row, milliseconds UTC' })),
  side: t.Optional(oneOf(['left', 'right'])),
  value: t.Unknown({ description: 'results by name, or a row as it is kept' }),
})

export const startBackup = exactly({
  path: t.String({
    minLength: 1,
    description: "absolute, on the node's machine: must not exist, or be empty",
  }),
  kind: t.Optional(oneOf(['directory', 'tar'])),
})

const backup = exactly({
  id: t.String(),
  path: t.String(),
  kind: oneOf(['directory', 'tar']),
  state: oneOf(['running', 'done', 'failed', 'cancelled']),
  startedAt: millis('milliseconds UTC'),
  finishedAt: nullable(t.Number()),
  files: count(),
  filesDone: count(),
  bytes: count(),
  bytesDone: count(),
  frame: nullable(t.Number({ description: 'the last one in it; null until it is done' })),
  appendTime: nullable(t.Number({ description: 'of that frame' })),
  damage: list(exactly({ topic: t.String(), partition: count(), why: t.String() })),
  error: nullable(exactly({ code: t.String(), message: t.String(), fix: t.Optional(t.String()) })),
})

export const models = {
  Backup: backup,
  Problem: problem,
  TopicSummary: exactly(topicSummaryFields),
  TopicDetail: exactly({
    ...topicSummaryFields,
    partitionList: list(partition),
    readers: list(exactly({ group: t.String(), lag: count() })),
  }),
  Record: record,
  RecordsPage: exactly({
    records: list(named('Record')),
    next: integer(0, undefined, { description: 'offset to go on from' }),
    startOffset: count(),
    endOffset: count(),
  }),
  ProduceAnswer: exactly({
    count: count(),
    offsets: list(exactly({ partition: count(), offset: count() })),
  }),
  TruncateAnswer: exactly({ partitions: list(range) }),
  Group: exactly({ id: t.String(), lag: count(), offsets: list(groupOffset) }),
  ResetAnswer: resetAnswer,
  App: app,
  AppVersion: appVersion,
  AppChange: appChange,
  DeployAnswer: deployAnswer,
  DeadLetterTopic: deadLetterTopic,
  DeadLettersPage: exactly({ letters: list(deadLetter), next: nullable(t.String()) }),
  ReplayAnswer: replayAnswer,
  PurgeAnswer: exactly({ topic: t.String(), purged: count(), dryRun: t.Boolean() }),
  Table: table,
  TableRows: exactly({ rows: list(tableRow), next: nullable(t.String()), positions: list(tablePosition) }),
  Dashboard: dashboard,
  WidgetHistory: exactly({ epoch: t.String(), seq: integer(-1), data: widgetData }),
  Overview: overview,
  Health: health,
  Diagnostics: exactly({ status, checks: list(check) }),
  Probe: exactly({ status: oneOf(['ok', 'failed']), detail: t.String() }),
} satisfies Models

export type ModelName = keyof typeof models

/** An answer that is one of the models, or a list of them. */
export const one = (name: ModelName, description: string) => ({ description, schema: named(name) })
export const many = (name: ModelName, description: string) => ({ description, schema: list(named(name)) })
