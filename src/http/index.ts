export type { Asset, Assets } from './assets.ts'
export type * from './contract.ts'
export { defaultHttpLimits, type HttpLimits } from './limits.ts'
export { hashToken, isLoopback, type Role, type Security, type Token } from './security.ts'
export { createHttpServer, type HttpServer, type HttpServerOptions } from './server.ts'
export type {
  AppControl,
  BackupControl,
  DashboardList,
  DeployControl,
  NodeFacts,
  WidgetViews,
} from './services.ts'
export type { LiveHubPort } from './socket.ts'
