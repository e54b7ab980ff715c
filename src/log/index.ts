export * from './api.ts'
export { openLog } from './log-group.ts'
export type { LogLimits, LogOptions } from './options.ts'
