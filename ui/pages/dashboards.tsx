// All dashboards, each with a small plan of what lies on it.
import type { JSX } from 'preact'
import { Link } from 'wouter-preact'
import type { DashboardSpec } from '../../src/http/contract.ts'
import { useChannel } from '../live/page.ts'
import { CommandLine } from '../parts/copy.tsx'
import { Empty, SkeletonRows, Tag } from '../parts/surface.tsx'
import { planBoard } from '../widgets/board-plan.ts'

const planWidgetsMax = 18

export function DashboardsPage(): JSX.Element {
  const data = useChannel('dashboards').data.value
  if (data?.kind !== 'dashboards') return <SkeletonRows />
  if (data.dashboards.length === 0) return <NoDashboards />
  return (
    <div class="dashboard-cards">
      {data.dashboards.map((dashboard) => (
        <Link
          key={dashboard.id}
          href={`/dashboards/${encodeURIComponent(dashboard.id)}`}
          class="card dashboard-card"
        >
          <Plan dashboard={dashboard} />
          <span class="dashboard-card-text">
            <strong>{dashboard.title}</strong>
            {dashboard.description && <span class="faint">{dashboard.description}</span>}
            <span class="dashboard-card-tags">
              {dashboard.app !== null && <Tag>{dashboard.app}</Tag>}
              <span class="faint">
                {dashboard.widgets.length} {dashboard.widgets.length === 1 ? 'widget' : 'widgets'}
              </span>
            </span>
          </span>
        </Link>
      ))}
    </div>
  )
}

/** The board in small: where its widgets lie and of what kind they are. */
function Plan({ dashboard }: { dashboard: DashboardSpec }): JSX.Element {
  const places = planBoard(dashboard.widgets)
  return (
    <span class="plan" aria-hidden="true">
      {dashboard.widgets.slice(0, planWidgetsMax).map((widget, index) => {
        const { width, height } = places[index]!
        return (
          <span
            key={widget.id}
            class={`plan-widget kind-${widget.kind}`}
            style={{ '--columns': width, '--rows': height }}
          >
            <PlanMark kind={widget.kind} />
          </span>
        )
      })}
    </span>
  )
}

const marks: Readonly<Record<string, string>> = {
  line: 'M2 30 14 20 26 24 38 10 50 16 62 6',
  area: 'M2 34 14 22 26 26 38 12 50 18 62 8V40H2Z',
  bar: 'M4 8H54M4 18H40M4 28H26',
  table: 'M4 8H60M4 18H60M4 28H60',
  stat: 'M4 20H26',
}

function PlanMark({ kind }: { kind: string }): JSX.Element {
  return (
    <svg viewBox="0 0 64 40" preserveAspectRatio="none" focusable="false" aria-hidden="true">
      <path d={marks[kind] ?? marks['stat']} />
    </svg>
  )
}

function NoDashboards(): JSX.Element {
  return (
    <Empty icon="dashboards" title="No dashboards yet">
      <p>A dashboard is declared in the app file, next to the stream it shows. Try the ones of the demo:</p>
      <CommandLine text="pspf serve --demo" />
    </Empty>
  )
}
