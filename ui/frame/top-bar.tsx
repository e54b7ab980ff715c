// The top bar: where one is, whether all is well, whether the picture is live, and the few switches.
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Link, useLocation } from 'wouter-preact'
import type { Health } from '../../src/http/contract.ts'
import { type ApiProblem, api } from '../api/client.ts'
import { formatCount } from '../format/number.ts'
import { formatClock, formatSpan } from '../format/time.ts'
import { live, useChannel } from '../live/page.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Icon, type IconName } from '../parts/icon.tsx'
import { Badge, SkeletonRows, type Tone, Trouble } from '../parts/surface.tsx'
import { chooseTheme, nextTheme, type ThemeChoice, themeChoice } from '../parts/theme.ts'
import { showShortcuts } from './shortcuts.tsx'

const sections: Record<string, string> = {
  topics: 'Topics',
  apps: 'Apps',
  dlq: 'Dead letters',
  dashboards: 'Dashboards',
}

export function pathParts(location: string): string[] {
  return location.split('/').filter(Boolean).map(decodePart)
}

/** A hand-typed address may hold a lone `%`. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function TopBar(): JSX.Element {
  return (
    <header class="bar-top">
      <Crumbs />
      <div class="bar-tools">
        <HealthPill />
        <LivePill />
        <PauseButton />
        <ThemeButton />
        <button
          type="button"
          class="icon-button big wide"
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
          onClick={() => {
            showShortcuts.value = true
          }}
        >
          <Icon name="keyboard" />
        </button>
      </div>
    </header>
  )
}

function Crumbs(): JSX.Element {
  const [location] = useLocation()
  const [section, item] = pathParts(location)
  const dashboards = useChannel('dashboards').data.value
  const known = dashboards?.kind === 'dashboards' ? dashboards.dashboards : []
  const sectionName = section === undefined ? 'Overview' : (sections[section] ?? 'Not found')
  const itemName =
    item !== undefined && section === 'dashboards'
      ? (known.find((dashboard) => dashboard.id === item)?.title ?? item)
      : item
  useEffect(() => {
    document.title = `${itemName ?? sectionName} · pspf`
  }, [itemName, sectionName])
  return (
    <nav class="crumbs" aria-label="Breadcrumb">
      {itemName === undefined ? (
        <h1>{sectionName}</h1>
      ) : (
        <>
          <Link href={`/${section}`}>{sectionName}</Link>
          <span aria-hidden="true">/</span>
          <h1>{itemName}</h1>
        </>
      )}
    </nav>
  )
}

const healthTones = { ok: 'good', degraded: 'warn', down: 'bad' } as const
const healthWords = { ok: 'Healthy', degraded: 'Degraded', down: 'Down' } as const

function HealthPill(): JSX.Element | null {
  const overview = useChannel('overview').data.value
  const [open, setOpen] = useState(false)
  if (overview?.kind !== 'overview') return null
  const { status } = overview.overview.verdict
  return (
    <>
      <button
        type="button"
        class={`pill health tone-${healthTones[status]}`}
        aria-label={`Health: ${healthWords[status]}`}
        onClick={() => setOpen(true)}
      >
        <span class="pill-dot" aria-hidden="true" />
        <span class="pill-text">{healthWords[status]}</span>
      </button>
      {open && <HealthDialog onClose={() => setOpen(false)} />}
    </>
  )
}

const checkTones: Record<string, Tone> = { pass: 'good', warn: 'warn', fail: 'bad' }
const checkWords: Record<string, string> = { pass: 'Pass', warn: 'Warning', fail: 'Fail' }

function HealthDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const [health, setHealth] = useState<Health | null>(null)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  useEffect(() => {
    api.health().then(setHealth, setProblem)
  }, [])
  return (
    <Dialog title="Health" onClose={onClose}>
      {problem && <Trouble problem={problem} title="Health is not known" small />}
      {!health && !problem && <SkeletonRows rows={4} />}
      {health && (
        <div class="stack">
          <ul class="checks">
            {health.checks.map((check) => (
              <li key={check.name}>
                <Badge tone={checkTones[check.status] ?? 'idle'}>
                  {checkWords[check.status] ?? check.status}
                </Badge>
                <strong>{check.name}</strong>
                <span>{check.detail}</span>
              </li>
            ))}
          </ul>
          <dl class="facts">
            <dt>Up for</dt>
            <dd>{formatSpan(health.uptimeSeconds * 1_000)}</dd>
            <dt>Version</dt>
            <dd>{health.version}</dd>
            <dt>Viewers</dt>
            <dd>{formatCount(health.connections.websocket)}</dd>
            <dt>Topics</dt>
            <dd>
              {formatCount(health.topics.count)} with {formatCount(health.topics.records)} records
            </dd>
          </dl>
        </div>
      )}
    </Dialog>
  )
}

function LivePill(): JSX.Element {
  const { phase, since } = live.status.value
  if (phase === 'stale') {
    return (
      <button
        type="button"
        class="pill tone-bad"
        data-live={phase}
        title="Try to connect now"
        onClick={() => live.retry()}
      >
        <Icon name="clock" size={13} />
        Stale since {formatClock(since)}
      </button>
    )
  }
  if (phase !== 'live') {
    return (
      <span class="pill tone-warn" role="status" data-live={phase}>
        <span class="pill-dot" aria-hidden="true" />
        {phase === 'connecting' ? 'Connecting' : 'Reconnecting'}
      </span>
    )
  }
  if (live.paused.value) {
    return (
      <button type="button" class="pill" title="Resume" onClick={() => live.setPaused(false)}>
        <Icon name="pause" size={12} />
        Paused{live.buffered.value > 0 && ` · ${formatCount(live.buffered.value)} waiting`}
      </button>
    )
  }
  return (
    <span class="pill tone-good beating" data-live={phase}>
      <span class="pill-dot" aria-hidden="true" />
      Live
    </span>
  )
}

function PauseButton(): JSX.Element {
  const paused = live.paused.value
  return (
    <button
      type="button"
      class="icon-button big"
      aria-label={paused ? 'Resume live updates' : 'Pause live updates'}
      title={paused ? 'Resume (Space)' : 'Pause (Space)'}
      aria-pressed={paused}
      onClick={() => live.setPaused(!paused)}
    >
      <Icon name={paused ? 'play' : 'pause'} />
    </button>
  )
}

const themeIcons: Record<ThemeChoice, IconName> = { system: 'system', light: 'sun', dark: 'moon' }
const themeWords: Record<ThemeChoice, string> = { system: 'as the system', light: 'light', dark: 'dark' }

function ThemeButton(): JSX.Element {
  const choice = themeChoice.value
  const next = nextTheme(choice)
  return (
    <button
      type="button"
      class="icon-button big"
      aria-label={`Theme: ${themeWords[choice]}. Switch to ${themeWords[next]}.`}
      title={`Theme: ${themeWords[choice]}`}
      onClick={() => chooseTheme(next)}
    >
      <Icon name={themeIcons[choice]} />
    </button>
  )
}
