// A widget or a board for other people's pages: no frame, theme from `?theme=`, span from `?span=`.
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { DashboardSpec, WidgetSpec } from '../../src/http/contract.ts'
import { parseSpan } from '../format/time.ts'
import { useQuery } from '../frame/location.ts'
import { live, useChannel } from '../live/page.ts'
import { Empty, Skeleton } from '../parts/surface.tsx'
import { Widget } from '../widgets/widget.tsx'
import { Board, BoardSkeleton, useDashboard } from './dashboard.tsx'

function useEmbedPage(title: string | undefined): number | null {
  const [query] = useQuery()
  useEffect(() => {
    document.documentElement.classList.add('embedded')
    if (title !== undefined) document.title = title
    return () => document.documentElement.classList.remove('embedded')
  }, [title])
  return parseSpan(query.get('span') ?? '')
}

export function EmbedWidget({ id }: { id: string }): JSX.Element {
  const data = useChannel('dashboards').data.value
  const spec = data?.kind === 'dashboards' ? findWidget(data.dashboards, id) : undefined
  const spanMs = useEmbedPage(spec?.title)
  return (
    <main class="embed embed-widget">
      {spec === undefined ? (
        <Skeleton kind="chart" />
      ) : spec === null ? (
        <Empty icon="dashboards" title={`There is no widget ${id}`} small />
      ) : (
        <Widget spec={spec} spanMs={spanMs} syncKey="embed" embedded />
      )}
      <Connection />
    </main>
  )
}

function findWidget(dashboards: readonly DashboardSpec[], id: string): WidgetSpec | null {
  for (const dashboard of dashboards) {
    const spec = dashboard.widgets.find((widget) => widget.id === id)
    if (spec) return spec
  }
  return null
}

export function EmbedDashboard({ id }: { id: string }): JSX.Element {
  const dashboard = useDashboard(id)
  const spanMs = useEmbedPage(dashboard?.title)
  return (
    <main class="embed board">
      {dashboard === undefined ? (
        <BoardSkeleton />
      ) : dashboard === null ? (
        <Empty icon="dashboards" title={`There is no dashboard ${id}`} />
      ) : (
        <Board dashboard={dashboard} spanMs={spanMs} embedded />
      )}
      <Connection />
    </main>
  )
}

/** Without a frame there is no live pill: a word appears only when the picture may be old. */
function Connection(): JSX.Element | null {
  const { phase } = live.status.value
  if (phase === 'live' || phase === 'connecting') return null
  return (
    <span class="embed-state pill tone-warn" role="status">
      <span class="pill-dot" aria-hidden="true" />
      {phase === 'stale' ? 'Stale' : 'Reconnecting'}
    </span>
  )
}
