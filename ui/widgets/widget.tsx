// One widget in its frame: title, state of its data, menu; loading, empty, broken and stale are states, not accidents.
import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { ChannelData, WidgetData, WidgetSpec } from '../../src/http/contract.ts'
import { baseUrl } from '../api/client.ts'
import { SeriesTable } from '../chart/series-table.tsx'
import { TimeChart } from '../chart/time-chart.tsx'
import { live, useChannel } from '../live/page.ts'
import { Menu, type MenuItem } from '../parts/choice.tsx'
import { copyText } from '../parts/copy.tsx'
import { Icon } from '../parts/icon.tsx'
import { Empty, Skeleton, Trouble } from '../parts/surface.tsx'
import { pushToast } from '../parts/toast.tsx'
import { BarsWidget } from './bars.tsx'
import { type Place, sizeOf } from './board-plan.ts'
import { csvOfWidget, embedOf } from './export.ts'
import { RowsWidget } from './rows.tsx'
import { StatWidget } from './stat.tsx'

const defaultPointsMax = 600
const rowPx = 84

export type WidgetView = {
  spec: WidgetSpec
  /** Chosen for the whole board; null shows what the widget declares. */
  spanMs: number | null
  syncKey: string
  embedded?: boolean
  /** On a board, what that has planned for it. */
  place?: Place
}

export function isWidgetData(data: ChannelData | null): data is WidgetData {
  return data !== null && ['stat', 'series', 'bars', 'rows'].includes(data.kind)
}

function hasData(data: WidgetData): boolean {
  switch (data.kind) {
    case 'stat':
      return data.value !== null
    case 'series':
      return data.series.some((series) => series.x.length > 0)
    case 'bars':
      return data.bars.length > 0
    case 'rows':
      return data.rows.length > 0
  }
}

export function Widget({ spec, spanMs, syncKey, embedded = false, place }: WidgetView): JSX.Element {
  const view = useChannel(`widget/${spec.id}`, { pointsMax: spec.pointsMax ?? defaultPointsMax })
  const [asTable, setAsTable] = useState(false)
  const data = view.data.value
  const problem = view.problem.value
  const size = place ?? sizeOf(spec)
  const known = isWidgetData(data) ? data : null
  const stale = live.status.value.phase === 'stale' || live.status.value.phase === 'reconnecting'
  return (
    <article
      class={[
        `widget kind-${spec.kind}`,
        stale && known ? 'is-stale' : '',
        place?.single ? 'single' : '',
        place?.odd ? 'odd' : '',
      ].join(' ')}
      data-widget={spec.id}
      aria-label={spec.title}
      style={{ '--columns': size.width, '--rows': size.height }}
    >
      <header class="widget-head">
        <h3 title={spec.description}>{spec.title}</h3>
        {stale && known && (
          <span class="widget-stale">
            <Icon name="clock" size={12} />
            Stale
          </span>
        )}
        {known?.faults && (
          <span
            class="widget-stale"
            title={`${known.faults.count} values could not be shown, the last: ${known.faults.last}`}
          >
            <Icon name="warning" size={13} />
            <span class="offscreen">
              {known.faults.count} values could not be shown, the last: {known.faults.last}
            </span>
          </span>
        )}
        {!embedded && (
          <Menu
            label={`Actions for ${spec.title}`}
            items={menuFor(spec, known, asTable, () => setAsTable(!asTable), size.height)}
          />
        )}
      </header>
      <div class="widget-body">
        {problem && !known ? (
          <Trouble
            problem={problem as { message: string; fix: string | undefined }}
            title="Not available"
            small
          />
        ) : known === null ? (
          <Loading kind={spec.kind} />
        ) : hasData(known) ? (
          <Content spec={spec} data={known} asTable={asTable} spanMs={spanMs} syncKey={syncKey} />
        ) : (
          <NoData spec={spec} embedded={embedded} />
        )}
      </div>
    </article>
  )
}

function Loading({ kind }: { kind: WidgetSpec['kind'] }): JSX.Element {
  return (
    <div class="widget-loading" role="status" aria-label="Loading">
      {kind === 'stat' ? <Skeleton kind="number" /> : <Skeleton kind="chart" />}
    </div>
  )
}

function NoData({ spec, embedded }: { spec: WidgetSpec; embedded: boolean }): JSX.Element {
  return (
    <div class="widget-none">
      <span class="widget-none-mark">No data yet</span>
      <span>
        Waiting for{' '}
        {embedded ? spec.topic : <Link href={`/topics/${encodeURIComponent(spec.topic)}`}>{spec.topic}</Link>}
      </span>
    </div>
  )
}

function Content(props: {
  spec: WidgetSpec
  data: WidgetData
  asTable: boolean
  spanMs: number | null
  syncKey: string
}): JSX.Element {
  const { spec, data, asTable, syncKey } = props
  const spanMs = props.spanMs ?? spec.spanMs ?? null
  // One object per spec: the chart is rebuilt only when its look really changed.
  const format = useMemo(
    () => ({
      ...(spec.unit !== undefined && { unit: spec.unit }),
      ...(spec.unitPosition !== undefined && { unitPosition: spec.unitPosition }),
      ...(spec.decimals !== undefined && { decimals: spec.decimals }),
    }),
    [spec],
  )
  switch (data.kind) {
    case 'stat':
      return <StatWidget spec={spec} data={data} />
    case 'bars':
      return asTable ? (
        <RowsWidget spec={barsAsTable(spec)} data={barRows(data)} />
      ) : (
        <BarsWidget spec={spec} data={data} />
      )
    case 'rows':
      return <RowsWidget spec={spec} data={data} />
    case 'series':
      return asTable ? (
        <SeriesTable name={spec.title} series={data.series} format={format} spanMs={spanMs} />
      ) : (
        <TimeChart
          name={chartName(spec)}
          series={data.series}
          kind={spec.kind === 'area' ? 'area' : 'line'}
          stacked={spec.stacked ?? false}
          format={format}
          min={spec.min}
          max={spec.max}
          thresholds={spec.thresholds}
          spanMs={spanMs}
          syncKey={syncKey}
        />
      )
    default:
      return <Empty icon="info" title="This widget needs a newer page" small />
  }
}

function chartName(spec: WidgetSpec): string {
  return spec.unit ? `${spec.title} (${spec.unit})` : spec.title
}

type Bars = Extract<WidgetData, { kind: 'bars' }>

function barRows(data: Bars): Extract<WidgetData, { kind: 'rows' }> {
  return {
    kind: 'rows',
    rows: data.bars.map(({ key, value }) => ({ key, row: { key, value } })),
    removed: [],
  }
}

function barsAsTable(spec: WidgetSpec): WidgetSpec {
  const value = {
    field: 'value',
    label: 'Value',
    ...(spec.unit !== undefined && { unit: spec.unit }),
    ...(spec.decimals !== undefined && { decimals: spec.decimals }),
  }
  return {
    ...spec,
    columns: [{ field: 'key', label: 'Key' }, value],
    sortBy: spec.sortBy === 'key' ? 'key' : 'value',
  }
}

function menuFor(
  spec: WidgetSpec,
  data: WidgetData | null,
  asTable: boolean,
  toggleTable: () => void,
  rows: number,
): MenuItem[] {
  const path = `embed/w/${encodeURIComponent(spec.id)}`
  const copy = (text: string, what: string) => () => {
    void copyText(text).then((copied) => {
      if (copied) pushToast({ tone: 'good', text: `${what} copied` })
    })
  }
  const items: MenuItem[] = []
  if (data?.kind === 'series' || data?.kind === 'bars') {
    items.push({
      label: asTable ? 'View as chart' : 'View as table',
      icon: asTable ? 'chart' : 'table',
      run: toggleTable,
    })
  }
  if (data) items.push({ label: 'Copy as CSV', icon: 'copy', run: copy(csvOfWidget(spec, data), 'CSV') })
  items.push(
    {
      label: 'Copy embed code',
      icon: 'code',
      run: copy(embedOf(baseUrl(), path, spec.title, rows * rowPx), 'Embed code'),
    },
    { label: 'Copy link', icon: 'link', run: copy(new URL(path, baseUrl()).href, 'Link') },
    {
      label: 'Open alone',
      icon: 'external',
      run: () => window.open(new URL(path, baseUrl()), '_blank', 'noopener'),
    },
  )
  return items
}
