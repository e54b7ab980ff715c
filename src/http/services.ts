// What the HTTP edge stands on. Node passes it in; tests pass fakes.
import type { Clock, Logger, Metrics } from '#base'
import type { Broker } from '#broker'
import type { DashboardSpec } from '#dashboards'
import type {
  AppChange,
  AppStatus,
  DeadLetters,
  DeployAnswer,
  Deployment,
  DeployRequest,
  NodeTables,
  RollbackRequest,
} from '#streams'
import type { BackupStatus, Health, Overview, Probe, StartBackup, WidgetHistory } from './contract.ts'
import type { HttpLimits } from './limits.ts'

/** The apps of this node. Calls about an unknown app throw `not_found`. */
export interface AppControl {
  list(): readonly AppStatus[]
  get(id: string): AppStatus | undefined
  pause(id: string): unknown
  resume(id: string): unknown
}

/** Versions of apps on this node. */
export interface DeployControl {
  deploy(request: DeployRequest): Promise<DeployAnswer>
  rollback(app: string, request: RollbackRequest): Promise<DeployAnswer>
  /** The newest first. */
  versions(app: string): Promise<readonly Deployment[]>
  remove(app: string): Promise<void>
  reset(app: string, options: { readonly dryRun: boolean }): Promise<AppChange>
}

/** Dashboards by id. */
export interface DashboardList {
  list(): readonly DashboardSpec[]
  get(id: string): DashboardSpec | undefined
}

/** What the node knows about itself. */
export interface NodeFacts {
  /** `withNames`: of files and topics that are damaged. */
  health(options: { readonly withNames: boolean }): Health
  /** The event loop turns and the log's writer makes progress. Nothing else: a failure restarts the process. */
  live(): Probe
  /** Takes traffic: not while starting, draining or stopping. */
  ready(): Probe
  started(): Probe
  overview(): Overview
  /** Per-topic rates over the last few seconds. */
  rates(topic: string): { readonly recordsPerSecond: number; readonly bytesPerSecond: number }
  /** The running configuration, secrets removed. */
  config(): unknown
}

/** Backups of this node, made one at a time. */
export interface BackupControl {
  /** Resolves when it has begun. Throws `conflict` while another one is made or if something is at the path. */
  start(request: StartBackup): Promise<BackupStatus>
  /** The newest first. */
  list(): readonly BackupStatus[]
  get(id: string): BackupStatus | undefined
  /** Resolves when it has ended and what it wrote is removed. Does nothing to one that has ended before. */
  cancel(id: string): Promise<void>
}

/** A view's past, as a live subscription would begin. */
export interface WidgetViews {
  widgetHistory(id: string): WidgetHistory | undefined | Promise<WidgetHistory | undefined>
}

export type Services = {
  readonly broker: Broker
  readonly apps: AppControl
  readonly deployer: DeployControl
  readonly dashboards: DashboardList
  readonly widgets: WidgetViews
  readonly facts: NodeFacts
  readonly backups: BackupControl
  readonly deadLetters: DeadLetters
  readonly tables: NodeTables
  readonly metrics: Metrics
  readonly logger: Logger
  readonly clock: Clock
  readonly limits: HttpLimits
  readonly version: string
}
