export { type Aggregator, agg } from './aggregator.ts'
export * from './api.ts'
export * from './app.ts'
export type { AsyncCall, AsyncOptions } from './async-map.ts'
export * from './change/app-change.ts'
export { type DeadLetter, deadTopicOf, readDeadLetter } from './dead-letter.ts'
export {
  type DeadLetterCause,
  DeadLetters,
  type DeadLetterTopic,
  type LetterPage,
  type LetterPageRequest,
  type LetterState,
  type ListedLetter,
  type PurgeAnswer,
} from './dead-letters/dead-letters.ts'
export type { ReplayAnswer, ReplayRequest } from './dead-letters/replay-letters.ts'
export { type Ctx, type HandlerOptions, on, stream, timer } from './decorators.ts'
export type { Deduped, DedupeOptions } from './dedupe.ts'
export { describe } from './describe.ts'
export type { ErrorPolicy, RetryPolicy } from './error-policy.ts'
export type { EmitPolicy } from './graph/node.ts'
export type { AsOf, Interval, JoinResult } from './join.ts'
export {
  type ListState,
  type MapState,
  type SetState,
  type StateOptions,
  state,
  type ValueState,
} from './keyed-state.ts'
export {
  AppDeployer,
  type DeployAnswer,
  type DeployRequest,
  type RollbackRequest,
} from './process/app-deployer.ts'
export { type AppProcessOptions, runAppProcess } from './process/app-process.ts'
export { AppSupervisor, type AppSupervisorOptions } from './process/app-supervisor.ts'
export { type Trial, tryApp } from './process/app-trial.ts'
export { brokerPort } from './process/broker-port.ts'
export { type Deployment, Deployments } from './process/deployments.ts'
export { type SupervisionLimits, supervisionLimits } from './process/restart-policy.ts'
export { deleteUnused } from './process/unused-topics.ts'
export { output, type ProcessContext, type Processed, type ProcessOptions } from './process-handler.ts'
export { type ReplayCursor, type ReplayOptions, replay } from './replay.ts'
export * from './running-app.ts'
export { type ObjectOf, type Schema, s } from './schema/schema.ts'
export type { Infer, StandardSchema } from './schema/standard-schema.ts'
export * from './source.ts'
export { type EntryText, entryText } from './state/state-entry.ts'
export { openStoreFile, type StoreFile, storeFilesIn } from './state/store-kind.ts'
export type { AggregateRow, Branches, KeyedStream, KeyField, Stream } from './stream.ts'
export type { HistoryOptions, HistoryTable, Table } from './table.ts'
export { type AskedApps, type NodeTable, NodeTables, type RowsWanted } from './tables/node-tables.ts'
export type { RowAnswer, RowChoice, TableKind, TablePosition, TableRow } from './tables/table-question.ts'
export {
  type SinkTopic,
  type SourceTopic,
  type TimeOptions,
  type TopicHandle,
  type TopicOptions,
  topic,
} from './topic.ts'
export { type ConsumeOptions, type TopicClient, type TopicRecord, topicClient } from './topic-client.ts'
export {
  type FixedWindow,
  type GraceOptions,
  type SessionWindow,
  type SlidingWindow,
  type WindowBounds,
  type WindowDefinition,
  type WindowOptions,
  window,
} from './window.ts'
export type {
  EmitOptions,
  Late,
  WindowAggregate,
  WindowedStream,
  WindowResult,
  WindowRow,
} from './windowed-stream.ts'
