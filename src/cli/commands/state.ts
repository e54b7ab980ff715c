// `pspfctl state ...`: what the apps of a stopped node have in their state stores.
import { resolve } from 'node:path'
import { formatSize } from '#base'
import type { StateRow, StoreFacts } from '#node'
import type { Call, Command, Flag } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { RowStream, View } from '../output/output.ts'
import { timeText } from '../output/text-forms.ts'
import { UsageError } from '../usage-error.ts'

function placeOf({ session, text }: Call): { directory: string; rocksdb: string | null } {
  const given = text('data-dir')
  if (given === undefined)
    throw new UsageError('--data-dir is missing', 'name the data directory of a stopped node')
  const { workingDirectory, environment } = session.terminal
  return { directory: resolve(workingDirectory, given), rocksdb: environment['PSPF_ROCKSDB'] ?? null }
}

async function inspect(call: Call): Promise<number> {
  const { session, words } = call
  const { directory, rocksdb } = placeOf(call)
  const { inspectState } = await import('#node')
  const stores = await inspectState(directory, { app: words[0] ?? null, rocksdb })
  await session.output.list(stores, storesView)
  const damaged = stores.filter(({ damage }) => damage !== null)
  if (stores.length === 0)
    session.note("no state in files there; with store: 'memory' it is in the changelog only")
  for (const { app, task, damage } of damaged)
    session.note(`${app}/${task}: ${damage}; the next start fills it anew`)
  return damaged.length === 0 ? exitCode.success : exitCode.corrupt
}

const storesView: View<StoreFacts> = {
  name: ({ app, task }) => `${app}/${task}`,
  columns: [
    { title: 'app', of: ({ app }) => app },
    { title: 'task', of: ({ task }) => task },
    { title: 'store', of: ({ store }) => store },
    { title: 'keys', of: ({ keys }) => keys, right: true },
    {
      title: 'sizeBytes',
      of: ({ sizeBytes }) => sizeBytes,
      show: ({ sizeBytes }) => formatSize(sizeBytes),
      right: true,
    },
    { title: 'position', of: ({ position }) => position, right: true },
    {
      title: 'nodes',
      of: ({ nodes }) => nodes,
      show: ({ nodes }) => nodes.map(({ node, keys }) => `${node} ${keys}`).join(', ') || '-',
    },
    { title: 'damage', of: ({ damage }) => damage, wide: true },
  ],
}

async function exportAll(call: Call): Promise<number> {
  const { session, argument, text } = call
  const { directory, rocksdb } = placeOf(call)
  const { exportState } = await import('#node')
  const rows: RowStream<StateRow> = session.output.stream(rowsView)
  let count = 0
  const wish = { app: argument('APP'), task: text('task') ?? null, node: text('node') ?? null, rocksdb }
  await exportState(directory, wish, async (row) => {
    session.terminal.interrupted.throwIfAborted()
    await rows.write([row])
    count++
  })
  await rows.end()
  session.note(`${count} entries of ${wish.app}`)
  return exitCode.success
}

const rowsView: View<StateRow> = {
  name: ({ node, key }) => `${node ?? ''}/${key ?? ''}`,
  columns: [
    { title: 'task', of: ({ task }) => task },
    { title: 'node', of: ({ node }) => node },
    { title: 'kind', of: ({ kind }) => kind },
    { title: 'key', of: ({ key }) => key },
    { title: 'at', of: ({ at }) => at, show: ({ at }) => timeText(at) },
    { title: 'part', of: ({ part }) => part },
    { title: 'value', of: ({ value }) => value },
  ],
}

const dataDirectory: Flag = {
  name: 'data-dir',
  value: 'DIR',
  help: 'the data directory of a stopped node',
  completes: 'file',
}

export const stateCommands: readonly Command[] = [
  {
    path: ['ctl', 'state', 'inspect'],
    summary: 'list the state stores of apps: keys, size, position in the changelog',
    details:
      'Reads every entry and changes none. A store that cannot be read is named, and the command ends with 10; the next ' +
      'start of its app fills it anew. Apps that keep state in memory have no files. RocksDB is found as PSPF_ROCKSDB says.',
    effect: 'read-only',
    arguments: [{ name: 'APP', help: 'only this app', optional: true }],
    flags: [dataDirectory],
    examples: [
      'ctl state inspect --data-dir ./pspf-data',
      'ctl state inspect shop --data-dir ./pspf-data -o json',
    ],
    run: inspect,
  },
  {
    path: ['ctl', 'state', 'export'],
    summary: "write an app's state out, one entry a line",
    details:
      'One JSON object for each entry, in the order of keys: task, node, kind (result, window, item, row, state, timer ' +
      '...), key, at (when a window begins), part and value, as the store has them at its position.',
    effect: 'read-only',
    arguments: [{ name: 'APP', help: 'id of the app' }],
    flags: [
      dataDirectory,
      { name: 'task', value: 'TASK', help: 'only this task, as inspect lists it' },
      { name: 'node', value: 'NODE', help: 'only this node of the app' },
    ],
    examples: ['ctl state export shop --data-dir ./pspf-data > state.jsonl'],
    defaultFormat: 'jsonl',
    run: exportAll,
  },
]
