// `pspf app ...`
import { formatSize } from '#base'
import type { AppStatus, GraphNode } from '../answers.ts'
import type { Argument, Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import { graphMermaid, graphOutline } from '../output/graph-text.ts'
import type { Column, View } from '../output/output.ts'
import { harmless } from '../output/style.ts'
import { rateText, timeText } from '../output/text-forms.ts'
import { appPath } from '../routes.ts'

/** A process that hangs keeps the state and the lag that it told last; while it runs, an error says that they may not be true. */
const isSilent = ({ state, error }: AppStatus) => state === 'running' && error !== null

const summary: View<AppStatus> = {
  name: (app) => app.id,
  columns: [
    { title: 'id', of: (app) => app.id },
    {
      title: 'state',
      of: (app) => app.state,
      show: (app) => (isSilent(app) ? 'not answering' : app.state),
    },
    {
      title: 'recordsPerSecond',
      of: (app) => app.recordsPerSecond,
      show: (app) => rateText(app.recordsPerSecond),
      right: true,
    },
    {
      title: 'lag',
      of: (app) => app.lag,
      show: (app) => (isSilent(app) ? '-' : String(app.lag)),
      right: true,
    },
    { title: 'restarts', of: (app) => app.restarts, right: true },
    {
      title: 'memoryBytes',
      of: (app) => app.memoryBytes,
      show: (app) => formatSize(app.memoryBytes),
      right: true,
      wide: true,
    },
    { title: 'started', of: (app) => app.startedAt, show: (app) => timeText(app.startedAt), wide: true },
    { title: 'version', of: (app) => app.version, right: true },
    { title: 'file', of: (app) => app.file, wide: true },
    { title: 'error', of: (app) => app.error?.message ?? null },
  ],
}

async function list({ session }: Call): Promise<number> {
  const apps = await session.client.ask<AppStatus[]>('/api/v1/apps')
  await session.output.list(apps, summary)
  if (apps.length === 0 && session.output.forPeople) session.note('no apps: pspf app deploy APP.ts')
  return exitCode.success
}

type NodeRow = GraphNode & { recordsIn: number; recordsOut: number; errors: number; late: number }

const nodeColumns: readonly Column<NodeRow>[] = [
  { title: 'operator', of: (node) => node.id },
  { title: 'kind', of: (node) => node.kind },
  { title: 'in', of: (node) => node.recordsIn, right: true },
  { title: 'out', of: (node) => node.recordsOut, right: true },
  { title: 'late', of: (node) => node.late, right: true },
  { title: 'errors', of: (node) => node.errors, right: true },
  { title: 'does', of: (node) => node.label },
]

const taskColumns: readonly Column<AppStatus['tasks'][number]>[] = [
  { title: 'task', of: (task) => task.task },
  { title: 'topic', of: (task) => task.topic },
  { title: 'partition', of: (task) => task.partition, right: true },
  { title: 'position', of: (task) => task.position, right: true },
  { title: 'lag', of: (task) => task.lag, right: true },
  { title: 'watermark', of: (task) => timeText(task.watermark) },
  { title: 'commits', of: (task) => task.commits, right: true },
]

async function describe({ session, argument }: Call): Promise<number> {
  const app = await session.client.ask<AppStatus>(appPath(argument('ID')))
  const { output } = session
  const stats = new Map(app.nodes.map((node) => [node.id, node]))
  const nodes = app.graph.nodes.map((node): NodeRow => {
    return { recordsIn: 0, recordsOut: 0, errors: 0, late: 0, ...stats.get(node.id), ...node }
  })
  const frame = app.error?.frame ? `\n${harmless(app.error.frame, true)}\n` : ''
  const late = lateNotes(nodes)
  const tables = `\n${output.table(nodes, nodeColumns)}\n${output.table(app.tasks, taskColumns)}${late}`
  await output.one(app, summary, `${frame}${tables}`)
  return exitCode.success
}

/** Why rows are missing from results, where some are. */
function lateNotes(nodes: readonly NodeRow[]): string {
  const notes = nodes
    .filter(({ late }) => late > 0)
    .map(({ id, late, kind }) => {
      const isOne = late === 1
      const rows = isOne ? '1 row' : `${late} rows`
      const whose = isOne ? 'it belongs' : 'they belong'
      const what = kind === 'window' ? `all windows ${whose} to had closed` : 'their time had passed'
      return `${id}: ${rows} came late, after ${what}; .late has each with the window it missed, a longer grace or outOfOrder takes them in`
    })
  return notes.length === 0 ? '' : `\n${notes.join('\n')}\n`
}

const change =
  (verb: 'pause' | 'resume') =>
  async ({ session, argument }: Call) => {
    const id = argument('ID')
    const app = await session.client.ask<AppStatus>(`${appPath(id)}/${verb}`, { method: 'POST' })
    await session.output.done(app, id, verb === 'pause' ? pauseText(app) : `resumed ${id}`)
    return exitCode.success
  }

/** An app pauses at its next commit, which one that hangs never reaches: then the node ends its process. */
function pauseText(app: AppStatus): string {
  if (app.state === 'paused') return `paused ${app.id}`
  return isSilent(app)
    ? `${app.id} does not answer: its process is ended soon, and it stays paused`
    : `${app.id} pauses at its next commit`
}

async function graph({ session, argument, on }: Call): Promise<number> {
  const { id, graph: shown } = await session.client.ask<AppStatus>(appPath(argument('ID')))
  const { output } = session
  if (on('mermaid')) await output.text(graphMermaid(shown))
  else if (output.forPeople) await output.text(harmless(graphOutline(shown), true))
  else await output.one(shown, { name: () => id, columns: [] })
  return exitCode.success
}

const appArgument: Argument = { name: 'ID', help: 'id of the app', completes: 'app' }

export const appCommands: readonly Command[] = [
  {
    path: ['app', 'list'],
    summary: 'list apps with their state, rate and lag',
    effect: 'read-only',
    examples: ['app list', 'app list -o wide'],
    run: list,
  },
  {
    path: ['app', 'describe'],
    summary: 'show an app, its operators and its tasks',
    effect: 'read-only',
    arguments: [appArgument],
    examples: ['app describe flights', 'app describe flights -o json'],
    run: describe,
  },
  {
    path: ['app', 'pause'],
    summary: 'stop an app at its next commit; it stays paused until resumed',
    effect: 'writes',
    arguments: [appArgument],
    examples: ['app pause flights'],
    run: change('pause'),
  },
  {
    path: ['app', 'resume'],
    summary: 'let a paused app go on where it was',
    effect: 'writes',
    arguments: [appArgument],
    examples: ['app resume flights'],
    run: change('resume'),
  },
  {
    path: ['app', 'graph'],
    summary: "show an app's operators as a graph",
    effect: 'read-only',
    arguments: [appArgument],
    flags: [{ name: 'mermaid', help: 'as Mermaid text, for documents' }],
    examples: ['app graph flights', 'app graph flights --mermaid'],
    run: graph,
  },
]
