export * from './api.ts'
export { openBackup } from './backup/backup-source.ts'
export { type BackupPlace, backupTarget } from './backup/backup-target.ts'
export { type BackupOptions, type BackupProgress, createBackup } from './backup/create.ts'
export { type BackupDamage, type Manifest, totalBytes } from './backup/manifest.ts'
export { restoreBackup } from './backup/restore.ts'
export { type BackupFault, type VerifyReport, verifyBackup } from './backup/verify.ts'
export { threadedCompaction } from './compaction-thread.ts'
export { refuseBackup } from './data-directory.ts'
export {
  type DumpedBatch,
  type DumpedPiece,
  type DumpedRecord,
  type DumpOptions,
  dumpLog,
} from './dump.ts'
export { type OpenLog, openLog } from './log-group.ts'
export type { LogLimits, LogOptions } from './options.ts'
export { type RepairChoice, type Repaired, type RepairOptions, repairLog } from './repair.ts'
export { type Finding, type LogCheck, type LogCheckOptions, verifyLog } from './verify.ts'
