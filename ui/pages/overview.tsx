// The first page: is everything well, what flows, what needs a look.
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { AppStatus, Overview, OverviewPoint, SeriesData } from '../../src/http/contract.ts'
import { TimeChart } from '../chart/time-chart.tsx'
import { formatBytes, formatCount, formatRate, formatValue } from '../format/number.ts'
import { formatAgo, formatSpan } from '../format/time.ts'
import { useChannel } from '../live/page.ts'
import { now, Time } from '../parts/clock.tsx'
import { FirstSteps } from '../parts/first-steps.tsx'
import { Icon, type IconName } from '../parts/icon.tsx'
import { Quantity } from '../parts/number.tsx'
import { Badge, Card, Empty, Figure, Skeleton, SkeletonRows } from '../parts/surface.tsx'
import { appTone, appWord } from '../widgets/app-state.ts'
import { fillStyle } from '../widgets/bars.tsx'

const syncKey = 'overview'
const chartSpanMs = 10 * 60_000
const eventsShown = 8
const appendFreshMs = 5_000
const runwayWarnSeconds = 7 * 86_400
/** A disk that is full in years is not filling up. */
const runwayShownSeconds = 2 * 365 * 86_400

export function OverviewPage(): JSX.Element {
  const data = useChannel('overview').data.value
  const topics = useChannel('topics').data.value
  if (data?.kind !== 'overview') return <Loading />
  const { overview } = data
  const empty = topics?.kind === 'topics' && topics.topics.every((topic) => topic.internal)
  return (
    <div class="overview">
      <Verdict overview={overview} />
      {empty ? (
        <FirstSteps />
      ) : (
        <>
          <KeyFigures overview={overview} />
          <Charts points={overview.points} />
          <div class="overview-lower">
            <HotTopics overview={overview} />
            <Apps />
            <Events overview={overview} />
          </div>
        </>
      )}
    </div>
  )
}

function Loading(): JSX.Element {
  return (
    <div class="overview" role="status" aria-label="Loading">
      <div class="verdict">
        <Skeleton kind="number" />
      </div>
      <div class="figures card">
        {['a', 'b', 'c', 'd'].map((key) => (
          <Skeleton key={key} kind="number" />
        ))}
      </div>
      <div class="overview-charts">
        {['a', 'b', 'c'].map((key) => (
          <div class="card chart-card" key={key}>
            <Skeleton kind="chart" />
          </div>
        ))}
      </div>
    </div>
  )
}

const verdictIcons: Record<Overview['verdict']['status'], IconName> = {
  ok: 'check',
  degraded: 'warning',
  down: 'warning',
}

function Verdict({ overview }: { overview: Overview }): JSX.Element {
  const { status, text } = overview.verdict
  return (
    <section class={`verdict is-${status}`} aria-label="Verdict">
      <span class="verdict-icon">
        <Icon name={verdictIcons[status]} size={20} />
      </span>
      <div>
        <h2 title={text}>{text}</h2>
        <p>
          Up for {formatSpan(overview.uptimeSeconds * 1_000)} <span aria-hidden="true">·</span>{' '}
          <strong>{overview.durability}</strong> <span aria-hidden="true">·</span> version {overview.version}
        </p>
      </div>
    </section>
  )
}

/** A sync takes time: 0 means that nothing was appended in that second. */
function measured(latencyMs: number): number | null {
  return latencyMs > 0 ? latencyMs : null
}

function KeyFigures({ overview }: { overview: Overview }): JSX.Element {
  const { disk } = overview
  const last = overview.points[overview.points.length - 1]
  const runwayShort = disk.fullInSeconds !== null && disk.fullInSeconds < runwayWarnSeconds
  return (
    <section class="figures card" aria-label="Key figures">
      <Figure label="Records in" note={last && `${formatBytes(last.bytesInPerSecond)}/s`}>
        <Quantity value={last?.recordsInPerSecond} format={{ unit: '/s', decimals: 0 }} />
      </Figure>
      <Figure
        label="Records out"
        note={last && `${last.viewers} ${last.viewers === 1 ? 'viewer' : 'viewers'}`}
      >
        <Quantity value={last?.recordsOutPerSecond} format={{ unit: '/s', decimals: 0 }} />
      </Figure>
      <DurableAppend points={overview.points} />
      <Figure label="Lag of apps" note="records behind" tone={last && last.lag > 10_000 ? 'warn' : 'idle'}>
        <Quantity value={last?.lag} format={{ decimals: 0 }} />
      </Figure>
      <Figure
        label={`Disk, ${runwayOf(disk.fullInSeconds)}`}
        note={<DiskMeter disk={disk} />}
        tone={runwayShort ? 'warn' : 'idle'}
      >
        <Quantity value={disk.logBytes} format={{ unit: 'bytes' }} />
        <span class="figure-of"> of log</span>
      </Figure>
      <Figure label="Memory" note="of the whole process">
        <Quantity value={last?.memoryBytes} format={{ unit: 'bytes' }} />
      </Figure>
    </section>
  )
}

function runwayOf(seconds: number | null): string {
  return seconds === null || seconds > runwayShownSeconds
    ? 'not filling up'
    : `full in ${formatSpan(seconds * 1_000)}`
}

/** The newest measurement, however long ago: an idle log is as fast as it was. */
function DurableAppend({ points }: { points: readonly OverviewPoint[] }): JSX.Element {
  const found = points.findLast((point) => point.appendP99Ms > 0)
  const idle = found !== undefined && now.value - found.at > appendFreshMs
  const p50 = found && `p50 ${formatValue(measured(found.appendP50Ms), milliseconds)}`
  return (
    <Figure
      label="Durable append, p99"
      note={found ? `${p50}${idle ? `, ${formatAgo(found.at, now.value)}` : ''}` : 'no appends lately'}
    >
      <Quantity value={found?.appendP99Ms} format={milliseconds} />
    </Figure>
  )
}

function DiskMeter({ disk }: { disk: Overview['disk'] }): JSX.Element {
  const used = disk.totalBytes > 0 ? 1 - disk.freeBytes / disk.totalBytes : 0
  const percent = Math.round(Math.min(1, Math.max(0, used)) * 100)
  return (
    <span title={`${formatBytes(disk.freeBytes)} of ${formatBytes(disk.totalBytes)} free`}>
      volume {percent}% full
      <span class="meter" aria-hidden="true">
        <span style={{ width: `${percent}%` }} />
      </span>
    </span>
  )
}

function seriesOf(
  points: readonly OverviewPoint[],
  columns: readonly (readonly [string, (point: OverviewPoint) => number | null])[],
): SeriesData[] {
  const x = points.map((point) => point.at)
  return columns.map(([name, read]) => ({ name, x, y: points.map(read) }))
}

const perSecond = { unit: '/s' }
const milliseconds = { unit: 'ms' }
const count = {}

function Charts({ points }: { points: readonly OverviewPoint[] }): JSX.Element {
  const rates = useMemo(
    () =>
      seriesOf(points, [
        ['in', (point) => point.recordsInPerSecond],
        ['out', (point) => point.recordsOutPerSecond],
      ]),
    [points],
  )
  const latency = useMemo(
    () =>
      seriesOf(points, [
        ['p50', (point) => measured(point.appendP50Ms)],
        ['p99', (point) => measured(point.appendP99Ms)],
      ]),
    [points],
  )
  const lag = useMemo(() => seriesOf(points, [['lag', (point) => point.lag]]), [points])
  const shared = { syncKey, spanMs: chartSpanMs }
  return (
    <div class="overview-charts">
      <Card title="Throughput" note="records per second" class="chart-card first">
        <TimeChart
          name="Throughput, records per second"
          series={rates}
          kind="area"
          format={perSecond}
          {...shared}
        />
      </Card>
      <Card title="Durable append" note="until it is on disk" class="chart-card">
        {points.some((point) => point.appendP99Ms > 0) ? (
          <TimeChart name="Durable append, milliseconds" series={latency} format={milliseconds} {...shared} />
        ) : (
          <Empty icon="clock" title="No appends lately" small />
        )}
      </Card>
      <Card title="Lag of apps" note="records" class="chart-card">
        <TimeChart
          name="Lag of apps, records"
          series={lag}
          kind="area"
          legend="always"
          format={count}
          {...shared}
        />
      </Card>
    </div>
  )
}

function HotTopics({ overview }: { overview: Overview }): JSX.Element {
  const hottest = Math.max(1, ...overview.hotTopics.map((topic) => topic.recordsPerSecond))
  return (
    <Card title="Hot topics" actions={<Link href="/topics">All topics</Link>}>
      {overview.hotTopics.length === 0 ? (
        <Empty icon="topics" title="Nothing is flowing" small>
          Topics appear here while records arrive.
        </Empty>
      ) : (
        <ul class="bars">
          {overview.hotTopics.map((topic) => (
            <li class="bar" key={topic.name}>
              <Link class="bar-name" href={`/topics/${encodeURIComponent(topic.name)}`}>
                {topic.name}
              </Link>
              <span class="bar-track" aria-hidden="true">
                <span
                  class="bar-fill"
                  style={fillStyle({ left: 0, width: (topic.recordsPerSecond / hottest) * 100 })}
                />
              </span>
              <span class="bar-value">
                {formatRate(topic.recordsPerSecond)} /s
                <span class="bar-minor">{formatBytes(topic.bytesPerSecond)}/s</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

function Apps(): JSX.Element {
  const data = useChannel('apps').data.value
  const apps = data?.kind === 'apps' ? [...data.apps].sort(byTrouble) : null
  return (
    <Card title="Apps" actions={<Link href="/apps">All apps</Link>}>
      {apps === null ? (
        <SkeletonRows rows={3} />
      ) : apps.length === 0 ? (
        <Empty icon="apps" title="No apps yet" small>
          One TypeScript file is an app: <code>pspf serve app.ts</code>
        </Empty>
      ) : (
        <ul class="lines">
          {apps.map((app) => (
            <li key={app.id}>
              <Link href={`/apps/${encodeURIComponent(app.id)}`}>{app.id}</Link>
              <Badge tone={appTone(app)}>{appWord(app)}</Badge>
              <span class="lines-end">
                {formatRate(app.recordsPerSecond)} /s
                <span class="faint">lag {formatCount(app.lag)}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

function byTrouble(a: AppStatus, b: AppStatus): number {
  const trouble = (app: AppStatus) => Number(app.state === 'running')
  return trouble(a) - trouble(b) || a.id.localeCompare(b.id, 'en')
}

const eventIcons: Record<Overview['events'][number]['level'], IconName> = {
  info: 'info',
  warn: 'warning',
  error: 'warning',
}

function Events({ overview }: { overview: Overview }): JSX.Element {
  const events = [...overview.events].sort((a, b) => b.at - a.at).slice(0, eventsShown)
  return (
    <Card title="Events">
      {events.length === 0 ? (
        <Empty icon="clock" title="Quiet so far" small>
          Starts, stops, recoveries and failures are told here.
        </Empty>
      ) : (
        <ul class="events">
          {events.map((event) => (
            <li key={`${event.at} ${event.text}`} class={`is-${event.level}`}>
              <Icon name={eventIcons[event.level]} size={14} />
              <span title={event.text}>
                {event.level !== 'info' && <span class="offscreen">{event.level}: </span>}
                {event.text}
              </span>
              <Time at={event.at} form="ago" />
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
