// What an app keeps: choose a node, look keys up, see their rows as committed.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { AppStatus, TableRow, TableRows, TableSummary } from '../../src/http/contract.ts'
import { useAsked } from '../api/asked.ts'
import { api } from '../api/client.ts'
import { formatCount } from '../format/number.ts'
import { useQuery } from '../frame/location.ts'
import { Select } from '../parts/choice.tsx'
import { Time } from '../parts/clock.tsx'
import { CommandLine } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { JsonTree } from '../parts/json-tree.tsx'
import { Preview } from '../parts/preview.tsx'
import { SearchField } from '../parts/search.tsx'
import { Card, Empty, SkeletonRows, Tag, Trouble } from '../parts/surface.tsx'

const pageRows = 100
const rowsMax = 1_000
/** Results with columns of their own; what has more is one value. */
const columnsMax = 8

export function AppTables({ app }: { app: AppStatus }): JSX.Element {
  const [query, change] = useQuery()
  const { answer, problem } = useAsked(`tables of ${app.id}`, api.tables)
  const tables = answer?.filter((table) => table.app === app.id)
  if (!tables)
    return problem ? <Trouble problem={problem} title="The state cannot be read" /> : <SkeletonRows />
  if (tables.length === 0) {
    return (
      <Card>
        <Empty icon="state" title="This app keeps no state" small />
      </Card>
    )
  }
  const table = tables.find(({ node }) => node === query.get('node')) ?? tables[0]!
  const prefix = query.get('key') ?? ''
  return (
    <>
      <div class="toolbar">
        <Select
          label="Node"
          value={table.node}
          options={tables.map(({ node, kind }) => ({ value: node, label: `${node} (${kind})` }))}
          onChange={(node) => change({ node, key: null })}
        />
        <SearchField
          value={prefix}
          label={`${table.key ?? 'Key'} begins with`}
          onChange={(key) => change({ key })}
        />
        <span class="gap" />
        <TableFacts table={table} />
      </div>
      <div class="stack">
        <Rows key={`${table.name} ${prefix}`} table={table} prefix={prefix} />
        <CommandLine label="The same from a shell" text={commandOf(table, prefix)} />
      </div>
    </>
  )
}

function commandOf({ name }: TableSummary, prefix: string): string {
  const quoted = prefix.replaceAll("'", "'\\''")
  return `pspf table get ${name}${prefix === '' ? '' : ` --prefix '${quoted}'`}`
}

function TableFacts({ table }: { table: TableSummary }): JSX.Element {
  const times = table.positions.map(({ watermark }) => watermark).filter((time) => time !== null)
  return (
    <span class="faint">
      {table.rows !== null && `${formatCount(table.rows)}${table.more ? '+' : ''} rows`}
      {times.length > 0 && (
        <>
          {' · event time '}
          <Time at={Math.min(...times)} />
        </>
      )}
    </span>
  )
}

function Rows({ table, prefix }: { table: TableSummary; prefix: string }): JSX.Element {
  const [limit, setLimit] = useState(pageRows)
  const [open, setOpen] = useState<TableRow | null>(null)
  const { answer, problem } = useAsked(`${table.name} ${prefix} ${limit}`, () =>
    api.tableRows(table.name, { limit, ...(prefix === '' ? {} : { prefix }) }),
  )
  if (!answer)
    return problem ? <Trouble problem={problem} title="The rows cannot be read" /> : <SkeletonRows />
  if (answer.rows.length === 0) {
    return (
      <Card>
        <Empty
          icon="search"
          title={prefix === '' ? 'Nothing is kept here now' : `No key begins with “${prefix}”`}
          small
        >
          {table.kind === 'window' && (
            <p>Windows are here until they close; then their rows are in their topic.</p>
          )}
        </Empty>
      </Card>
    )
  }
  return (
    <Card flush>
      <RowTable answer={answer} open={open} onOpen={setOpen} />
      {answer.next !== null && limit < rowsMax && (
        <button type="button" class="table-more" onClick={() => setLimit(Math.min(rowsMax, limit * 3))}>
          Show more rows
        </button>
      )}
      {open && <RowDrawer row={open} onClose={() => setOpen(null)} />}
    </Card>
  )
}

function RowTable(props: {
  answer: TableRows
  open: TableRow | null
  onOpen: (row: TableRow) => void
}): JSX.Element {
  const { rows } = props.answer
  const columns = columnsOf(rows)
  const hasWindow = rows.some(({ window }) => window !== undefined)
  return (
    <div class="table-scroll">
      <table class="table compact rows letters" aria-label="Rows">
        <thead>
          <tr>
            <th scope="col">Key</th>
            {hasWindow && <th scope="col">Window</th>}
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
            {columns.length === 0 && <th scope="col">Value</th>}
            <th scope="col" class="medium-only">
              Event time
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index} class={row === props.open ? 'open' : undefined} onClick={() => props.onOpen(row)}>
              <td>
                <button type="button" class="link" aria-label={`Open row of ${String(row.key)}`}>
                  <Preview value={String(row.key)} lengthMax={60} />
                </button>{' '}
                {row.side !== undefined && <Tag>{row.side}</Tag>}
              </td>
              {hasWindow && (
                <td class="minor">
                  <Time at={row.window?.start} />
                </td>
              )}
              {columns.map((column) => (
                <td key={column} class="mono">
                  <Preview value={(row.value as Record<string, unknown>)[column]} lengthMax={40} />
                </td>
              ))}
              {columns.length === 0 && (
                <td class="mono wide">
                  <Preview value={row.value} />
                </td>
              )}
              <td class="minor medium-only">
                <Time at={row.at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Fields that all values have; none if they are not alike. */
function columnsOf(rows: readonly TableRow[]): string[] {
  const fields = (value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : []
  const first = fields(rows[0]?.value)
  const alike = rows.every(({ value }) => fields(value).join() === first.join())
  return alike && first.length <= columnsMax ? first : []
}

function RowDrawer({ row, onClose }: { row: TableRow; onClose: () => void }): JSX.Element {
  return (
    <Dialog kind="drawer" title={`Row of ${String(row.key)}`} onClose={onClose}>
      <div class="stack">
        <dl class="facts">
          <dt>Key</dt>
          <dd class="mono">
            <Preview value={String(row.key)} lengthMax={2_000} /> <span class="faint">{typeof row.key}</span>
          </dd>
          {row.window && (
            <>
              <dt>Window</dt>
              <dd>
                <Time at={row.window.start} /> <span class="faint">to</span> <Time at={row.window.end} />
              </dd>
            </>
          )}
          {row.at !== undefined && (
            <>
              <dt>Event time</dt>
              <dd>
                <Time at={row.at} /> <span class="faint">of its newest row</span>
              </dd>
            </>
          )}
        </dl>
        <div class="code-block">
          <JsonTree value={row.value} />
        </div>
      </div>
    </Dialog>
  )
}
