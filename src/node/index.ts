export { version } from '#embedded'
export type * from '#http'
export type { DumpedBatch, DumpedPiece, DumpedRecord, Finding, RepairChoice, Repaired } from '#log'
export { totalBytes } from '#log'
export { type AppBundle, bundleApp, bundleFile, loadAppFile } from './app-bundle.ts'
export { runAppProcess } from './app-process.ts'
export { watchFiles } from './app-watch.ts'
export { runEmbeddedApp } from './embedded-app.ts'
export { type Example, listExamples, showExample } from './examples.ts'
export { durability, type NodeOptions, type RunningNode, startNode } from './node.ts'
export { backupStopped, restoreBackupTo, verifyBackupAt } from './offline-backups.ts'
export { dumpStopped, repairStopped, verifyStopped } from './offline-log.ts'
export {
  type ExportWish,
  exportState,
  inspectState,
  type NodeKeys,
  type StateRow,
  type StoreFacts,
} from './offline-state.ts'
export {
  readSettings,
  type SettingSources,
  type SettingSpec,
  type Settings,
  serveSettings,
} from './settings.ts'
export { runTests } from './test-runner.ts'
