export * from './api.ts'
export { type Dashboard, type DashboardOptions, dashboard, dashboardsOf } from './dashboard.ts'
export { DashboardRegistry } from './dashboard-registry.ts'
export { defaultLiveLimits, type LiveLimits } from './limits.ts'
export * from './live.ts'
export { LiveHub, type LiveHubOptions } from './live-hub.ts'
export type { NodeEvent, RecoveryFacts } from './node-events.ts'
export type { NodeFacts } from './overview-source.ts'
export { recordJson } from './record-json.ts'
export { topicSummary } from './topic-summary.ts'
export type { LiveSocket } from './viewer.ts'
export {
  area,
  type BarOptions,
  bar,
  type ChartOptions,
  type ColumnOptions,
  line,
  type StatOptions,
  stat,
  type TableOptions,
  table,
  type Widget,
  type WidgetSource,
} from './widget.ts'
