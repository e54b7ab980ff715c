// `pspf table ...`: the state of apps, as committed.
import type { TableRow, TableRows, TableSummary } from '../answers.ts'
import type { Argument, Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { Column, View } from '../output/output.ts'
import { timeText } from '../output/text-forms.ts'
import { tablePath } from '../routes.ts'

const summary: View<TableSummary> = {
  name: (table) => table.name,
  columns: [
    { title: 'name', of: (table) => table.name },
    { title: 'kind', of: (table) => table.kind },
    { title: 'key', of: (table) => table.key },
    {
      title: 'rows',
      of: (table) => table.rows,
      show: ({ rows, more }) => (rows === null ? '-' : `${rows}${more ? '+' : ''}`),
      right: true,
    },
    { title: 'watermark', of: watermarkOf, show: (table) => timeText(watermarkOf(table)) },
    { title: 'state', of: (table) => table.state },
    { title: 'does', of: (table) => table.label, wide: true },
  ],
}

/** Of the table: the least of its tasks. */
function watermarkOf({ positions }: TableSummary): number | null {
  const known = positions.map(({ watermark }) => watermark).filter((time) => time !== null)
  return known.length === 0 || known.length < positions.length ? null : Math.min(...known)
}

async function list({ session }: Call): Promise<number> {
  const tables = await session.client.ask<TableSummary[]>('/api/v1/tables')
  await session.output.list(tables, summary)
  if (tables.length === 0 && session.output.forPeople) session.note('no app keeps state')
  return exitCode.success
}

async function get({ session, words, argument, text, number }: Call): Promise<number> {
  const key = words[1]
  const path = tablePath(argument('NAME'))
  const asked = {
    // Not in the path, in which an empty key or ".." would name something else.
    ...(key === undefined ? { from: text('from'), to: text('to'), prefix: text('prefix') } : { key }),
    window: text('window'),
    waitFor: text('wait-for'),
  }
  let left = number('limit') ?? 100
  let stream: ReturnType<typeof session.output.stream<TableRow>> | undefined
  for (let cursor: string | undefined; left > 0; ) {
    const query = { ...asked, cursor, limit: Math.min(left, 1_000) }
    const { rows, next } = await session.client.ask<TableRows>(path, { query })
    stream ??= session.output.stream(viewOf(rows))
    await stream.write(rows)
    left -= rows.length
    if (next === null) break
    cursor = next
  }
  await stream?.end()
  return exitCode.success
}

/** Results have columns of their own; rows that are kept as they came have one. */
function viewOf(rows: readonly TableRow[]): View<TableRow> {
  const [first] = rows
  const isRecord = typeof first?.value === 'object' && first.value !== null && !Array.isArray(first.value)
  const names = isRecord && first.side === undefined ? Object.keys(first.value as object) : []
  const results = names.map((name): Column<TableRow> => ({ title: name, of: (row) => resultIn(row, name) }))
  return {
    name: ({ key }) => String(key),
    columns: [
      { title: 'key', of: ({ key }) => key },
      ...(first?.window === undefined
        ? []
        : [
            { title: 'start', of: startOf, show: (row: TableRow) => timeText(startOf(row)) },
            { title: 'end', of: endOf, show: (row: TableRow) => timeText(endOf(row)) },
          ]),
      ...(first?.side === undefined ? [] : [{ title: 'side', of: (row: TableRow) => row.side }]),
      ...(results.length > 0 ? results : [{ title: 'value', of: (row: TableRow) => row.value }]),
      { title: 'at', of: ({ at }) => at ?? null, show: ({ at }) => timeText(at ?? null), wide: true },
    ],
  }
}

const startOf = ({ window }: TableRow) => window?.start ?? null
const endOf = ({ window }: TableRow) => window?.end ?? null
const resultIn = ({ value }: TableRow, name: string) =>
  (value as Record<string, unknown> | null)?.[name] ?? null

const tableArgument: Argument = { name: 'NAME', help: 'app.node, or the node alone', completes: 'table' }

export const tableCommands: readonly Command[] = [
  {
    path: ['table', 'list'],
    summary: 'list what apps keep: one table for each node with state',
    effect: 'read-only',
    examples: ['table list', 'table list -o wide'],
    run: list,
  },
  {
    path: ['table', 'get'],
    summary: 'show rows of a table, or look a key up',
    details:
      'Rows are what is committed, in the order of their keys. Of windows, those that are open, the oldest first; what they came to when they closed is in the topic they go to.',
    effect: 'read-only',
    arguments: [
      tableArgument,
      { name: 'KEY', help: 'only this key; exit code 3 if there is none', optional: true },
    ],
    flags: [
      { name: 'from', value: 'KEY', help: 'keys from this one on' },
      { name: 'to', value: 'KEY', help: 'keys before this one' },
      { name: 'prefix', value: 'TEXT', help: 'keys that begin so' },
      { name: 'window', value: 'FROM..TO', help: 'windows that begin then: ISO times or milliseconds' },
      {
        name: 'wait-for',
        value: '[TOPIC:]PARTITION:OFFSET,...',
        help: 'first wait until this input is processed',
      },
      { name: 'limit', short: 'n', value: 'N', number: true, help: 'rows at most', fallback: '100' },
    ],
    examples: [
      'table get shop.totals',
      'table get totals north',
      'table get shop.per-minute north --window 2026-01-31T12:00..',
    ],
    run: get,
  },
]
