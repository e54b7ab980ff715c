// What the HTTP edge stands on. Node passes it in; tests pass fakes.
import type { Clock, Logger, Metrics } from '#base'
import type { Broker } from '#broker'
import type { DashboardSpec } from '#dashboards'
import type { AppStatus } from '#streams'
import type { Health, Overview, Probe, WidgetHistory } from './contract.ts'
import type { HttpLimits } from './limits.ts'

/** The apps of this node. Calls about an unknown app throw `not_found`. */
export interface AppControl {
  list(): readonly AppStatus[]
  get(id: string): AppStatus | undefined
  pause(id: string): unknown
  resume(id: string): unknown
}

/** Dashboards by id. */
export interface DashboardList {
  list(): readonly DashboardSpec[]
  get(id: string): DashboardSpec | undefined
}

/** What the node knows about itself. */
export interface NodeFacts {
  health(): Health
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

/** A view's past, as a live subscription would begin. */
export interface WidgetViews {
  widgetHistory(id: string): WidgetHistory | undefined | Promise<WidgetHistory | undefined>
}

export type Services = {
  readonly broker: Broker
  readonly apps: AppControl
  readonly dashboards: DashboardList
  readonly widgets: WidgetViews
  readonly facts: NodeFacts
  readonly metrics: Metrics
  readonly logger: Logger
  readonly clock: Clock
  readonly limits: HttpLimits
  readonly version: string
}
