export * from './api.ts'
export { openBackup } from './backup/backup-source.ts'
export { type BackupPlace, backupTarget } from './backup/backup-target.ts'
export { type BackupOptions, type BackupProgress, createBackup } from './backup/create.ts'
export { type BackupDamage, type Manifest, totalBytes } from './backup/manifest.ts'
export { type Restored, restoreBackup } from './backup/restore.ts'
export { type BackupFault, type VerifyReport, verifyBackup } from './backup/verify.ts'
export { threadedCompaction } from './compaction/compaction-thread.ts'
export {
  type DumpedBatch,
  type DumpedPiece,
  type DumpedRecord,
  type DumpOptions,
  dumpLog,
} from './damage/dump.ts'
export { type RepairChoice, type Repaired, type RepairOptions, repairLog } from './damage/repair.ts'
export { type Finding, type LogCheck, type LogCheckOptions, verifyLog } from './damage/verify.ts'
export { refuseBackup } from './disk/data-directory.ts'
export { type OpenLog, openLog } from './log-group.ts'
export type { LogLimits, LogOptions } from './options.ts'
