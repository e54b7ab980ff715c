// The dashboards of this node: what each app declared, replaced as a whole when the app is deployed again.
import { BrokerError } from '#base'
import type { DashboardSpec, WidgetSpec } from './api.ts'
import { checkWidget } from './widget-spec.ts'

export const dashboardsPerAppMax = 100

export class DashboardRegistry {
  readonly #byApp = new Map<string | null, readonly DashboardSpec[]>()
  readonly #listeners = new Set<() => void>()
  #dashboards = new Map<string, DashboardSpec>()
  #widgets = new Map<string, WidgetSpec>()

  /**
   * Replaces all dashboards of one app (`null`: of none). All or nothing: throws `invalid_request` or `already_exists`
   * and changes nothing if one of them cannot be shown.
   */
  set(app: string | null, dashboards: readonly DashboardSpec[]): void {
    checkDashboards(dashboards)
    const others = [...this.#byApp].filter(([owner]) => owner !== app).flatMap(([, list]) => list)
    const next = index([...others, ...dashboards.map((dashboard) => ({ ...dashboard, app }))])
    if (dashboards.length === 0) this.#byApp.delete(app)
    else
      this.#byApp.set(
        app,
        [...next.dashboards.values()].filter((dashboard) => dashboard.app === app),
      )
    this.#dashboards = next.dashboards
    this.#widgets = next.widgets
    for (const listener of this.#listeners) listener()
  }

  remove(app: string | null): void {
    if (this.#byApp.has(app)) this.set(app, [])
  }

  /** By app, then in the order in which the app declares them. */
  list(): DashboardSpec[] {
    return [...this.#byApp]
      .sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1))
      .flatMap(([, dashboards]) => dashboards)
  }

  get(id: string): DashboardSpec | undefined {
    return this.#dashboards.get(id)
  }

  widget(id: string): WidgetSpec | undefined {
    return this.#widgets.get(id)
  }

  /** Called after every change. Answers how to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}

function checkDashboards(dashboards: readonly DashboardSpec[]): void {
  if (!Array.isArray(dashboards) || dashboards.length > dashboardsPerAppMax) {
    throw new BrokerError('invalid_request', 'what an app declares as its dashboards is no list of them', {
      fix: `an app has at most ${dashboardsPerAppMax} dashboards`,
    })
  }
  for (const dashboard of dashboards as readonly unknown[]) {
    const { id, title, widgets } = (dashboard ?? {}) as Partial<DashboardSpec>
    if (typeof id !== 'string' || typeof title !== 'string' || !Array.isArray(widgets)) {
      throw new BrokerError('invalid_request', `dashboard ${JSON.stringify(id)} has no id, title or widgets`)
    }
    for (const widget of widgets) checkWidget((widget ?? {}) as WidgetSpec)
  }
}

function index(list: readonly DashboardSpec[]) {
  const dashboards = new Map<string, DashboardSpec>()
  const widgets = new Map<string, WidgetSpec>()
  for (const dashboard of list) {
    const before = dashboards.get(dashboard.id)
    if (before) throw taken(`dashboard "${dashboard.id}"`, before.app)
    dashboards.set(dashboard.id, dashboard)
    for (const widget of dashboard.widgets) {
      if (widgets.has(widget.id)) throw taken(`widget "${widget.id}"`, dashboard.app)
      widgets.set(widget.id, widget)
    }
  }
  return { dashboards, widgets }
}

function taken(what: string, app: string | null): BrokerError {
  return new BrokerError(
    'already_exists',
    `${what} exists already${app === null ? '' : `, in app "${app}"`}`,
    {
      fix: 'give one of them another id',
    },
  )
}
