// Reads every byte of a backup and holds it against the manifest, and every record batch against its checksum.
import { basename } from 'node:path'
import { type Clock, systemCode, toError } from '#base'
import { segmentPath } from '../checkpoint/snapshot.ts'
import { checkpointName } from '../disk/data-directory.ts'
import { Pace } from '../pace.ts'
import { parseSegmentName } from '../segment/segment-facts.ts'
import { type BackupSource, readBackupCheckpoint, type StoredFile } from './backup-source.ts'
import type { BackupProgress } from './create.ts'
import { streamFile } from './file-stream.ts'
import { type BackupFile, type Manifest, totalBytes } from './manifest.ts'
import { SegmentCheck, type SegmentFault } from './segment-check.ts'

export type BackupFault = { readonly path: string; readonly why: string }

export type VerifyReport = {
  readonly manifest: Manifest
  readonly batches: number
  readonly records: number
  /** What is wrong with the backup; empty: it is what it was when it was made. */
  readonly faults: readonly BackupFault[]
}

export type VerifyOptions = {
  readonly clock: Clock
  readonly signal: AbortSignal
  onProgress(progress: BackupProgress): void
}

export async function verifyBackup(source: BackupSource, options: VerifyOptions): Promise<VerifyReport> {
  const { manifest } = source
  const faults: BackupFault[] = []
  const progress = { files: manifest.files.length, bytes: totalBytes(manifest) }
  const pace = new Pace(options.clock, Number.POSITIVE_INFINITY)
  let filesDone = 0
  let bytesDone = 0
  let batches = 0
  let records = 0
  for (const file of manifest.files) {
    const check = segmentCheckFor(file)
    const take = (bytes: Uint8Array) => {
      check?.push(bytes)
      bytesDone += bytes.length
      options.onProgress({ ...progress, filesDone, bytesDone })
    }
    const why = await judgeFile(source, file, { pace, signal: options.signal, take })
    // What was damaged when it was saved is told by the manifest; its bytes are those that were saved.
    if (why !== null) faults.push({ path: file.path, why })
    batches += check?.batches ?? 0
    records += check?.records ?? 0
    const fault = check?.end() ?? null
    if (why === null && fault && !isKnown(manifest, file))
      faults.push({ path: file.path, why: faultText(fault) })
    filesDone++
  }
  faults.push(...(await judgeCheckpoint(source)))
  return { manifest, batches, records, faults }
}

/** `topics/orders-0/00000000000000000042.log` holds batches from offset 42; other files hold none. */
function segmentCheckFor({ path, sizeBytes }: BackupFile): SegmentCheck | null {
  const key = path.endsWith('.log') ? parseSegmentName(basename(path)) : null
  return key === null ? null : new SegmentCheck(key.baseOffset, sizeBytes)
}

type Judging = { pace: Pace; signal: AbortSignal; take(bytes: Uint8Array): void }

async function judgeFile(source: BackupSource, file: BackupFile, judging: Judging): Promise<string | null> {
  let stored: StoredFile | null = null
  try {
    stored = source.open(file.path)
    if (stored === null) return 'is missing'
    const { sizeBytes } = stored
    if (sizeBytes !== file.sizeBytes) return `has ${sizeBytes} bytes, not ${file.sizeBytes}`
    const sha256 = await streamFile(stored, { ...judging, sizeBytes })
    return sha256 === file.sha256 ? null : 'has changed: its checksum does not match'
  } catch (thrown) {
    judging.signal.throwIfAborted()
    if (systemCode(thrown) === undefined) throw thrown
    return `cannot be read: ${toError(thrown).message}`
  } finally {
    stored?.close()
  }
}

/** Every segment that the checkpoint speaks of is in the backup, unless it was lost before. */
async function judgeCheckpoint(source: BackupSource): Promise<BackupFault[]> {
  const checkpoint = await readBackupCheckpoint(source)
  if (checkpoint === null) return [{ path: checkpointName, why: 'is missing or damaged' }]
  const present = new Map(source.manifest.files.map(({ path, sizeBytes }) => [path, sizeBytes]))
  return checkpoint.partitions.flatMap(({ topic, id, segments, damage }) =>
    damage !== undefined
      ? []
      : segments
          .map((segment) => ({
            path: segmentPath(topic, id.partition, segment),
            sizeBytes: segment.sizeBytes,
          }))
          .filter(({ path, sizeBytes }) => present.get(path) !== sizeBytes)
          .map(({ path }) => ({ path, why: 'is not in the manifest as the checkpoint has it' })),
  )
}

function isKnown({ damage }: Manifest, { path }: BackupFile): boolean {
  return damage.some(({ topic, partition }) => path.startsWith(`topics/${topic}-${partition}/`))
}

function faultText({ position, why }: SegmentFault): string {
  return `is damaged at byte ${position}: ${why}`
}
