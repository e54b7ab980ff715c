// The frame around every page: rail, top bar, content.
import { signal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Link, useLocation } from 'wouter-preact'
import { baseUrl } from '../api/client.ts'
import { useChannel } from '../live/page.ts'
import { Icon, type IconName, LogoMark } from '../parts/icon.tsx'
import { Toasts } from '../parts/toast.tsx'
import { pathParts, TopBar } from './top-bar.tsx'

const railKey = 'pspf.rail'

function storedRail(): boolean {
  try {
    return localStorage.getItem(railKey) === 'closed'
  } catch {
    return false // Storage is off: the rail starts open.
  }
}

const railClosed = signal(storedRail())

function toggleRail(): void {
  railClosed.value = !railClosed.value
  try {
    localStorage.setItem(railKey, railClosed.value ? 'closed' : 'open')
  } catch {
    return // Storage is off: the choice lasts as long as the page.
  }
}

type Place = { path: string; label: string; short?: string; icon: IconName; key: string }

export const places: readonly Place[] = [
  { path: '/', label: 'Overview', icon: 'overview', key: 'o' },
  { path: '/topics', label: 'Topics', icon: 'topics', key: 't' },
  { path: '/apps', label: 'Apps', icon: 'apps', key: 'a' },
  { path: '/dlq', label: 'Dead letters', short: 'Letters', icon: 'letter', key: 'l' },
  { path: '/dashboards', label: 'Dashboards', icon: 'dashboards', key: 'd' },
]

export function isAt(location: string, path: string): boolean {
  return path === '/' ? location === '/' : location === path || location.startsWith(`${path}/`)
}

export function Shell({ children }: { children: ComponentChildren }): JSX.Element {
  const [location] = useLocation()
  const main = useRef<HTMLElement>(null)
  const page = pathParts(location)[0] ?? 'overview'
  useEffect(() => {
    window.scrollTo(0, 0)
  }, [location])
  return (
    <div class={`frame ${railClosed.value ? 'rail-closed' : ''}`}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Rail />
      <div class="column">
        <TopBar />
        <main ref={main} tabIndex={-1} class={`page-${page}`}>
          {children}
        </main>
      </div>
      <BottomBar />
      <Toasts />
    </div>
  )
}

function Rail(): JSX.Element {
  const [location] = useLocation()
  const overview = useChannel('overview').data.value
  const apps = useChannel('apps').data.value
  const failed = apps?.kind === 'apps' ? apps.apps.filter((app) => app.state === 'failed').length : 0
  const closed = railClosed.value
  return (
    <aside class="rail">
      <Link href="/" class="brand" aria-label="pspf, to the overview">
        <LogoMark />
        <span class="rail-text">pspf</span>
      </Link>
      <nav aria-label="Main">
        {places.map(({ path, label, icon }) => (
          <Link
            key={path}
            href={path}
            class="rail-link"
            title={closed ? label : undefined}
            aria-label={label}
            aria-current={isAt(location, path) ? 'page' : undefined}
          >
            <Icon name={icon} />
            <span class="rail-text">{label}</span>
            {path === '/apps' && failed > 0 && <span class="rail-count tone-bad">{failed} failed</span>}
          </Link>
        ))}
      </nav>
      <div class="rail-gap" />
      <a class="rail-link" href={new URL('swagger', baseUrl()).href} aria-label="API documentation">
        <Icon name="docs" />
        <span class="rail-text">API docs</span>
      </a>
      <div class="rail-foot">
        <span class="rail-version">
          {overview?.kind === 'overview' ? `v${overview.overview.version}` : ''}
        </span>
        <button
          type="button"
          class="icon-button rail-switch"
          aria-label={closed ? 'Open the rail' : 'Close the rail'}
          aria-expanded={!closed}
          onClick={toggleRail}
        >
          <Icon name="rail" />
        </button>
      </div>
    </aside>
  )
}

function BottomBar(): JSX.Element {
  const [location] = useLocation()
  return (
    <nav class="bottom-bar" aria-label="Main, bottom">
      {places.map(({ path, label, short, icon }) => (
        <Link key={path} href={path} aria-current={isAt(location, path) ? 'page' : undefined}>
          <Icon name={icon} size={18} />
          {short ?? label}
        </Link>
      ))}
    </nav>
  )
}
