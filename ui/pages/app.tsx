// One app: its graph with live rates, its tasks, and what went wrong if something did.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { AppStatus } from '../../src/http/contract.ts'
import { type ApiProblem, api } from '../api/client.ts'
import { formatBytes, formatCount, formatRate, formatValue } from '../format/number.ts'
import { formatDay, formatSpan } from '../format/time.ts'
import { useQuery } from '../frame/location.ts'
import { useChannel } from '../live/page.ts'
import { Segments } from '../parts/choice.tsx'
import { now, Time } from '../parts/clock.tsx'
import { CopyButton } from '../parts/copy.tsx'
import { Icon } from '../parts/icon.tsx'
import { narrow } from '../parts/narrow.ts'
import { Badge, Card, Empty, Figure, SkeletonRows } from '../parts/surface.tsx'
import { pushToast } from '../parts/toast.tsx'
import { appTone, appWord } from '../widgets/app-state.ts'
import { AppGraph } from './app-graph.tsx'
import { OperatorList } from './app-list.tsx'
import { ratesOf } from './app-rates.ts'
import { AppTables } from './app-tables.tsx'
import { AppVersions } from './app-versions.tsx'
import { fileName } from './apps.tsx'

const views = [
  { value: 'graph', label: 'Graph' },
  { value: 'list', label: 'List' },
  { value: 'state', label: 'State' },
] as const

export function AppPage({ id }: { id: string }): JSX.Element {
  const channel = useChannel('apps')
  const [query, change] = useQuery()
  const data = channel.data.value
  if (data?.kind !== 'apps') return <SkeletonRows />
  const app = data.apps.find((one) => one.id === id)
  if (!app) {
    return (
      <Empty icon="apps" title={`There is no app ${id}`}>
        <Link href="/apps">All apps</Link>
      </Empty>
    )
  }
  // A graph needs width; the list says the same.
  const view =
    views.find(({ value }) => value === query.get('view'))?.value ?? (narrow.value ? 'list' : 'graph')
  const rateOf = ratesOf(app, channel.updatedAt.value ?? 0)
  return (
    <>
      <div class="toolbar">
        <Badge tone={appTone(app)}>{appWord(app)}</Badge>
        <span class="faint">
          {app.version === null ? fileName(app.file) : `version ${app.version}`}
          {app.startedAt !== null && ` · up for ${formatSpan(Math.max(0, now.value - app.startedAt))}`}
          {app.restarts > 0 && ` · ${app.restarts} ${app.restarts === 1 ? 'restart' : 'restarts'}`}
        </span>
        <span class="gap" />
        <Segments label="View" options={views} value={view} onChange={(next) => change({ view: next })} />
        <PauseApp app={app} />
      </div>
      {app.error && <AppError error={app.error} />}
      <AppFigures app={app} />
      {view === 'state' ? (
        <AppTables app={app} />
      ) : (
        <>
          <Card title="Operators" flush class="graph-card">
            {app.graph.nodes.length === 0 ? (
              <Empty icon="apps" title="The graph is not known yet" small />
            ) : view === 'graph' ? (
              <AppGraph app={app} rateOf={rateOf} />
            ) : (
              <OperatorList app={app} rateOf={rateOf} />
            )}
          </Card>
          <Tasks app={app} />
        </>
      )}
      <AppVersions app={app} />
    </>
  )
}

function PauseApp({ app }: { app: AppStatus }): JSX.Element {
  const [busy, setBusy] = useState(false)
  const failed = app.state === 'failed'
  const resting = failed || app.state === 'paused' || app.state === 'stopped'

  async function run(): Promise<void> {
    setBusy(true)
    try {
      await (resting ? api.resumeApp(app.id) : api.pauseApp(app.id))
    } catch (thrown) {
      const problem = thrown as ApiProblem
      pushToast({
        tone: 'bad',
        text: problem.message,
        ...(problem.fix !== undefined && { detail: problem.fix }),
      })
    } finally {
      setBusy(false)
    }
  }

  return (
    <button
      type="button"
      class={resting ? 'button primary' : 'button'}
      disabled={busy}
      onClick={() => void run()}
    >
      <Icon name={resting ? 'play' : 'pause'} size={13} />
      {failed ? 'Restart app' : resting ? 'Resume app' : 'Pause app'}
    </button>
  )
}

function AppError({ error }: { error: NonNullable<AppStatus['error']> }): JSX.Element {
  const { frame } = error
  return (
    <section class="notice" aria-label="Error">
      <Icon name="warning" />
      <div>
        <strong>{error.message}</strong>
        {frame !== undefined && (
          <>
            <pre class="code-block">{frame}</pre>
            <div>
              <CopyButton text={`${error.message}\n${frame}`} label="Copy error" />
            </div>
          </>
        )}
      </div>
    </section>
  )
}

function AppFigures({ app }: { app: AppStatus }): JSX.Element {
  const late = app.nodes.reduce((sum, node) => sum + node.late, 0)
  const errors = app.nodes.reduce((sum, node) => sum + node.errors, 0)
  const watermarks = app.tasks.flatMap((task) => (task.watermark === null ? [] : [task.watermark]))
  // Tasks that only write have no event time of their own.
  const watermark = watermarks.length > 0 ? Math.min(...watermarks) : null
  return (
    <section class="figures card" aria-label="Key figures">
      <Figure label="Records read" note="per second">
        {formatRate(app.recordsPerSecond)}
      </Figure>
      <Figure label="Lag" note="records behind" tone={app.lag > 10_000 ? 'warn' : 'idle'}>
        {formatCount(app.lag)}
      </Figure>
      <Figure label="Event time" note={watermark === null ? 'not known yet' : formatDay(watermark)}>
        <Time at={watermark} form="clock" />
      </Figure>
      <Figure label="Late" note="after their window">
        {formatCount(late)}
      </Figure>
      <Figure label="Errors" note="in operators" tone={errors > 0 ? 'bad' : 'idle'}>
        {formatCount(errors)}
      </Figure>
      <Figure label="Memory" note="of its own process">
        {formatBytes(app.memoryBytes)}
      </Figure>
    </section>
  )
}

function Tasks({ app }: { app: AppStatus }): JSX.Element {
  return (
    <Card title="Tasks" note="one per partition of the source" flush>
      {app.tasks.length === 0 ? (
        <Empty icon="clock" title="No task is running" small />
      ) : (
        <div class="table-scroll">
          <table class="table" aria-label="Tasks">
            <thead>
              <tr>
                <th scope="col">Task</th>
                <th scope="col">Reads</th>
                <th scope="col" class="number medium-only">
                  Position
                </th>
                <th scope="col" class="number">
                  Lag
                </th>
                <th scope="col">Event time</th>
                <th scope="col" class="number medium-only">
                  Commits
                </th>
                <th scope="col" class="number">
                  Commit
                </th>
              </tr>
            </thead>
            <tbody>
              {app.tasks.map((task) => (
                <tr key={task.task}>
                  <td class="strong">{task.task}</td>
                  <td>
                    <Link href={`/topics/${encodeURIComponent(task.topic)}?partition=${task.partition}`}>
                      {task.topic}
                    </Link>{' '}
                    <span class="minor">partition {task.partition}</span>
                  </td>
                  <td class="number medium-only">{formatCount(task.position)}</td>
                  <td class="number">{formatCount(task.lag)}</td>
                  <td class="minor">
                    <Time at={task.watermark} />
                  </td>
                  <td class="number medium-only">{formatCount(task.commits)}</td>
                  <td class="number">{formatValue(task.commitMs, { unit: 'ms' })}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  )
}
