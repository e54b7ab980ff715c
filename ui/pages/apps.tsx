// All apps: state, rate, lag, and the reason where one is not well.
import type { JSX } from 'preact'
import { Link } from 'wouter-preact'
import type { AppStatus } from '../../src/http/contract.ts'
import { formatBytes, formatCount, formatRate } from '../format/number.ts'
import { useChannel } from '../live/page.ts'
import { createHistories, slotsFor } from '../live/rates.ts'
import { CommandLine } from '../parts/copy.tsx'
import { Icon } from '../parts/icon.tsx'
import { Sparkline } from '../parts/sparkline.tsx'
import { Badge, Empty, SkeletonRows } from '../parts/surface.tsx'
import { appTone, appWord } from '../widgets/app-state.ts'

const rates = createHistories()

export function AppsPage(): JSX.Element {
  const view = useChannel('apps')
  const data = view.data.value
  if (data?.kind !== 'apps') return <SkeletonRows />
  if (data.apps.length === 0) return <NoApps />
  rates.add(view.updatedAt.value ?? 0, new Map(data.apps.map((app) => [app.id, app.recordsPerSecond])))
  return (
    <div class="app-cards">
      {data.apps.map((app) => (
        <AppCard key={app.id} app={app} />
      ))}
    </div>
  )
}

function AppCard({ app }: { app: AppStatus }): JSX.Element {
  const history = rates.of(app.id)
  return (
    <Link href={`/apps/${encodeURIComponent(app.id)}`} class="card app-card">
      <span class="app-card-head">
        <span class="step-icon">
          <Icon name="apps" />
        </span>
        <span class="app-card-name">
          <strong>{app.id}</strong>
          <span class="faint">{app.version === null ? fileName(app.file) : `version ${app.version}`}</span>
        </span>
        <Badge tone={appTone(app)}>{appWord(app)}</Badge>
      </span>
      {app.error ? (
        <span class="app-card-error">{app.error.message}</span>
      ) : (
        <Sparkline values={history} slots={slotsFor(history)} fromZero width={320} height={44} stretch />
      )}
      <span class="app-card-figures">
        <span>
          <strong>{formatRate(app.recordsPerSecond)}</strong> records/s
        </span>
        <span>
          <strong>{formatCount(app.lag)}</strong> lag
        </span>
        <span>
          <strong>{formatBytes(app.memoryBytes)}</strong> memory
        </span>
        <span>
          <strong>{app.tasks.length}</strong> {app.tasks.length === 1 ? 'task' : 'tasks'}
        </span>
      </span>
    </Link>
  )
}

export function fileName(path: string): string {
  return path.split(/[/\\]/).pop() ?? path
}

function NoApps(): JSX.Element {
  return (
    <Empty icon="apps" title="No apps yet">
      <p>An app is one TypeScript file that reads topics, keeps state and writes answers, exactly once.</p>
      <CommandLine label="See one" text="pspf examples show quickstart > quickstart.ts" />
      <CommandLine label="Run it" text="pspf serve quickstart.ts" />
    </Empty>
  )
}
