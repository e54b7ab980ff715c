// `pspfctl backup ...`: of a running node over HTTP, of a stopped one's directory here, and what is done with a backup.
import { resolve } from 'node:path'
import { BrokerError, formatSize, sleep } from '#base'
import type { BackupStatus } from '../answers.ts'
import type { Argument, Call, Command, Flag } from '../command.ts'
import { exitCode, isErrorCode } from '../exit-codes.ts'
import type { View } from '../output/output.ts'
import { Progress } from '../output/progress.ts'
import { countText, timeText } from '../output/text-forms.ts'
import { backupPath } from '../routes.ts'
import type { Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'

const pollMs = 100
const mebibyte = 2 ** 20

type Place = { readonly path: string; readonly kind: 'directory' | 'tar' }
type Damage = BackupStatus['damage']
/** What a backup was made of, wherever it was made. */
type Made = Place & {
  readonly files: number
  readonly bytes: number
  readonly frame: number
  readonly appendTime: number
  readonly damage: Damage
}

async function create({ session, words, text }: Call): Promise<number> {
  const place = placeOf(session, words[0], text('tar'))
  const directory = text('data-dir')
  const made =
    directory === undefined ? await ofNode(session, place) : await ofDirectory(session, place, directory)
  const { path, files, bytes, appendTime, damage } = made
  const holds = `${countText(files, 'file')}, ${formatSize(bytes)}, everything appended up to ${timeText(appendTime)}`
  await session.output.done(made, path, `backup made: ${path} (${holds})`)
  return damageCode(session, damage)
}

function placeOf({ terminal }: Session, directory: string | undefined, tar: string | undefined): Place {
  if ((directory === undefined) === (tar === undefined)) {
    throw new UsageError('one place is needed', 'name a new directory, or a new file with --tar FILE')
  }
  const kind = tar === undefined ? 'directory' : 'tar'
  return { path: resolve(terminal.workingDirectory, (directory ?? tar)!), kind }
}

/** Ctrl-C gives the backup up on the node too. */
async function ofNode(session: Session, place: Place): Promise<Made> {
  const { client, terminal } = session
  let status = await client.ask<BackupStatus>('/api/v1/backups', { method: 'POST', json: place })
  const progress = new Progress(session, 'MB')
  try {
    while (status.state === 'running') {
      await sleep(terminal.clock, pollMs, terminal.interrupted)
      terminal.interrupted.throwIfAborted()
      status = await client.ask<BackupStatus>(backupPath(status.id))
      progress.set(Math.round(status.bytesDone / mebibyte))
    }
  } catch (thrown) {
    if (terminal.interrupted.aborted) {
      await client.ask(backupPath(status.id), { method: 'DELETE', toItsEnd: true })
      session.note('the backup was given up, and what was written removed')
    }
    throw thrown
  } finally {
    progress.end()
  }
  if (status.state !== 'done') throw failureOf(status)
  const { path, kind, files, bytes, frame, appendTime, damage } = status
  return { path, kind, files, bytes, frame: frame ?? 0, appendTime: appendTime ?? 0, damage }
}

function failureOf({ error, state }: BackupStatus): Error {
  if (error === null) return new Error(`the backup is ${state}`)
  if (!isErrorCode(error.code)) return new Error(error.message)
  return new BrokerError(error.code, error.message, error.fix === undefined ? {} : { fix: error.fix })
}

async function ofDirectory(session: Session, place: Place, directory: string): Promise<Made> {
  const { backupStopped, totalBytes } = await import('#node')
  const from = resolve(session.terminal.workingDirectory, directory)
  const manifest = await watched(session, (watching) => backupStopped(from, place, watching))
  const { files, frame, appendTime, damage } = manifest
  return {
    ...place,
    files: files.length,
    bytes: totalBytes(manifest),
    frame,
    appendTime,
    damage: [...damage],
  }
}

async function verify({ session, argument }: Call): Promise<number> {
  const { verifyBackupAt, totalBytes } = await import('#node')
  const path = resolve(session.terminal.workingDirectory, argument('BACKUP'))
  const report = await watched(session, (watching) => verifyBackupAt(path, watching))
  const { manifest, faults, batches, records } = report
  const { frame, appendTime, createdAt, madeBy, damage } = manifest
  const totals = { files: manifest.files.length, bytes: totalBytes(manifest), batches, records }
  const answer = {
    path,
    whole: faults.length === 0,
    createdAt,
    madeBy,
    frame,
    appendTime,
    ...totals,
    damage,
    faults,
  }
  const sentence =
    faults.length === 0
      ? `${path} is whole: ${countText(totals.files, 'file')}, ${formatSize(totals.bytes)}, ${countText(records, 'record')}, ` +
        `everything appended up to ${timeText(appendTime)}`
      : `${path} is damaged: ${faults.map((fault) => `${fault.path} ${fault.why}`).join('; ')}`
  await session.output.done(answer, path, sentence)
  const code = damageCode(session, damage)
  return faults.length === 0 ? code : exitCode.corrupt
}

async function restore({ session, argument, text }: Call): Promise<number> {
  const { restoreBackupTo, totalBytes } = await import('#node')
  const given = text('data-dir')
  if (given === undefined) throw new UsageError('--data-dir is missing', 'name the new data directory')
  const { workingDirectory } = session.terminal
  const path = resolve(workingDirectory, argument('BACKUP'))
  const directory = resolve(workingDirectory, given)
  const time = text('until')
  const cut = time === undefined ? {} : { until: timeOf(time) }
  const { manifest, moment, missing } = await watched(session, (watching) =>
    restoreBackupTo(path, directory, { ...watching, ...cut }),
  )
  const { damage, files } = manifest
  const { frame, appendTime } = moment
  const made = { directory, files: files.length, bytes: totalBytes(manifest), frame, appendTime, damage }
  const answer = time === undefined ? made : { ...made, missing }
  const sentence =
    `restored ${directory} (${countText(answer.files, 'file')}, ${formatSize(answer.bytes)}, ` +
    `everything appended up to ${timeText(appendTime)}); run it: pspf serve --data-dir ${directory}`
  await session.output.done(answer, directory, sentence)
  for (const name of missing)
    session.note(`${name} was there then, but not in the backup: it had been deleted before it was made`)
  return damageCode(session, damage)
}

const timePattern = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/i

/** `timeOf('2026-01-31T12:00') -> 1769860800000`: without a zone it is UTC, whatever the machine's is. */
function timeOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  const match = timePattern.exec(text)
  const hasZone = match?.[1] !== undefined || text.length === 10
  const time = match === null ? Number.NaN : Date.parse(hasZone ? text : `${text}Z`)
  if (Number.isFinite(time)) return time
  throw new UsageError(`--until cannot be "${text}"`, 'use a time like 2026-01-31T12:00:00Z, or milliseconds')
}

/** Partitions that were not whole when they were saved. */
function damageCode(session: Session, damage: readonly Damage[number][]): number {
  for (const { topic, partition, why } of damage) {
    session.note(`partition ${partition} of ${topic} was not whole when it was saved: ${why}`)
  }
  return damage.length === 0 ? exitCode.success : exitCode.corrupt
}

type Watching = { signal: AbortSignal; onProgress(progress: { bytesDone: number }): void }

async function watched<T>(session: Session, work: (watching: Watching) => Promise<T>): Promise<T> {
  const progress = new Progress(session, 'MB')
  const onProgress = ({ bytesDone }: { bytesDone: number }) => progress.set(Math.round(bytesDone / mebibyte))
  try {
    return await work({ signal: session.terminal.interrupted, onProgress })
  } finally {
    progress.end()
  }
}

const view: View<BackupStatus> = {
  name: (backup) => backup.id,
  columns: [
    { title: 'id', of: (backup) => backup.id, wide: true },
    { title: 'path', of: (backup) => backup.path },
    { title: 'state', of: (backup) => backup.state },
    { title: 'startedAt', of: (backup) => backup.startedAt, show: (backup) => timeText(backup.startedAt) },
    { title: 'files', of: (backup) => backup.filesDone, right: true },
    {
      title: 'bytes',
      of: (backup) => backup.bytesDone,
      show: (backup) => formatSize(backup.bytesDone),
      right: true,
    },
    { title: 'error', of: (backup) => backup.error?.message ?? '' },
  ],
}

async function list({ session }: Call): Promise<number> {
  await session.output.list(await session.client.ask<BackupStatus[]>('/api/v1/backups'), view)
  return exitCode.success
}

const source: Argument = { name: 'BACKUP', help: 'a backup: its directory or tar file', completes: 'file' }
const tar: Flag = {
  name: 'tar',
  value: 'FILE',
  help: 'write one tar file instead of a directory',
  completes: 'file',
}

export const backupCommands: readonly Command[] = [
  {
    path: ['ctl', 'backup', 'create'],
    summary: 'make a backup of a running or a stopped node',
    details:
      'A running node is not disturbed; the path is one of its machine. Segments that no longer change get a second name ' +
      'where the file system allows it, so a copy on the same disk is quick and small, but dies with that disk. With ' +
      '--data-dir the directory of a stopped node is saved. Ends with 10 if a partition was not whole.',
    effect: 'writes',
    arguments: [
      {
        name: 'DIR',
        help: 'a directory that does not exist yet, or is empty',
        optional: true,
        completes: 'file',
      },
    ],
    flags: [
      tar,
      {
        name: 'data-dir',
        value: 'DIR',
        help: 'of a stopped node, instead of asking a running one',
        completes: 'file',
      },
    ],
    examples: ['ctl backup create /mnt/usb/monday', 'ctl backup create --tar /mnt/usb/monday.tar'],
    run: create,
  },
  {
    path: ['ctl', 'backup', 'list'],
    summary: 'list the backups made since the node started',
    effect: 'read-only',
    examples: ['ctl backup list', 'ctl backup list -o json'],
    run: list,
  },
  {
    path: ['ctl', 'backup', 'verify'],
    summary: 'read every byte of a backup and check it',
    details: 'Needs no node. Ends with 10 if anything is missing, changed or damaged.',
    effect: 'read-only',
    arguments: [source],
    examples: ['ctl backup verify /mnt/usb/monday', 'ctl backup verify /mnt/usb/monday.tar -o json'],
    run: verify,
  },
  {
    path: ['ctl', 'backup', 'restore'],
    summary: 'make a new data directory from a backup',
    details:
      'Needs no node, and changes nothing that exists. State of apps is computed again from the log. With --until the log is ' +
      'as it was then: all that was appended up to a moment at most a second before, and nothing later, over all topics. ' +
      'What was compacted or deleted since cannot come back: then it says so, and restores nothing.',
    effect: 'writes',
    arguments: [source],
    flags: [
      {
        name: 'data-dir',
        value: 'NEW',
        help: 'a directory that does not exist yet, or is empty',
        completes: 'file',
      },
      {
        name: 'until',
        value: 'TIME',
        help: 'an ISO time (UTC unless it says its zone) or milliseconds; by default all of the backup',
      },
    ],
    examples: [
      'ctl backup restore /mnt/usb/monday --data-dir /var/lib/pspf',
      'ctl backup restore /mnt/usb/monday --data-dir /var/lib/pspf --until 2026-01-31T12:00:00Z',
    ],
    run: restore,
  },
]
