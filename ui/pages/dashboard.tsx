// One dashboard: its grid of widgets, one span for all, full screen.
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { DashboardSpec } from '../../src/http/contract.ts'
import { baseUrl } from '../api/client.ts'
import { parseSpan } from '../format/time.ts'
import { useQuery } from '../frame/location.ts'
import { live, useChannel } from '../live/page.ts'
import { Segments } from '../parts/choice.tsx'
import { CopyButton } from '../parts/copy.tsx'
import { Icon } from '../parts/icon.tsx'
import { Empty, Skeleton } from '../parts/surface.tsx'
import { planBoard } from '../widgets/board-plan.ts'
import { embedOf } from '../widgets/export.ts'
import { Widget } from '../widgets/widget.tsx'

/** Counted back from the newest data, whenever that was. */
const spans = [
  { value: 'auto', label: 'Auto' },
  { value: '1m', label: '1m' },
  { value: '10m', label: '10m' },
  { value: '1h', label: '1h' },
  { value: '6h', label: '6h' },
  { value: '1d', label: '1d' },
  { value: '7d', label: '7d' },
] as const

const embedHeightPx = 900

export function useDashboard(id: string): DashboardSpec | null | undefined {
  const data = useChannel('dashboards').data.value
  return data?.kind === 'dashboards' ? (data.dashboards.find((one) => one.id === id) ?? null) : undefined
}

export function DashboardPage({ id }: { id: string }): JSX.Element {
  const [query, change] = useQuery()
  const board = useRef<HTMLDivElement>(null)
  const full = useFullScreen(board)
  const dashboard = useDashboard(id)
  if (dashboard === undefined) return <BoardSkeleton />
  if (dashboard === null) {
    return (
      <Empty icon="dashboards" title={`There is no dashboard ${id}`}>
        <Link href="/dashboards">All dashboards</Link>
      </Empty>
    )
  }
  const chosen = spans.find(({ value }) => value === query.get('span'))?.value ?? 'auto'
  const path = `embed/d/${encodeURIComponent(id)}`
  return (
    <div class={`board ${full.on ? 'is-full' : ''}`} ref={board}>
      <div class="toolbar">
        {full.on ? (
          <h2 class="board-title">{dashboard.title}</h2>
        ) : (
          dashboard.description && <p class="board-description">{dashboard.description}</p>
        )}
        <span class="gap" />
        <div class="toolbar-group">
          <Segments
            label="Span, back from the newest data"
            options={spans}
            value={chosen}
            onChange={(span) => change({ span: span === 'auto' ? null : span })}
          />
          {full.on && <PauseBoard />}
          <CopyButton
            text={() => embedOf(baseUrl(), path, dashboard.title, embedHeightPx)}
            label="Copy embed code"
            icon="code"
            quiet
          />
          <button
            type="button"
            class="icon-button"
            data-full
            aria-label={full.on ? 'Leave full screen' : 'Full screen'}
            title="Full screen (f)"
            aria-pressed={full.on}
            onClick={full.toggle}
          >
            <Icon name="full" />
          </button>
        </div>
      </div>
      <Board dashboard={dashboard} spanMs={parseSpan(chosen)} />
    </div>
  )
}

function PauseBoard(): JSX.Element {
  const paused = live.paused.value
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={paused ? 'Resume' : 'Pause'}
      aria-pressed={paused}
      onClick={() => live.setPaused(!paused)}
    >
      <Icon name={paused ? 'play' : 'pause'} />
    </button>
  )
}

export function Board(props: {
  dashboard: DashboardSpec
  spanMs: number | null
  embedded?: boolean
}): JSX.Element {
  const { dashboard, spanMs, embedded = false } = props
  const places = useMemo(() => planBoard(dashboard.widgets), [dashboard.widgets])
  if (dashboard.widgets.length === 0) {
    return (
      <Empty icon="dashboards" title="This dashboard is empty">
        <p>Widgets are declared in the app file, next to the stream they show.</p>
      </Empty>
    )
  }
  return (
    <div class="board-grid">
      {dashboard.widgets.map((spec, index) => (
        <Widget
          key={spec.id}
          spec={spec}
          spanMs={spanMs}
          syncKey={`board ${dashboard.id}`}
          embedded={embedded}
          place={places[index]!}
        />
      ))}
    </div>
  )
}

export function BoardSkeleton(): JSX.Element {
  const widths = [3, 3, 3, 3, 6, 6, 8, 4]
  return (
    <div class="board" role="status" aria-label="Loading">
      <div class="board-grid">
        {widths.map((width, index) => (
          <div
            key={`${width} ${index}`}
            class={`widget ${index < 4 ? 'kind-stat' : ''}`}
            style={{ '--columns': width, '--rows': index < 4 ? 2 : 4 }}
          >
            <div class="widget-body padded">
              <Skeleton kind="chart" />
            </div>
          </div>
        ))}
      </div>
    </div>
  )
}

function useFullScreen(element: { current: HTMLElement | null }): { on: boolean; toggle: () => void } {
  const [on, setOn] = useState(false)
  useEffect(() => {
    const update = () => setOn(document.fullscreenElement === element.current && element.current !== null)
    document.addEventListener('fullscreenchange', update)
    return () => document.removeEventListener('fullscreenchange', update)
  }, [])
  return {
    on,
    toggle: () => {
      // Refused by some browsers (a phone's, an embed's): the page then simply stays as it is.
      const change = document.fullscreenElement
        ? document.exitFullscreen()
        : element.current?.requestFullscreen()
      change?.catch(() => setOn(false))
    },
  }
}
