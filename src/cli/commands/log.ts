// `pspfctl log ...`: checks, shows and repairs the log in the data directory of a stopped node.
import { resolve } from 'node:path'
import { formatSize } from '#base'
import type { DumpedBatch, DumpedPiece, DumpedRecord, Finding, RepairChoice, Repaired } from '#node'
import type { Call, Command, Flag } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { RowStream, View } from '../output/output.ts'
import { Progress } from '../output/progress.ts'
import { countText, timeText } from '../output/text-forms.ts'
import { UsageError } from '../usage-error.ts'
import { yes } from './consent-flags.ts'

const mebibyte = 2 ** 20

function directoryOf({ session, text }: Call): string {
  const given = text('data-dir')
  if (given === undefined)
    throw new UsageError('--data-dir is missing', 'name the data directory of a stopped node')
  return resolve(session.terminal.workingDirectory, given)
}

async function verify(call: Call): Promise<number> {
  const { session } = call
  const directory = directoryOf(call)
  const { verifyStopped } = await import('#node')
  const progress = new Progress(session, 'MB')
  const report = await verifyStopped(directory, {
    signal: session.terminal.interrupted,
    onProgress: (doneBytes) => progress.set(Math.round(doneBytes / mebibyte)),
  }).finally(() => progress.end())
  await session.output.list(report.findings, findingsView)
  const { partitions, segments, bytes, frames, tornBytes, findings } = report
  const damaged = findings.filter(({ harmless }) => !harmless).length
  const found = damaged === 0 ? 'no damage' : countText(damaged, 'place') + ' damaged'
  session.note(
    `${directory}: ${found} in ${countText(partitions, 'partition')}, ${countText(segments, 'segment')}, ` +
      `${formatSize(bytes)} and ${countText(frames, 'frame')} of the write-ahead log behind the checkpoint`,
  )
  if (tornBytes > 0)
    session.note(`${formatSize(tornBytes)} at its end were never acknowledged: the next start cuts them`)
  return damaged === 0 ? exitCode.success : exitCode.corrupt
}

const findingsView: View<Finding> = {
  name: ({ path }) => path,
  columns: [
    { title: 'kind', of: ({ kind }) => kind },
    { title: 'partition', of: ({ partition }) => partition },
    { title: 'path', of: ({ path }) => path },
    { title: 'position', of: ({ position }) => position, right: true },
    { title: 'why', of: ({ why }) => why },
    { title: 'harmless', of: ({ harmless }) => harmless, wide: true },
    { title: 'fix', of: ({ fix }) => fix, wide: true },
  ],
}

/** A record, a batch, or a stretch that is neither. */
type DumpRow = Partial<Omit<DumpedBatch, 'kind' | 'records'>> &
  Partial<DumpedRecord> & { readonly path: string; readonly position: number; readonly damage: string | null }

async function dump(call: Call): Promise<number> {
  const { session, argument, number, on } = call
  const directory = directoryOf(call)
  const { dumpStopped } = await import('#node')
  const rows: RowStream<DumpRow> = session.output.stream(on('batches') ? batchesView : recordsView)
  let damages = 0
  const place = { partition: argument('TOPIC-PARTITION'), from: number('from') ?? 0 }
  await dumpStopped(directory, place, async (piece) => {
    session.terminal.interrupted.throwIfAborted()
    if (piece.kind === 'damage') damages++
    await rows.write(rowsOf(piece, on('batches')))
  })
  await rows.end()
  if (damages > 0)
    session.note(`${countText(damages, 'place')} damaged; pspfctl log verify looks at everything`)
  return damages === 0 ? exitCode.success : exitCode.corrupt
}

function rowsOf(piece: DumpedPiece, batches: boolean): DumpRow[] {
  const { kind: _kind, ...facts } = piece
  if (piece.kind === 'damage')
    return [{ ...facts, path: piece.path, position: piece.position, damage: piece.why }]
  const { kind: _batch, records, ...batch } = piece
  if (batches) return [{ ...batch, damage: null }]
  return records.map((record) => {
    return { path: batch.path, position: batch.position, ...record, damage: null }
  })
}

const recordsView: View<DumpRow> = {
  name: ({ offset, position }) => String(offset ?? `damage@${position}`),
  columns: [
    { title: 'offset', of: ({ offset }) => offset, right: true, width: 8 },
    {
      title: 'timestamp',
      of: ({ timestamp }) => timestamp,
      show: ({ timestamp }) => timeText(timestamp ?? null),
      width: 24,
    },
    { title: 'key', of: ({ key }) => key, width: 12 },
    {
      title: 'value',
      of: ({ value, damage }) => (damage === null ? value : `DAMAGED: ${damage}`),
      width: 20,
    },
    { title: 'headers', of: ({ headers }) => headers, wide: true },
    { title: 'sizeBytes', of: ({ sizeBytes }) => sizeBytes, right: true, wide: true },
    { title: 'position', of: ({ position }) => position, right: true, wide: true },
    { title: 'path', of: ({ path }) => path, wide: true },
  ],
}

const batchesView: View<DumpRow> = {
  name: ({ baseOffset, position }) => String(baseOffset ?? `damage@${position}`),
  columns: [
    { title: 'baseOffset', of: ({ baseOffset }) => baseOffset, right: true, width: 8 },
    { title: 'lastOffset', of: ({ lastOffset }) => lastOffset, right: true, width: 8 },
    { title: 'recordCount', of: ({ recordCount }) => recordCount, right: true },
    { title: 'sizeBytes', of: ({ sizeBytes }) => sizeBytes, right: true, width: 9 },
    { title: 'compression', of: ({ compression }) => compression },
    {
      title: 'maxTimestamp',
      of: ({ maxTimestamp }) => maxTimestamp,
      show: ({ maxTimestamp }) => timeText(maxTimestamp ?? null),
      width: 24,
    },
    { title: 'position', of: ({ position }) => position, right: true, width: 10 },
    { title: 'damage', of: ({ damage }) => damage },
    { title: 'epoch', of: ({ epoch }) => epoch, right: true, wide: true },
    {
      title: 'appendedFrom',
      of: ({ appendedFrom }) => appendedFrom,
      show: ({ appendedFrom }) => timeText(appendedFrom ?? null),
      wide: true,
    },
    {
      title: 'appendedUntil',
      of: ({ appendedUntil }) => appendedUntil,
      show: ({ appendedUntil }) => timeText(appendedUntil ?? null),
      wide: true,
    },
    { title: 'path', of: ({ path }) => path, wide: true },
  ],
}

async function repair(call: Call): Promise<number> {
  const { session, on } = call
  const choice = choiceOf(call)
  const directory = directoryOf(call)
  const { repairStopped } = await import('#node')
  const apply = on('yes')
  const repaired = await repairStopped(directory, { choice, apply })
  await session.output.list(repaired, repairedView)
  session.note(summary(repaired, apply))
  return repaired.length === 0 || apply ? exitCode.success : exitCode.corrupt
}

function choiceOf({ words, on, number }: Call): RepairChoice {
  const [partition] = words
  const at = number('truncate-at')
  if (on('skip-damaged') === (at !== undefined)) {
    throw new UsageError('one way to repair is needed', 'give --skip-damaged or --truncate-at OFFSET')
  }
  if (at === undefined) return { kind: 'skip-damaged', ...(partition !== undefined && { partition }) }
  if (partition === undefined) {
    throw new UsageError(
      '--truncate-at is for one partition',
      'name it: pspfctl log repair orders-0 --truncate-at 100',
    )
  }
  return { kind: 'truncate', partition, at }
}

function summary(repaired: readonly Repaired[], applied: boolean): string {
  if (repaired.length === 0) return 'nothing to repair'
  const what = countText(repaired.length, 'partition')
  return applied
    ? `${what} repaired; what was replaced is kept in quarantine/`
    : `${what} would be repaired and nothing was changed: add --yes to do it`
}

const rangesText = ({ lost }: Repaired) =>
  lost.map(({ from, until }) => (until - from === 1 ? `${from}` : `${from}..${until - 1}`)).join(', ')

const repairedView: View<Repaired> = {
  name: ({ partition }) => partition,
  columns: [
    { title: 'partition', of: ({ partition }) => partition },
    { title: 'lost', of: ({ lost }) => lost, show: (row) => rangesText(row) || '-' },
    { title: 'endOffset', of: ({ endOffset }) => endOffset, right: true },
    { title: 'files', of: ({ files }) => files, show: ({ files }) => files.join(', ') },
  ],
}

const dataDirectory: Flag = {
  name: 'data-dir',
  value: 'DIR',
  help: 'the data directory of a stopped node',
  completes: 'file',
}

export const logCommands: readonly Command[] = [
  {
    path: ['ctl', 'log', 'verify'],
    summary: 'read every byte of the log of a stopped node and check it',
    details:
      'Changes nothing. Lists what is damaged, and what is made anew by itself (indexes); ends with 10 if anything else ' +
      'than an index is not what was written.',
    effect: 'read-only',
    flags: [dataDirectory],
    examples: ['ctl log verify --data-dir ./pspf-data', 'ctl log verify --data-dir ./pspf-data -o json'],
    run: verify,
  },
  {
    path: ['ctl', 'log', 'dump'],
    summary: 'show the records of one partition as they lie in its segments',
    details:
      'Reads the files up to the last checkpoint; what is only in the write-ahead log comes with the next start. Damaged ' +
      'stretches are shown in their place, and the dump goes on behind them; then it ends with 10.',
    effect: 'read-only',
    arguments: [{ name: 'TOPIC-PARTITION', help: 'as its directory is called: orders-0' }],
    flags: [
      dataDirectory,
      { name: 'from', value: 'OFFSET', help: 'begin at this offset', number: true },
      { name: 'batches', help: 'one row for each batch instead of each record' },
    ],
    examples: [
      'ctl log dump orders-0 --data-dir ./pspf-data -o jsonl',
      'ctl log dump orders-0 --data-dir ./pspf-data --batches -o wide',
    ],
    run: dump,
  },
  {
    path: ['ctl', 'log', 'repair'],
    summary: 'accept the loss of what is damaged, so that its partition takes records again',
    details:
      'Brings the log forward as a start does; beyond that nothing changes without --yes: it says what it would do, and ends ' +
      'with 10 if there is anything. --skip-damaged keeps every batch that is whole and leaves the offsets of the others ' +
      'empty. --truncate-at drops everything from an offset on, whose offsets are given to new records. What is replaced ' +
      'or dropped is copied into quarantine/ first.',
    effect: 'destructive',
    arguments: [
      {
        name: 'TOPIC-PARTITION',
        help: 'only this one, as its directory is called: orders-0',
        optional: true,
      },
    ],
    flags: [
      dataDirectory,
      { name: 'skip-damaged', help: 'keep what is whole, leave the rest empty' },
      { name: 'truncate-at', value: 'OFFSET', help: 'drop everything from this offset on', number: true },
      yes,
    ],
    examples: [
      'ctl log repair --skip-damaged --data-dir ./pspf-data',
      'ctl log repair orders-0 --truncate-at 1200 --data-dir ./pspf-data --yes',
    ],
    run: repair,
  },
]
