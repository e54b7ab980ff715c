export * from './api.ts'
export { type Dashboard, type DashboardOptions, dashboard, dashboardsOf } from './dashboard.ts'
export * from './live.ts'
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
